"""How pictures become inputs of networks: which part is taken, and at what size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.errors import UsageError
from dltk.geometry import Geometry


def ramp(width: int, height: int) -> Image.Image:
    """A picture whose red is 10 times the column and whose green is 10 times the row."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([columns * 10, rows * 10, rows * 0], -1).astype(np.uint8))


def grey(rows) -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8))


def corner(pixels: np.ndarray) -> list[int]:
    """Column and row of the picture that the upper left pixel shows."""
    return (pixels[0, 0, :2] / 10).tolist()


# Boxes of the size of the network, so that nothing is resampled and every pixel tells its place.
@pytest.mark.parametrize(
    ("size", "geometry", "expected"),
    [
        ((8, 4), Geometry(4, 4, crop=1), [2, 0]),
        ((4, 8), Geometry(4, 4, crop=1), [0, 2]),
        ((16, 8), Geometry(4, 4, crop=0.5), [6, 2]),
        ((8, 8), Geometry(7, 7), [0, 0]),  # 0.875 of 8, and half a pixel is rounded down
        ((16, 16), Geometry(14, 14), [1, 1]),
        ((8, 8), Geometry(2, 4, crop=0.5), [2, 3]),  # 4 wide is half of what fits
        ((5, 5), Geometry(5, 5, crop=1), [0, 0]),
    ],
)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_crop_takes_the_centred_box(size, geometry, expected, interpolation):
    geometry = Geometry.from_dict({**geometry.to_dict(), "interpolation": interpolation})
    taken = geometry.apply(ramp(*size))
    left, top = expected
    whole = np.asarray(ramp(*size), np.float32)
    assert corner(taken) == expected
    assert np.array_equal(
        taken, whole[top : top + geometry.height, left : left + geometry.width, :]
    )


def test_shrinking_is_antialiased():
    # The triangle is 2 pixels wide to each side: (0 * 0.75 + 40 * 0.75 + 80 * 0.25) / 1.75 = 28.6.
    picture = grey([[0, 40, 80, 120]] * 4).convert("RGB")
    shrunk = Geometry(2, 2, crop=1).apply(picture)
    assert shrunk[..., 0].tolist() == [[29, 91], [29, 91]]


def test_nearest_takes_pixels_as_they_are():
    picture = grey([[0, 40, 80, 120]] * 4).convert("RGB")
    shrunk = Geometry(2, 2, crop=1, interpolation="nearest").apply(picture)
    assert set(shrunk.ravel()) <= {0, 40, 80, 120}


def test_squash_keeps_the_whole_picture():
    squashed = Geometry(4, 4, fit="squash", interpolation="nearest").apply(ramp(8, 4))
    assert squashed[0, :, 0].tolist() == [10, 30, 50, 70]
    assert squashed[:, 0, 1].tolist() == [0, 10, 20, 30]


def test_squash_pays_no_heed_to_crop():
    whole, part = (Geometry(4, 4, fit="squash", crop=crop).apply(ramp(8, 4)) for crop in (1, 0.1))
    assert np.array_equal(whole, part)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 4), [[0] * 4, [255] * 4, [255] * 4, [0] * 4]),
        ((4, 8), [[0, 255, 255, 0]] * 4),
        ((2, 2), [[255] * 4] * 4),
    ],
)
def test_pad_keeps_the_whole_picture_and_fills_with_black(size, expected):
    padded = Geometry(4, 4, fit="pad").apply(Image.new("RGB", size, "white"))
    assert padded[..., 1].tolist() == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 4), [[255] * 4, [255] * 4, [0] * 4, [0] * 4]),
        ((4, 8), [[255, 255, 0, 0]] * 4),
        ((2, 2), [[255] * 4] * 4),
    ],
)
def test_within_keeps_the_whole_picture_at_the_top_left(size, expected):
    geometry = Geometry(4, 4, fit="within")
    assert geometry.apply(Image.new("RGB", size, "white"))[..., 1].tolist() == expected
    assert geometry.seen(size) == (0, 0, *size)
    assert geometry.place((0, 0, *size)) == (0, 0, *(4 * side // max(size) for side in size))


def test_one_channel_is_grey():
    red = Geometry(4, 3, channels=1).apply(Image.new("RGB", (9, 9), "red"))
    assert red.shape == (4, 3, 1)
    assert red.dtype == np.float32
    assert (red == 76).all()  # 0.299 of 255


def test_three_channels_are_red_green_and_blue():
    orange = Geometry(4, 3).apply(Image.new("RGB", (9, 9), (255, 128, 0)))
    assert orange.shape == (4, 3, 3)
    assert orange.dtype == np.float32
    assert (orange == [255, 128, 0]).all()


def test_ten_crops_are_the_centre_and_the_corners_and_their_mirror_images():
    geometry = Geometry(2, 2, crop=1 / 3)
    views = geometry.ten_crops(ramp(6, 6))
    assert views.shape == (10, 2, 2, 3)
    assert [corner(view) for view in views[:5]] == [[2, 2], [0, 0], [4, 0], [0, 4], [4, 4]]
    assert np.array_equal(views[5:], views[:5, :, ::-1])
    assert np.array_equal(views[0], geometry.apply(ramp(6, 6)))


@pytest.mark.parametrize("fit", ["squash", "pad", "within"])
def test_without_corners_there_are_two_views(fit):
    geometry = Geometry(4, 4, fit=fit)
    views = geometry.ten_crops(ramp(8, 4))
    assert views.shape == (2, 4, 4, 3)
    assert np.array_equal(views[0], geometry.apply(ramp(8, 4)))
    assert np.array_equal(views[1], views[0][:, ::-1])


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_pictures_pass(size, fit):
    geometry = Geometry(224, 224, fit=fit)
    picture = Image.new("RGB", size, (200, 100, 50))
    middle = geometry.apply(picture)[112, 112]
    assert middle.tolist() == [200, 100, 50]
    assert geometry.ten_crops(picture).shape == (10 if fit == "crop" else 2, 224, 224, 3)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry(224, 224), 256),
        (Geometry(224, 224, fit="squash"), 224),
        (Geometry(200, 300, fit="pad"), 300),
        (Geometry(200, 300, fit="within"), 200),
        (Geometry(100, 200, crop=0.5), 400),
    ],
)
def test_at_least_is_what_the_shorter_side_must_keep(geometry, expected):
    assert geometry.at_least == expected


@pytest.mark.parametrize("side", [7, 10, 96, 224, 299, 380])
@pytest.mark.parametrize("crop", [0.8, 0.875, 0.9, 0.95, 0.97, 1])
def test_a_picture_of_at_least_that_many_pixels_is_never_enlarged(side, crop):
    geometry = Geometry(side, side, crop=crop)
    left, _, right, _ = geometry._centre_box(Image.new("L", (geometry.at_least,) * 2))
    assert right - left >= side


@pytest.mark.parametrize(
    "geometry",
    [Geometry(224, 224), Geometry(28, 32, 1, "pad", 1.0, "nearest")],
)
def test_from_dict_is_the_inverse_of_to_dict(geometry):
    assert Geometry.from_dict(geometry.to_dict()) == geometry


def test_to_dict_names_all_fields():
    assert Geometry(28, 32, 1, "pad", 1.0, "nearest").to_dict() == {
        "height": 28,
        "width": 32,
        "channels": 1,
        "fit": "pad",
        "crop": 1.0,
        "interpolation": "nearest",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": 0},
        {"width": -1},
        {"channels": 2},
        {"channels": 4},
        {"fit": "stretch"},
        {"crop": 0},
        {"crop": -0.5},
        {"crop": 1.01},
        {"crop": float("nan")},
        {"interpolation": "lanczos"},
        {"height": 1.5},
    ],
    ids=str,
)
def test_an_impossible_geometry_is_an_error(wrong):
    with pytest.raises(UsageError, match="impossible geometry"):
        Geometry(**{"height": 8, "width": 8, **wrong})


@pytest.mark.parametrize("fields", [{}, {"height": 8}, {"height": 8, "width": 8, "depth": 8}])
def test_unknown_fields_of_a_geometry_are_an_error(fields):
    with pytest.raises(UsageError, match="unknown geometry"):
        Geometry.from_dict(fields)
