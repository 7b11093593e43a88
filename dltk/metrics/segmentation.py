"""How good label maps are: the confusion of pixels, what follows from it, and boundaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.errors import UsageError
from dltk.masks import IGNORE
from dltk.metrics._numbers import json_number, known_mean
from dltk.metrics.boundary import boundary_scores
from dltk.metrics.classification import confusion_matrix


def pixel_confusion(truth: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Return how many pixels of each class were taken for each: int64 (K, K + 1).

    A row for each true class, a column for each that it was taken for, and a last one for pixels
    without an answer, which `found` has IGNORE for. In a square they would be left out, and who
    answers only where it is easy would be the best of all; in a column of their own they count
    among the pixels of their true class, and not among those of any class that was found: wrong,
    yet at no other class's expense.

    Args:
        truth, found: uint8 or another kind of int (H, W), label maps. Pixels that the truth
            ignores are left out.
        classes: K.
    Raises:
        ValueError: shapes that differ, or a class beyond `classes`.
    """
    truth, found = np.asarray(truth), np.asarray(found)
    if truth.shape != found.shape:
        raise ValueError(
            "truth and found must be of one shape. Received: "
            f"truth.shape={truth.shape}, found.shape={found.shape}"
        )
    counts = truth != IGNORE
    labels, answers = truth[counts].astype(np.int64), found[counts].astype(np.int64)
    answers[answers == IGNORE] = classes
    for name, values, most in (("truth", labels, classes - 1), ("found", answers, classes)):
        if len(values) and not 0 <= values.min() <= values.max() <= most:
            worst = int(values.min()) if values.min() < 0 else int(values.max())
            raise ValueError(
                f"{name} must hold indices into classes, or {IGNORE}. "
                f"Received: {worst}, and {classes} classes"
            )
    return confusion_matrix(labels, answers, classes + 1)[:classes]


@dataclass(frozen=True, eq=False)
class SegmentationReport:
    """How good a segmenter is on N pictures, all of whose pixels are counted together.

    Shares are 0-1. What has nothing to be a share of is NaN, None in `to_dict`, and means over
    classes are over the others: so a class that neither occurs nor is found has no part in
    anything, and one that is found though it never occurs has an IoU and a Dice of 0.

    Attributes:
        classes: K names.
        confusion: int64 (K, K + 1), the sum of `pixel_confusion` over the pictures.
        pictures: N.
        boundary: float64 (K,), the boundary F of each class, the mean over the pictures of which
            truth or found have it, see `dltk.metrics.boundary`; None if it was not measured.
        boundary_f: the mean over pictures of the mean over their classes; NaN likewise.
    """

    classes: tuple[str, ...]
    confusion: np.ndarray
    pictures: int
    boundary: np.ndarray | None = None
    boundary_f: float = math.nan

    @property
    def pixels(self) -> np.ndarray:
        """Pixels of each class, int64 (K,)."""
        return self.confusion.sum(axis=1)

    @property
    def found(self) -> np.ndarray:
        """Pixels that each class was found in, int64 (K,)."""
        return self.confusion[:, :-1].sum(axis=0)

    @property
    def unanswered(self) -> int:
        """Pixels without an answer."""
        return int(self.confusion[:, -1].sum())

    @property
    def recall(self) -> np.ndarray:
        """The share of each class's pixels that were found, float64 (K,): its accuracy."""
        return _shares(self._hits, self.pixels)

    @property
    def precision(self) -> np.ndarray:
        """The share of the pixels each class was found in that are of it, float64 (K,)."""
        return _shares(self._hits, self.found)

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each class, float64 (K,): the Jaccard index."""
        return _shares(self._hits, self.pixels + self.found - self._hits)

    @property
    def dice(self) -> np.ndarray:
        """Twice the intersection over the sum of both, float64 (K,): the F1."""
        return _shares(2 * self._hits, self.pixels + self.found)

    # The four of Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic
    # Segmentation", Sec. 5.

    @property
    def pixel_accuracy(self) -> float:
        """The share of all pixels that are right."""
        return float(_shares(self._hits.sum(), self.pixels.sum()))

    @property
    def mean_accuracy(self) -> float:
        """The mean of `recall`."""
        return known_mean(self.recall)

    @property
    def mean_iou(self) -> float:
        """The mean of `iou`."""
        return known_mean(self.iou)

    @property
    def frequency_weighted_iou(self) -> float:
        """The mean of `iou` in which each class counts by its pixels."""
        occur = self.pixels > 0
        return float(_shares((self.pixels * self.iou)[occur].sum(), self.pixels.sum()))

    @property
    def mean_dice(self) -> float:
        """The mean of `dice`."""
        return known_mean(self.dice)

    @property
    def _hits(self) -> np.ndarray:
        return np.diagonal(self.confusion)

    def most_confused(self, count: int) -> list[tuple[str, str, int]]:
        """Return (true class, class it was taken for, pixels) of the commonest mistakes, commonest
        first and at most `count`; ties are in the order of the classes."""
        wrong = self.confusion[:, :-1].copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        cells = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [
            (self.classes[row], self.classes[column], int(wrong[row, column]))
            for row, column in cells
            if wrong[row, column]
        ]

    def per_class(self) -> dict[str, dict]:
        """Return the measures by name, of the classes that occur or are found."""
        measures = {name: getattr(self, name) for name in ("iou", "dice", "precision", "recall")}
        if self.boundary is not None:
            measures["boundary_f"] = self.boundary
        pixels, found = self.pixels, self.found
        return {
            self.classes[index]: {
                **{name: json_number(values[index]) for name, values in measures.items()},
                "pixels": int(pixels[index]),
                "found": int(found[index]),
            }
            for index in np.flatnonzero(pixels + found)
        }

    def to_dict(self) -> dict:
        """Return the report, ready for JSON.

        "confusion" has the cells that are not 0: {true class: {class it was taken for: pixels}}.
        """
        totals = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")
        return {
            "pictures": self.pictures,
            "pixels": int(self.pixels.sum()),
            "unanswered": self.unanswered,
            **{
                name: json_number(getattr(self, name))
                for name in (*totals, "mean_dice", "boundary_f")
            },
            "classes": self.per_class(),
            "confusion": {
                self.classes[row]: {
                    self.classes[column]: int(self.confusion[row, column])
                    for column in np.flatnonzero(self.confusion[row, :-1])
                }
                for row in np.flatnonzero(self.pixels)
            },
        }


def measure_masks(
    truths: Iterable[np.ndarray],
    founds: Iterable[np.ndarray],
    classes: Sequence[str],
    *,
    boundaries: bool = True,
) -> SegmentationReport:
    """Measure label maps against the truth, one picture after the other.

    Args:
        truths: uint8 (H, W) of each picture.
        founds: the same, in the same order; each is asked for after its truth. IGNORE stands for
            no answer.
        classes: K names, all different; label maps have indices into them.
        boundaries: whether boundaries are measured too, which takes most of the time.
    Raises:
        UsageError: there are no pictures.
        ValueError: label maps that do not fit, classes out of range, a name twice.
    """
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes must be all different. Received: classes={tuple(classes)}")
    count, pictures = len(classes), 0
    confusion = np.zeros((count, count + 1), np.int64)
    sums, times, means = np.zeros(count), np.zeros(count, np.int64), []
    for truth, found in zip(truths, founds, strict=True):
        confusion += pixel_confusion(truth, found, count)
        pictures += 1
        if boundaries:
            scores = boundary_scores(np.asarray(truth), np.asarray(found), count)
            known = ~np.isnan(scores)
            sums[known] += scores[known]
            times += known
            means.append(known_mean(scores))
    if not pictures:
        raise UsageError("there are no pictures to measure on")
    boundary = _shares(sums, times) if boundaries else None
    return SegmentationReport(
        tuple(classes), confusion, pictures, boundary, known_mean(np.array(means, np.float64))
    )


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Return parts / wholes; NaN for a part of nothing."""
    parts = np.asarray(parts, np.float64)
    return np.divide(parts, wholes, out=np.full_like(parts, np.nan), where=wholes > 0)
