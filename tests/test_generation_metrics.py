"""Distances of sets of pictures, against closed forms and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from dltk.metrics.frechet import Gaussian, distance_of_few, fitted, frechet_distance
from dltk.metrics.kernel_distance import kernel_distance, squared_discrepancy
from dltk.metrics.manifold import coverage


def normal(count: int, size: int = 6, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, size)) @ random.normal(size=(size, size)) + 3


# Fréchet's


def test_of_gaussians_with_one_covariance_it_is_the_gap_of_the_means():
    covariance, mean = np.cov(normal(50).T), np.arange(6.0)
    distance = frechet_distance(Gaussian(mean, covariance), Gaussian(mean + 2, covariance))
    assert distance == pytest.approx(6 * 2**2)


def test_of_independent_features_it_is_the_closed_form():
    """|m|² + Σ (s - t)², s and t being standard deviations."""
    s, t = np.array([1.0, 2.0, 0.0]), np.array([3.0, 2.0, 4.0])
    first, second = Gaussian(np.zeros(3), np.diag(s**2)), Gaussian(np.ones(3), np.diag(t**2))
    assert frechet_distance(first, second) == pytest.approx(3 + ((s - t) ** 2).sum())
    assert frechet_distance(second, first) == pytest.approx(3 + ((s - t) ** 2).sum())


def test_it_is_the_formula_with_the_root_of_a_matrix():
    one, other = fitted(normal(40)), fitted(normal(30, seed=1))
    root = scipy.linalg.sqrtm(one.covariance @ other.covariance).real
    wanted = ((one.mean - other.mean) ** 2).sum()
    wanted += np.trace(one.covariance + other.covariance - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(wanted)


@pytest.mark.parametrize("count", [200, 4])  # 4 of 6 dimensions: a singular covariance
def test_a_set_is_at_no_distance_from_itself(count):
    vectors = normal(count).astype(np.float32)
    assert frechet_distance(fitted(vectors), fitted(vectors[::-1])) == pytest.approx(0, abs=1e-6)


def test_a_gaussian_has_mean_and_unbiased_covariance():
    mean, covariance = fitted([[0, 0], [2, 4]])
    assert mean.tolist() == [1, 2] and covariance.tolist() == [[2, 4], [4, 8]]
    with pytest.raises(ValueError, match="at least 2"):
        fitted(np.zeros((1, 3)))


@pytest.mark.parametrize("count", [2, 4, 50])
def test_of_few_vectors_it_is_the_same(count):
    first, second = normal(count), normal(7, seed=1) + 1
    expected = frechet_distance(fitted(first), fitted(second))
    assert distance_of_few(first, second) == pytest.approx(expected, rel=1e-6)
    assert distance_of_few(first, first[::-1]) == pytest.approx(0, abs=1e-9)


# By a kernel


def test_a_discrepancy_is_what_is_worked_out_by_hand():
    """One dimension: (xy + 1)³ of 0 and 1 is 1; of 1 and 2, 27; of 0 and 2, 1."""
    first, second = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    assert squared_discrepancy(first, second) == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)


def test_it_is_unbiased():
    """Of sets of one distribution it is 0 in the mean, however few vectors there are."""
    random = np.random.default_rng(0)
    found = [squared_discrepancy(*random.normal(size=(2, 5, 3))) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(0, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_subsets_are_seeded_and_tell_sets_apart():
    first, second, far = normal(300), normal(300, seed=0)[::-1], normal(300) + 2
    alike = kernel_distance(first, second, subsets=20, size=50)
    apart = kernel_distance(first, far, subsets=20, size=50)
    assert abs(alike.mean) < 3 * alike.deviation < apart.mean
    assert kernel_distance(first, far, subsets=20, size=50) == apart
    assert kernel_distance(first, far, subsets=20, size=50, seed=1) != apart
    whole = kernel_distance(first, far, size=1000)
    assert whole == (pytest.approx(squared_discrepancy(first, far)), 0)
    with pytest.raises(ValueError, match="two vectors of each set"):
        kernel_distance(first[:1], second)


def test_subsets_in_one_go_are_what_each_gives_by_itself():
    first, second = normal(300), normal(251) + 1
    random = np.random.default_rng(0)
    found = []
    for _ in range(20):
        rows = [random.choice(len(v), 100, replace=False) for v in (first, second)]
        found.append(squared_discrepancy(first[rows[0]], second[rows[1]]))
    distance = kernel_distance(first, second, subsets=20, size=100)
    assert distance == (pytest.approx(np.mean(found)), pytest.approx(np.std(found)))
    assert kernel_distance(first, second, subsets=1, size=100).mean == pytest.approx(found[0])


# Precision and recall


def test_balls_reach_to_the_nearest_neighbours():
    """Real ones at 0, 1, 3, 7, with one neighbour: balls of 1, 1, 2, 4; made ones at 2, 2.5, 20."""
    real, made = np.array([[0.0], [1], [3], [7]]), np.array([[2.0], [2.5], [20]])
    found = coverage(real, made, neighbours=1)
    # Balls about made ones: of 0.5, 0.5 and 17.5, which reaches down to 2.5.
    assert found == (pytest.approx(2 / 3), pytest.approx(2 / 4))


def test_a_set_covers_itself_and_nothing_far_away():
    vectors = normal(1500, size=4)  # more than are worked out at a time
    assert coverage(vectors, vectors) == (1, 1)
    assert coverage(vectors, vectors + 100) == (0, 0)
    side = vectors[vectors[:, 0] > vectors[:, 0].mean()]  # real ones, but not all that is
    precision, recall = coverage(vectors, side)
    assert precision == 1 and 0.5 <= recall < 0.8
    with pytest.raises(ValueError, match="more vectors than neighbours=3"):
        coverage(vectors, vectors[:3])
