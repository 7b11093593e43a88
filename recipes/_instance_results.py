"""What `segment_instances` gives: the objects in one picture, each with its mask and its name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dltk.errors import InputError
from dltk.images import encode
from dltk.masks import IGNORE, of_run_lengths
from dltk.models.catalog import Label
from dltk.models.labels import distinct_names
from recipes._of_picture import OfPicture
from recipes._segment_copies import overlaid

MOST = IGNORE - 1
"""Objects that an index map can tell apart."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An object that was found.

    Attributes:
        name, id, number: of its class; the id is None where classes have none.
        score: how probable that class is, 0-1.
        objectness: how sure it is that there is an object, 0-1.
        box: (left, top, right, bottom) about the mask, in pixels of the upright picture.
        pixels: of the mask.
        shape: the mask, COCO's compressed run lengths {"size", "counts"}.
    """

    name: str
    number: int
    score: float
    objectness: float
    box: tuple[int, int, int, int]
    pixels: int
    shape: dict
    id: str | None = None

    def to_dict(self) -> dict:
        """Return the record of this object, ready for JSON."""
        fields = {
            "label": self.name,
            "id": self.id,
            "score": self.score,
            "objectness": self.objectness,
            "box": list(self.box),
            "pixels": self.pixels,
            "segmentation": self.shape,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(slots=True)
class Instanced(OfPicture):
    """What `segment_instances` found in one picture.

    Attributes:
        size: (width, height) upright, in pixels; None where it failed.
        instances: those first of which it is surest that they are objects; empty where nothing was
            found, or it failed.
        error: why it failed, or None.
        files: what was written for it, by kind: "mask", "overlay".
    """

    size: tuple[int, int] | None = None
    instances: list[Instance] = field(default_factory=list)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def mask(self) -> np.ndarray | None:
        """Which object is in front, uint8 (H, W): 1 for the first, which hides others; 0 none.

        None where the picture failed.
        """
        if self.error is not None:
            return None
        return index_map([each.shape for each in self.instances], self.size)

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        fields = {
            "path": self.name,
            "status": "ok",
            "width": self.size[0],
            "height": self.size[1],
            "instances": [each.to_dict() for each in self.instances],
        }
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture under its objects, each with a caption.

        Raises:
            InputError: the picture failed, or can no longer be read.
            DltkError: the copy cannot be written.
        """
        if self.error is not None:
            raise InputError(self.error)
        mask = self.mask
        encode(overlaid(self.item.decode(), mask, overlay_of(self.instances, mask)), path)


class _Captioned(NamedTuple):
    """An object as `recipes._segment_copies` draws it."""

    name: str
    number: int
    value: int


def overlay_of(instances: Sequence[Instance], mask: np.ndarray) -> list[_Captioned]:
    """Return objects as they are to be drawn: with their scores, and their place for a value.

    Those that surer ones hide from view are left out.

    Args:
        mask: see `Instanced.mask`.
    """
    seen = set(np.unique(mask).tolist())
    return [
        _Captioned(f"{each.name} {each.score:.0%}", place, place)
        for place, each in enumerate(instances, start=1)
        if place in seen
    ]


def instances_of(
    labels: Sequence[Label],
    *,
    numbers: np.ndarray,
    scores: np.ndarray,
    objectness: np.ndarray,
    boxes: np.ndarray,
    shapes: Sequence[dict],
) -> list[Instance]:
    """Return objects with names. Scores are rounded to five decimals.

    Args:
        labels: of the classifier.
        numbers: int (N,), of their classes.
        scores, objectness, boxes, shapes: of each, see `Instance`.
    """
    from pycocotools.mask import area

    names = distinct_names(labels)
    return [
        Instance(
            name=names[number],
            id=labels[number].id,
            number=int(number),
            score=round(float(score), 5),
            objectness=round(float(sure), 5),
            box=tuple(round(side) for side in box),
            pixels=int(area(shape)),
            shape=shape,
        )
        for number, score, sure, box, shape in zip(
            numbers, scores, objectness, boxes.tolist(), shapes, strict=True
        )
    ]


def index_map(shapes: Sequence[dict], size: tuple[int, int]) -> np.ndarray:
    """Return which of some masks is in front at each pixel, uint8 (H, W), 1 the first; 0 none.

    Args:
        shapes: run lengths, those in front first.
        size: (width, height).
    Raises:
        ValueError: there are more than MOST.
    """
    if len(shapes) > MOST:
        raise ValueError(f"{len(shapes)} masks are more than the {MOST} that can be told apart")
    found = np.zeros(size[::-1], np.uint8)
    for value in range(len(shapes), 0, -1):
        found[of_run_lengths(shapes[value - 1])] = value
    return found
