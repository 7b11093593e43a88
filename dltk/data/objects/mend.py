"""Boxes put right: in order, within their pictures, once; and what was done to which."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

_MOST = 1e9  # of a coordinate
_ROUNDING = 0.1  # pixels: what files that round their numbers are off by, and nobody sees


class Mending:
    """Annotations of many pictures while they are put right, one fault after another.

    Attributes:
        boxes: float64 (N, 4): left, top, right, bottom.
        areas: float64 (N,), NaN where unknown.
        kept: bool (N,), False for those that are left out.
        repairs: (where, what) of each change, `what` as "kind: how".
        beyond: number of boxes that were not within their pictures.

    Args:
        where: from the index of an annotation to the words for its place.
    """

    def __init__(self, boxes: np.ndarray, areas: np.ndarray, where: Callable[[int], str]):
        self.boxes, self.areas = boxes, areas
        self.kept = np.ones(len(boxes), bool)
        self.repairs: list[tuple[str, str]] = []
        self.beyond = 0
        self._where = where

    def finite(self) -> None:
        """Leave out boxes with coordinates that are not numbers, infinite, or next to it."""
        bad = ~(np.abs(self.boxes) < _MOST).all(axis=1)
        self._leave_out(bad, "impossible coordinates", in_words)
        self.boxes[bad] = 0

    def ordered(self) -> None:
        """Put corners in order that are exchanged."""
        swapped = (self.boxes[:, :2] > self.boxes[:, 2:]).any(axis=1)
        self._note(swapped, "corners exchanged", lambda box: f"{in_words(box)}, put right")
        first, second = self.boxes[:, :2], self.boxes[:, 2:]
        self.boxes = np.hstack([np.minimum(first, second), np.maximum(first, second)])

    def within(self, sizes: np.ndarray) -> None:
        """Cut boxes to their pictures, and leave out those of which nothing is then left.

        Areas become those of the box where they are unknown, and are never larger.

        Args:
            sizes: (N, 2), width and height of the picture of each.
        """
        edges = np.tile(sizes, 2)
        cut = np.clip(self.boxes, 0, edges)
        empty = (self.boxes[:, 2:] - self.boxes[:, :2] < _ROUNDING).any(axis=1)
        outside = (cut[:, 2:] - cut[:, :2] < _ROUNDING).any(axis=1) & ~empty
        over = (np.abs(cut - self.boxes) > _ROUNDING).any(axis=1) & ~outside & ~empty

        def of_picture(at: int) -> str:
            return f"{in_words(self.boxes[at])} of {sizes[at][0]:.0f} × {sizes[at][1]:.0f}"

        self.beyond = np.count_nonzero((over | outside) & self.kept)
        self._leave_out(empty, "no area", in_words)
        self._leave_out(outside, "outside of the picture", of_picture, by_index=True)
        self._note(over, "over the edge", lambda at: f"{of_picture(at)}, cut", by_index=True)
        self.boxes = cut
        sides = cut[:, 2:] - cut[:, :2]
        whole = sides[:, 0] * sides[:, 1]
        known = np.isfinite(self.areas) & (self.areas > 0)
        self.areas = np.where(known, np.minimum(self.areas, whole), whole)

    def once(self, keys: np.ndarray) -> None:
        """Leave out annotations that repeat another: equal boxes of equal `keys` (N, K)."""
        kept = np.flatnonzero(self.kept)
        rows = np.column_stack([keys, self.boxes])[kept]
        order = np.lexsort(rows.T[::-1])  # stable: of equal ones the first comes first
        again = np.zeros(len(self.kept), bool)
        again[kept[order[1:]]] = (rows[order[1:]] == rows[order[:-1]]).all(axis=1)
        self._leave_out(again, "the same again", in_words)

    def _leave_out(self, which: np.ndarray, kind: str, text: Callable, **how) -> None:
        which = which & self.kept
        self._note(which, kind, lambda of: f"{text(of)}, left out", **how)
        self.kept &= ~which

    def _note(
        self, which: np.ndarray, kind: str, text: Callable, *, by_index: bool = False
    ) -> None:
        for at in np.flatnonzero(which & self.kept).tolist():
            said = text(at if by_index else self.boxes[at])
            self.repairs.append((self._where(at), f"{kind}: {said}"))


def in_words(box: Sequence[float]) -> str:
    """Return "(10, 20.5, 30, 40)"."""
    return f"({', '.join(f'{float(value):.6g}' for value in box)})"


def turned(boxes: np.ndarray, size: tuple[int, int], turn: Image.Transpose) -> np.ndarray:
    """Return boxes (N, 4) of a picture of `size` (width, height) on that picture after `turn`.

    Args:
        turn: one of those that exchange width and height.
    """
    left, top, right, bottom = boxes.T
    width, height = size
    if turn in (Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE):  # the bottom goes left
        top, bottom = height - bottom, height - top
    if turn in (Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE):  # the right goes to the top
        left, right = width - right, width - left
    return np.stack([top, left, bottom, right], axis=1)
