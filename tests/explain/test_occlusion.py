"""Squares that hide parts of a picture: where they lie, and what is lost under them."""

from __future__ import annotations

import numpy as np
import pytest

from dltk.explain.occlusion import occlude, starts
from dltk.painting.transforms import GREY


@pytest.mark.parametrize(
    ("side", "patch", "stride", "expected"),
    [
        (10, 4, 3, [0, 3, 6]),
        (10, 4, 4, [0, 4, 6]),
        (10, 10, 3, [0]),
        (10, 3, 1, [*range(8)]),
        (1, 1, 1, [0]),
    ],
)
def test_squares_reach_from_edge_to_edge(side, patch, stride, expected):
    assert starts(side, patch, stride) == expected


def pixels(height=9, width=11):
    return np.random.default_rng(0).uniform(0, 100, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_the_only_pixel_that_counts_is_found(batch_size):
    picture, (row, column) = pixels(), (6, 3)
    picture[row, column] = 255

    def probability(batch):
        assert batch.shape == (batch_size, 9, 11, 3)
        return (batch[:, row, column] == 255).all(axis=-1).astype(np.float32)

    found = occlude(picture, probability, patch=3, stride=1, batch_size=batch_size)
    assert found[row, column] == 1 == found.max()
    # A place (y, x) has 3 × 3 squares over it, of which (3 - dy) · (3 - dx) hide the pixel too.
    for dy, dx, share in [(1, 0, 2 / 3), (0, 2, 1 / 3), (2, 2, 1 / 9), (3, 0, 0)]:
        assert found[row - dy, column + dx] == pytest.approx(share)
    assert (found[:4] == 0).all() and (found[:, 6:] == 0).all()


def test_drops_are_means_over_the_squares_worked_by_hand():
    picture = np.zeros((1, 4, 1), np.float32)
    hidden_from = {(0, 1): 0.5, (1, 2): 0.1, (2, 3): 0.8, (): 0.6}

    def probability(batch):
        hidden = [tuple(np.flatnonzero(each[0, :, 0] == GREY)) for each in batch]
        return np.array([hidden_from[places] for places in hidden])

    found = occlude(picture, probability, patch=2, stride=1, batch_size=3)
    # drops of 0.1, 0.5 and -0.2 for squares at 0, 1 and 2
    np.testing.assert_allclose(found[0], [0.1, 0.3, 0.15, -0.2], rtol=1e-6)


def test_squares_that_do_not_divide_the_side_leave_nothing_out():
    def probability(batch):
        return 1 - (batch == GREY).mean(axis=(1, 2, 3))

    found = occlude(pixels(7, 10), probability, patch=4, stride=4, batch_size=2)
    np.testing.assert_allclose(found, 16 / 70, rtol=1e-5)


def test_the_picture_stays_as_it_is():
    picture = pixels()
    occlude(picture, lambda batch: batch[:, 0, 0, 0], patch=2, stride=2, batch_size=3)
    np.testing.assert_array_equal(picture, pixels())
