"""How good a detector is: COCO's and VOC's measures, its best score, and what goes wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.errors import DltkError, UsageError
from dltk.metrics._numbers import json_number, known_mean
from dltk.metrics.best_score import OperatingPoint, best_point
from dltk.metrics.coco import LIMITS, CocoMeasures, coco_measures
from dltk.metrics.matching import Pairs, pair_up
from dltk.metrics.mistakes import Mistakes, count_mistakes, judge_pairs
from dltk.metrics.voc import voc_average_precisions
from dltk.objects import Detections, Objects

_AP50, _AP75 = 0, 5  # among COCO's thresholds, 0.5, 0.55 … 0.95


@dataclass(frozen=True, eq=False)
class DetectionReport:
    """How good a detector is on N pictures. Shares, overlaps and precisions are 0-1.

    Of a detector's classes, `classes` has those that occur, as truth or as found (R of them).
    What a class without objects that count has no value for is NaN, None in `to_dict`; means over
    classes are over the others.

    COCO's measures, and all that is not VOC's, take ignored objects for crowds: a detection of
    which enough lies in one, that finds nothing else, is neither right nor false. COCO's look at
    the 100 surest detections of a class in a picture, the others at all, at an overlap of 0.5.

    Attributes:
        pictures: N.
        classes: names of the classes that occur, in the order of the labels.
        objects, ignored: int64 (R,), objects of each class that count, and that do not.
        pictures_with: int64 (R,), pictures with objects of each class that count.
        found: int64 (R,), detections of each class.
        ap: float64 (R,), COCO's average precision, the mean over overlaps from 0.5 to 0.95.
        ap50, ap75: float64 (R,), the same at overlaps of 0.5 and 0.75.
        ar100: float64 (R,), COCO's average recall, over the same overlaps.
        voc07, voc10: float64 (R,), VOC's average precision at 0.5: at 11 points, as in 2007, and
            at all, as since 2010; see `dltk.metrics.voc`.
        ar1, ar10: means over classes of the recall with 1 and 10 detections a class and picture.
        map_by_size, ar_by_size, objects_by_size: means over classes of average precision and of
            average recall with 100 detections, and number of objects, for each size of objects.
        recalls: float64 (S,), 0, 0.01 … 1.
        precisions: float64 (R, S), of each class at these, at an overlap of 0.5: the highest at
            that recall or above, and 0 for a recall that is never reached.
        best: of each class, where its F1 is highest.
        best_of_all: where the F1 of all classes together is highest, at one score for all.
        mistakes: what goes wrong at that score, or at the one that was asked for.
    """

    pictures: int
    classes: tuple[str, ...]
    objects: np.ndarray
    ignored: np.ndarray
    pictures_with: np.ndarray
    found: np.ndarray
    ap: np.ndarray
    ap50: np.ndarray
    ap75: np.ndarray
    ar100: np.ndarray
    voc07: np.ndarray
    voc10: np.ndarray
    ar1: float
    ar10: float
    map_by_size: dict[str, float]
    ar_by_size: dict[str, float]
    objects_by_size: dict[str, int]
    recalls: np.ndarray
    precisions: np.ndarray
    best: tuple[OperatingPoint, ...]
    best_of_all: OperatingPoint
    mistakes: Mistakes

    @property
    def map(self) -> float:
        """COCO's mAP@[.5:.95]: the mean of `ap` over the classes with objects; NaN for none."""
        return known_mean(self.ap)

    @property
    def map50(self) -> float:
        """The mean of `ap50`: mAP@.5."""
        return known_mean(self.ap50)

    @property
    def map75(self) -> float:
        """The mean of `ap75`: mAP@.75."""
        return known_mean(self.ap75)

    def most_confused(self, count: int) -> list[tuple[str, str, int]]:
        """Return (true class, class it was taken for, how often) of the commonest wrong classes,
        commonest first and at most `count`; ties are in the order of the classes."""
        wrong = self.mistakes.taken_for
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        cells = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [
            (self.classes[row], self.classes[column], int(wrong[row, column]))
            for row, column in cells
            if wrong[row, column]
        ]

    def per_class(self) -> dict[str, dict]:
        """Return the measures by name, of the classes with objects that count."""
        return {
            self.classes[index]: {
                **{
                    name: json_number(getattr(self, name)[index])
                    for name in ("ap", "ap50", "ap75", "ar100", "voc07", "voc10")
                },
                **self.best[index].to_dict(),
                "objects": int(self.objects[index]),
                "ignored": int(self.ignored[index]),
                "pictures": int(self.pictures_with[index]),
                "found": int(self.found[index]),
            }
            for index in np.flatnonzero(self.objects)
        }

    def to_dict(self) -> dict:
        """Return the report, ready for JSON.

        "curves" has the precisions of each class at the recalls 0, 0.01 … 1.
        """
        return {
            "pictures": self.pictures,
            "objects": int(self.objects.sum()),
            "ignored": int(self.ignored.sum()),
            "found": int(self.found.sum()),
            **{name: json_number(getattr(self, name)) for name in ("map", "map50", "map75")},
            "ar1": json_number(self.ar1),
            "ar10": json_number(self.ar10),
            **{
                name: json_number(known_mean(getattr(self, name)))
                for name in ("ar100", "voc07", "voc10")
            },
            "sizes": {
                name: {
                    "objects": self.objects_by_size[name],
                    "map": json_number(self.map_by_size[name]),
                    "ar100": json_number(self.ar_by_size[name]),
                }
                for name in self.map_by_size
            },
            "best": self.best_of_all.to_dict(),
            "mistakes": self.mistakes.to_dict(),
            "classes": self.per_class(),
            "curves": {
                self.classes[index]: [round(value, 4) for value in self.precisions[index].tolist()]
                for index in np.flatnonzero(self.objects)
            },
        }


def measure_detections(
    truth: Sequence[Objects],
    found: Sequence[Detections],
    classes: Sequence[str],
    *,
    sizes: Mapping[str, tuple[float, float]] | None = None,
    score: float | None = None,
) -> DetectionReport:
    """Measure what a detector found against the truth.

    Detections of a class that the truth has no objects of do not bear on the means over classes,
    but they are false ones in `best_of_all` and `mistakes`.

    Args:
        truth: the objects of each picture.
        found: the detections in each picture, in the same order.
        classes: K names, all different; both kinds of labels are indices into them.
        sizes: names of sizes and their ranges of area in square pixels, both ends included;
            without it, COCO's: small up to 32², medium to 96², large.
        score: the least at which mistakes are counted; without it, that of `best_of_all`, or 0 if
            no detection is right.
    Raises:
        UsageError: there are no pictures.
        DltkError: boxes or scores that are not finite, as of a network whose training diverged.
        ValueError: pictures that do not fit, labels out of range, a name twice.
    """
    _check(truth, found, classes)
    pairs = pair_up(truth, found)
    occur = np.unique(np.concatenate([pairs.labels, pairs.object_labels]))
    coco = coco_measures(pairs, occur, sizes=sizes)
    judged = judge_pairs(pairs)
    best_of_all = best_point(pairs, judged)
    if score is None:
        score = 0.0 if math.isnan(best_of_all.score) else best_of_all.score
    counted, ignored = (
        _count(pairs.object_labels[which], occur) for which in (~pairs.ignored, pairs.ignored)
    )
    voc07, voc10 = voc_average_precisions(pairs, occur)
    return DetectionReport(
        pictures=len(truth),
        classes=tuple(classes[label] for label in occur),
        objects=counted,
        ignored=ignored,
        pictures_with=_pictures_with(pairs, occur),
        found=_count(pairs.labels, occur),
        voc07=voc07,
        voc10=voc10,
        **_of_coco(coco),
        best=tuple(best_point(pairs, judged, label) for label in occur),
        best_of_all=best_of_all,
        mistakes=count_mistakes(pairs, judged, occur, score),
    )


def _of_coco(coco: CocoMeasures) -> dict:
    """Return the fields of a report that are COCO's measures."""
    by_overlap = coco.precision.mean(axis=1)
    few, some = LIMITS[:-1]
    return {
        "ap": by_overlap.mean(axis=0),
        "ap50": by_overlap[_AP50],
        "ap75": by_overlap[_AP75],
        "ar100": coco.recall.mean(axis=0),
        "ar1": known_mean(coco.recall_of[few]),
        "ar10": known_mean(coco.recall_of[some]),
        "map_by_size": {name: known_mean(each) for name, each in coco.precision_by_size.items()},
        "ar_by_size": {name: known_mean(each) for name, each in coco.recall_by_size.items()},
        "objects_by_size": {name: int(each.sum()) for name, each in coco.objects_by_size.items()},
        "recalls": coco.recalls,
        "precisions": coco.precision[_AP50].T,
    }


def _count(labels: np.ndarray, occur: np.ndarray) -> np.ndarray:
    """Return how often each class is among `labels`, int64 (R,)."""
    return np.bincount(np.searchsorted(occur, labels), minlength=len(occur))


def _pictures_with(pairs: Pairs, occur: np.ndarray) -> np.ndarray:
    counted = ~pairs.ignored
    labels, pictures = pairs.object_labels[counted], pairs.object_pictures[counted]
    return _count(np.unique(np.stack([labels, pictures]), axis=1)[0], occur)


def _check(truth: Sequence[Objects], found: Sequence[Detections], classes: Sequence[str]) -> None:
    if len(truth) != len(found):
        raise ValueError(
            "there must be detections for each picture, if only none. "
            f"Received: truth of {len(truth)} pictures, found in {len(found)}"
        )
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes must be all different. Received: classes={tuple(classes)}")
    if not len(truth):
        raise UsageError("there are no pictures to measure on")
    for what in (*truth, *found):
        if len(what) and not 0 <= what.labels.min() <= what.labels.max() < len(classes):
            raise ValueError(f"labels must be indices into classes. Received: {what.labels}")
    broken = sum(not _finite(each.boxes, each.scores) for each in found)
    if broken:
        raise DltkError(
            f"the network gives boxes or scores that are not finite in {broken} of {len(found)} "
            "pictures; its training may have diverged"
        )
    if not all(_finite(each.boxes, each.areas) for each in truth):
        raise ValueError("boxes and areas of objects must be finite")


def _finite(*arrays: np.ndarray) -> bool:
    return all(np.isfinite(array).all() for array in arrays)
