"""How good a classifier's probabilities are: accuracies, confusions, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltk.errors import DltkError, UsageError

CALIBRATION_BINS = 15  # as Guo et al. 2017
_LEAST_PROBABILITY = 1e-7  # Keras's epsilon: a log loss ends at 16.1, like the loss in training


def top_k_accuracy(probabilities: np.ndarray, labels: np.ndarray, k: int = 1) -> float:
    """Return the share of examples whose class is among the `k` most probable ones, 0-1.

    Classes of equal probability are in the order of the outputs, as `argmax` takes them, so that
    the top-1 accuracy is the share of the diagonal of `confusion_matrix`. With `k` at or above
    the number of classes it is 1.

    Args:
        probabilities: float (N, K).
        labels: int (N,).
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    before = (probabilities > own) | ((probabilities == own) & earlier)
    return float(np.mean(before.sum(axis=1) < k))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative logarithm of the probability given to the true class, in nats.

    Args:
        probabilities: float (N, K); those below 1e-7 count as 1e-7.
        labels: int (N,).
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1).astype(np.float64)
    return float(np.abs(np.log(np.clip(own, _LEAST_PROBABILITY, 1))).mean())  # -log 1 is -0.0


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, count: int) -> np.ndarray:
    """Return how often each class was taken for each: int64 (K, K), a row for each true class.

    Args:
        labels, predictions: int (N,), from 0 to `count` - 1.
        count: K.
    """
    cells = np.asarray(labels, np.int64) * count + np.asarray(predictions, np.int64)
    return np.bincount(cells, minlength=count * count).reshape(count, count)


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of each class, float64 (K,) each, 0-1.

    What has nothing to be a share of is 0: the precision of a class that was never predicted, and
    the recall of one that has no examples.

    Args:
        confusion: int (K, K), a row for each true class.
    """
    hits = np.diagonal(confusion).astype(np.float64)
    predicted, actual = confusion.sum(axis=0), confusion.sum(axis=1)
    return (
        hits / np.maximum(predicted, 1),
        hits / np.maximum(actual, 1),
        2 * hits / np.maximum(predicted + actual, 1),
    )


@dataclass(frozen=True, eq=False)
class Calibration:
    """How sure a classifier is and how often it is right, by how sure it is (M bins).

    Attributes:
        edges: float64 (M + 1,), of the bins, from 0 to 1; a bin holds its upper edge.
        counts: int64 (M,), examples whose top probability lies in the bin.
        confidence: float64 (M,), mean top probability; 0 where there are none.
        accuracy: float64 (M,), share of right predictions; 0 where there are none.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, 0-1 (Guo et al. 2017, Sec. 2, Eq. 3)."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / self.counts.sum())

    def to_dict(self) -> list[dict]:
        """Return the bins that hold examples, ready for JSON."""
        return [
            {
                "from": _rounded(self.edges[index]),
                "to": _rounded(self.edges[index + 1]),
                "examples": int(self.counts[index]),
                "confidence": _rounded(self.confidence[index]),
                "accuracy": _rounded(self.accuracy[index]),
            }
            for index in np.flatnonzero(self.counts)
        ]


def calibration(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS
) -> Calibration:
    """Sort examples into `bins` bins of equal width by their top probability.

    Args:
        probabilities: float (N, K), 0-1.
        labels: int (N,).
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    which = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(which, minlength=bins)
    share = np.maximum(counts, 1)
    return Calibration(
        np.linspace(0, 1, bins + 1),
        counts,
        np.bincount(which, sure, minlength=bins) / share,
        np.bincount(which, right, minlength=bins) / share,
    )


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """How good a classifier is on N examples. Shares and probabilities are 0-1.

    Of a network's classes, `classes` has those that occur, as truth or as prediction (R of them):
    few of a thousand, where a network of ImageNet is measured on cats and dogs. Means over classes
    are over those that have examples.

    Attributes:
        examples: N.
        outputs: K, classes that the network can tell.
        top1, top5: share of examples whose class is the most probable, or among the first five.
        loss: log loss in nats.
        macro_precision, macro_recall, macro_f1: means over the classes with examples.
        classes: names of the classes that occur, in the order of the outputs.
        confusion: int64 (R, R), a row for each true class.
        precision, recall, f1: float64 (R,), see `precision_recall_f1`.
        support: int64 (R,), examples of each class.
        calibration: how sure it was, and how often right.
    """

    examples: int
    outputs: int
    top1: float
    top5: float
    loss: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: tuple[str, ...]
    confusion: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    calibration: Calibration

    @property
    def ece(self) -> float:
        """The expected calibration error."""
        return self.calibration.error

    def most_confused(self, count: int) -> list[tuple[str, str, int]]:
        """Return (true class, predicted class, how often) of the commonest mistakes, commonest
        first and at most `count`; ties are in the order of the classes."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        cells = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [
            (self.classes[row], self.classes[column], int(wrong[row, column]))
            for row, column in cells
            if wrong[row, column]
        ]

    def per_class(self) -> dict[str, dict]:
        """Return precision, recall, F1 and support by name, of the classes with examples."""
        return {
            self.classes[index]: {
                "precision": _rounded(self.precision[index]),
                "recall": _rounded(self.recall[index]),
                "f1": _rounded(self.f1[index]),
                "support": int(self.support[index]),
            }
            for index in np.flatnonzero(self.support)
        }

    def to_dict(self) -> dict:
        """Return the report, ready for JSON.

        "confusion" has the cells that are not 0: {true class: {predicted class: how often}}.
        """
        totals = ("top1", "top5", "loss", "ece", "macro_precision", "macro_recall", "macro_f1")
        return {
            "examples": self.examples,
            **{name: _rounded(getattr(self, name)) for name in totals},
            "classes": self.per_class(),
            "confusion": {
                self.classes[row]: {
                    self.classes[column]: int(self.confusion[row, column])
                    for column in np.flatnonzero(self.confusion[row])
                }
                for row in np.flatnonzero(self.support)
            },
            "calibration": self.calibration.to_dict(),
        }


def measure(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> ClassificationReport:
    """Measure a classifier's probabilities against the truth.

    Args:
        probabilities: float (N, K).
        labels: int (N,), indices into `classes`.
        classes: K names, all different.
    Raises:
        UsageError: there are no examples.
        DltkError: outputs that are not finite, as of a network whose training diverged.
        ValueError: shapes that do not fit, labels out of range, a name twice.
    """
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    _check(probabilities, labels, classes)
    predictions = probabilities.argmax(axis=1)
    occur, places = np.unique(np.concatenate([labels, predictions]), return_inverse=True)
    confusion = confusion_matrix(places[: len(labels)], places[len(labels) :], len(occur))
    scores = precision_recall_f1(confusion)
    support = confusion.sum(axis=1)
    macro = [float(score[support > 0].mean()) for score in scores]
    return ClassificationReport(
        examples=len(labels),
        outputs=len(classes),
        top1=top_k_accuracy(probabilities, labels, 1),
        top5=top_k_accuracy(probabilities, labels, 5),
        loss=log_loss(probabilities, labels),
        macro_precision=macro[0],
        macro_recall=macro[1],
        macro_f1=macro[2],
        classes=tuple(classes[index] for index in occur),
        confusion=confusion,
        precision=scores[0],
        recall=scores[1],
        f1=scores[2],
        support=support,
        calibration=calibration(probabilities, labels),
    )


def _check(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    if probabilities.shape != (len(labels), len(classes)):
        raise ValueError(
            "probabilities must be (examples, classes). Received: "
            f"probabilities.shape={probabilities.shape}, {len(labels)} labels, "
            f"{len(classes)} classes"
        )
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes must be all different. Received: classes={tuple(classes)}")
    if not len(labels):
        raise UsageError("there are no examples to measure on")
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < len(classes):
        raise ValueError(f"labels must be indices into classes. Received: labels={labels}")
    broken = len(labels) - int(np.isfinite(probabilities).all(axis=1).sum())
    if broken:
        raise DltkError(
            f"the network gives no finite probabilities for {broken} of {len(labels)} examples; "
            "its training may have diverged"
        )


def _rounded(value: float) -> float:
    """Return `value` with the digits that mean something."""
    return round(float(value), 6)
