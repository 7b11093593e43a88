"""Probabilities of a large picture put together from overlapping tiles, a row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

Place = tuple[int, int, int, int]


class TileRows:
    """The mean of what tiles say, weighed: less towards a tile's edge, where it sees least.

    Only as many lines are kept as a row of tiles has.

    Args:
        size: (width, height) of the picture.
        across, down: from `recipes._tiles.spans`; tiles come row by row.
        classes: K.
    """

    def __init__(self, size: tuple[int, int], across: Sequence, down: Sequence, classes: int):
        self._width, self._height = size
        self._across, self.down = list(across), list(down)
        self._classes = classes
        self._first = self._row = 0  # the first line kept, and the row of tiles under way
        self._sums = self._empty(self.down[0][1])

    def add(self, place: Place, probabilities: np.ndarray) -> None:
        """Add what a tile of the row under way says, float32 (h, w, K)."""
        left, top, right, bottom = place
        weights = np.minimum.outer(
            _ramp(top, bottom, self._height), _ramp(left, right, self._width)
        )
        lines = self._sums[top - self._first : bottom - self._first, left:right]
        lines[..., :-1] += weights[..., None] * probabilities
        lines[..., -1] += weights

    def finished(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of the first line, and the probabilities (n, W, K), of the lines that
        no further row of tiles reaches; a row of tiles is then done."""
        self._row += 1
        last = self._row == len(self.down)
        end = self._height if last else self.down[self._row][0]
        count = end - self._first
        done, rest = self._sums[:count], self._sums[count:]
        if count:
            yield self._first, done[..., :-1] / done[..., -1:]
        if not last:
            kept = self._empty(self.down[self._row][1] - end)
            kept[: len(rest)] = rest
            self._sums, self._first = kept, end

    def _empty(self, lines: int) -> np.ndarray:
        return np.zeros((lines, self._width, self._classes + 1), np.float32)


def _ramp(start: int, end: int, side: int) -> np.ndarray:
    """Return weights that fall towards the ends of a tile, but not at those of the picture."""
    places = np.arange(end - start, dtype=np.float32)
    from_start = places + 1 if start > 0 else np.full_like(places, np.inf)
    from_end = places[::-1] + 1 if end < side else np.full_like(places, np.inf)
    nearest = np.minimum(from_start, from_end)
    return np.where(np.isinf(nearest), np.float32(end - start), nearest)
