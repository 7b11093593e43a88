"""Shapes as COCO has them, on the sheet they were drawn on and in the upright picture."""

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Transpose

from dltk.data.objects.shapes import Shape, Sheet
from dltk.errors import InputError
from dltk.headers import Header
from dltk.images import SIDEWAYS
from dltk.masks import of_run_lengths, run_lengths
from tests.data.mask_files import blocks, outline

SIZE = (12, 8)
BOX = (2, 1, 5, 7)
SHEET = Sheet(SIZE)


def test_outlines_and_run_lengths_are_the_same_shape():
    pixels = blocks((1, *BOX), size=SIZE) > 0
    compressed = run_lengths(pixels)
    outlined = SHEET.shape([np.array(outline(*BOX), float)])
    numbers = [17, 6, 2, 6, 2, 6, 57]
    plain = SHEET.shape({"size": [8, 12], "counts": numbers})
    assert isinstance(outlined.counts, str) and plain.counts == numbers
    for shape in (outlined, plain, SHEET.shape(compressed)):
        assert list(shape.numbers) == numbers and shape.compressed == compressed
        np.testing.assert_array_equal(of_run_lengths(SHEET.upright(shape)), pixels)


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (None, "no outline"),
        ([], "no outline"),
        ([np.arange(4.0)], "no outline"),
        ([np.array([1, 1, np.nan, 2, 3, 3])], "an outline of impossible coordinates"),
        ({"size": [12, 8], "counts": [96]}, "run lengths of another size"),
        ({"size": [8, 12], "counts": [97, -1]}, "damaged run lengths"),
        ({"size": [8, 12], "counts": "~~~~"}, "damaged run lengths"),
        ({"size": [8, 12]}, "damaged run lengths"),
    ],
)
def test_what_is_damaged_is_no_shape(drawn, why):
    with pytest.raises(InputError, match=f"^{why}$"):
        SHEET.shape(drawn)


def test_a_sheet_is_the_picture_upright_or_as_it_is_stored():
    lying, plain = Header(SIZE, Transpose.ROTATE_270), Header(SIZE, Transpose.ROTATE_180)
    assert Sheet.under(lying, None) == Sheet.under(lying, (8, 12)) == Sheet((8, 12))
    assert Sheet.under(lying, SIZE) == Sheet(SIZE, Transpose.ROTATE_270)
    assert Sheet.under(plain, SIZE) == SHEET  # upside down: nothing tells how it was drawn on
    with pytest.raises(InputError, match=r"^it is 8 × 12, and annotated as 24 × 16$"):
        Sheet.under(lying, (24, 16))
    with pytest.raises(InputError, match=r"^it is 12 × 8, and its mask is 8 × 12$"):
        Sheet.under(plain, (8, 12), "its mask is")


@pytest.mark.parametrize("turn", SIDEWAYS, ids=str)
def test_shapes_and_boxes_are_turned_alike(turn):
    sheet, pixels = Sheet(SIZE, turn), blocks((1, *BOX), size=SIZE)
    shape = Shape(SIZE, run_lengths(pixels > 0)["counts"])
    upright = of_run_lengths(sheet.upright(shape))
    assert upright.shape == (12, 8)
    np.testing.assert_array_equal(upright, Image.fromarray(pixels).transpose(turn))
    left, top, right, bottom = map(int, sheet.upright_box(BOX))
    boxed = np.zeros((12, 8), bool)
    boxed[top:bottom, left:right] = True
    np.testing.assert_array_equal(boxed, upright)
