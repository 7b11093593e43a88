"""How much boxes overlap, in NumPy.

Boxes are (N, 4): left, top, right, bottom; half-open, so that a box is `right - left` wide, without
the pixel that VOC's development kit adds to its closed ones. One whose right end is not beyond its
left, or its bottom not below its top, is empty: it has no area and overlaps nothing.
"""

from __future__ import annotations

import numpy as np


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of every two boxes, float64 (N, M), 0-1.

    Args:
        boxes: (N, 4).
        others: (M, 4).
    """
    shared = _intersections(boxes, others)
    unions = box_areas(boxes)[:, None] + box_areas(others) - shared
    return _shares(shared, unions)


def covered(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which share of each box lies in each of the others, float64 (N, M), 0-1.

    It is how COCO measures a box against a crowd.

    Args:
        boxes: (N, 4).
        others: (M, 4).
    """
    return _shares(_intersections(boxes, others), box_areas(boxes)[:, None])


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Return width times height of boxes (N, 4), float64 (N,)."""
    boxes = _boxes(boxes)
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)


def _intersections(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    boxes, others = _boxes(boxes)[:, None], _boxes(others)
    starts = np.maximum(boxes[..., :2], others[..., :2])
    ends = np.minimum(boxes[..., 2:], others[..., 2:])
    return np.prod(np.maximum(ends - starts, 0), axis=2)


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Return parts / wholes; 0 for a part of nothing."""
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=parts > 0)


def _boxes(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(boxes, np.float64).reshape(-1, 4)
