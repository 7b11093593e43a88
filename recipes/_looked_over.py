"""What pictures that nothing need be known of are like: readable or not, grey or not, how large."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from dltk.data.examples import Pictures
from dltk.errors import InputError, reason
from dltk.images import decode_sized
from dltk.strategy import cores
from dltk.weights import Report
from recipes._runs import less, tell_reading

CHANNELS = {"auto": None, "grey": 1, "colour": 3}  # None where the pictures are to tell
_SIDE = 64  # pixels: enough to tell grey from colour
_TINT = 4  # of 255: what scanning and JPEG may add to grey


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
        data: of `dltk.data.datasets`.
        size: pixels that a side should have.
    """
    unreadable, grey, small, count = {}, 0, 0, 0
    for split, part in data.splits.items():
        tell_reading(split, len(part), report)
        unreadable[split] = {}
        for index, found in enumerate(_each(part)):
            if isinstance(found, str):
                unreadable[split][index] = found
            else:
                grey, small, count = grey + found[0], small + (found[1] < size), count + 1
    return less(data, unreadable, report), Looks(grey, small, count)


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


def _each(part: Pictures) -> Iterator[tuple[bool, int] | str]:
    """Yield of each picture whether it is grey and its shorter side; or why it cannot be read."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(partial(_look, part), range(len(part)))


def _look(part: Pictures, index: int) -> tuple[bool, int] | str:
    try:
        picture, size = decode_sized(part.sources[index], at_least=_SIDE)
    except InputError as error:
        return str(error)
    except OSError as error:
        return reason(error)
    some = picture.resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
    tints = np.ptp(np.asarray(some, np.int16), axis=-1)
    return bool(tints.max() <= _TINT), min(size)
