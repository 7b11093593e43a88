"""Augmented views: what may change and what must not."""

import io

import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.data.augment import STRENGTHS, at_least, augment
from dltk.data.pixels import Pixels
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.samples import FOLDER as SAMPLES

FITS = ("crop", "squash", "pad")


@pytest.fixture(scope="module")
def cat():
    return Image.open(SAMPLES / "cat.jpg").convert("RGB")


def views(picture, geometry, strength, count=40, **options):
    random = np.random.default_rng(0)
    return [augment(picture, geometry, strength, random, **options) for _ in range(count)]


@pytest.mark.parametrize("fit", FITS)
def test_none_is_what_prediction_sees(cat, fit):
    geometry = Geometry(48, 64, fit=fit)
    random = np.random.default_rng(0)
    assert (augment(cat, geometry, "none", random) == geometry.apply(cat)).all()
    assert random.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_an_unknown_strength_is_refused(cat):
    with pytest.raises(UsageError, match='Did you mean "light"'):
        augment(cat, Geometry(8, 8), "ligth", np.random.default_rng(0))


@pytest.mark.parametrize(
    ("strength", "expected"),
    [("none", 256), ("light", 331), ("strong", 512)],  # 256, 256 / √0.6, 256 / √0.25
)
def test_at_least_leaves_enough_for_the_smallest_crop(strength, expected):
    assert at_least(Geometry(224, 224), strength) == expected
    with pytest.raises(UsageError, match='Did you mean "strong"'):
        at_least(Geometry(8, 8), "strng")


@pytest.mark.parametrize("strength", STRENGTHS)
def test_views_decoded_for_training_are_as_sharp_as_of_the_whole_picture(cat, strength):
    file, geometry = io.BytesIO(), Geometry(64, 64)
    cat.resize((600, 600)).save(file, "JPEG", quality=95)
    pictures = in_memory([file.getvalue()], [0], "a").splits["all"]

    def sharpness(pixels):
        load = Pixels(
            pictures,
            geometry,
            augment=lambda *given: augment(*given[:2], strength, given[2]),
            at_least=pixels,
        )
        seen = np.concatenate([load(np.array([0]), epoch) for epoch in range(20)])
        return np.abs(np.diff(seen, axis=2)).mean(axis=(1, 2, 3))

    whole = sharpness(600)
    assert (sharpness(at_least(geometry, strength)) / whole).min() > 0.94
    if strength != "none":  # as it would be without
        assert (sharpness(geometry.at_least) / whole).min() < 0.9


@pytest.mark.parametrize("strength", ["light", "strong"])
def test_the_generator_determines_the_view(cat, strength):
    geometry = Geometry(32, 32)
    once, again = views(cat, geometry, strength), views(cat, geometry, strength)
    assert all((a == b).all() for a, b in zip(once, again, strict=True))
    assert len({view.tobytes() for view in once}) == len(once)


@pytest.mark.parametrize("strength", ["light", "strong"])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (2500, 2), (40, 30)])
def test_any_picture_fits(strength, fit, channels, size):
    geometry = Geometry(24, 32, channels, fit=fit)
    for view in views(Image.new("RGB", size, (200, 100, 50)), geometry, strength, 10):
        assert view.shape == (24, 32, channels) and view.dtype == np.float32
        assert view.min() >= 0 and view.max() <= 255 and view.flags.c_contiguous


@pytest.mark.parametrize("fit", ["crop", "squash"])
@pytest.mark.parametrize("size", [(50, 50), (301, 97), (64, 700)])
def test_nothing_comes_in_from_outside_the_picture(fit, size):
    """A picture of one colour stays one, turned or not: no dark corners."""
    picture, geometry = Image.new("RGB", size, (200, 100, 50)), Geometry(32, 32, fit=fit)
    assert all(np.ptp(view, axis=(0, 1)).max() < 1 for view in views(picture, geometry, "light"))
    plain = [np.ptp(view, axis=(0, 1)).max() < 1 for view in views(picture, geometry, "strong")]
    assert 24 <= sum(plain) < 40  # the others have a rectangle erased


def test_erasing_leaves_most_of_three_in_four(cat):
    picture = Image.new("RGB", (60, 60), (90, 90, 90))
    erased = []
    for view in views(picture, Geometry(64, 64), "strong", 400):
        counts = np.unique(view.round(2), return_counts=True)[1]
        erased.append(1 - counts.max() / view.size)
    some = [share for share in erased if share > 0]
    assert 0.18 < len(some) / 400 < 0.32
    assert min(some) > 0.01 and max(some) < 0.45


def test_pads_stay_black(cat):
    geometry = Geometry(40, 40, fit="pad")
    picture = Image.new("RGB", (400, 100), (250, 250, 250))
    for strength in ("light", "strong"):
        for view in views(picture, geometry, strength):
            lit = view.max(axis=(1, 2)) > 0
            assert not lit[0] and not lit[-1] and lit[20]
            edges = np.flatnonzero(np.diff(lit.astype(int)))
            assert len(edges) == 2  # one band


def half_and_half():
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[:, 30:] = 200
    return Image.fromarray(pixels)


@pytest.mark.parametrize("strength", ["light", "strong"])
def test_about_half_are_mirrored_and_none_where_that_is_forbidden(strength):
    geometry = Geometry(32, 32)
    ways = [
        np.sign(view[:, 16:].mean() - view[:, :16].mean())
        for view in views(half_and_half(), geometry, strength, 100)
    ]
    assert 30 < ways.count(-1) < 65
    kept = views(half_and_half(), geometry, "light", 100, flip=False)
    assert all(view[:, 16:].mean() > view[:, :16].mean() for view in kept)


def test_light_shows_most_of_the_picture_at_the_size_prediction_does():
    """A ramp from left to right tells which part is shown; colours move by 15% at most."""
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (256, 1, 3))
    spans = [
        np.ptp(view.mean(axis=(0, 2)))
        for view in views(Image.fromarray(ramp), Geometry(64, 64, crop=0.875), "light", 200)
    ]
    assert min(spans) > 0.775 * 255 * 0.7 and max(spans) <= 255
    assert np.mean(spans) == pytest.approx(0.875 * 255, rel=0.05)


def test_strong_turns_and_light_does_not():
    """The border between two halves stays upright, or leans by up to 15 degrees."""

    def lean(view):
        edge = np.abs(np.diff(view[..., 0], axis=1)).argmax(axis=1)
        return np.degrees(np.arctan2(np.polyfit(np.arange(48), edge[8:-8], 1)[0], 1))

    geometry = Geometry(64, 64)
    light = [lean(view) for view in views(half_and_half(), geometry, "light")]
    assert np.abs(light).max() < 0.5
    clean = [v for v in views(half_and_half(), geometry, "strong") if len(np.unique(v)) < 2000]
    strong = np.abs([lean(view) for view in clean])
    assert len(clean) > 15 and np.median(strong) > 4 and strong.max() < 20


def test_saturation_keeps_grey_grey(cat):
    for view in views(cat.convert("L").convert("RGB"), Geometry(32, 32), "light"):
        assert np.ptp(view, axis=-1).max() < 0.01


def test_all_strengths_are_named():
    assert STRENGTHS == ("none", "light", "strong")
