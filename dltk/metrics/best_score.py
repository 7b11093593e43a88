"""The score at which a detector finds most and errs least."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dltk.metrics.matching import Pairs
from dltk.metrics.mistakes import IGNORED, RIGHT, Judgement, rounded_down


@dataclass(frozen=True)
class OperatingPoint:
    """How good detections of `score` or above are. NaN for what has no objects.

    Attributes:
        score: the least that counts; NaN also if no detection is right.
        precision: share of the detections that are right, 0-1.
        recall: share of the objects that are found, 0-1.
        f1: harmonic mean of the two, 0-1.
    """

    score: float
    precision: float
    recall: float
    f1: float

    def to_dict(self) -> dict:
        """Return the four, ready for JSON: None for NaN, and the score rounded down."""
        score = None if math.isnan(self.score) else rounded_down(self.score)
        shares = {
            name: None if math.isnan(value := getattr(self, name)) else round(value, 6)
            for name in ("precision", "recall", "f1")
        }
        return {"score": score, **shares}


def best_point(pairs: Pairs, judged: Judgement, label: int | None = None) -> OperatingPoint:
    """Return where F1 is highest, of one class or of all; of equal ones, at the highest score.

    Detections of equal score come in together or not at all.
    """
    own, objects = judged.outcomes != IGNORED, judged.counts
    if label is not None:
        own, objects = own & (pairs.labels == label), objects & (pairs.object_labels == label)
    count = np.count_nonzero(objects)
    if not count:
        return OperatingPoint(math.nan, math.nan, math.nan, math.nan)
    order = np.flatnonzero(own)
    order = order[np.argsort(-pairs.scores[order], kind="stable")]
    scores, hits = pairs.scores[order], np.cumsum(judged.outcomes[order] == RIGHT)
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True)[: len(scores)])  # of equal scores
    if not hits.any():
        return OperatingPoint(math.nan, 0.0, 0.0, 0.0)
    f1 = 2 * hits[last] / (last + 1 + count)
    at = last[f1.argmax()]
    precision, recall = hits[at] / (at + 1), hits[at] / count
    return OperatingPoint(float(scores[at]), float(precision), float(recall), float(f1.max()))
