"""The pictures that a generator learns from: looked over once, then kept at its size."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import ImageChops

from dltk.data.examples import Pictures
from dltk.data.pipeline import AUGMENT, random_of
from dltk.data.pixels import Pixels
from dltk.errors import InputError, reason
from dltk.geometry import Geometry
from dltk.strategy import cores
from dltk.weights import Report
from recipes._runs import less, tell_reading


class Looks(NamedTuple):
    """What some pictures are like.

    Attributes:
        grey: how many are without colour.
        small: how many have a side of less pixels than asked for.
        count: how many there are.
    """

    grey: int
    small: int
    count: int


def look_over(data, size: int, report: Report):
    """Decode all pictures once; return the data without those that cannot be, and their looks.

    Args:
        data: of `dltk.data.examples`.
        size: pixels that a side should have.
    """
    unusable, grey, small, count = {}, 0, 0, 0
    for split, part in data.splits.items():
        tell_reading(split, len(part), report)
        unusable[split] = {}
        for index, found in enumerate(_each(part)):
            if isinstance(found, str):
                unusable[split][index] = found
            else:
                grey, small, count = grey + found[0], small + (found[1] < size), count + 1
    return less(data, unusable, report), Looks(grey, small, count)


def channels_of(looks: Looks, asked: int | None, report: Report) -> int:
    """Return 1 if all pictures are grey, else 3; or what was asked for. Tells of mixtures."""
    chosen = asked or (1 if looks.grey == looks.count else 3)
    coloured = looks.count - looks.grey
    if chosen == 1 and coloured:
        report(f"note: {coloured} of {looks.count} pictures have colours, which are left out")
    elif chosen == 3 and looks.grey and coloured:
        report(f"note: {looks.grey} of {looks.count} pictures are grey, the others have colours")
    return chosen


def tell_small(looks: Looks, size: int, report: Report) -> None:
    """Tell how many pictures are smaller than asked for."""
    if looks.small:
        report(
            f"note: {looks.small} of {looks.count} pictures are smaller than {size} pixels, and "
            "are enlarged"
        )


class Mirrored:
    """Loads pictures as `dltk.data.pixels.Pixels` does, half of them with left and right changed.

    Which, depends on seed, epoch and index alone.
    """

    def __init__(self, pictures: Pictures, geometry: Geometry, *, seed: int):
        self._pixels = Pixels(pictures, geometry, threads=cores())
        self._chosen = lru_cache(2)(
            lambda epoch: random_of(seed, AUGMENT, epoch).random(len(pictures)) < 0.5
        )

    def __call__(self, indices: np.ndarray, epoch: int = 0) -> np.ndarray:
        """Return float32 (n, H, W, C), 0-255."""
        loaded = self._pixels(indices)
        mirrored = self._chosen(epoch)[indices]
        loaded[mirrored] = loaded[mirrored, :, ::-1]
        return loaded


def _each(part: Pictures) -> Iterator[tuple[bool, int] | str]:
    """Yield of each picture whether it is grey and its shorter side; or why it cannot be read."""

    def look(index: int) -> tuple[bool, int] | str:
        try:
            picture = part.decode(index)
        except InputError as error:
            return str(error)
        except OSError as error:
            return reason(error)
        red, green, blue = picture.split()
        others = ImageChops.difference(red, green), ImageChops.difference(red, blue)
        return not any(each.getbbox() for each in others), min(picture.size)

    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(look, range(len(part)))
