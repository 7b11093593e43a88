"""Objects in pictures: where they are by annotation, and what a detector found.

Boxes are float32 (N, 4): left, top, right, bottom in pixels of the upright original picture,
half-open, so that a box is `right - left` pixels wide. Plain NumPy, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# What a detector takes, by name; the last three to learn from.
PIXELS, EXTENT, PROPOSALS = "pixels", "extent", "proposals"
BOXES, LABELS, SEEDS = "boxes", "labels", "seeds"
PADDING, IGNORED = -1, -2  # among labels


@dataclass(frozen=True, eq=False)
class Objects:
    """What is in one picture by its annotation; nothing at all, for a negative one.

    Attributes:
        boxes: float32 (N, 4).
        labels: int64 (N,), indices into the classes of the data.
        ignored: bool (N,), objects that are neither trained on nor counted, found or not: those
            that VOC calls difficult, and COCO's crowds.
        areas: float32 (N,), square pixels of the object itself, by which COCO tells small from
            large; those of its box where no mask is known.
    """

    boxes: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray
    areas: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(
        cls,
        boxes: Sequence | np.ndarray = (),
        labels: Sequence[int] | np.ndarray = (),
        ignored: Sequence[bool] | np.ndarray | None = None,
        areas: Sequence[float] | np.ndarray | None = None,
    ) -> Objects:
        """Return objects made of lists or arrays; none are ignored unless it is said."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        if ignored is None:
            ignored = np.zeros(len(boxes), bool)
        if areas is None:
            areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        return cls(
            boxes,
            np.asarray(labels, np.int64).reshape(-1),
            np.asarray(ignored, bool).reshape(-1),
            np.asarray(areas, np.float32).reshape(-1),
        )

    def take(self, chosen: np.ndarray) -> Objects:
        """Return some of the objects, by index or by a mask."""
        return Objects(
            self.boxes[chosen], self.labels[chosen], self.ignored[chosen], self.areas[chosen]
        )


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one picture, surest first.

    Attributes:
        boxes: float32 (N, 4).
        labels: int64 (N,), indices into the classes of the detector.
        scores: float32 (N,), in [0, 1].
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(
        cls,
        boxes: Sequence | np.ndarray = (),
        labels: Sequence[int] | np.ndarray = (),
        scores: Sequence[float] | np.ndarray = (),
    ) -> Detections:
        """Return detections made of lists or arrays, sorted by score."""
        scores = np.asarray(scores, np.float32).reshape(-1)
        order = np.argsort(-scores, kind="stable")
        return cls(
            np.asarray(boxes, np.float32).reshape(-1, 4)[order],
            np.asarray(labels, np.int64).reshape(-1)[order],
            scores[order],
        )

    def take(self, chosen: np.ndarray) -> Detections:
        """Return some of the detections, by index or by a mask."""
        return Detections(self.boxes[chosen], self.labels[chosen], self.scores[chosen])
