"""The guided filter: numbers smoothed, or enlarged, along the edges of a picture, in NumPy.

He, Sun & Tang 2010, "Guided Image Filtering", https://doi.org/10.1007/978-3-642-15549-9_1: within
every window the result is a linear function of the guide, fitted to the signal, so that it has
edges where the guide has some, and nowhere else. The functions are smooth: found for a small
guide and enlarged, they can be applied to a large one (He & Sun 2015, "Fast Guided Filter",
https://arxiv.org/abs/1505.00996), which gives the signal at the size and with the edges of it.
"""

from __future__ import annotations

import numpy as np


class GuidedFilter:
    """Fits linear functions of a guide to signals of its size.

    Args:
        guide: float (h, w, C), of colours in 0-1.
        radius: of a window, which is 2 · radius + 1 places wide and high.
        eps: added to the guide's variance in every direction. Edges whose contrast is well
            below its root are smoothed, those well above are kept.
    """

    def __init__(self, guide: np.ndarray, radius: int, eps: float):
        self._guide = guide.astype(np.float64)
        self._radius = radius
        self._means = box_means(self._guide, radius)
        products = self._guide[..., :, None] * self._guide[..., None, :]
        variances = box_means(products, radius)
        variances -= self._means[..., :, None] * self._means[..., None, :]
        self._inverse = np.linalg.inv(variances + eps * np.eye(guide.shape[2]))

    def fit(self, signal: np.ndarray) -> np.ndarray:
        """Return the functions for a signal (h, w): float32 (h, w, C + 1).

        They are the slopes for each channel of the guide, and what is added; the means of those
        of all windows that a place lies in.
        """
        signal = signal.astype(np.float64)
        mean = box_means(signal, self._radius)
        covariances = box_means(self._guide * signal[..., None], self._radius)
        covariances -= self._means * mean[..., None]
        slopes = (self._inverse @ covariances[..., None])[..., 0]
        added = mean - (slopes * self._means).sum(axis=-1)
        functions = np.concatenate([slopes, added[..., None]], axis=-1)
        return box_means(functions, self._radius).astype(np.float32)


def applied(functions: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Return the values (h, w) that functions (h, w, C + 1) have for a guide (h, w, C)."""
    return np.einsum("hwc,hwc->hw", functions[..., :-1], guide) + functions[..., -1]


def box_means(values: np.ndarray, radius: int) -> np.ndarray:
    """Return the means of `values` (h, w, …) over windows around each place, as far as they lie
    inside; float64."""
    for axis in (0, 1):
        count = values.shape[axis]
        sums = np.cumsum(values, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis=axis)
        first = np.maximum(np.arange(count) - radius, 0)
        behind = np.minimum(np.arange(count) + radius + 1, count)
        sizes = (behind - first).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        values = (sums.take(behind, axis) - sums.take(first, axis)) / sizes
    return values


def enlarged_rows(values: np.ndarray, size: tuple[int, int], rows: range) -> np.ndarray:
    """Return some rows of `values` (h, w, C) enlarged to `size` (width, height), bilinearly.

    Made row by row, what is enlarged need never be in memory as a whole.

    Args:
        rows: those wanted, of the enlarged ones.
    """
    above, below, down = _neighbours(np.arange(rows.start, rows.stop), size[1], values.shape[0])
    left, right, across = _neighbours(np.arange(size[0]), size[0], values.shape[1])
    down, across = down[:, None, None], across[:, None]
    few = values[above] * (1 - down) + values[below] * down
    return few[:, left] * (1 - across) + few[:, right] * across


def _neighbours(places, length: int, count: int):
    """Return the two of `count` samples between which places along a side lie, and how far
    they are from the first, 0-1."""
    at = np.clip((places + 0.5) * (count / length) - 0.5, 0, count - 1)
    first = np.floor(at).astype(np.intp)
    return first, np.minimum(first + 1, count - 1), (at - first).astype(np.float32)
