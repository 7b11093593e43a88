"""Losses and gradients through a network: the tape's, and the same tile by tile."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.errors import DltkError
from dltk.losses.style import ContentLoss, StyleLoss, total_variation
from dltk.models.laid_open import reach, see_layers
from dltk.painting.slope import Slope
from dltk.painting.tiles import Tile, TileSize, plan_tiles

LAYERS = "first", "second", "third"
ODD = 61, 83  # height, width
STYLE = {"first": 1e5, "third": 1e7}  # so that every term has its share of the slope


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Shaped like VGG: blocks of convolutions that keep the size, and poolings that halve it."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(x)
    for channels, name in zip((4, 6, 8), LAYERS, strict=True):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2)(x)
    return see_layers(keras.Model(inputs, x), list(LAYERS))


def picture(seed: int, size=ODD):
    random = np.random.default_rng(seed)
    return tf.constant(random.uniform(0, 255, (1, *size, 3)), tf.float32)


def whole(size=ODD) -> list[Tile]:
    return plan_tiles(*size, tile=max(size), halo=0, multiple=1)


def tv(at) -> dict:
    return {"tv": 1e-4 * total_variation(at)}


class Painting:
    """Content, style and roughness of one picture, cut into tiles somehow."""

    def __init__(self, network, tiles, *, priors=(tv,), size=ODD):
        self.content = ContentLoss({"second": 20.0})
        self.style = StyleLoss(STYLE)
        self.slope = Slope(network, [self.content, self.style], list(priors))
        self.tiles = tiles
        seen = self.slope.look(picture(1, size), tiles)
        self.locals = [[self.content.local(features), {}] for features in seen]
        (style,) = self.slope.look(picture(2, (40, 30)), whole((40, 30)))
        self.target = self.style.target(self.style.measure(style, {}))

    def __call__(self, at):
        return self.slope(at, self.tiles, [{}, self.target], self.locals)


def assert_same_slope(one, other):
    assert set(one[0]) == set(other[0])
    for name in one[0]:
        assert float(one[0][name]) == pytest.approx(float(other[0][name]), rel=1e-5), name
    error = np.abs(one[1] - other[1]).max() / np.abs(other[1]).max()
    assert error < 1e-5


# The whole picture


def test_a_slope_is_the_tapes_on_the_loss_written_out(network):
    painting, at = Painting(network, whole()), picture(0)
    photo = network(picture(1))
    with tf.GradientTape() as tape:
        tape.watch(at)
        seen = network(at)
        content = 20 * tf.reduce_mean((seen["second"] - photo["second"]) ** 2)
        style = 0.0
        for name, weight in STYLE.items():
            rows = tf.reshape(seen[name], (-1, seen[name].shape[-1]))
            gram = tf.matmul(rows, rows, transpose_a=True) / rows.shape[0]
            difference = (gram - painting.target[name][0]) / rows.shape[1]
            style += weight * tf.reduce_mean(difference**2)
        loss = content + style + tv(at)["tv"]
    terms = {"content": content, "style": style, **tv(at)}
    assert_same_slope(painting(at), (terms, tape.gradient(loss, at)))


def test_at_the_photo_only_the_other_terms_pull(network):
    painting = Painting(network, whole(), priors=())
    terms, _ = painting(picture(1))
    assert float(terms["content"]) == 0 and float(terms["style"]) > 0


def test_pictures_of_several_sizes_take_the_same_slope(network):
    for size in ((16, 24), (31, 17), (8, 8)):
        terms, gradient = Painting(network, whole(size), size=size)(picture(0, size))
        assert gradient.shape == (1, *size, 3) and np.isfinite(gradient).all()
        assert all(np.isfinite(value) for value in terms.values())


def test_strides_are_read_off_the_network(network):
    slope = Slope(network, [])
    assert slope.strides == {"first": 1, "second": 2, "third": 4} and slope.stride == 4
    inputs = keras.Input((None, None, 3))
    scores = layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))
    vector = Slope(keras.Model(inputs, {"scores": scores}), [])
    assert vector.strides == {} and vector.stride == 1


# Tile by tile


@pytest.mark.parametrize(("size", "tile"), [(ODD, 32), ((16, 43), 16)])
def test_a_tiled_slope_is_that_of_the_whole(network, size, tile):
    tiles = plan_tiles(*size, tile=tile, halo=reach(network), multiple=4)
    assert len(tiles) > 2
    at = picture(0, size)
    tiled = Painting(network, tiles, size=size)(at)
    assert_same_slope(tiled, Painting(network, whole(size), size=size)(at))


def test_without_halos_it_would_not_be(network):
    size = 32, 64
    at, tiles = picture(0, size), plan_tiles(*size, tile=32, halo=0, multiple=4)
    _, tiled = Painting(network, tiles, size=size)(at)
    _, gradient = Painting(network, whole(size), size=size)(at)
    assert np.abs(tiled - gradient).max() / np.abs(gradient).max() > 0.01


def test_what_is_seen_tile_by_tile_is_what_is_seen_of_the_whole(network):
    slope, at = Slope(network, []), picture(0)
    tiles = plan_tiles(*ODD, tile=32, halo=reach(network), multiple=4)
    (seen,) = slope.look(at, whole())
    found = {name: np.full(seen[name].shape, np.nan) for name in LAYERS}
    for tile, part in zip(tiles, slope.look(at, tiles), strict=True):
        for name, s in slope.strides.items():
            top, left = tile.core[0] // s, tile.core[1] // s
            _, height, width, _ = part[name].shape
            place = found[name][:, top : top + height, left : left + width]
            assert np.isnan(place).all()  # no place is seen twice
            place[:] = part[name]
    for name in LAYERS:
        np.testing.assert_allclose(found[name], seen[name], rtol=1e-5, atol=1e-6)


# Tiles


@pytest.mark.parametrize(("tile", "halo", "multiple"), [(64, 10, 16), (70, 16, 8), (16, 0, 16)])
@pytest.mark.parametrize("size", [(1, 1), (61, 83), (64, 128), (200, 33), (65, 64)])
def test_cores_cover_a_picture_once_and_halos_lie_around_them(size, tile, halo, multiple):
    covered = np.zeros(size, int)
    for each in plan_tiles(*size, tile=tile, halo=halo, multiple=multiple):
        top, left, bottom, right = each.core
        covered[top:bottom, left:right] += 1
        assert max(bottom - top, right - left) <= -(-tile // multiple) * multiple
        for start, edge in zip(each.outer[:2], (top, left), strict=True):
            assert start % multiple == edge % multiple == 0
            assert start == 0 or edge - start >= halo
        for end, edge, side in zip(each.outer[2:], (bottom, right), size, strict=True):
            assert end <= side and (end == side or end - edge >= halo)
            assert edge == side or edge % multiple == 0
        assert each.inner == (
            top - each.outer[0],
            left - each.outer[1],
            bottom - each.outer[0],
            right - each.outer[1],
        )
    assert (covered == 1).all()


def test_what_fits_into_a_tile_is_not_cut():
    (tile,) = plan_tiles(61, 83, tile=83, halo=10, multiple=16)
    assert tile.core == tile.outer == (0, 0, 61, 83)


def test_tiles_are_as_equal_as_may_be():
    tiles = plan_tiles(100, 60, tile=64, halo=3, multiple=4)
    rows, columns = [(0, 52), (52, 100)], [(0, 60)]
    cores = [(top, left, low, right) for (top, low), (left, right) in product(rows, columns)]
    assert [tile.core for tile in tiles] == cores
    assert [tile.outer for tile in tiles] == [(0, 0, 56, 60), (48, 0, 100, 60)]


# Memory


def greedy(limit: int):
    """Return work that runs out of memory, really, in tiles of more than `limit` pixels."""

    def work(side: int) -> str:
        if side > limit:
            tf.zeros((1 << 20, 1 << 30))
        return f"done in {side}"

    return work


def test_tiles_are_halved_as_often_as_memory_runs_out():
    said = []
    size = TileSize(1024, said.append)
    assert size.attempt(greedy(300)) == "done in 256"
    assert said == [f"out of memory: going on in tiles of {side} pixels" for side in (512, 256)]
    assert size.side == 256
    assert size.attempt(greedy(1000)) == "done in 256" and len(said) == 2  # and they stay so


def test_where_not_even_the_smallest_fit_it_says_what_to_do():
    size = TileSize(200)
    with pytest.raises(DltkError, match="even in tiles of 100 pixels; try a smaller --size"):
        size.attempt(greedy(0))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def fail(side):
        raise ZeroDivisionError

    size = TileSize(512)
    with pytest.raises(ZeroDivisionError):
        size.attempt(fail)
    assert size.side == 512
