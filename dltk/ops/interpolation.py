"""Ways from one vector to another. Plain NumPy."""

from __future__ import annotations

import numpy as np

_NOTHING = 1e-9  # of a unit vector: what is left is rounding, and has no direction


def slerp(first: np.ndarray, second: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return vectors on the way from `first` to `second`: spherical linear interpolation.

    White 2016, "Sampling Generative Networks", Sec. 2.1, https://arxiv.org/abs/1609.04468. In many
    dimensions noise lies near a sphere, and the straight way leads through its inside, where there
    is none. As noise is only near the sphere, its direction goes along the great circle, and its
    length by itself, linearly; the paper's formula takes both vectors as they are, and is the same
    where they are equally long.

    Equal directions stay as they are. Opposite ones, between which all great circles are equally
    short, go by way of the axis that `first` has least of; in one dimension they go through zero.
    A vector of zeros has the other one's direction.

    Args:
        first, second: float (Z,), finite.
        shares: float (F,), 0 for `first` to 1 for `second`.
    Returns:
        (F, Z), of the vectors' floating type; `first` and `second` themselves at 0 and 1.
    """
    kind = np.result_type(first, second, np.float32)
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    shares = np.asarray(shares, np.float64)[:, None]
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    start, end = _directions(first, second, *lengths)
    # The angle by its half, exact also where it is near 0 or a half turn: its cosine is not.
    angle = 2 * np.arctan2(np.linalg.norm(end - start), np.linalg.norm(end + start))
    directions = np.cos(shares * angle) * start + np.sin(shares * angle) * _aside(start, end)
    path = ((1 - shares) * lengths[0] + shares * lengths[1]) * directions
    path = np.where(shares == 0, first, np.where(shares == 1, second, path))
    return path.astype(kind)


def _directions(first, second, length: float, other_length: float):
    """Return both as unit vectors; one of zeros as the other."""
    start = first / (length or 1)
    end = second / other_length if other_length else start
    return (start if length else end), end


def _aside(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the unit vector at a right angle to `start` on the side of `end`; zeros for none."""
    axis = np.zeros_like(start)
    axis[np.argmin(np.abs(start))] = 1
    for towards in (end, axis):
        aside = towards - (towards @ start) * start
        length = np.linalg.norm(aside)
        if length > _NOTHING:
            aside = aside / length
            aside -= (aside @ start) * start  # again, as little was left of it
            return aside / np.linalg.norm(aside)
    return np.zeros_like(start)
