"""Views of pictures with objects: boxes go where the pixels go, and what is cut is not taught."""

import io

import numpy as np
import pytest
from PIL import Image

from dltk.canvas import fit_within
from dltk.data.objects.augment import STRENGTHS, at_least, augment_objects
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.images import decode_sized
from dltk.objects import Objects

RANDOM = ("light", "strong")


def views(picture, objects, strength, count=60, height=48, width=64, **options):
    random = np.random.default_rng(0)
    return [
        augment_objects(picture, objects, height, width, strength, random, **options)
        for _ in range(count)
    ]


def marked(box, size=(80, 60)):
    """Return a dark picture with one bright box, and its object."""
    pixels = np.full((size[1], size[0], 3), 20, np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 230
    return Image.fromarray(pixels), Objects.of([box], [3])


def extent(canvas):
    """Return the box around the bright pixels of a canvas."""
    bright = canvas.pixels.mean(axis=-1) > canvas.pixels.max() / 2
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_none_is_what_prediction_sees():
    picture, objects = marked((10, 20, 40, 50))
    random = np.random.default_rng(0)
    canvas, placed = augment_objects(picture, objects, 48, 64, "none", random)
    assert np.array_equal(canvas.pixels, fit_within(picture, 48, 64).pixels)
    assert np.array_equal(canvas.pixels, Geometry(48, 64, fit="within").apply(picture))
    assert placed.boxes.tolist() == [[8, 16, 32, 40]] and placed.areas.tolist() == [576]
    assert random.bit_generator.state == np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize("strength", RANDOM)
@pytest.mark.parametrize("size", [(80, 60), (60, 80), (500, 40)])
def test_boxes_stay_on_what_they_are_around(strength, size):
    picture, objects = marked((12, 9, 33, 31), size)
    for canvas, placed in views(picture, objects, strength):
        assert placed.labels.tolist() == [3] and placed.boxes.dtype == np.float32
        np.testing.assert_allclose(extent(canvas), placed.boxes[0], atol=1.01)
        high, wide = canvas.size
        assert (placed.boxes >= 0).all() and (placed.boxes <= [wide, high, wide, high]).all()
        assert canvas.pixels[high:].max(initial=0) == canvas.pixels[:, wide:].max(initial=0) == 0
        assert canvas.pixels[:high, :wide].min() > 0


@pytest.mark.parametrize("strength", RANDOM)
def test_the_way_to_the_canvas_and_back(strength):
    picture, objects = marked((12, 9, 33, 31))
    for canvas, placed in views(picture, objects, strength):
        if not placed.ignored[0] and np.array_equal(canvas.placed(objects.boxes), placed.boxes):
            np.testing.assert_allclose(canvas.original(placed.boxes), objects.boxes, atol=1e-3)
    flips = [canvas.mirrored for canvas, _ in views(picture, objects, strength, 200)]
    assert 70 < sum(flips) < 130
    assert not any(c.mirrored for c, _ in views(picture, objects, strength, 40, flip=False))


def test_one_object_at_random_is_seen_whole():
    boxes = [[0, 0, 8, 8], [72, 52, 80, 60], [30, 20, 50, 40]]
    whole = np.zeros(3)
    for canvas, placed in views(Image.new("RGB", (80, 60)), Objects.of(boxes, [0, 1, 2]), "strong"):
        across, down = canvas.scale
        sides = np.array([boxes[label] for label in placed.labels])
        full = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1]) * across * down
        seen = np.isclose(placed.areas, full, rtol=1e-3)
        assert (seen & ~placed.ignored).any()
        whole[placed.labels[seen]] += 1
    assert (whole > 20).all() and (whole < 60).all()


def test_of_an_object_larger_than_the_view_nothing_else_is_seen():
    picture, objects = Image.new("RGB", (64, 48)), Objects.of([[0, 0, 64, 48]], [0])
    for canvas, placed in views(picture, objects, "strong"):
        high, wide = canvas.size
        np.testing.assert_allclose(placed.boxes, [[0, 0, wide, high]], atol=1e-3)
        assert not placed.ignored[0]


def test_what_is_cut_to_less_than_a_third_is_ignored_and_what_is_gone_is_left_out():
    """A band of objects, of which the picture's right side cuts some: hand-worked shares."""
    picture = Image.new("RGB", (100, 10))
    edge = Objects.of([[0, 0, 20, 10], [93, 0, 100, 10]], [0, 1])
    kept = ignored = gone = 0
    for canvas, placed in views(picture, edge, "strong", 600, height=100, width=100, flip=False):
        left, _, right, _ = canvas.region
        for label, (low, high) in enumerate([(0, 20), (93, 100)]):
            share = max(0, min(high, right) - max(low, left)) / (high - low)
            match = placed.labels == label
            if share == 0:
                gone += 1
                assert not match.any()
            else:
                assert placed.ignored[match].tolist() == [share < 0.3]
                ignored, kept = ignored + (share < 0.3), kept + (share >= 0.3)
                np.testing.assert_allclose(
                    placed.areas[match],
                    (high - low) * 10 * share * np.prod(canvas.scale),
                    rtol=1e-3,
                )
    assert kept > 700 and ignored > 10 and gone > 40


def test_what_was_ignored_stays_so_and_does_not_draw_the_view():
    boxes = [[0, 0, 10, 10], [40, 30, 50, 40]]
    objects = Objects.of(boxes, [0, 1], ignored=[True, False])
    for _, placed in views(Image.new("RGB", (80, 60)), objects, "strong"):
        assert placed.ignored[placed.labels == 0].all() and 1 in placed.labels[~placed.ignored]


def test_objects_of_less_than_a_pixel_are_ignored():
    objects = Objects.of([[10, 10, 11, 11], [100, 100, 200, 200]], [0, 1])
    for _, placed in views(Image.new("RGB", (400, 300)), objects, "none", 1, height=30, width=40):
        assert placed.ignored.tolist() == [True, False]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 2), (40, 30)])
def test_any_picture_fits_and_may_be_without_objects(strength, size):
    picture = Image.new("RGB", size, (200, 100, 50))
    for canvas, placed in views(picture, Objects.of(), strength, 10):
        assert canvas.pixels.shape == (48, 64, 3) and canvas.pixels.dtype == np.uint8
        high, wide = canvas.size
        assert 1 <= high <= 48 and 1 <= wide <= 64 and len(placed) == 0
        assert placed.boxes.shape == (0, 4)


@pytest.mark.parametrize("strength", RANDOM)
def test_the_generator_determines_the_view(strength):
    picture, objects = marked((12, 9, 33, 31))
    once, again = views(picture, objects, strength), views(picture, objects, strength)
    for (canvas, placed), (other, elsewhere) in zip(once, again, strict=True):
        assert np.array_equal(canvas.pixels, other.pixels)
        assert np.array_equal(placed.boxes, elsewhere.boxes)
    assert len({canvas.pixels.tobytes() for canvas, _ in once}) == len(once)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_picture_that_was_decoded_smaller_gives_the_same_view(strength):
    picture, objects = marked((100, 200, 500, 400), (1003, 601))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    small, size = decode_sized(file.getvalue(), at_least=at_least(60, 100, strength))
    assert size == (1003, 601) and small.width < 1003
    pairs = zip(
        views(picture, objects, strength, 20, 60, 100),
        views(small, objects, strength, 20, 60, 100, size=size),
        strict=True,
    )
    for (canvas, placed), (other, elsewhere) in pairs:
        assert canvas.size == other.size and canvas.region == other.region
        assert np.array_equal(placed.boxes, elsewhere.boxes)
        assert np.abs(canvas.pixels.astype(int) - other.pixels).mean() < 2.5


def test_colours_change_and_black_margins_do_not():
    picture, objects = marked((10, 10, 20, 20), (40, 80))
    for strength, most in (("light", 0.15), ("strong", 0.4)):
        levels = [c.pixels[c.size[0] - 2, 1].mean() for c, _ in views(picture, objects, strength)]
        assert min(levels) < 20 < max(levels)
        assert min(levels) > 20 * (1 - most) ** 2 - 1
    assert at_least(48, 64, "none") == 48 and at_least(48, 64, "light") == 60
    with pytest.raises(UsageError, match='unknown augmentation "ligth"'):
        views(picture, objects, "ligth", 1)
    with pytest.raises(UsageError, match='Did you mean "strong"'):
        at_least(8, 8, "strng")
