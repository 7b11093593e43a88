"""A large picture in overlapping tiles: cores side by side, each in a halo the network needs.

The cores cover the picture without overlap; what is computed in a halo is thrown away. Where a
halo is as wide as the network's field reaches, the tiles' results are exactly the whole's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from dltk.painting.watch import PaintingStoppedError
from dltk.weights import Report, silent

_SMALLEST = 64  # pixels a side: below, there is more halo than core

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile.

    Attributes:
        outer: (top, left, bottom, right) in the picture, in pixels, halo included.
        core: the same without the halo.
    """

    outer: tuple[int, int, int, int]
    core: tuple[int, int, int, int]

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """The core as seen from the tile's own upper left corner."""
        top, left = self.outer[:2]
        return tuple(
            edge - start for edge, start in zip(self.core, (top, left, top, left), strict=True)
        )


def plan_tiles(height: int, width: int, *, tile: int, halo: int, multiple: int) -> list[Tile]:
    """Cut a picture into tiles of about `tile` pixels a side, as equal as may be.

    Args:
        tile: largest side of a core, in pixels; of a core as large as `multiple` at least.
        halo: pixels around a core, where the picture has them.
        multiple: every inner edge lies on a multiple of it: the network's stride, so that its
            grid of places is the same in every tile.
    """
    rows, columns = (_cuts(side, tile, multiple) for side in (height, width))
    reach = -(-halo // multiple) * multiple
    tiles = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            outer = (
                max(0, top - reach),
                max(0, left - reach),
                min(height, bottom + reach),
                min(width, right + reach),
            )
            tiles.append(Tile(outer, (top, left, bottom, right)))
    return tiles


def _cuts(side: int, tile: int, multiple: int) -> list[int]:
    """Return the edges of the cores along one side."""
    if side <= tile:
        return [0, side]
    count = -(-side // max(tile // multiple * multiple, multiple))
    step = -(-side // (count * multiple)) * multiple
    return [*range(0, side, step), side]


class TileSize:
    """How large tiles can be: as wished, halved as often as memory runs out.

    Args:
        side: pixels of a tile's core, at most.
        report: called with a line when it is halved.

    Attributes:
        side: what it is now.
    """

    def __init__(self, side: int, report: Report = silent):
        self.side = side
        self._report = report

    def attempt(self, work: Callable[[int], Result]) -> Result:
        """Return `work(side)`, with half the side after each time that memory ran out.

        Raises:
            PaintingStoppedError: not even the smallest tiles fit.
        """
        import tensorflow as tf

        while True:
            side = self.side
            try:
                return work(side)
            except tf.errors.ResourceExhaustedError as error:
                if side // 2 < _SMALLEST:
                    raise PaintingStoppedError(
                        f"out of memory, even in tiles of {side} pixels; try a smaller --size"
                    ) from error
            self.side = min(self.side, side // 2)  # another thread may have halved it too
            self._report(f"out of memory: going on in tiles of {self.side} pixels")
