"""What `segment` gives: the class of every pixel of one picture, and how much there is of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dltk.errors import printable
from dltk.images import encode
from dltk.masks import IGNORE, polygons, run_lengths
from dltk.models.catalog import Label
from dltk.models.labels import distinct_names
from dltk.segmentation import Segmentation
from recipes._of_picture import OfPicture
from recipes._segment_copies import overlaid

OUTLINES = ("none", "rle", "polygons")


@dataclass(frozen=True, slots=True)
class Area:
    """All pixels of one class in a picture.

    Attributes:
        name, id, number: of the class; the id is None where classes have none.
        value: of its pixels in the label map.
        pixels: how many there are.
        share: of the picture.
        score: how sure the segmenter is of them, in [0, 1].
        outlines: where they are, if that was asked for: COCO's compressed run lengths {"size",
            "counts"}, or polygons [[x, y, x, y, …], …].
    """

    name: str
    number: int
    value: int
    pixels: int
    share: float
    score: float
    id: str | None = None
    outlines: dict | list | None = None

    def to_dict(self) -> dict:
        """Return the record of this class, ready for JSON."""
        fields = {
            "label": self.name,
            "id": self.id,
            "value": self.value,
            "pixels": self.pixels,
            "share": self.share,
            "score": self.score,
            "segmentation": self.outlines,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(slots=True)
class Segmented(OfPicture):
    """What `segment` found in one picture.

    Attributes:
        mask: uint8 (H, W) of the upright picture: values of `areas`; 0 or 255 where there is none
            of these. None where it failed.
        areas: of each class, the largest first; empty where nothing was found, or it failed.
        heat: for each value, float32 (h, w), 0-1, how sure the segmenter is of that class, place
            by place, over the whole picture, as finely as it was computed.
        error: why it failed, or None.
        skipped: numbers of classes that `save` leaves clear: the ground.
        files: what was written for it, by kind: "mask", "overlay", "binary-LABEL", "cutout-LABEL",
            "heat-LABEL".
    """

    mask: np.ndarray | None = None
    areas: list[Area] = field(default_factory=list)
    heat: dict[int, np.ndarray] = field(default_factory=dict)
    error: str | None = None
    skipped: frozenset[int] = frozenset()
    files: dict[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        height, width = self.mask.shape
        fields = {
            "path": self.name,
            "status": "ok",
            "width": width,
            "height": height,
            "areas": [area.to_dict() for area in self.areas],
        }
        if self.files:
            fields["files"] = {printable(kind): str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture under the colours of its classes, with their names.

        Raises:
            InputError: the picture can no longer be read.
            DltkError: the copy cannot be written.
        """
        shown = [area for area in self.areas if area.number not in self.skipped]
        encode(overlaid(self.item.decode(), self.mask, shown), path)


def areas_of(found: Segmentation, labels: Sequence[Label], outlines: str = "none") -> list[Area]:
    """Return the areas of the classes in a label map, the largest first.

    Args:
        outlines: one of OUTLINES: how to tell where they are.
    """
    tell = {"none": lambda shape: None, "rle": run_lengths, "polygons": polygons}[outlines]
    names = distinct_names(labels)
    counts = np.bincount(found.mask.ravel(), minlength=IGNORE + 1)
    areas = []
    for value, number in found.values.items():
        if pixels := int(counts[value]):
            area = Area(
                name=names[number],
                id=labels[number].id,
                number=number,
                value=value,
                pixels=pixels,
                share=round(pixels / found.mask.size, 6),
                score=round(float(found.scores[value]), 5),
                outlines=tell(found.mask == value),
            )
            areas.append(area)
    return sorted(areas, key=lambda area: -area.pixels)
