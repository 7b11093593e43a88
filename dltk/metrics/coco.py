"""COCO's measures of detection: its definitions and averages are those of pycocotools.

Only the matching is ours (`dltk.metrics.matching`), by the same rule: that of pycocotools looks
at every pair of boxes from Python, two minutes for 5,000 pictures.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np

from dltk.metrics.matching import Pairs, match

LIMITS = (1, 10, 100)  # detections of a class in a picture, the surest, that count
SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e5**2)}
_ALL = (0.0, 1e5**2)


@dataclass(frozen=True, eq=False)
class CocoMeasures:
    """Average precisions and recalls of R classes, 0-1; NaN for what has no objects.

    Attributes:
        thresholds: float64 (T,), the overlaps that are asked for: 0.5, 0.55 … 0.95.
        recalls: float64 (S,), at which precision is taken: 0, 0.01 … 1.
        precision: float64 (T, S, R), the highest at that recall or above, in all sizes; 0 for a
            recall that is never reached.
        recall: float64 (T, R), of all sizes, with 100 detections of a class in a picture.
        recall_of: recall float64 (T, R) with fewer detections, by their number.
        objects_by_size: int64 (R,) for the name of each size.
        precision_by_size: float64 (T, S, R) for the name of each size.
        recall_by_size: float64 (T, R) for the name of each size.
    """

    thresholds: np.ndarray
    recalls: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    recall_of: dict[int, np.ndarray]
    objects_by_size: dict[str, np.ndarray]
    precision_by_size: dict[str, np.ndarray]
    recall_by_size: dict[str, np.ndarray]


def coco_measures(
    pairs: Pairs, occur: np.ndarray, *, sizes: Mapping[str, tuple[float, float]] | None = None
) -> CocoMeasures:
    """Return COCO's measures of boxes.

    Args:
        occur: int64 (R,), the classes to measure.
        sizes: names and ranges of area in square pixels, both ends included; without it, COCO's:
            small up to 32², medium to 96², large.
    """
    from pycocotools.cocoeval import Params

    thresholds, recalls = Params("bbox").iouThrs, Params("bbox").recThrs
    sizes = SIZES if sizes is None else sizes
    matched = _matched(pairs, occur, thresholds, _ALL)
    precision, recall = _averaged(matched, LIMITS[-1])
    by_size = {name: _matched(pairs, occur, thresholds, limits) for name, limits in sizes.items()}
    averaged = {name: _averaged(each, LIMITS[-1]) for name, each in by_size.items()}
    return CocoMeasures(
        thresholds=thresholds,
        recalls=recalls,
        precision=precision,
        recall=recall,
        recall_of={limit: _averaged(matched, limit)[1] for limit in LIMITS[:-1]},
        objects_by_size={
            name: np.array([np.count_nonzero(~one["gtIgnore"]) for one in each], np.int64)
            for name, each in by_size.items()
        },
        precision_by_size={name: each[0] for name, each in averaged.items()},
        recall_by_size={name: each[1] for name, each in averaged.items()},
    )


def _matched(
    pairs: Pairs, occur: np.ndarray, thresholds: np.ndarray, limits: tuple[float, float]
) -> list[dict]:
    """Return for each class what pycocotools notes of a picture, of all pictures as one.

    Objects of another size are ignored, and detections that find them; and so are detections of
    another size that find nothing.
    """

    def outside(areas: np.ndarray) -> np.ndarray:
        return (areas < limits[0]) | (areas > limits[1])

    ignored = pairs.ignored | outside(pairs.object_areas)
    finds = match(pairs, thresholds, ignored)
    hits = finds >= 0
    beside = np.where(hits, np.append(ignored, False)[finds], outside(pairs.areas))
    parts = []
    for label in occur:
        first, last = np.searchsorted(pairs.labels, [label, label + 1])  # sorted by class
        part = slice(first, last)
        parts.append(
            {
                "dtScores": pairs.scores[part],
                "dtMatches": hits[:, part],
                "dtIgnore": beside[:, part],
                "gtIgnore": ignored[pairs.object_labels == label],
                "ranks": pairs.ranks[part],
            }
        )
    return parts


def _averaged(matched: list[dict], limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return precision (T, S, R) and recall (T, R) as pycocotools has them, NaN for its -1."""
    from pycocotools.cocoeval import COCOeval

    evaluation = COCOeval(iouType="bbox")
    params = evaluation.params
    params.imgIds, params.catIds = [0], list(range(len(matched)))
    params.areaRng, params.maxDets = [_ALL], [max((len(m["ranks"]) for m in matched), default=0)]
    evaluation._paramsEval = params
    evaluation.evalImgs = [_limited(each, limit) for each in matched]
    with redirect_stdout(io.StringIO()):  # it tells of its progress there, where results go
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, 0]
    recall = evaluation.eval["recall"][..., 0, 0]
    return np.where(precision < 0, np.nan, precision), np.where(recall < 0, np.nan, recall)


def _limited(matched: dict, limit: int) -> dict:
    """Return what was noted, of the `limit` surest detections of each picture."""
    kept = matched["ranks"] < limit
    return {
        "dtScores": matched["dtScores"][kept],
        "dtMatches": matched["dtMatches"][:, kept],
        "dtIgnore": matched["dtIgnore"][:, kept],
        "gtIgnore": matched["gtIgnore"],
    }
