"""Where the tiles of a large picture lie."""

from __future__ import annotations

import math

SMALLEST = 64  # pixels of a tile


def spans(side: int, tile: int, overlap: float) -> list[tuple[int, int]]:
    """Return where tiles begin and end along a side: equally large, evenly spread.

    Args:
        side: pixels of the picture.
        tile: pixels of a tile, at most.
        overlap: share of a tile, at least, that its neighbour has in common with it.
    """
    if side <= tile:
        return [(0, side)]
    step = max(1, math.floor(tile * (1 - overlap)))
    count = 1 + math.ceil((side - tile) / step)
    starts = (round((side - tile) * index / (count - 1)) for index in range(count))
    return [(start, start + tile) for start in starts]
