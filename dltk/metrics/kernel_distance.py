"""How far two sets of pictures are apart, by a kernel of their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_SUBSETS, _SIZE = 100, 1000  # of Bińkowski et al.
_ROWS = 1024  # kernels are worked out for so many vectors at a time


class KernelDistance(NamedTuple):
    """The mean over subsets, and how much these differ.

    Attributes:
        mean: unbiased, so it may be below 0 for sets that are alike.
        deviation: standard deviation over subsets.
    """

    mean: float
    deviation: float


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    *,
    subsets: int = _SUBSETS,
    size: int = _SIZE,
    seed: int = 0,
) -> KernelDistance:
    """Return the squared maximum mean discrepancy of two sets of vectors, by subsets of them.

    Bińkowski et al. 2018, "Demystifying MMD GANs", Sec. 4, https://arxiv.org/abs/1801.01401, with
    their kernel (x·y / D + 1)³. Of pictures' features in Inception it is KID. Other than FID it is
    right in the mean however few the pictures are.

    Args:
        first, second: float (N, D) and (M, D), two or more each.
        subsets: drawn of each set, seeded.
        size: vectors of a subset, without repeats; all of them where there are not as many.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if min(len(first), len(second)) < 2:
        raise ValueError(f"needs two vectors of each set. Received: {len(first)} and {len(second)}")
    size = min(size, len(first), len(second))
    if size == len(first) == len(second):
        subsets = 1  # they would all be the same
    random = np.random.default_rng(seed)
    chosen = [
        [random.choice(len(vectors), size, replace=False) for vectors in (first, second)]
        for _ in range(subsets)
    ]
    if max(len(first), len(second)) ** 2 < subsets * size**2:  # a pair is in several subsets
        found = _of_subsets(first, second, chosen)
    else:
        found = [squared_discrepancy(first[one], second[other]) for one, other in chosen]
    return KernelDistance(float(np.mean(found)), float(np.std(found)))


def squared_discrepancy(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased estimate of MMD² of two sets of vectors, float64 (N, D) and (M, D).

    Gretton et al. 2012, "A Kernel Two-Sample Test", Eq. 3: no vector is compared with itself.
    """
    count, other = len(first), len(second)
    within = _kernel(first, first), _kernel(second, second)
    alike = [(each.sum() - np.trace(each)) for each in within]
    between = _kernel(first, second).mean()
    return float(alike[0] / (count * (count - 1)) + alike[1] / (other * (other - 1)) - 2 * between)


def _of_subsets(
    first: np.ndarray, second: np.ndarray, chosen: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Return what `squared_discrepancy` gives of each pair of subsets, (subsets,).

    The kernel of two vectors is worked out once, in however many subsets they are.

    Args:
        chosen: rows of both sets, equally many, for each pair.
    """
    size = len(chosen[0][0])
    members = [
        _membership(rows, len(vectors))
        for rows, vectors in zip(zip(*chosen, strict=True), (first, second), strict=True)
    ]
    alike = 0
    for vectors, member in zip((first, second), members, strict=True):
        own = ((vectors**2).sum(axis=1) / vectors.shape[1] + 1) ** 3
        alike += _sums(vectors, vectors, member, member) - member @ own
    return alike / (size * (size - 1)) - 2 * _sums(first, second, *members) / size**2


def _membership(subsets: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return float64 (subsets, count), 1 for the rows of each subset, else 0."""
    member = np.zeros((len(subsets), count))
    for row, subset in zip(member, subsets, strict=True):
        row[subset] = 1
    return member


def _sums(
    first: np.ndarray, second: np.ndarray, of_first: np.ndarray, of_second: np.ndarray
) -> np.ndarray:
    """Return the sum of the kernels of all members of each pair of subsets, (subsets,)."""
    total = 0
    for at in range(0, len(first), _ROWS):
        rows = slice(at, at + _ROWS)
        total += ((of_first[:, rows] @ _kernel(first[rows], second)) * of_second).sum(axis=1)
    return total


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3
