"""Names drawn over label maps: where each lies, and when it is left out."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.drawing_masks import captioned
from dltk.masks import PALETTE

GREY = 100
HIGH = 16  # of a caption, in pixels, on pictures as small as these


def mask_of(size: tuple[int, int], **boxes) -> np.ndarray:
    """Return a label map (H, W) with a class in each box: `_1` is where class 1 is."""
    mask = np.zeros(size[::-1], np.uint8)
    for label, (left, top, right, bottom) in boxes.items():
        mask[top:bottom, left:right] = int(label[1:])
    return mask


def drawn(mask: np.ndarray, names: dict[int, str]) -> np.ndarray:
    """Return a grey picture with these captions, uint8 (H, W, 3)."""
    plain = Image.new("RGB", mask.shape[::-1], (GREY,) * 3)
    pixels = np.asarray(captioned(plain, mask, names))
    assert (np.asarray(plain) == GREY).all()  # it is a copy
    return pixels


def place(pixels: np.ndarray, label: int) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the caption in a class's colour, if there is one."""
    rows, columns = np.nonzero((pixels == PALETTE[label]).all(axis=2))
    if not len(rows):
        return None
    return (
        int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    )  # fmt: skip


def test_a_name_lies_in_the_middle_of_its_class_and_nothing_else_changes():
    mask = mask_of((200, 120), _3=(100, 20, 180, 100))
    pixels = drawn(mask, {3: "tree"})
    left, top, right, bottom = place(pixels, 3)
    assert (left + right) / 2 == pytest.approx(140, abs=2)
    assert (top + bottom) / 2 == pytest.approx(60, abs=2)
    assert bottom - top == HIGH and 20 < right - left < 40
    inside = pixels[top:bottom, left:right]
    assert (inside != PALETTE[3]).any(axis=2).sum() > 20  # letters
    outside = pixels.copy()
    outside[top:bottom, left:right] = GREY
    assert (outside == GREY).all()


def test_it_lies_in_the_largest_part_and_longer_names_are_wider():
    mask = mask_of((300, 120), _3=(10, 10, 40, 40))
    mask[30:110, 180:270] = 3
    widths = []
    for name in ("tree", "old tree"):
        left, top, right, bottom = place(drawn(mask, {3: name}), 3)
        assert 180 < (left + right) / 2 < 270 and 30 < top < bottom < 110
        widths.append(right - left)
    assert widths[1] > 1.5 * widths[0]


def test_a_name_stays_inside_of_the_picture():
    mask = mask_of((200, 120), _3=(190, 110, 200, 120), _4=(0, 0, 8, 8))
    pixels = drawn(mask, {3: "a mill", 4: "a bird"})
    left, top, right, bottom = place(pixels, 3)
    assert right == 200 and bottom <= 120 and left > 100 and top > 80
    left, top, right, bottom = place(pixels, 4)
    assert left == 0 and top >= 0 and right < 100 and bottom < 40


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_names_do_not_overlap_and_the_first_has_the_first_choice(order):
    mask = mask_of((200, 120), _1=(0, 50, 200, 60), _2=(0, 60, 200, 70))
    alone = {label: place(drawn(mask, {label: "river"}), label) for label in order}
    assert alone[1][3] > alone[2][1]  # they would
    pixels = drawn(mask, dict.fromkeys(order, "river"))
    first, second = (place(pixels, label) for label in order)
    assert first == alone[order[0]] and second != alone[order[1]]
    assert first[3] <= second[1] or second[3] <= first[1]
    assert second[3] - second[1] == HIGH and abs(second[1] - alone[order[1]][1]) <= 2 * HIGH


def test_names_without_room_are_left_out():
    mask = mask_of((60, 20), _1=(0, 0, 30, 20), _2=(30, 0, 60, 20))
    pixels = drawn(mask, {1: "tree", 2: "tree"})
    assert place(pixels, 1) and not place(pixels, 2)  # there is no second line
    assert place(drawn(mask, {2: "tree"}), 2)
    assert (drawn(mask, {1: "a tree with a long name"}) == GREY).all()
    low = mask_of((200, 10), _1=(0, 0, 200, 10))
    assert (drawn(low, {1: "tree"}) == GREY).all()
