"""What `detect` gives: the objects in one picture, by name and place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dltk.images import encode
from dltk.models.catalog import Label
from dltk.models.labels import distinct_names
from dltk.objects import Detections
from recipes._detect_copies import annotated
from recipes._of_picture import OfPicture


@dataclass(frozen=True, slots=True)
class Found:
    """An object that was found.

    Attributes:
        name, id, number: of its class; the id is None where classes have none.
        score: how sure the detector is, in [0, 1].
        box: (left, top, right, bottom) in pixels of the upright picture, half-open.
    """

    name: str
    score: float
    box: tuple[float, float, float, float]
    number: int
    id: str | None = None

    def to_dict(self) -> dict:
        """Return the record of this object, ready for JSON."""
        fields = {"label": self.name, "id": self.id, "score": self.score, "box": list(self.box)}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(slots=True)
class Detected(OfPicture):
    """What `detect` found in one picture.

    Attributes:
        size: (width, height) upright, in pixels; None where it failed.
        objects: the surest first; empty where nothing was found, or it failed.
        error: why it failed, or None.
        files: what was written for it, by kind: "annotated", "blurred", "crop-1" and on.
    """

    size: tuple[int, int] | None = None
    objects: list[Found] = field(default_factory=list)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        fields = {
            "path": self.name,
            "status": "ok",
            "width": self.size[0],
            "height": self.size[1],
            "objects": [found.to_dict() for found in self.objects],
        }
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture with the boxes drawn on it.

        Raises:
            InputError: the picture can no longer be read.
            DltkError: the copy cannot be written.
        """
        encode(annotated(self.item.decode(), self.objects), path)


def objects_of(
    detections: Detections, labels: Sequence[Label], size: tuple[int, int]
) -> list[Found]:
    """Return detections as objects with names, the surest first.

    Boxes are cut off at the edges of a picture of `size` and rounded to 0.01 pixels, scores to
    five decimals; boxes without an area are left out.
    """
    names = distinct_names(labels)
    objects = []
    for box, number, score in zip(
        detections.boxes.tolist(), detections.labels.tolist(), detections.scores.tolist(),
        strict=True,
    ):  # fmt: skip
        left, top, right, bottom = (
            round(min(max(value, 0.0), float(side)), 2)
            for value, side in zip(box, size * 2, strict=True)
        )
        if left < right and top < bottom:
            place = left, top, right, bottom
            objects.append(Found(names[number], round(score, 5), place, number, labels[number].id))
    return objects
