"""How good a generator is, by the features of its pictures and of real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dltk.metrics.frechet import Gaussian, distance_of_few, fitted, frechet_distance
from dltk.metrics.kernel_distance import kernel_distance
from dltk.metrics.manifold import NEIGHBOURS, coverage
from dltk.ops.similarity import nearest_rows

LEAST = 2 * (NEIGHBOURS + 1)  # pictures, of which each half has neighbours enough
_MUCH_CLOSER = 0.75  # of pairs; 0.5 is as far as pictures that were not trained on
_CLOSE = 0.5  # of how far other real pictures are


@dataclass(frozen=True)
class Likeness:
    """How like real pictures some others are.

    Attributes:
        fid: see `dltk.metrics.frechet`; 0 or more, smaller is better.
        kid, kid_deviation: see `dltk.metrics.kernel_distance`; smaller is better, 0 is alike.
        precision, recall: see `dltk.metrics.manifold`, 0-1.
        count: of the others, such as made ones.
        real: count of the real ones.
    """

    fid: float
    kid: float
    kid_deviation: float
    precision: float
    recall: float
    count: int
    real: int

    def to_dict(self, features: str) -> dict:
        """Return the measures, ready for JSON; FID and KID by names that say which they are.

        Args:
            features: what follows these two, such as "-lite0".
        """
        return {
            f"FID{features}": self.fid,
            f"KID{features}": self.kid,
            f"KID{features}_deviation": self.kid_deviation,
            "precision": self.precision,
            "recall": self.recall,
            "pictures": self.count,
            "real": self.real,
        }


class Reference:
    """Real pictures' features, to measure others against.

    Args:
        vectors: float (N, D), more than NEIGHBOURS of them.
    """

    def __init__(self, vectors: np.ndarray):
        self.vectors = np.asarray(vectors, np.float32)

    @cached_property
    def _gaussian(self) -> Gaussian:
        return fitted(self.vectors)

    def _frechet_distance(self, others: np.ndarray) -> float:
        if min(len(self.vectors), len(others)) < self.vectors.shape[1] / 2:
            return distance_of_few(self.vectors, others)
        return frechet_distance(self._gaussian, fitted(others))

    def likeness(self, others: np.ndarray) -> Likeness:
        """Return how like these some others are.

        Args:
            others: float (M, D), more than NEIGHBOURS of them too.
        Raises:
            ValueError: there are fewer.
        """
        kernel = kernel_distance(self.vectors, others)
        covered = coverage(self.vectors, others)
        return Likeness(
            self._frechet_distance(others),
            kernel.mean,
            kernel.deviation,
            covered.precision,
            covered.recall,
            len(others),
            len(self.vectors),
        )

    def halves(self, seed: int = 0) -> Likeness:
        """Return how like one half of these the other is: about what there is to reach.

        Of half as many pictures FID comes out higher: others that are as good as real ones get
        below it. These are to be LEAST or more.
        """
        order = np.random.default_rng(seed).permutation(len(self.vectors))
        first, second = np.array_split(self.vectors[order], 2)
        return Reference(first).likeness(second)


@dataclass(frozen=True, eq=False)
class Copying:
    """How near made pictures are to those trained on, beside real ones that were not.

    Meehan et al. 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models", Sec. 3,
    https://arxiv.org/abs/2004.05675, without their division into regions. Where they give the
    standard score of the Mann-Whitney statistic, `closer` is that statistic as a share of all
    pairs, which does not grow with the number of pictures.

    Attributes:
        rows: int64 (N, K), the nearest known pictures of each made one, the nearest first.
        distances: float32 (N, K), Euclid's.
        held: float32 (M,), how far other real pictures are from their nearest known one.
        known: how many pictures were searched.
    """

    rows: np.ndarray
    distances: np.ndarray
    held: np.ndarray
    known: int

    @property
    def made_median(self) -> float:
        """Of the distances of made pictures from their nearest known ones."""
        return float(np.median(self.distances[:, 0]))

    @property
    def held_median(self) -> float:
        """The same of other real pictures."""
        return float(np.median(self.held))

    @property
    def closer(self) -> float:
        """How often a made picture is nearer to known ones than another real one is, 0-1.

        0.5 is as near as real pictures are; 1 is copied.
        """
        held, made = np.sort(self.held), self.distances[:, 0]
        beyond = len(held) - np.searchsorted(held, made, "right")
        tied = np.searchsorted(held, made, "right") - np.searchsorted(held, made, "left")
        return float((beyond + tied / 2).mean() / len(held))

    @property
    def copies(self) -> bool:
        """Whether made pictures are much nearer to known ones than real pictures would be.

        Not only more often, but by much: what is like the mean of all is a little nearer to each.
        """
        near = self.made_median < _CLOSE * self.held_median
        return self.closer > _MUCH_CLOSER and near

    def to_dict(self) -> dict:
        """Return the medians and what follows from them, ready for JSON."""
        return {
            "searched": self.known,
            "nearest": self.made_median,
            "nearest_of_real": self.held_median,
            "closer": self.closer,
            "copies": self.copies,
        }


def copying(
    made: np.ndarray, known: np.ndarray, others: np.ndarray | None = None, *, count: int = 3
) -> Copying:
    """Return how near made pictures are to known ones.

    Args:
        made, known, others: features, float (N, D), (L, D) and (M, D). `others` are of real
            pictures that are not among the known ones; without them, each known picture is
            compared with all the others.
        count: of nearest pictures to tell.
    """
    rows, distances = nearest_rows(made, [known], count, "l2")
    if others is None:
        held = nearest_rows(known, [known], 2, "l2")[1][:, -1]  # the first is the picture itself
    else:
        held = nearest_rows(others, [known], 1, "l2")[1][:, 0]
    return Copying(rows, distances, held, len(known))
