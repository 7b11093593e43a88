"""Tables of pictures: what lies where on the sheet."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.drawing import contact_sheet, gallery, in_rows, mosaic

GAP = 6  # between cells, at the smallest size of letters
COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}


def plain(colour: str, size=(40, 40)) -> Image.Image:
    return Image.new("RGB", size, colour)


def sheet(rows, row_names=None, column_names=None, edge=40) -> np.ndarray:
    row_names = [""] * len(rows) if row_names is None else row_names
    column_names = [""] * len(rows[0]) if column_names is None else column_names
    return np.asarray(
        contact_sheet(rows, row_names=row_names, column_names=column_names, edge=edge)
    )


def box(pixels: np.ndarray, colour: str) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what has that colour."""
    ys, xs = np.nonzero((pixels == COLOURS[colour]).all(-1))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def ink(pixels: np.ndarray) -> np.ndarray:
    """Return where there are letters (H, W)."""
    return (pixels < 200).all(-1)


def test_pictures_lie_in_rows_and_columns_on_white():
    pixels = sheet([[plain("red"), plain("green")], [None, plain("blue")]])
    assert pixels.shape == (3 * GAP + 80, 3 * GAP + 80, 3)
    assert box(pixels, "red") == (6, 6, 46, 46)
    assert box(pixels, "green") == (52, 6, 92, 46)
    assert box(pixels, "blue") == (52, 52, 92, 92)
    pixels = pixels.copy()
    for colour in COLOURS:
        left, top, right, bottom = box(pixels, colour)
        pixels[top:bottom, left:right] = 255
    assert (pixels == 255).all()  # the cell of None, too


def test_pictures_keep_their_aspect_and_cells_are_no_larger_than_needed():
    pixels = sheet([[plain("red", (80, 40)), plain("green", (10, 20))]])
    assert box(pixels, "red") == (6, 16, 46, 36)
    assert box(pixels, "green") == (52, 6, 72, 46)
    assert pixels.shape == (52, 78, 3)


def test_names_lie_left_of_rows_and_above_columns():
    rows = [[plain("red"), plain("green")]]
    pixels = sheet(rows, ["row"], ["i", "j"])
    left, top, *_ = box(pixels, "red")
    found = ink(pixels)
    assert found[top:, :left].any() and not found[:top, :left].any()
    above = np.nonzero(found[:top].any(0))[0]
    assert abs(above[0] - (left + 20)) <= 2 and abs(above[-1] - (left + GAP + 60)) <= 2


@pytest.mark.parametrize("name", ["long " * 40, "W" * 100, "two\nlines", "tab\t", "\x1b[31m"])
def test_names_never_reach_beyond_their_room(name):
    rows = [[plain("red"), plain("green")]]
    pixels = sheet(rows, [name], [name, ""])
    left, top, right, _ = box(pixels, "red")
    found = ink(pixels)
    assert left <= 40 + 2 * GAP
    above = np.nonzero(found[:top].any(0))[0]
    assert above.size and left - 1 <= above[0] and above[-1] <= right
    beside = found[:, :left]
    assert beside.any() and not beside[:, 0].any() and not beside[:, -GAP // 2 :].any()


def test_letters_grow_with_the_pictures():
    rows = [[plain("red")]]
    tops = [box(sheet(rows, column_names=["name"], edge=edge), "red")[1] for edge in (40, 400)]
    assert tops == [12 + 12, 29 + 2 * 14]


def test_the_pictures_are_not_changed():
    picture = plain("red", (80, 20))
    contact_sheet([[picture]], row_names=[""], column_names=[""], edge=10)
    assert picture.size == (80, 20)


def test_rows_are_filled_up_and_few_pictures_need_no_more_columns():
    assert in_rows("abcde", 2) == [["a", "b"], ["c", "d"], ["e", None]]
    assert in_rows("ab", 5) == [["a", "b"]]
    assert in_rows("", 3) == []


def test_a_gallery_has_each_name_right_above_its_picture():
    colours = list(COLOURS)
    pixels = np.asarray(gallery([plain(c) for c in colours], "ijk", columns=2, edge=40))
    line = 12 + GAP
    assert pixels.shape == (2 * (line + 40) + 3 * GAP, 2 * 40 + 3 * GAP, 3)
    found = ink(pixels)
    for colour in colours:
        left, top, right, _ = box(pixels, colour)
        assert found[top - line : top, left:right].any()
    assert not found[:, : 2 * GAP].any() and not found[-40 - GAP :, 40 + 2 * GAP :].any()


def test_a_mosaic_lays_pictures_edge_to_edge_and_enlarges_small_ones():
    pictures = np.arange(3, dtype=np.uint8)[:, None, None, None] + np.zeros((20, 20, 1), np.uint8)
    pixels = np.asarray(mosaic(pictures, 2))
    assert pixels.shape == (2 * 60, 2 * 60)  # three times as large, which still fits into 64
    corners = pixels[[0, 0, 60, 60], [0, 60, 0, 60]]
    assert corners.tolist() == [0, 1, 2, 0]  # the last place is empty
    assert (pixels[:60, 60:] == 1).all()
    large = np.zeros((2, 70, 50, 3), np.uint8)
    assert mosaic(large, 8).size == (100, 70)
