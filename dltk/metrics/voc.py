"""The average precision of Pascal VOC, by both of its formulas."""

from __future__ import annotations

import numpy as np

from dltk.metrics.matching import Pairs

OVERLAP = 0.5


def eleven_point_ap(recall: np.ndarray, precision: np.ndarray) -> float:
    """Return VOC 2007's average precision: its mean at the recalls 0, 0.1 … 1.

    At each, it is the highest precision at that recall or above, and 0 if that is never reached
    (Everingham et al. 2010, "The Pascal VOC Challenge", Sec. 4.2).

    Args:
        recall: float (N,), rising: of the surest detection, of the two surest …
        precision: float (N,), of the same.
    """
    at = np.searchsorted(recall, np.arange(11) / 10)
    return float(np.append(_envelope(precision), 0.0)[at].mean())


def all_point_ap(recall: np.ndarray, precision: np.ndarray) -> float:
    """Return the average precision of VOC 2010 and later: the area under the whole curve.

    The curve is made to fall first: at each recall, the highest precision there or above
    (Everingham & Winn 2012, VOC2012 development kit, Sec. 3.4.1).

    Args:
        recall, precision: float (N,), as for `eleven_point_ap`.
    """
    return float((np.diff(recall, prepend=0.0) * _envelope(precision)).sum())


def voc_average_precisions(pairs: Pairs, occur: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 11-point and the all-point average precision of classes, float64 (R,) each, 0-1.

    A detection is of the object of its class that it overlaps most, if by 0.5 at least; it is
    right if that object was not found before, by a surer one, and false if it was. Detections of
    ignored objects, which VOC calls difficult, are neither. A class without objects has NaN.

    VOC's development kit counts pixels from the first to the last, right - left + 1. Boxes here
    are half-open, and a VOC box from pixel 1 to pixel 10 is one from 0 to 10: the pixel is in it
    already, and adding another would make boxes larger than they are.

    Args:
        occur: int64 (R,), the classes to measure.
    """
    right, counts = _right(pairs)
    both = np.full((2, len(occur)), np.nan)
    for index, label in enumerate(occur):
        objects = np.count_nonzero(~pairs.ignored & (pairs.object_labels == label))
        if not objects:
            continue
        own = np.flatnonzero(counts & (pairs.labels == label))
        own = own[np.argsort(-pairs.scores[own], kind="stable")]
        hits = np.cumsum(right[own])
        recall, precision = hits / objects, hits / np.arange(1, len(own) + 1)
        both[:, index] = eleven_point_ap(recall, precision), all_point_ap(recall, precision)
    return both[0], both[1]


def _right(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return which detections are right, and which count at all, bool (D,) each."""
    fit = np.flatnonzero(pairs.same_class() & (pairs.ious >= OVERLAP))
    detections, objects = pairs.detections[fit], pairs.objects[fit]
    order = np.lexsort((-objects, pairs.ious[fit], detections))  # the first of those equally good
    detections, objects = detections[order], objects[order]
    last = np.append(np.diff(detections) != 0, True)[: len(detections)]
    detections, objects = detections[last], objects[last]

    counts = np.ones(len(pairs.labels), bool)
    counts[detections[pairs.ignored[objects]]] = False
    right = np.zeros(len(pairs.labels), bool)
    own = counts[detections]
    _, first = np.unique(objects[own], return_index=True)  # detections are surest first
    right[detections[own][first]] = True
    return right, counts


def _envelope(precision: np.ndarray) -> np.ndarray:
    """Return at each point the highest precision there or later."""
    return np.maximum.accumulate(precision[::-1])[::-1]
