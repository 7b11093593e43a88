"""Boxes on pictures: where lines and captions go, and that both can be seen and read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.drawing_boxes import class_colour, draw_boxes, ink_on


def grey(size=(400, 300)) -> Image.Image:
    return Image.new("RGB", size, (128, 128, 128))


def drawn(picture, boxes, captions=None, classes=None) -> np.ndarray:
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    captions = [""] * len(boxes) if captions is None else captions
    classes = range(len(boxes)) if classes is None else classes
    return np.asarray(draw_boxes(picture, boxes, captions, classes))


def where(pixels: np.ndarray, colour) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what has exactly that colour."""
    ys, xs = np.nonzero((pixels == colour).all(-1))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def share(pixels: np.ndarray, colour) -> float:
    return float((pixels == colour).all(-1).mean())


def test_a_frame_lies_just_inside_of_its_box():
    pixels = drawn(grey(), [[50, 60, 150, 200]])
    assert where(pixels, class_colour(0)) == (50, 60, 150, 200)
    changed = (pixels != 128).any(-1)
    assert changed[60:200, 50:150].mean() < 0.07 and not changed[62:198, 52:148].any()
    assert changed.sum() == changed[60:200, 50:150].sum()


def test_fractions_of_pixels_are_drawn_whole_and_what_lies_outside_is_cut_off():
    assert where(drawn(grey(), [[50.9, 60.2, 149.1, 199.5]]), class_colour(0)) == (50, 60, 150, 200)
    assert where(drawn(grey(), [[-50, 60, 999, 200]]), class_colour(0)) == (0, 60, 400, 200)
    nothing = [[500, 10, 600, 20], [-9, 0, 0, 9], [5, 5, 5, 5], [9, 9, 1, 1], [np.nan, 0, 9, 9]]
    assert (drawn(grey(), nothing, ["caption"] * 5) == 128).all()
    assert (drawn(grey(), []) == 128).all()


def test_the_picture_itself_is_not_changed_and_its_profile_is_kept():
    picture = grey()
    picture.info["icc_profile"] = b"profile"
    result = draw_boxes(picture, np.float32([[1, 1, 90, 90]]), ["one"], [0])
    assert (np.asarray(picture) == 128).all() and result.info["icc_profile"] == b"profile"


def test_lines_and_letters_grow_with_the_picture():
    def measures(scale):
        box = np.array([50, 100, 250, 250]) * scale
        size = 400 * scale, 300 * scale
        pixels = drawn(grey(size), [box], ["word"])
        line = (pixels[200 * scale, : 200 * scale] != 128).any(-1).sum()
        return line, where(pixels, class_colour(0))[1] - 100 * scale

    (small_line, small_rise), (line, rise) = measures(2), measures(10)
    assert 4.5 <= line / small_line <= 5.5 and 4.5 <= rise / small_rise <= 5.5
    assert rise < 0  # the caption is above the box


def test_a_small_box_is_a_frame_with_something_inside():
    pixels = drawn(grey((4000, 3000)), [[100, 100, 130, 120], [200, 200, 201, 201]])
    assert (pixels[105:115, 110:120] == 128).all()
    assert (pixels[200, 200] == class_colour(1)).all()


def test_tiny_pictures_are_enlarged_without_smoothing_until_letters_fit():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    result = draw_boxes(picture, np.float32([[10, 20, 30, 25]]), [""], [0])
    assert result.size == (280, 210)
    assert (
        np.asarray(result)[:140, :] == np.asarray(picture.resize((280, 140), 0, (0, 0, 40, 20)))
    ).all()
    assert where(np.asarray(result), class_colour(0)) == (70, 140, 210, 175)
    assert draw_boxes(Image.new("RGB", (2000, 3)), np.zeros((0, 4)), [], []).size == (2000, 3)
    assert drawn(Image.new("RGB", (1, 1)), [[0, 0, 1, 1]], ["x"]).shape == (200, 200, 3)


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 50, 40],
        [350, 0, 400, 40],
        [0, 260, 50, 300],
        [350, 260, 400, 300],
        [0, 0, 400, 300],
    ],
)
def test_a_caption_at_any_edge_stays_inside_whole(box):
    def ground(pixels):
        """Count the pixels of captions: of their ground and of its letters."""
        return share(pixels, class_colour(0)) + share(pixels, ink_on(class_colour(0)))

    text = "Egyptian cat 92%"
    free = drawn(grey(), [[100, 100, 300, 200]], [text])
    frame, free_frame = drawn(grey(), [box]), drawn(grey(), [[100, 100, 300, 200]])
    pixels = drawn(grey(), [box], [text])
    gained = ground(pixels) - ground(frame)
    assert gained == pytest.approx(ground(free) - ground(free_frame), rel=0.15)


def test_a_caption_longer_than_the_picture_loses_its_middle_and_keeps_its_score():
    def caption(score):
        text = "a very long name of a class " * 9 + score
        return drawn(grey((200, 200)), [[20, 50, 150, 150]], [text])

    letters = caption("73%").sum(-1) < 200  # black on orange
    assert letters.sum() > 100 and not letters[:, :3].any() and not letters[:, -3:].any()
    assert (caption("73%") != caption("99%")).any()


def test_captions_of_boxes_at_one_place_do_not_hide_each_other():
    boxes = [[100, 100, 300, 250], [102, 102, 298, 248], [104, 98, 302, 252]]
    alone = [
        share(drawn(grey(), [box], ["some name 50%"], [n]), class_colour(n))
        for n, box in enumerate(boxes)
    ]
    together = drawn(grey(), boxes, ["some name 50%"] * 3)
    for number, before in enumerate(alone):
        assert share(together, class_colour(number)) > 0.75 * before


def test_the_first_box_lies_on_top():
    pixels = drawn(grey(), [[50, 60, 150, 200]] * 2)
    assert where(pixels, class_colour(0)) == (50, 60, 150, 200)
    assert share(pixels, class_colour(1)) == 0


def test_among_hundreds_of_boxes_no_caption_is_hidden_and_pictures_are_seen():
    random = np.random.default_rng(0)
    corners = random.uniform(0, [1200, 900], (400, 2))
    boxes = np.hstack([corners, corners + random.uniform(10, 80, (400, 2))])
    captions, classes = [f"class {n % 40} 50%" for n in range(400)], [n % 40 for n in range(400)]
    pixels = drawn(grey((1280, 960)), boxes, captions, classes)
    bare = drawn(grey((1280, 960)), boxes, [""] * 400, classes)
    assert (pixels == 128).all(-1).mean() > 0.25
    assert (pixels != bare).any(-1).mean() > 0.15  # most have their captions all the same


def test_colours_of_classes_are_stable_apart_and_readable():
    colours = [class_colour(index) for index in range(50)]
    assert len(set(colours)) == 50 and class_colour(281) == class_colour(31)
    first = np.array(colours[:10], int)
    apart = np.abs(first[:, None] - first[None]).sum(-1) + 999 * np.eye(10)
    assert apart.min() > 90
    for colour in colours:
        light, dark = sorted((luminance(colour), luminance(ink_on(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5  # WCAG 2, level AA


def luminance(colour) -> float:
    linear = [(v / 255 / 12.92) if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_names_with_control_characters_are_drawn_on_one_line():
    plain = drawn(grey(), [[50, 100, 200, 200]], ["a\\nb"])
    assert (drawn(grey(), [[50, 100, 200, 200]], ["a\nb"]) == plain).all()
