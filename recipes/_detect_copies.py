"""What `detect` makes of a picture: copies with boxes or with objects blurred, and crops."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from dltk.batch import Item
from dltk.drawing_boxes import draw_boxes
from dltk.images import encodable, encode
from recipes._copies import CopyFolders
from recipes.classify import folder_name

_CELLS = 6  # that a blurred object is averaged to, along its longer side
_SMALLEST_CELL = 4  # pixels
_MARGIN = 0.05  # share of its sides by which more than the box is blurred
_NUMBERS = "-1000"  # room in a name for the number of a crop


class Found(Protocol):
    """An object that was found.

    Attributes:
        name, number: of its class.
        score: in [0, 1].
        box: (left, top, right, bottom) in pixels of the upright picture.
    """

    name: str
    number: int
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Copies(CopyFolders):
    """Which copies are wanted, and where.

    Attributes:
        annotate: folder for copies with the boxes drawn on them.
        crops: folder for what is in the boxes, in one folder for each class.
        pad: share of a box's sides by which a crop is larger on each side.
        blurred: folder for copies with the objects of some classes blurred.
        blur: numbers of those classes.
    """

    annotate: str | os.PathLike | None = None
    crops: str | os.PathLike | None = None
    pad: float = 0.0
    blurred: str | os.PathLike | None = None
    blur: frozenset[int] = frozenset()

    def _folders(self):
        return {
            "--annotate": (self.annotate, encodable),
            "--crops": (self.crops, lambda name: crop_name(name, _NUMBERS)),
            "--blurred": (self.blurred, encodable),
        }

    def write(self, item: Item, found: Sequence[Found]) -> dict[str, Path]:
        """Write the copies of one picture; return their paths by kind.

        Kinds are "annotated", "blurred" and, for the first object and on, "crop-1".

        Raises:
            InputError: the picture can no longer be read.
            UsageError: a file of another picture has the place of one of these.
            DltkError: a copy cannot be written.
        """
        self.check([item])
        picture, files = item.decode(), {}
        if self.annotate is not None:
            files["annotated"] = Path(self.annotate) / encodable(item.name)
            encode(annotated(picture, found), files["annotated"])
        if self.blurred is not None:
            files["blurred"] = Path(self.blurred) / encodable(item.name)
            boxes = [each.box for each in found if each.number in self.blur]
            encode(blurred(picture, boxes), files["blurred"])
        for number, each in enumerate(found if self.crops is not None else (), start=1):
            path = Path(self.crops) / folder_name(each.name) / crop_name(item.name, f"-{number}")
            encode(cropped(picture, each.box, self.pad), path)
            files[f"crop-{number}"] = path
        return files


def annotated(picture: Image.Image, found: Sequence[Found]) -> Image.Image:
    """Return a copy of `picture` with the objects' boxes, classes and scores drawn on it."""
    return draw_boxes(
        picture,
        np.array([each.box for each in found]).reshape(-1, 4),
        [f"{each.name} {each.score:.0%}" for each in found],
        [each.number for each in found],
    )


def cropped(picture: Image.Image, box: Sequence[float], pad: float = 0.0) -> Image.Image:
    """Return what of `picture` is in `box`, larger on each side by the share `pad` of its sides."""
    return picture.crop(_grown(box, pad, picture.size))


def blurred(picture: Image.Image, boxes: Sequence[Sequence[float]]) -> Image.Image:
    """Return a copy of `picture` with what is in `boxes` blurred so that nobody knows it again.

    Each box, and a margin around it, is averaged to a few cells and painted smoothly with those:
    no detail is left to be made out, however large the object. The copy carries nothing of the
    original file but its colour profile: previews and places in EXIF would give it away.
    """
    copy = picture.copy()
    copy.info = {key: picture.info[key] for key in ("icc_profile",) if key in picture.info}
    for box in boxes:
        place = _grown(box, _MARGIN, picture.size)
        part = copy.crop(place)
        cell = max(_SMALLEST_CELL, max(part.size) / _CELLS)
        few = tuple(max(1, round(side / cell)) for side in part.size)
        cells = part.resize(few, Image.Resampling.BOX)
        copy.paste(cells.resize(part.size, Image.Resampling.BILINEAR), place)
    return copy


def crop_name(name: str, number: str) -> str:
    """Return the name of a crop: with a number before the ending, which can be encoded."""
    stem, extension = os.path.splitext(encodable(name))
    return f"{stem}{number}{extension}"


def _grown(box: Sequence[float], share: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels in and around `box`, at least one, inside of a picture of `size`."""
    left, top, right, bottom = box
    x, y = share * (right - left), share * (bottom - top)
    left, top = max(0, math.floor(left - x)), max(0, math.floor(top - y))
    left, top = min(left, size[0] - 1), min(top, size[1] - 1)
    right, bottom = min(size[0], math.ceil(right + x)), min(size[1], math.ceil(bottom + y))
    return left, top, max(right, left + 1), max(bottom, top + 1)
