"""Label maps in files: numbers, colours, run lengths and outlines, there and back."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dltk.errors import InputError
from dltk.masks import (
    IGNORE,
    PALETTE,
    counted,
    index_picture,
    label_map,
    of_colours,
    of_polygons,
    of_run_lengths,
    polygons,
    run_lengths,
    without_specks,
)


def blobs(seed: int, smooth: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(40, 53))
    return ndimage.gaussian_filter(noise, smooth) > 0.0


def test_the_palette_is_vocs():
    """Colours of background, aeroplane, person, tvmonitor and the border, from its kit."""
    assert PALETTE[[0, 1, 15, 20, 255]].tolist() == [
        [0, 0, 0], [128, 0, 0], [192, 128, 128], [0, 64, 128], [224, 224, 192],
    ]  # fmt: skip
    assert len(np.unique(PALETTE, axis=0)) == 256


def test_index_pictures_are_read_as_they_were_written(tmp_path):
    mask = np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8)
    index_picture(mask).save(tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(label_map(picture), mask)
        colours = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(colours, PALETTE[mask])
    np.testing.assert_array_equal(of_colours(Image.fromarray(colours), PALETTE), mask)


@pytest.mark.parametrize("mode", ["L", "1", "I", "I;16"])
def test_numbers_are_read_in_every_depth(mode, tmp_path):
    numbers = np.array([[0, 1], [1, 0]], {"I;16": np.uint16, "I": np.int32}.get(mode, np.uint8))
    picture = Image.fromarray(numbers.astype(bool) if mode == "1" else numbers)
    assert picture.mode == mode
    picture.save(tmp_path / "m.tif")
    with Image.open(tmp_path / "m.tif") as read:
        assert label_map(read).tolist() == [[0, 1], [1, 0]] and label_map(read).dtype == np.uint8


def test_what_holds_no_numbers_of_classes_is_refused():
    with pytest.raises(InputError, match=r"its pixels are colours \(RGB\)"):
        label_map(Image.new("RGB", (2, 2)))
    with pytest.raises(InputError, match="it has the class 300; 254 is the last"):
        label_map(Image.fromarray(np.full((2, 2), 300, np.uint16)))
    with pytest.raises(InputError, match=r"it has the class -1; 0 is the first .* and 255 st"):
        label_map(Image.fromarray(np.array([[3, -1]], np.int32)))
    with pytest.raises(InputError, match=r"its pixels are numbers with fractions \(F\)"):
        label_map(Image.fromarray(np.zeros((2, 2), np.float32)))


def test_colours_stand_for_classes():
    colours = np.array([[0, 0, 0], [10, 20, 30]], np.uint8)
    picture = np.array([[[0, 0, 0], [10, 20, 30], [224, 224, 192]]], np.uint8)
    assert of_colours(Image.fromarray(picture), colours).tolist() == [[0, 1, IGNORE]]
    picture[0, 0] = 10, 20, 31
    with pytest.raises(InputError, match=r"the colour \(10, 20, 31\) stands for no class"):
        of_colours(Image.fromarray(picture), colours)
    file = io.BytesIO()
    smooth = np.repeat(np.repeat(PALETTE[[[0, 1], [2, 3]]], 20, axis=0), 20, axis=1)
    Image.fromarray(smooth).save(file, "JPEG", quality=60)
    with pytest.raises(InputError, match=r"and \d+ more colours stands for no class"):
        of_colours(Image.open(file), PALETTE[:4])


def test_pixels_are_counted_by_class():
    assert counted(np.array([[0, 2, 2], [IGNORE, 0, 2]], np.uint8), 3).tolist() == [2, 0, 3]
    with pytest.raises(InputError, match="it has the class 4, and there are 3: 0 to 2"):
        counted(np.array([[0, 4, 9]], np.uint8), 3)


@pytest.mark.parametrize("shape", [blobs(0, 2), blobs(1, 0.3), blobs(2, 9), np.zeros((3, 4), bool)])
def test_run_lengths_are_read_as_they_were_written(shape):
    runs = run_lengths(shape)
    assert runs["size"] == list(shape.shape)
    np.testing.assert_array_equal(of_run_lengths(runs), shape)


def test_plain_run_lengths_go_down_the_columns():
    """COCO's: of zeros first, column by column."""
    shape = of_run_lengths({"size": [2, 3], "counts": [1, 2, 3]})
    assert shape.astype(int).tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"size": [2, 3]}, {"size": [2, 3], "counts": None}, {"size": [2, 3], "counts": [1, 2]},
        {"size": [2, 3], "counts": [-1, 7]}, {"size": [2, 3], "counts": "~~~~"},
        {"size": ["a", 3], "counts": [6]}, {"size": [8, 12], "counts": "~~~~"},
        {"size": [8, 12], "counts": 96}, {"size": [8, 12], "counts": "\u00e9"},
        {"size": [8, 12], "counts": run_lengths(np.eye(8, 12) > 0)["counts"][:-1]},
    ],
)  # fmt: skip
def test_damaged_run_lengths_are_refused(wrong):
    with pytest.raises(InputError, match="its run lengths are damaged"):
        of_run_lengths(wrong)


@pytest.mark.parametrize("smooth", [0.4, 1, 2, 4])
def test_outlines_enclose_the_shape_but_for_holes(smooth):
    """What is open at a corner is no hole."""
    shape = blobs(3, smooth)
    filled = ndimage.binary_fill_holes(shape, np.ones((3, 3)))
    np.testing.assert_array_equal(of_polygons(polygons(shape), *shape.shape), filled)
    assert len(polygons(shape)) == ndimage.label(shape)[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0, 0, 1, 0], [0, 0, 0, 0]),
        ([0, 0, 1, 3, 2, 2], [0, 0, 0, 2, 2, 2]),  # each pixel for itself
        ([0, 0, 255, 255, 255, 1], [0, 0, 255, 255, 255, 1]),  # with nothing beside it
        ([0, 0, 0, 255, 2, 1, 1], [0, 0, 0, 255, 1, 1, 1]),  # 0 is as near, but not beside it
        ([255, 0, 255, 255, 2, 2, 0], [255, 0, 255, 255, 2, 2, 2]),
        ([0, 1, 2, 255], [0, 1, 2, 255]),  # nothing but specks
        ([255, 255], [255, 255]),
    ],
)
def test_specks_take_the_class_beside_them(before, after):
    mask = np.array([before], np.uint8)
    for turned in (np.copy, np.fliplr, np.transpose):
        found = without_specks(turned(mask), 2)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, turned(np.array([after])))
    assert mask.tolist() == [before]


def test_an_outline_by_hand():
    """Of one pixel in the second column and third row: a diamond about its middle."""
    shape = np.zeros((4, 4), bool)
    shape[2, 1] = True
    (outline,) = polygons(shape)
    corners = set(zip(outline[::2], outline[1::2], strict=True))
    assert corners == {(1.5, 2.0), (2.0, 2.5), (1.5, 3.0), (1.0, 2.5)}
    assert polygons(np.zeros((4, 4), bool)) == []
    assert not of_polygons([[1, 1, 2, 2]], 4, 4).any()
