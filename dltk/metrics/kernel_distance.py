"""How far two sets of pictures are apart, by a kernel of their features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_SUBSETS, _SIZE = 100, 1000  # of Bińkowski et al.


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
    found = [
        squared_discrepancy(
            first[random.choice(len(first), size, replace=False)],
            second[random.choice(len(second), size, replace=False)],
        )
        for _ in range(subsets)
    ]
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


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3
