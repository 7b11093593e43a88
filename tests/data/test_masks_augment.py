"""Views of pictures with label maps: classes go where the pixels go, and are never mixed."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dltk.canvas import Canvas, fit_sides, fit_within
from dltk.data.masks.augment import STRENGTHS, at_least, augment_mask
from dltk.data.masks.batches import MaskBatches
from dltk.data.masks.readers import read_masks
from dltk.errors import InputError, UsageError
from dltk.images import decode_sized
from dltk.masks import IGNORE, MASK
from dltk.objects import EXTENT, PIXELS
from tests.data.mask_files import write_mask, write_pair

RANDOM = ("light", "strong")


def views(picture, mask, strength, count=60, height=48, width=64, **options):
    random = np.random.default_rng(0)
    return [
        augment_mask(picture, mask, height, width, strength, random, **options)
        for _ in range(count)
    ]


def striped(size=(80, 60)):
    """Return a picture whose red is 40 times the class of each pixel plus 30, and its mask."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[10:40, 12:50] = 1
    mask[30:55, 40:70] = 2
    mask[0:20, 60:] = 3
    return Image.fromarray(np.stack([30 + 40 * mask, 255 - 60 * mask, mask], axis=-1)), mask


def canvas_of(region, size, height, width, mirrored=False):
    return Canvas(np.zeros((height, width, 3), np.uint8), size, region, mirrored)


def test_pixels_get_the_class_in_which_their_centre_lies():
    mask = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.uint8)
    same = canvas_of((0, 0, 4, 2), (2, 4), 2, 4)
    assert np.array_equal(same.placed_mask(mask), mask)
    twice = canvas_of((0, 0, 4, 2), (4, 8), 5, 9).placed_mask(mask)
    assert np.array_equal(twice[:4, :8], mask.repeat(2, 0).repeat(2, 1))
    assert (twice[4] == IGNORE).all() and (twice[:, 8] == IGNORE).all()
    # Centres at 1 + 1/3, 2, 2 + 2/3 of four columns, and in the lower row.
    part = canvas_of((1, 1, 3, 2), (1, 3), 1, 3)
    assert part.placed_mask(mask).tolist() == [[6, 7, 7]]
    mirrored = canvas_of((0, 0, 4, 2), (2, 4), 2, 5, mirrored=True).placed_mask(mask)
    assert mirrored.tolist() == [[4, 3, 2, 1, IGNORE], [8, 7, 6, 5, IGNORE]]
    third = canvas_of((0, 0, 4, 2), (1, 2), 1, 2)  # centres at 1 and 3, and at 1
    assert third.placed_mask(mask).tolist() == [[6, 8]] and third.placed_mask(mask).dtype == "uint8"


@pytest.mark.parametrize("size", [(80, 60), (37, 11), (1, 1), (400, 7)])
def test_prediction_places_masks_as_pixels(size):
    """A picture whose grey says the class comes out as its mask does, but for mixed edges."""
    mask = np.random.default_rng(0).integers(0, 5, (-(-size[1] // 8), -(-size[0] // 8)))
    mask = mask.astype(np.uint8).repeat(8, 0).repeat(8, 1)[: size[1], : size[0]]
    picture = Image.fromarray(np.repeat(50 * mask[..., None], 3, axis=2))
    for canvas in (fit_within(picture, 120, 160), fit_sides(picture, 120, 160)):
        placed, (high, wide) = canvas.placed_mask(mask), canvas.size
        assert placed.shape == canvas.pixels.shape[:2]
        assert (placed[high:] == IGNORE).all() and (placed[:, wide:] == IGNORE).all()
        grey = canvas.pixels[:high, :wide, 0].astype(float)
        pure = np.abs(grey / 50 - np.rint(grey / 50)) < 0.01
        agree = np.rint(grey / 50)[pure] == placed[:high, :wide][pure]
        assert agree.mean() > 0.97 and (size[1] < 8 or pure.mean() > 0.3)


@pytest.mark.parametrize("strength", RANDOM)
@pytest.mark.parametrize("size", [(80, 60), (60, 80), (500, 400)])
def test_classes_stay_on_their_pixels(strength, size):
    """What is bright is of class 3, but for a pixel at the edges."""
    wide, high = size
    mask = np.zeros((high, wide), np.uint8)
    mask[high // 8 : high // 2, wide // 6 : wide // 2] = mask[-high // 3 :, -wide // 4 :] = 3
    picture = Image.fromarray(np.repeat(20 + 70 * mask[..., None], 3, axis=2))
    both = 0
    for canvas, labels in views(picture, mask, strength):
        high, wide = canvas.size
        assert labels.shape == (48, 64) and labels.dtype == np.uint8
        assert (labels[high:] == IGNORE).all() and (labels[:, wide:] == IGNORE).all()
        marked, shown = labels[:high, :wide] == 3, canvas.pixels[:high, :wide, 0].astype(float)
        assert marked.sum() + (labels == 0).sum() == high * wide
        if marked.sum() > 50 and not marked.all():
            bright, both = shown > (shown.min() + shown.max()) / 2, both + 1
            assert (ndimage.binary_erosion(marked, border_value=1) <= bright).all()
            assert (bright <= ndimage.binary_dilation(marked)).all()
    assert both > 50


def test_none_is_what_prediction_sees_and_draws_nothing():
    picture, mask = striped()
    random = np.random.default_rng(0)
    canvas, labels = augment_mask(picture, mask, 48, 64, "none", random)
    assert np.array_equal(canvas.pixels, fit_within(picture, 48, 64).pixels)
    assert np.array_equal(labels, fit_within(picture, 48, 64).placed_mask(mask))
    assert random.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_a_rare_class_is_seen_as_often_as_others():
    """A class of three of 4800 pixels is in view by its share of the draws, and by chance."""
    mask = np.zeros((60, 80), np.uint8)
    mask[59, 77:] = 7
    picture = Image.new("RGB", (80, 60))
    seen = [
        canvas.region[2] > 77 and canvas.region[3] > 59
        for canvas, _ in views(picture, mask, "strong", 400, flip=False)
        if canvas.region[2] - canvas.region[0] < 72  # shown in part
    ]
    assert len(seen) > 60 and np.mean(seen) > 0.45


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 2)])
def test_any_picture_fits_and_may_be_ignored_altogether(strength, size):
    mask = np.full(size[::-1], IGNORE, np.uint8)
    for canvas, labels in views(Image.new("RGB", size), mask, strength, 10):
        assert (labels == IGNORE).all() and canvas.pixels.shape == (48, 64, 3)
    for canvas, labels in views(Image.new("RGB", size), mask // 255, strength, 10):
        assert (labels[: canvas.size[0], : canvas.size[1]] == 1).all()


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_picture_that_was_decoded_smaller_gives_the_same_view(strength):
    mask = np.zeros((601, 1003), np.uint8)
    mask[200:400, 100:500] = 1
    picture = Image.fromarray(np.repeat(200 * mask[..., None], 3, axis=2))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    small, size = decode_sized(file.getvalue(), at_least=at_least(60, 100, strength))
    assert size == (1003, 601) and small.width < 1003
    pairs = zip(
        views(picture, mask, strength, 20, 60, 100),
        views(small, mask, strength, 20, 60, 100, size=size),
        strict=True,
    )
    for (canvas, labels), (other, others) in pairs:
        assert canvas.region == other.region and np.array_equal(labels, others)


def test_an_unknown_strength_is_refused():
    picture, mask = striped()
    with pytest.raises(UsageError, match='unknown augmentation "ligth"'):
        views(picture, mask, "ligth", 1)


@pytest.fixture
def data(tmp_path):
    for at in range(5):
        labels = striped((40 + at, 30))[1]
        write_pair(tmp_path, f"images/{at}.png", f"masks/{at}.png", labels)
    return read_masks(tmp_path)


def batches(data, **options):
    options = {"losses": ["fine", "coarse"], "augmentation": "strong", "batch_size": 4} | options
    return MaskBatches(data.splits["all"], (24, 32), **options)


def test_a_batch_is_what_networks_learn_from(data):
    stream = batches(data, augmentation="none", threads=2)
    inputs, targets = stream.share(0, 0, 1)
    assert {name: (each.shape, each.dtype.name) for name, each in inputs.items()} == {
        PIXELS: ((4, 24, 32, 3), "float32"),
        EXTENT: ((4, 2), "float32"),
        MASK: ((4, 24, 32), "uint8"),
    }
    assert {name: each.tolist() for name, each in targets.items()} == {
        "fine": [0] * 4, "coarse": [0] * 4
    }  # fmt: skip
    for at, index in enumerate(stream.indices(0)):
        examples = data.splits["all"]
        canvas = fit_within(examples.decode(index), 24, 32)
        assert np.array_equal(inputs[PIXELS][at], canvas.pixels)
        assert np.array_equal(inputs[MASK][at], canvas.placed_mask(examples.masks[index]()))
        assert inputs[EXTENT][at].tolist() == list(canvas.size)


def test_a_step_is_the_same_whenever_and_on_however_many_replicas(data):
    once, again = batches(data, seed=3), batches(data, seed=3, threads=3)
    for step in (0, 1, 5):
        whole = once.share(step, 0, 1)[0]
        halves = [again.share(step, replica, 2)[0] for replica in range(2)]
        for name, each in whole.items():
            assert np.array_equal(each, np.concatenate([half[name] for half in halves]))
    first, later = (once.share(step, 0, 1)[0] for step in (0, 1))
    assert not np.array_equal(first[PIXELS], later[PIXELS])  # the same pictures in part


def test_files_changed_since_they_were_read_are_named(data, tmp_path):
    write_mask(tmp_path / "masks" / "2.png", striped((20, 10))[1])
    with pytest.raises(InputError, match=r"its mask masks/2\.png is now 20 × 10"):
        batches(data, batch_size=5).share(0, 0, 1)
