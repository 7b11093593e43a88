"""How many objects some proposals of masks cover: average recall, as COCO has it.

Average recall is of Hosang et al. 2016, "What makes for effective detection proposals?",
https://arxiv.org/abs/1502.05082. Overlaps from 0.5 to 0.95, by run lengths, and the matching of
one to one are those of pycocotools with `useCats = 0`; the matching is done here, for all overlaps
and all numbers of proposals at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.errors import UsageError
from dltk.metrics._numbers import json_number

LIMITS = (10, 100, 1000)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class ProposalReport:
    """How much of the objects in N pictures their proposals cover. Shares are 0-1.

    Attributes:
        pictures: N.
        objects: objects in them.
        proposed: proposals in them.
        thresholds: float64 (T,), the overlaps that are asked for: 0.5, 0.55 … 0.95.
        recalls: float64 (T,) for each number of proposals a picture: the share of the objects
            that one of them overlaps by so much, each proposal counting for one object at most;
            NaN without objects.
    """

    pictures: int
    objects: int
    proposed: int
    thresholds: np.ndarray
    recalls: dict[int, np.ndarray]

    @property
    def average_recalls(self) -> dict[int, float]:
        """AR@N for each number N of proposals a picture: the mean of its recalls."""
        return {limit: float(recalls.mean()) for limit, recalls in self.recalls.items()}

    def to_dict(self) -> dict:
        """Return the report, ready for JSON: "ar10" is AR@10, "recall50_10" recall at 0.5."""
        averages = {f"ar{limit}": json_number(mean) for limit, mean in self.average_recalls.items()}
        loosest = {
            f"recall50_{limit}": json_number(each[0]) for limit, each in self.recalls.items()
        }
        return {
            "pictures": self.pictures,
            "objects": self.objects,
            "proposed": self.proposed,
            **averages,
            **loosest,
        }


def measure_proposals(
    truths: Iterable[Sequence[dict]],
    proposals: Iterable[Sequence[dict]],
    limits: Sequence[int] = LIMITS,
) -> ProposalReport:
    """Measure which objects are covered by the best proposals of their pictures.

    Args:
        truths: COCO's compressed run lengths of the objects in each picture, see
            `dltk.masks.run_lengths`. Crowds and other objects that do not count are to be left
            out: with or without them, what covers the others is the same.
        proposals: the same of its proposals, the best first.
        limits: how many of a picture's proposals count.
    Raises:
        UsageError: there are no pictures.
        ValueError: not as many pictures of the one as of the other.
    """
    from pycocotools.cocoeval import Params

    thresholds = Params("segm").iouThrs
    pictures = proposed = 0
    ranks = [np.zeros((len(thresholds), 0), np.int64)]
    for objects, suggestions in zip(truths, proposals, strict=True):
        pictures += 1
        proposed += len(suggestions)
        ranks.append(_ranks(objects, suggestions[: max(limits)], thresholds))
    if not pictures:
        raise UsageError("there are no pictures to measure on")
    found = np.concatenate(ranks, axis=1)
    count = found.shape[1]
    return ProposalReport(
        pictures=pictures,
        objects=count,
        proposed=proposed,
        thresholds=thresholds,
        recalls={
            limit: (found < limit).mean(axis=1) if count else np.full(len(thresholds), np.nan)
            for limit in limits
        },
    )


def _ranks(objects: Sequence[dict], proposals: Sequence[dict], thresholds: np.ndarray):
    """Return which of the proposals covers each object, int64 (T, G), a large number for none.

    Proposals take their turns, and each takes the object that it overlaps most of those that none
    took before, of equal ones the last. So what the first N take is the same whatever follows.
    """
    from pycocotools.mask import iou

    thresholds = np.minimum(thresholds, 1 - 1e-10)[:, None]  # as COCO does
    ranks = np.full((len(thresholds), len(objects)), _NEVER, np.int64)
    if not len(objects) or not len(proposals):
        return ranks
    overlaps = iou(list(proposals), list(objects), [0] * len(objects))
    for rank in np.flatnonzero(overlaps.max(axis=1) >= thresholds.min()):
        free = np.where((ranks == _NEVER) & (overlaps[rank] >= thresholds), overlaps[rank], -1)
        best = free.shape[1] - 1 - free[:, ::-1].argmax(axis=1)
        takes = np.flatnonzero(free[np.arange(len(free)), best] >= 0)
        ranks[takes, best[takes]] = rank
    return ranks
