"""Label maps painted from the outlines and run lengths of objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dltk.data.masks.masked import Faults, Mask
from dltk.data.objects.annotated import Annotation
from dltk.data.objects.shapes import Shape, Sheet
from dltk.errors import InputError
from dltk.masks import IGNORE


@dataclass(frozen=True, eq=False, kw_only=True)
class PaintedMask(Mask):
    """A label map made of objects: smaller ones lie in front of larger ones.

    Attributes:
        objects: of the picture. An ignored one becomes ignored pixels, and of one without a
            shape its box does.
        labels: of each.
        drawn_on: (width, height) of the picture that was annotated, or None.
    """

    objects: Sequence[Annotation]
    labels: Sequence[int]
    drawn_on: tuple[int, int] | None

    @property
    def stated(self) -> tuple[int, int] | None:
        return self.drawn_on

    @property
    def as_stated(self) -> str:
        return "annotated as"

    def numbers(self, faults: Faults) -> np.ndarray:
        sheet = Sheet(self.drawn_on or self.size)
        width, height = sheet.size
        parts = []
        for row, label in zip(self.objects, self.labels, strict=True):
            spans, unknown = self._spans(row, sheet, faults)
            parts.append((spans, IGNORE if row.ignored or unknown else label))
        parts.sort(key=lambda part: -part[0].lengths.sum())
        columns = np.zeros(width * height, np.uint8)
        for spans, label in parts:
            columns[spans.places()] = label
        return np.ascontiguousarray(columns.reshape(width, height).T)

    def _spans(self, row: Annotation, sheet: Sheet, faults: Faults) -> tuple[_Spans, bool]:
        """Return where an object is, and whether just its box is known."""
        try:
            return _of_shape(sheet.shape(row.shape)), False
        except InputError as error:
            if not all(map(math.isfinite, row.box)):
                raise InputError(f"{row.where} has {error}, and no box") from error
            faults.append((f"{self.file}, {row.where}", f"{error}: the pixels in its box ignored"))
            return _of_box(row.box, *sheet.size), True


class _Spans(NamedTuple):
    """Pixels of a picture that lie below one another, its columns being one behind another.

    A hundredth of what a mask would take, of an object in a large photograph.

    Attributes:
        starts, lengths: int64 (N,).
    """

    starts: np.ndarray
    lengths: np.ndarray

    def places(self) -> np.ndarray:
        """Return the index of every pixel, int64."""
        before = np.cumsum(self.lengths) - self.lengths
        return np.repeat(self.starts - before, self.lengths) + np.arange(self.lengths.sum())


def _of_shape(shape: Shape) -> _Spans:
    """Return the pixels of a shape."""
    runs = shape.numbers
    lengths = np.array(runs[1::2], np.int64)
    return _Spans(np.cumsum(np.array(runs, np.int64))[: 2 * len(lengths) : 2], lengths)


def _of_box(box: Sequence[float], width: int, height: int) -> _Spans:
    """Return the pixels that a box touches."""
    edges = np.clip(box, 0, (width, height, width, height))
    left, top, right, bottom = (*np.floor(edges[:2]).astype(int), *np.ceil(edges[2:]).astype(int))
    starts = np.arange(left, right) * height + top
    return _Spans(starts, np.full(len(starts), max(0, bottom - top)))
