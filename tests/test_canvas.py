"""The canvas of detectors: hand-worked places, and the way back."""

import numpy as np
import pytest
from PIL import Image

from dltk.canvas import Canvas, draw, fit_within
from dltk.geometry import Geometry

BOXES = np.array([[10, 20, 30, 40], [0, 0, 200, 100], [-5, 3, 7.5, 120]], np.float32)


def ramp(width, height):
    """Return a picture whose red is 4x and whose green is 4y."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([4 * x, 4 * y, 0 * x], -1).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "shape", "placed"),
    [
        ((200, 100), (100, 100), (50, 100)),
        ((100, 200), (100, 100), (100, 50)),
        ((50, 25), (100, 300), (100, 200)),  # enlarged
        ((1000, 1), (32, 64), (1, 64)),
    ],
)
def test_a_picture_is_at_the_top_left_as_large_as_it_fits(size, shape, placed):
    canvas = fit_within(Image.new("RGB", size, "white"), *shape)
    assert canvas.size == placed and canvas.region == (0, 0, *size)
    assert canvas.pixels.shape == (*shape, 3) and canvas.pixels.dtype == np.uint8
    high, wide = placed
    assert (canvas.pixels[:high, :wide] == 255).all()
    assert not canvas.pixels[high:].any() and not canvas.pixels[:, wide:].any()
    geometry = Geometry(*shape, fit="within")
    assert np.array_equal(canvas.pixels, geometry.apply(Image.new("RGB", size, "white")))
    assert geometry.place((0, 0, *size)) == (0, 0, wide, high)


def test_boxes_go_to_the_canvas_and_back():
    canvas = fit_within(Image.new("RGB", (200, 100)), 60, 100)
    assert canvas.scale == (0.5, 0.5)
    assert canvas.placed(BOXES).tolist() == [
        [5, 10, 15, 20],
        [0, 0, 100, 50],
        [-2.5, 1.5, 3.75, 60],
    ]
    assert canvas.placed(BOXES).dtype == canvas.original(BOXES).dtype == np.float32
    np.testing.assert_allclose(canvas.original(canvas.placed(BOXES)), BOXES, atol=1e-4)
    assert (
        canvas.placed(np.empty((0, 4))).shape == canvas.original(np.empty((0, 4))).shape == (0, 4)
    )


def test_sides_are_scaled_to_whole_pixels_each_by_itself():
    canvas = fit_within(Image.new("RGB", (300, 101)), 50, 100)
    assert canvas.size == (34, 100) and canvas.scale == (100 / 300, 34 / 101)
    assert canvas.placed(np.array([[0, 0, 300, 101]])).tolist() == [[0, 0, 100, 34]]


def test_a_part_is_drawn_pixel_for_pixel_and_mirrored():
    picture = ramp(40, 30)
    canvas = draw(picture, (10, 5, 20, 12), (7, 10), 8, 16)
    assert np.array_equal(canvas.pixels[:7, :10], np.asarray(picture)[5:12, 10:20])
    assert not canvas.pixels[7:].any() and not canvas.pixels[:, 10:].any()
    assert canvas.placed(np.array([[12, 6, 15, 10]])).tolist() == [[2, 1, 5, 5]]
    mirrored = draw(picture, (10, 5, 20, 12), (7, 10), 8, 16, mirrored=True)
    assert np.array_equal(mirrored.pixels[:7, :10], np.asarray(picture)[5:12, 10:20][:, ::-1])
    assert mirrored.placed(np.array([[12, 6, 15, 10]])).tolist() == [[5, 1, 8, 5]]
    np.testing.assert_allclose(mirrored.original(mirrored.placed(BOXES)), BOXES, atol=1e-4)


def test_a_picture_decoded_smaller_is_placed_by_its_full_size():
    small = Image.new("RGB", (126, 84), "white")  # 1001 × 667, decoded at an eighth
    canvas = fit_within(small, 60, 100, size=(1001, 667))
    assert canvas.size == (60, 90) and canvas.region == (0, 0, 1001, 667)
    assert (canvas.pixels[:60, :90] == 255).all()
    part = draw(small, (500, 300, 1001, 667), (20, 30), 20, 30, size=(1001, 667))
    assert (part.pixels == 255).all()


def test_a_canvas_is_data():
    canvas = Canvas(np.zeros((4, 8, 3), np.uint8), (2, 8), (4, 4, 12, 8), mirrored=True)
    assert canvas.scale == (1, 0.5)
    assert canvas.placed(np.array([[4, 4, 6, 8]])).tolist() == [[6, 0, 8, 2]]
