"""Heat maps: scaled, coloured, and laid where they belong on a photo."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.explain.heat import coloured, enlarged, on_photo, overlay, spread, unit
from dltk.geometry import Geometry


@pytest.mark.parametrize(
    ("heat", "expected"),
    [
        ([[-1, 0], [1, 4]], [[0, 0], [0.25, 1]]),
        ([[-1, -2], [-3, -4]], [[0, 0], [0, 0]]),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[3, 3], [3, 3]], [[1, 1], [1, 1]]),
    ],
)
def test_the_maximum_becomes_1_and_what_is_negative_0(heat, expected):
    assert unit(np.array(heat)).tolist() == expected


def test_few_highest_values_do_not_hide_the_rest():
    heat = np.ones((10, 10))
    heat[4, 4] = 1e6
    assert unit(heat, highest=90.0)[0, 0] == 1 == unit(heat, highest=90.0).max()
    alone = np.zeros((10, 10))
    alone[4, 4] = 3
    assert unit(alone, highest=90.0)[4, 4] == 1  # a percentile of 0 would hide all


def test_enlarged_maps_keep_their_range_and_place():
    heat = np.zeros((4, 6), np.float32)
    heat[1, 4] = 2
    large = enlarged(heat, (60, 40))
    assert large.shape == (40, 60) and large.min() == 0 and large.max() <= 2
    row, column = np.unravel_index(large.argmax(), large.shape)
    assert row // 10 == 1 and column // 10 == 4


@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_what_fills_the_input_stays_as_it_is(fit):
    heat = np.arange(16.0).reshape(4, 4)
    assert on_photo(heat, Geometry(40, 40, fit=fit), (80, 20)) is heat


def test_margins_are_left_out():
    heat = np.zeros((40, 40), np.float32)
    heat[15:25] = 3  # the rows that a photo of 80 × 20 has in the input
    assert (
        on_photo(heat, Geometry(40, 40, fit="pad"), (80, 20)).tolist()
        == np.full((10, 40), 3).tolist()
    )
    coarse = on_photo(np.ones((8, 8), np.float32), Geometry(40, 40, fit="pad"), (80, 20))
    assert coarse.shape == (2, 8)


def test_colours_grow_lighter():
    ramp = np.asarray(coloured(np.linspace(0, 1, 20)[None]), float).sum(axis=-1)[0]
    assert (np.diff(ramp) > 0).all() and ramp[0] < 10


def test_a_heat_map_has_the_photos_size_and_lies_in_its_box():
    values = np.array([[0, 1], [0, 0]], np.float32)
    picture = np.asarray(coloured(spread(values, (20, 10, 60, 30), (100, 50)))).sum(axis=-1)
    assert picture.shape == (50, 100)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert 10 <= row < 20 and 40 <= column < 60
    outside = picture.copy()
    outside[10:30, 20:60] = 0
    assert outside.max() == picture[0, 0] < 10


def test_an_overlay_shows_the_photo_where_it_is_cold_and_hides_it_where_it_is_hot():
    stripes = np.zeros((50, 100, 3), np.uint8)
    stripes[:, ::2] = 200
    photo = Image.fromarray(stripes)
    values = np.zeros((40, 40), np.float32)
    values[:, 20:] = 1
    box = 30, 5, 70, 45
    shown = np.asarray(overlay(photo, spread(values, box, photo.size), box), float)
    contrast = np.abs(np.diff(shown, axis=1)).mean(axis=-1)
    cold, hot, unseen = contrast[10:40, 33:47], contrast[10:40, 53:67], contrast[10:40, :27]
    assert hot.min() < 0.3 * cold.mean() and shown[:, 53:67].mean() > shown[:, :27].mean()
    assert unseen.mean() < cold.mean() and unseen.min() > 0
    assert np.asarray(photo).tolist() == stripes.tolist()


def test_a_box_thinner_than_a_pixel_is_a_pixel():
    picture = coloured(spread(np.ones((1, 1), np.float32), (3.2, 0, 3.4, 1), (8, 1)))
    assert (np.asarray(picture).sum(axis=-1)[0] > 100).tolist() == [False] * 3 + [True] + [
        False
    ] * 4
