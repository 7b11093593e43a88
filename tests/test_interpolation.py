"""Ways between vectors, worked by hand and by the paper's formula."""

from __future__ import annotations

import numpy as np
import pytest

from dltk.ops.interpolation import slerp

SHARES = np.linspace(0, 1, 9)


def pair(seed=0, size=100):
    return np.random.default_rng(seed).uniform(-1, 1, (2, size)).astype(np.float32)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_a_quarter_turn_by_hand():
    half, root = 1.5, np.sqrt(0.5)
    path = slerp(np.array([1.0, 0.0]), np.array([0.0, 2.0]), [0, 0.5, 1])
    np.testing.assert_allclose(path, [[1, 0], [half * root, half * root], [0, 2]], atol=1e-15)


def test_vectors_of_one_length_go_as_in_the_paper():
    first, second = unit(pair().astype(float)) * 5
    angle = np.arccos(first @ second / 25)
    share = SHARES[:, None]
    paper = np.sin((1 - share) * angle) * first + np.sin(share * angle) * second
    np.testing.assert_allclose(slerp(first, second, SHARES), paper / np.sin(angle), atol=1e-12)


def test_directions_turn_and_lengths_change_evenly():
    first, second = pair().astype(float) * [[1], [3]]
    path = slerp(first, second, SHARES)
    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 9), rtol=1e-12)
    steps = np.arccos((unit(path)[1:] * unit(path)[:-1]).sum(1))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_the_way_back_is_the_way_there():
    first, second = pair(1)
    back = slerp(second, first, 1 - SHARES)
    np.testing.assert_allclose(slerp(first, second, SHARES), back, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_ends_are_the_vectors_themselves(seed):
    first, second = pair(seed)
    path = slerp(first, second, [0, 1])
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path, [first, second])


@pytest.mark.parametrize("nudge", [0, 1e-13, 1e-8, 1e-4])
def test_equal_vectors_stay_and_opposite_ones_turn_by_half(nudge):
    first = pair()[0].astype(float)
    length = np.linalg.norm(first)
    beside = nudge * np.roll(first, 1)
    np.testing.assert_allclose(
        slerp(first, first + beside, SHARES), np.tile(first, (9, 1)), atol=2 * nudge + 1e-12
    )
    path = slerp(first, beside - first, SHARES)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), length, rtol=2 * nudge + 1e-9)
    assert abs(path[4] @ first) < (nudge + 1e-9) * length**2  # at a right angle, midway


def test_in_one_dimension_the_way_leads_through_zero():
    np.testing.assert_allclose(
        slerp(np.array([1.0]), np.array([-1.0]), [0, 0.5, 1]), [[1], [0], [-1]], atol=1e-15
    )


def test_zeros_take_the_direction_of_the_other_vector():
    vector = np.array([3.0, -4.0])
    np.testing.assert_allclose(slerp(0 * vector, vector, [0, 0.5, 1])[1], vector / 2)
    np.testing.assert_allclose(slerp(vector, 0 * vector, [0.25])[0], 0.75 * vector)
    np.testing.assert_array_equal(slerp(0 * vector, 0 * vector, SHARES), np.zeros((9, 2)))
