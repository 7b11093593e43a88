"""The sizes at which a picture is dreamt over, and how small a network can see."""

from __future__ import annotations

from itertools import pairwise

import keras

from dltk.errors import UsageError
from dltk.painting.tiles import Tile

_LEAST = 16  # pixels a side: smaller pictures show nothing
_MOST = 1024


def octave_sizes(
    size: tuple[int, int], *, octaves: int, scale: float, least: int
) -> list[tuple[int, int]]:
    """Return (width, height) from coarse to fine; the last one is `size`.

    Args:
        octaves: how many, at most.
        scale: of one to the next.
        least: pixels of the shorter side; octaves that are smaller are left out.
    """
    sizes = [size]
    for octave in range(1, octaves):
        smaller = tuple(round(side / scale**octave) for side in size)
        if min(smaller) < least:
            break
        sizes.append(smaller)
    return sizes[::-1]


def smallest_side(network: keras.Model) -> int:
    """Return the pixels a side that a network from `see_layers` needs at least, 16 or more.

    Raises:
        UsageError: it does not even see 1024 pixels.
    """
    low, high = _LEAST, _MOST
    if not _sees(network, high):
        raise UsageError(f"{network.name} sees no picture of any size up to {_MOST} pixels")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _sees(network, middle) else (middle + 1, high)
    return high


def _sees(network: keras.Model, side: int) -> bool:
    """Return whether every map has a place where the picture has `side` pixels a side."""
    try:
        shapes = network.compute_output_shape((1, side, side, network.input_shape[-1]))
    except ValueError:
        return False
    return all(min(shape) >= 1 for shape in shapes.values())


def plan_windows(height: int, width: int, *, window: tuple[int, int], multiple: int) -> list[Tile]:
    """Cover a picture with tiles of exactly `window` (height, width), for networks of one size.

    They overlap evenly. Their cores lie side by side and meet about the middle of overlaps.

    Args:
        height, width: of the picture, no smaller than the window.
        multiple: of it the upper and left edges of cores are, as seen from their windows.
    """
    rows, columns = (
        _spans(side, own, multiple) for side, own in zip((height, width), window, strict=True)
    )
    return [
        Tile((top, left, bottom, right), (high, near, low, far))
        for (top, bottom), (high, low) in rows
        for (left, right), (near, far) in columns
    ]


def _spans(side: int, own: int, multiple: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return (start, end) of each window along one side, and of its core."""
    count = -(-side // own)
    starts = [round(index * (side - own) / max(1, count - 1)) for index in range(count)]
    cuts = [0]
    for before, after in pairwise(starts):
        middle = (after + before + own) // 2 - after
        cuts.append(after + middle // multiple * multiple)
    cuts.append(side)
    return [
        ((start, start + own), (cuts[index], cuts[index + 1])) for index, start in enumerate(starts)
    ]
