"""Where a captioner looked, drawn over the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.drawing_attention import attention_frames, attention_panel, lit, stacked

GREY = Image.new("RGB", (120, 80), (200, 100, 50))


def corner(high: int = 4, wide: int = 6) -> np.ndarray:
    """Return weights of the upper left place alone."""
    weights = np.zeros((high, wide), np.float32)
    weights[0, 0] = 0.01
    return weights


def test_what_was_looked_at_is_as_bright_as_before_and_the_rest_dark():
    drawn = np.asarray(lit(GREY, corner()))
    assert drawn.shape == (80, 120, 3)
    np.testing.assert_allclose(drawn[2, 2], [200, 100, 50], atol=3)
    np.testing.assert_allclose(drawn[70, 110], [60, 30, 15], atol=1)
    np.testing.assert_allclose(np.asarray(lit(GREY, np.ones((4, 6)))), np.asarray(GREY), atol=1)
    np.testing.assert_allclose(np.asarray(lit(GREY, np.zeros((4, 6))))[0, 0], [60, 30, 15], atol=1)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 11])
def test_a_sheet_has_the_picture_and_one_for_each_word(count):
    words = [f"word{at}" for at in range(count)]
    sheet = attention_panel(GREY, words, np.stack([corner()] * count or [corner()])[:count])
    rows = -(-(count + 1) // 5)
    assert sheet.width == 8 + min(count + 1, 5) * 232
    assert sheet.height == 8 + rows * (149 + 8 + 24)
    np.testing.assert_allclose(np.asarray(sheet)[80, 100], [200, 100, 50], atol=2)
    if count:
        np.testing.assert_allclose(np.asarray(sheet)[140, 8 + 232 + 200], [60, 30, 15], atol=3)


def test_frames_show_the_caption_with_one_word_bright():
    words = [*"abcdefgh", "caption", "that", "needs", "several", "lines", "below", "a", "picture"]
    frames = list(attention_frames(GREY, words, np.stack([corner()] * len(words))))
    assert len(frames) == len(words) and len({frame.size for frame in frames}) == 1
    assert frames[0].width == 224 and frames[0].height > 149 + 3 * 22
    below = [np.asarray(frame)[152:] for frame in frames]
    bright = [np.argwhere((each > 250).all(axis=2)) for each in below]
    assert all(len(each) for each in bright)
    firsts = [tuple(each.min(axis=0)) for each in bright]
    assert firsts[0][1] < firsts[1][1] and max(top for top, _ in firsts) > 40
    assert (below[0] != below[1]).any()


def test_a_caption_without_words_is_one_frame():
    (frame,) = attention_frames(GREY, [], np.zeros((0, 4, 6)))
    assert frame.size == (224, 149)


def test_long_pictures_and_long_words_are_drawn():
    thin = Image.new("RGB", (2000, 3))
    words = ["unbelievably" * 9, "a"]
    assert attention_panel(thin, words, np.ones((2, 1, 9))).width > 3 * 224
    assert len(list(attention_frames(thin, words, np.ones((2, 1, 9))))) == 2


def test_panels_are_stacked():
    sheet = stacked([Image.new("RGB", (30, 10), "red"), Image.new("RGB", (50, 20), "blue")])
    assert sheet.size == (50, 30)
    assert sheet.getpixel((0, 9)) == (255, 0, 0) and sheet.getpixel((0, 10)) == (0, 0, 255)
