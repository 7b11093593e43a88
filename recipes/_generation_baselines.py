"""What a generator is to be better than: draws from a Gaussian of real pictures' pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltk.images import levels_of

_STEP = 64  # pictures at a time
_MOST_BYTES = 1 << 28  # of pictures that are kept to be fitted
_MOST = 2000


def most_fitted(picture_bytes: int) -> int:
    """Return how many pictures of so many bytes a Gaussian is fitted to, at most."""
    return min(_MOST, max(2, _MOST_BYTES // picture_bytes))


def gaussian_pictures(pixels: np.ndarray, count: int, *, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield draws from the Gaussian that fits some pictures' pixels, in batches of uint8.

    It has their mean and their covariance, of all pixels with each other: what there is to know
    of pictures by means of straight lines. A sum of the centred pictures, each times a normal
    number, over √(N - 1), has just that covariance, which is never written out.

    Args:
        pixels: uint8 (N, H, W, C), two or more.
        count: how many to draw.
        seed: of the numbers.
    """
    random = np.random.default_rng(seed)
    flat = pixels.reshape(len(pixels), -1)
    mean = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
    for at in range(0, count, _STEP):
        size = min(_STEP, count - at), len(flat)
        factors = random.standard_normal(size, np.float32) / np.sqrt(np.float32(len(flat) - 1))
        drawn = mean + sum(
            factors[:, start : start + _STEP] @ (flat[start : start + _STEP] - mean)
            for start in range(0, len(flat), _STEP)
        )
        yield levels_of(drawn).reshape(-1, *pixels.shape[1:])
