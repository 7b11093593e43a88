"""From a file to pixels and back: sizes, the photo, what is kept of it, and its snapshots."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence
from PIL.ExifTags import Base

from dltk.batch import Item
from dltk.errors import InputError
from dltk.images import decode
from dltk.painting import LARGEST
from dltk.painting.photo import Painting, open_photo
from dltk.painting.scales import (
    coarse_to_fine,
    fitted,
    resized,
    shrink,
    to_picture,
    to_pixels,
)
from dltk.painting.snapshots import Snapshots
from tests.test_metadata import ADOBE, camera_exif


def item(source) -> Item:
    return Item("photo.jpg", source)


def smooth(noise, size: tuple[int, int]) -> Image.Image:
    """Return a picture that JPEG hardly changes."""
    return noise(size=(4, 4)).resize(size, Image.Resampling.BICUBIC)


# Sizes


def test_sizes_grow_by_a_factor_up_to_the_last():
    assert coarse_to_fine(512, smallest=128, factor=1.4142) == [128, 181, 256, 362, 512]
    assert coarse_to_fine(100, smallest=31, factor=1.5) == [44, 67, 100]


@pytest.mark.parametrize("smallest", [100, 128, 4096])
def test_a_picture_smaller_than_the_smallest_size_has_one(smallest):
    assert coarse_to_fine(100, smallest=smallest, factor=1.4) == [100]


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((640, 480), 320, (320, 240)),
        ((480, 640), 320, (240, 320)),
        ((1000, 1), 10, (10, 1)),
        ((3, 2), 300, (300, 200)),
    ],
)
def test_the_longer_side_is_as_asked_for_and_the_aspect_stays(size, side, expected):
    assert fitted(size, side) == expected


def test_pictures_are_shrunk_and_never_enlarged(noise):
    picture = noise(size=(40, 30))
    assert shrink(picture, 20).size == (20, 15)
    assert shrink(picture, 40) is picture and shrink(picture, 100) is picture


def test_pixels_and_pictures_are_each_others_inverse(noise):
    picture = noise(size=(7, 5))
    pixels = to_pixels(picture)
    assert pixels.shape == (1, 5, 7, 3) and pixels.dtype == tf.float32
    for form in (pixels, pixels[0], pixels + 0.4, pixels - 0.4):
        assert to_picture(form).tobytes() == picture.tobytes()


def test_what_leaves_0_to_255_is_clipped():
    pixels = np.array([[[[-300.0, 0.0, 127.6], [255.4, 256.0, 1e9]]]])
    assert np.asarray(to_picture(pixels)).tolist() == [[[0, 0, 128], [255, 255, 255]]]


def test_resizing_keeps_what_is_even_and_the_mean_of_the_rest(noise):
    pixels = to_pixels(noise(size=(40, 30)))
    assert resized(pixels, (40, 30)) is pixels
    small = resized(pixels, (20, 15))
    assert small.shape == (1, 15, 20, 3)
    assert float(tf.reduce_mean(small)) == pytest.approx(float(tf.reduce_mean(pixels)), abs=1)
    assert np.std(small, (1, 2)).max() < 0.7 * np.std(pixels, (1, 2)).min()  # not just picked
    even = resized(tf.fill((1, 9, 8, 3), 77.0), (13, 5))
    np.testing.assert_allclose(even, np.full((1, 5, 13, 3), 77.0), rtol=1e-5)


# The photo


@pytest.mark.parametrize(("size", "expected"), [(20, (20, 15)), (64, (40, 30)), (None, (40, 30))])
def test_a_photo_is_opened_at_the_size_it_is_painted_in(noise, size, expected):
    assert open_photo(item(noise(size=(40, 30))), size=size).picture.size == expected


def test_a_photo_that_keeps_its_size_has_a_limit():
    huge = Image.new("RGB", (LARGEST + 8, 16))
    assert open_photo(item(huge), size=None).picture.size == (LARGEST, 16)


def test_a_photo_too_small_for_the_network_is_refused(noise):
    with pytest.raises(InputError, match=r"too small: 40 × 30 pixels, .* needs 32 on the shorter"):
        open_photo(item(noise(size=(40, 30))), size=64, least=32)


def test_photos_of_every_kind_become_rgb(noise):
    picture = noise(size=(40, 36))
    grey = open_photo(item(picture.convert("L")), size=64).picture
    assert grey.mode == "RGB" and len(set(grey.getpixel((3, 4)))) == 1
    clear = Image.merge("RGBA", (*picture.split(), Image.new("L", picture.size, 0)))
    assert open_photo(item(clear), size=64).picture.getextrema() == ((255, 255),) * 3


def test_a_photo_is_upright_and_in_srgb_and_its_painting_as_the_photo_was(noise, tmp_path):
    picture, path = smooth(noise, (48, 36)), tmp_path / "photo.jpg"
    picture.save(path, quality=100, subsampling=0, icc_profile=ADOBE, exif=camera_exif())
    photo = open_photo(item(path), size=64)
    assert photo.picture.size == (36, 48) and "icc_profile" not in photo.picture.info
    assert np.abs(np.asarray(photo.picture, int) - np.asarray(decode(path), int)).max() > 5
    painting = Painting.of(photo, to_pixels(photo.picture), [{"step": 1}])
    painting.save(tmp_path / "painted.jpg")
    with Image.open(tmp_path / "painted.jpg") as saved:
        assert saved.info["icc_profile"] == ADOBE
        assert saved.getexif()[Base.Make] == "Maker" and saved.getexif()[Base.Orientation] == 1
    before, after = (np.asarray(decode(p), int) for p in (path, tmp_path / "painted.jpg"))
    assert np.abs(before - after).mean() < 1.5
    painting.save_trace(tmp_path / "trace.jsonl")
    assert json.loads((tmp_path / "trace.jsonl").read_text()) == {"step": 1}


# Snapshots


def test_snapshots_are_files_named_by_their_step_and_an_animation(noise, tmp_path):
    shots = Snapshots(lambda pixels: 255 - pixels, folder=tmp_path / "steps", animate=True)
    for step, side in ((5, 20), (10, 40)):
        shots.take(step, to_pixels(smooth(noise, (side, side // 2))))
    files = sorted((tmp_path / "steps").iterdir())
    assert [path.name for path in files] == ["00005.jpg", "00010.jpg"]
    for path, size in zip(files, ((20, 10), (40, 20)), strict=True):
        shown = 255 - np.asarray(smooth(noise, size), int)
        assert np.abs(np.asarray(decode(path), int) - shown).mean() < 6
    shots.write_gif(tmp_path / "all.gif", noise(0, size=(60, 30)))
    with Image.open(tmp_path / "all.gif") as film:
        frames = [frame.size for frame in ImageSequence.Iterator(film)]
    assert frames == [(60, 30)] * 3


def test_snapshots_write_and_keep_only_what_is_asked_for(noise, tmp_path):
    shots = Snapshots(lambda pixels: pixels, folder=None, animate=True)
    shots.take(1, to_pixels(noise(size=(1000, 10))))
    shots.write_gif(tmp_path / "a.gif", noise(size=(1000, 10)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    with Image.open(tmp_path / "a.gif") as film:
        assert film.size == (480, 5) and film.n_frames == 2
