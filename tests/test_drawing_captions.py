"""Texts below pictures: whole where there is room, and never beyond the edge."""

import numpy as np
import pytest
from PIL import Image

from dltk.drawing_captions import in_columns, with_texts

WHITE = Image.new("RGB", (100, 50), "white")


def ink(picture):
    return np.asarray(picture.convert("L")) < 200


def lines(picture, top=0):
    """Return how many lines of text there are below a height."""
    rows = ink(picture)[top:].any(axis=1)
    return int((np.diff(rows.astype(int)) == 1).sum())


def test_a_picture_is_fitted_and_texts_have_lines_of_their_own():
    blue = Image.new("RGB", (100, 50), "blue")
    drawn = with_texts(blue, ["a cat", "two cats"], width=200)
    assert (
        drawn.width == 200
        and np.asarray(drawn)[:100].reshape(-1, 3).tolist() == [[0, 0, 255]] * 20_000
    )
    assert lines(drawn, 100) == 2
    assert with_texts(blue, [], width=200).size == (200, 100)
    tall = with_texts(Image.new("RGB", (50, 100), "blue"), ["x"], width=200)
    pixels = np.asarray(tall)
    assert (pixels[:200, :50] == 255).all() and (pixels[:200, 50:150] == [0, 0, 255]).all()


@pytest.mark.parametrize(
    "text", ["long words and more of them " * 400, "x" * 3000, "\x1b[2J" * 900, "字" * 3000]
)
def test_long_texts_are_cut_and_stay_inside(text):
    drawn = with_texts(WHITE, [text], width=160)
    assert lines(drawn) <= 4 and drawn.height < 200
    assert ink(drawn).any() and not ink(drawn)[:, -4:].any()


def test_a_text_that_needs_two_lines_has_them():
    drawn = with_texts(WHITE, ["one line of text and some more"], width=160)
    assert lines(drawn) == 2


def test_rows_are_as_high_as_their_highest_picture():
    tiles = [Image.new("RGB", (20, height), "blue") for height in (10, 30, 20)]
    sheet = in_columns(tiles, 2, gap=5)
    assert sheet.size == (2 * 20 + 3 * 5, 30 + 20 + 3 * 5)
    pixels = np.asarray(sheet)
    assert (pixels[40:60, 5:25] == [0, 0, 255]).all() and (pixels[16:35, 5:25] == 255).all()
    assert in_columns(tiles[:1], 6, gap=5).size == (30, 20)
