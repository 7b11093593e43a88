"""Whether made pictures look like real ones, and whether all real ones have their like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dltk.ops.similarity import distances

NEIGHBOURS = 3  # of Kynkäänniemi et al.
_ROWS = 1024  # distances are worked out for so many vectors at a time


class Coverage(NamedTuple):
    """How two sets of pictures cover each other.

    Attributes:
        precision: share of made pictures that are near real ones, 0-1.
        recall: share of real pictures that are near made ones, 0-1.
    """

    precision: float
    recall: float


def coverage(real: np.ndarray, made: np.ndarray, *, neighbours: int = NEIGHBOURS) -> Coverage:
    """Return precision and recall of made pictures.

    Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative
    Models", Sec. 2, https://arxiv.org/abs/1904.06991: a vector is near a set if it lies in the ball
    about one of its vectors, up to that one's nearest neighbours.

    Args:
        real, made: float (N, D) and (M, D), features of the pictures.
        neighbours: how far a ball reaches: to the so-manieth other vector of its set.
    Raises:
        ValueError: a set has no more vectors than that.
    """
    for vectors in (real, made):
        if len(vectors) <= neighbours:
            raise ValueError(
                f"needs more vectors than neighbours={neighbours}. Received: {len(vectors)}"
            )
    return Coverage(_near(made, real, neighbours), _near(real, made, neighbours))


def _near(vectors: np.ndarray, others: np.ndarray, neighbours: int) -> float:
    """Return the share of vectors that lie in the ball about one of the others."""
    reach = np.concatenate(
        [
            np.partition(distances(rows, others, "l2"), neighbours, axis=1)[:, neighbours]
            for rows in _blocks(others)  # the nearest is the vector itself
        ]
    )
    within = [(distances(rows, others, "l2") <= reach).any(axis=1) for rows in _blocks(vectors)]
    return float(np.concatenate(within).mean())


def _blocks(vectors: np.ndarray):
    return (vectors[at : at + _ROWS] for at in range(0, len(vectors), _ROWS))
