"""What becomes of detections and objects, one by one, and what goes wrong.

The kinds of mistakes are those of Bolya et al. 2020, "TIDE: A General Toolbox for Identifying
Object Detection Errors", Sec. 2.2, https://arxiv.org/abs/2008.08115, simplified: what a false
detection is hangs on the one object that it overlaps most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from dltk.metrics.matching import LEAST_OVERLAP, Pairs, match, pair_up
from dltk.objects import Detections, Objects

OVERLAP = 0.5  # of a detection that finds an object
OUTCOMES = (
    "right",
    "wrong class",
    "misplaced",
    "wrong class, misplaced",
    "duplicate",
    "background",
    "ignored",
)
RIGHT, WRONG_CLASS, MISPLACED, BOTH, DUPLICATE, BACKGROUND, IGNORED = range(len(OUTCOMES))


@dataclass(frozen=True, eq=False)
class Judgement:
    """What became of N detections and M objects, of one picture or of many.

    A detection finds an object of its class by an intersection over union of 0.5 at least, as by
    COCO's rule (`dltk.metrics.matching.match`). One that finds none is, by the object that it
    overlaps most:

    - "wrong class": by 0.5 or more, and the object is of another class;
    - "misplaced": by 0.1 or more, and the object is of its class;
    - "wrong class, misplaced": by 0.1 or more, and the object is of another class;
    - "duplicate": by 0.5 or more, of its class, but a surer one has found it;
    - "background": it overlaps none by 0.1;
    - "ignored", which is no mistake: it finds an object that does not count.

    None of this hangs on which score is enough, since only surer detections bear on it.

    Attributes:
        outcomes: int64 (N,), indices into OUTCOMES.
        objects: int64 (N,), the object that each finds or, if none, overlaps most; -1 for none.
        found_at: float64 (M,), the score at which each object is found; NaN for never.
        counts: bool (M,), the objects that are not ignored.
    """

    outcomes: np.ndarray
    objects: np.ndarray
    found_at: np.ndarray
    counts: np.ndarray

    def missed(self, score: float = 0.0) -> np.ndarray:
        """Return the objects that count and that no detection of `score` finds, bool (M,)."""
        return self.counts & ~(self.found_at >= score)


def judge(truth: Sequence[Objects], found: Sequence[Detections]) -> list[Judgement]:
    """Return what became of each picture's detections and objects, in their own order.

    Args:
        truth: of each picture.
        found: of each picture, in the same order.
    """
    if not len(truth):
        return []
    pairs = pair_up(truth, found)
    whole = judge_pairs(pairs)
    order = np.lexsort((pairs.places, pairs.pictures))
    detections = np.cumsum([len(each) for each in found])[:-1]
    objects = np.cumsum([0, *(len(each) for each in truth)])
    named = whole.objects[order]
    named = np.where(named < 0, -1, named - objects[pairs.pictures[order]])
    return [
        Judgement(*parts)
        for parts in zip(
            np.split(whole.outcomes[order], detections),
            np.split(named, detections),
            np.split(whole.found_at, objects[1:-1]),
            np.split(whole.counts, objects[1:-1]),
            strict=True,
        )
    ]


def judge_pairs(pairs: Pairs) -> Judgement:
    """Return what became of all detections and objects of `pairs`, in their order there."""
    finds = match(pairs, [OVERLAP])[0]
    objects, ious = _most_overlapped(pairs)
    own = pairs.labels == np.append(pairs.object_labels, -1)[objects]
    outcomes = np.select(
        [objects < 0, own & (ious >= OVERLAP), own, ious >= OVERLAP],
        [BACKGROUND, DUPLICATE, MISPLACED, WRONG_CLASS],
        BOTH,
    )
    hits = finds >= 0
    outcomes[hits] = np.where(pairs.ignored[finds[hits]], IGNORED, RIGHT)
    found_at = np.full(len(pairs.ignored), np.nan)
    right = outcomes == RIGHT
    found_at[finds[right]] = pairs.scores[right]
    return Judgement(outcomes, np.where(hits, finds, objects), found_at, ~pairs.ignored)


@dataclass(frozen=True, eq=False)
class Mistakes:
    """How often what goes wrong, by class (R), among detections of `score` or above.

    Attributes:
        score: the least that counts.
        outcomes: int64 (R, 7), detections of each class, by OUTCOMES.
        missed: int64 (R,), objects of each class that no such detection finds.
        taken_for: int64 (R, R), detections of "wrong class", a row for each true class.
    """

    score: float
    outcomes: np.ndarray
    missed: np.ndarray
    taken_for: np.ndarray

    def to_dict(self) -> dict:
        """Return the totals, ready for JSON."""
        totals = self.outcomes.sum(axis=0).tolist()
        names = (name.replace(", ", "_").replace(" ", "_") for name in OUTCOMES)
        counts = dict(zip(names, totals, strict=True))
        return {"score": rounded_down(self.score), **counts, "missed": int(self.missed.sum())}


def count_mistakes(pairs: Pairs, judged: Judgement, occur: np.ndarray, score: float) -> Mistakes:
    """Count what `judge_pairs` says of the detections of `score` or above.

    Args:
        occur: int64 (R,), the classes, rising; all that occur.
    """
    size = len(occur)
    labels, object_labels = (
        np.searchsorted(occur, each) for each in (pairs.labels, pairs.object_labels)
    )
    sure = pairs.scores >= score
    cells = labels[sure] * len(OUTCOMES) + judged.outcomes[sure]
    outcomes = np.bincount(cells, minlength=size * len(OUTCOMES))
    wrong = sure & (judged.outcomes == WRONG_CLASS)
    cells = object_labels[judged.objects[wrong]] * size + labels[wrong]
    return Mistakes(
        score=score,
        outcomes=outcomes.reshape(size, len(OUTCOMES)),
        missed=np.bincount(object_labels[judged.missed(score)], minlength=size),
        taken_for=np.bincount(cells, minlength=size * size).reshape(size, size),
    )


def rounded_down(score: float) -> float:
    """Return a float32 score with six decimals, none of which is above its own."""
    return float(Decimal(str(np.float32(score))).quantize(Decimal("1e-6"), ROUND_FLOOR))


def _most_overlapped(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return the object that counts and that each detection overlaps most, and by how much.

    Of two that it overlaps as much, that of its own class; -1 and 0 where it overlaps none.
    """
    counted = np.flatnonzero(~pairs.ignored[pairs.objects] & (pairs.ious >= LEAST_OVERLAP))
    detections = pairs.detections[counted]
    own = pairs.same_class()[counted]
    order = counted[np.lexsort((own, pairs.ious[counted], detections))]
    objects = np.full(len(pairs.labels), -1, np.int64)
    ious = np.zeros(len(pairs.labels))
    objects[pairs.detections[order]] = pairs.objects[order]  # the last of each stays
    ious[pairs.detections[order]] = pairs.ious[order]
    return objects, ious
