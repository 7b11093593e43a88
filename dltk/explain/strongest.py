"""The pictures that excite a feature map most: Zeiler & Fergus 2013, Sec. 4, Fig. 2."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from dltk.explain.field import Box
from dltk.geometry import Geometry

Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a channel is strongest in one picture: the value, and the place in the map."""

    value: float
    row: int
    column: int


def peaks_of(maps: np.ndarray, channels: Sequence[int]) -> list[Peak | None]:
    """Return the peak of each of `channels` in the maps (h, w, C) of a picture.

    None for a channel that is the same everywhere, as one that is dead.
    """
    flat = maps.reshape(-1, maps.shape[-1])[:, channels]
    places = flat.argmax(axis=0)
    values = flat[places, np.arange(len(channels))]
    rows, columns = np.unravel_index(places, maps.shape[:2])
    peaks = zip(values, rows, columns, values > flat.min(axis=0), strict=True)
    return [Peak(float(v), int(r), int(c)) if rises else None for v, r, c, rises in peaks]


class Strongest(Generic[Named]):
    """The `count` strongest peaks of each channel, of pictures that come one after another.

    Of equal peaks, that of the picture that came first is the stronger. Memory does not grow with
    the number of pictures.
    """

    def __init__(self, channels: Sequence[int], count: int):
        self.channels = list(channels)
        self._count = count
        self._heaps: list[list] = [[] for _ in self.channels]
        self._seen = 0

    def add(self, name: Named, peaks: Sequence[Peak | None]) -> None:
        """Take note of the peaks of a picture, one or None for each channel."""
        self._seen += 1
        for heap, peak in zip(self._heaps, peaks, strict=True):
            if peak is None:
                continue
            entry = (peak.value, -self._seen, name, peak)
            if len(heap) < self._count:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)

    def __iter__(self) -> Iterator[tuple[int, list[tuple[Named, Peak]]]]:
        """Yield each channel with what names its pictures, and peaks, the strongest first."""
        for channel, heap in zip(self.channels, self._heaps, strict=True):
            yield channel, [(name, peak) for _, _, name, peak in sorted(heap, reverse=True)]


def box_on_photo(field: Box, geometry: Geometry, size: tuple[int, int]) -> Box:
    """Return where a part of a network's input lies in the photo, in its pixels, clipped to it.

    Args:
        field: (left, top, right, bottom) in the input.
        size: (width, height) of the photo.
    """
    left, top, right, bottom = geometry.seen(size)
    at_x, at_y, wide, high = geometry.place((left, top, right, bottom))
    xs = [left + (x - at_x) * (right - left) / wide for x in field[::2]]
    ys = [top + (y - at_y) * (bottom - top) / high for y in field[1::2]]
    x0, x1 = _edges(*xs, size[0])
    y0, y1 = _edges(*ys, size[1])
    return x0, y0, x1, y1


def _edges(low: float, high: float, size: int) -> tuple[int, int]:
    """Return whole edges within 0 to `size`, at least a pixel apart."""
    first = min(max(0, int(np.floor(low))), size - 1)
    return first, max(first + 1, min(size, int(np.ceil(high))))
