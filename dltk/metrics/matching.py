"""Which detection finds which object, in many pictures at once.

Detections take their turns by score, and each takes the object of its class, among those that none
took before, that it overlaps most. That is sequential within a picture and a class only: here all
pictures and classes take turns together, so that Python counts to the most detections of one class
in one picture and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltk.metrics.iou import box_areas, covered, overlaps
from dltk.objects import Detections, Objects

LEAST_OVERLAP = 0.1  # of the pairs that are looked at


@dataclass(frozen=True, eq=False)
class Pairs:
    """All objects (G) and detections (D) of a set of pictures, and which overlap (P pairs).

    Detections are sorted by class, then by picture, then by score, the surest first. Pairs overlap
    by `LEAST_OVERLAP` or more, whatever their classes; they are sorted by detection, then by
    `shares`, then by object.

    Attributes:
        object_labels, object_pictures: int64 (G,).
        object_areas: float64 (G,), square pixels, of masks where they are known.
        ignored: bool (G,).
        labels, pictures: int64 (D,).
        places: int64 (D,), the index of each in the detections of its picture.
        scores, areas: float64 (D,).
        ranks: int64 (D,), how many of its class and picture are surer.
        detections, objects: int64 (P,), the two of a pair.
        ious: float64 (P,), intersection over union.
        shares: float64 (P,), the same; for ignored objects, however, the share of the detection
            that lies in the object, as COCO measures crowds.
    """

    object_labels: np.ndarray
    object_pictures: np.ndarray
    object_areas: np.ndarray
    ignored: np.ndarray
    labels: np.ndarray
    pictures: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    areas: np.ndarray
    ranks: np.ndarray
    detections: np.ndarray
    objects: np.ndarray
    ious: np.ndarray
    shares: np.ndarray

    def same_class(self) -> np.ndarray:
        """Return which pairs are of one class, bool (P,)."""
        return self.labels[self.detections] == self.object_labels[self.objects]


def pair_up(truth: Sequence[Objects], found: Sequence[Detections]) -> Pairs:
    """Return the objects and detections of pictures, and which of them overlap.

    Args:
        truth: of each picture.
        found: of each picture, in the same order.
    """
    pictures, places = _origins(found)
    labels = _joined([each.labels for each in found], np.int64)
    scores = _joined([each.scores for each in found], np.float64)
    areas = _joined([box_areas(each.boxes) for each in found], np.float64)
    ignored = _joined([each.ignored for each in truth], bool)
    order = np.lexsort((-scores, pictures, labels))
    detections, objects, ious, shares = _overlapping(truth, found, ignored)
    detections = np.argsort(order)[detections]  # where each has come to stand
    sequence = np.lexsort((objects, shares, detections))
    return Pairs(
        object_labels=_joined([each.labels for each in truth], np.int64),
        object_pictures=_origins(truth)[0],
        object_areas=_joined([each.areas for each in truth], np.float64),
        ignored=ignored,
        labels=labels[order],
        pictures=pictures[order],
        places=places[order],
        scores=scores[order],
        areas=areas[order],
        ranks=_ranks(labels[order], pictures[order]),
        detections=detections[sequence],
        objects=objects[sequence],
        ious=ious[sequence],
        shares=shares[sequence],
    )


def match(
    pairs: Pairs, thresholds: Sequence[float], ignored: np.ndarray | None = None
) -> np.ndarray:
    """Return the object that each detection finds, int64 (T, D), or -1 for none.

    It is COCO's rule: objects that count go before those that are ignored, however well a
    detection fits the latter; of objects that it fits equally well it takes the last; and crowds,
    which are ignored from the beginning, can be found again and again.

    Args:
        thresholds: T overlaps, `LEAST_OVERLAP` or more, that are just enough.
        ignored: bool (G,), objects that do not count, with those of `pairs` among them; without
            it, those.
    """
    thresholds = np.minimum(np.asarray(thresholds, np.float64), 1 - 1e-10)[:, None]  # as COCO does
    ignored = pairs.ignored if ignored is None else ignored
    finds = np.full((len(thresholds), len(pairs.labels)), -1, np.int64)
    taken = np.zeros((len(thresholds), len(pairs.ignored)), bool)
    fit = np.flatnonzero(pairs.same_class() & (pairs.shares >= thresholds.min()))
    for turn in _turns(pairs.ranks[pairs.detections[fit]]):
        chosen = fit[turn]
        detections, objects = pairs.detections[chosen], pairs.objects[chosen]
        free = ~taken[:, objects] | pairs.ignored[objects]
        # Of a detection's pairs the last overlaps most; those of objects that count come first.
        priorities = np.arange(len(chosen)) + np.where(ignored[objects], 0, len(chosen))
        priorities = np.where(free & (pairs.shares[chosen] >= thresholds), priorities, -1)
        starts = np.flatnonzero(np.diff(detections, prepend=-1))
        best = np.maximum.reduceat(priorities, starts, axis=1)
        lanes, which = np.nonzero(best >= 0)
        winners = objects[best[lanes, which] % len(chosen)]
        finds[lanes, detections[starts[which]]] = winners
        taken[lanes, winners] = True
    return finds


def _overlapping(
    truth: Sequence[Objects], found: Sequence[Detections], ignored: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return detection, object, IoU and share of each pair, counted through all pictures."""
    parts: list[tuple] = []
    first_detection = first_object = 0
    for objects, detections in zip(truth, found, strict=True):
        if len(objects) and len(detections):
            ious = overlaps(detections.boxes, objects.boxes)
            shares = ious
            if objects.ignored.any():
                inside = covered(detections.boxes, objects.boxes)
                shares = np.where(objects.ignored, inside, ious)
            rows, columns = np.nonzero(shares >= LEAST_OVERLAP)
            places = rows + first_detection, columns + first_object
            parts.append((*places, ious[rows, columns], shares[rows, columns]))
        first_detection += len(detections)
        first_object += len(objects)
    kinds = np.int64, np.int64, np.float64, np.float64
    columns = zip(*parts, strict=True) if parts else [[]] * 4
    return tuple(_joined(list(column), kind) for column, kind in zip(columns, kinds, strict=True))


def _origins(each: Sequence[Objects] | Sequence[Detections]) -> tuple[np.ndarray, np.ndarray]:
    """Return of all objects, or detections, the picture and the index in it."""
    counts = np.array([len(one) for one in each], np.int64)
    pictures = np.repeat(np.arange(len(counts)), counts)
    return pictures, np.arange(len(pictures)) - np.repeat(np.cumsum(counts) - counts, counts)


def _ranks(labels: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Return for sorted detections how many of the same class and picture come before each."""
    at = np.arange(len(labels))
    new = (np.diff(labels, prepend=-1) != 0) | (np.diff(pictures, prepend=-1) != 0)
    return at - np.maximum.accumulate(np.where(new, at, 0))


def _turns(ranks: np.ndarray) -> list[np.ndarray]:
    """Return the indices of each rank in turn, in their order."""
    order = np.argsort(ranks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(ranks[order])) + 1) if len(order) else []


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)
