"""The pictures that an auto-encoder learns from, with their classes where these are known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from dltk.data import LabelledData, check_data, read_data, split_data
from dltk.data.examples import Examples, PictureData, Pictures
from dltk.data.plain import check_pictures, read_pictures, split_pictures
from dltk.errors import InputError, UsageError, reason
from dltk.images import decode_sized
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._runs import tell_reading
from recipes._trainings import DataKind

_LOOKED_AT = 64  # pixels of a side: enough to tell grey from colour
_TINT = 4  # of 255: what scanning and JPEG may add to grey


def read_known(where: str | os.PathLike, *, report: Report = silent) -> LabelledData | PictureData:
    """Return the pictures at `where`, with their classes where the layout tells those of all.

    Args: see `dltk.data.read_data` and `dltk.data.plain.read_pictures`.
    Raises:
        UsageError, WeightsError: what `read_pictures` raises.
    """
    try:
        known = read_data(where, report=report)
    except UsageError:
        return read_pictures(where, report=report)
    if known.passed_over:  # pictures beside the class folders, perhaps
        plain = read_pictures(where, report=report)
        if len(plain) > len(known):
            return plain
    return known


def _split_known(data: LabelledData | PictureData, **options):
    return (split_data if isinstance(data, LabelledData) else split_pictures)(data, **options)


def _check_known(data: LabelledData | PictureData, **options):
    return (check_data if isinstance(data, LabelledData) else check_pictures)(data, **options)


KIND = DataKind((LabelledData, PictureData), read_known, _split_known, _check_known)


def classes_of(data: LabelledData | PictureData) -> tuple[str, ...]:
    """Return the names of the classes, none where they are not known."""
    return data.classes if isinstance(data, LabelledData) else ()


def class_of(data: LabelledData | PictureData, part: Pictures, at: int) -> str:
    """Return the class of a picture, "" where it is not known."""
    return data.classes[part.labels[at]] if isinstance(part, Examples) else ""


@dataclass(frozen=True)
class Looked:
    """What a look at all pictures of a data set told.

    Attributes:
        unreadable: index and reason of each that cannot be decoded, by split.
        grey: how many of the others have no colour.
        shorter: of the others, pixels of the shorter side.
    """

    unreadable: dict[str, dict[int, str]]
    grey: int
    shorter: Sequence[int]

    @property
    def channels(self) -> int:
        """1 if no picture has colour, else 3."""
        return 1 if self.grey == len(self.shorter) else 3

    def told(self, size: int, channels: int) -> list[str]:
        """Return what is worth knowing where pictures become `size` pixels wide, in lines."""
        count, lines = len(self.shorter), []
        if 0 < self.grey < count and channels == 3:
            lines.append(f"{self.grey} of {count} pictures are grey, and are taken for colour")
        if channels == 1 and self.grey < count:
            lines.append(f"{count - self.grey} of {count} pictures lose their colour")
        small = sum(side < size for side in self.shorter)
        if small:
            lines.append(f"{small} of {count} pictures are smaller than {size} pixels: enlarged")
        return lines


def look_at(data: LabelledData | PictureData, report: Report) -> Looked:
    """Decode all pictures; return which cannot be, and what the others are like."""
    unreadable, grey, shorter = {}, 0, []
    with ThreadPoolExecutor(cores()) as pool:
        for split, part in data.splits.items():
            tell_reading(split, len(part), report)
            unreadable[split] = {}
            for at, found in enumerate(pool.map(partial(_seen, part), range(len(part)))):
                if isinstance(found, str):
                    unreadable[split][at] = found
                else:
                    grey += found[0]
                    shorter.append(found[1])
    return Looked(unreadable, grey, shorter)


def _seen(part: Pictures, at: int) -> tuple[bool, int] | str:
    """Return whether a picture is grey, and its shorter side; or why it cannot be read."""
    try:
        picture, size = decode_sized(part.sources[at], at_least=_LOOKED_AT)
    except InputError as error:
        return str(error)
    except OSError as error:
        return reason(error)
    small = picture.resize((_LOOKED_AT, _LOOKED_AT), Image.Resampling.NEAREST)
    values = np.asarray(small, np.int16)
    return bool(np.ptp(values, axis=-1).max() <= _TINT), min(size)
