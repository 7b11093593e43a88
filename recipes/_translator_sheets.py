"""Sheets of pictures that show what a translator has learnt, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from dltk.data.datasets import LabelledData
from dltk.data.pixels import Pixels
from dltk.drawing import contact_sheet
from dltk.engine.keras import Replicated
from dltk.geometry import Geometry
from dltk.images import encode, image_of, levels_of
from dltk.objects import PIXELS
from dltk.strategy import cores

_ROWS, _EDGE = 4, 160  # pictures of each domain, and pixels of a side, at most


class Sheets:
    """Draws some pictures, what becomes of each in the other domain, and on the way back.

    They are taken from all over the pictures to test on, or without those, to validate on or to
    train on.

    Args:
        data: of two domains.
        geometry: how they become the networks' input.
        generators: of the first domain and of the second.
    """

    def __init__(
        self, data: LabelledData, geometry: Geometry, generators: Sequence[keras.Model], strategy
    ):
        split = next(name for name in ("test", "val", "train") if name in data.splits)
        part, self._domains = data.splits[split], data.classes
        load = Pixels(part, geometry, threads=cores())
        self._real = []
        for domain in (0, 1):
            members = np.flatnonzero(part.labels == domain)
            count = min(_ROWS, len(members))
            chosen = members[np.arange(count) * len(members) // max(1, count)]
            self._real.append(load(chosen) if count else None)
        self._generators = [Replicated(each, strategy, _ROWS) for each in generators]

    def draw(self, path: Path) -> None:
        """Write a sheet: three columns for each domain, of it, as the other, and back."""
        columns, names = [], []
        for domain, real in enumerate(self._real):
            if real is None:
                continue
            own, other = self._generators[domain], self._generators[1 - domain]
            made = other({PIXELS: real})
            back = own({PIXELS: made})
            columns += [list(map(image_of, levels_of(each))) for each in (real, made, back)]
            names += [self._domains[domain], f"as {self._domains[1 - domain]}", "and back"]
        rows = max(map(len, columns))
        filled = [column + [None] * (rows - len(column)) for column in columns]
        table = list(zip(*filled, strict=True))
        edge = max(64, min(_EDGE, columns[0][0].width))
        encode(contact_sheet(table, row_names=[""] * rows, column_names=names, edge=edge), path)
