"""What a picture's header says of its size: a thousand are read in the time ten are decoded."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.images import SIDEWAYS, decode_sized, explained, opened, turn_of

_PNG_SIGNATURE = 8  # bytes
_PNG_NOTES = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}  # chunks that may hold an orientation


@dataclass(frozen=True, slots=True)
class Header:
    """The size of a picture, as stored and as seen.

    Attributes:
        stored: (width, height) of the pixels in the file.
        turn: what turns those upright, None for nothing.
    """

    stored: tuple[int, int]
    turn: Image.Transpose | None = None

    @property
    def sideways(self) -> bool:
        """Whether the stored picture lies on its side."""
        return self.turn in SIDEWAYS

    @property
    def upright(self) -> tuple[int, int]:
        """The (width, height) of what `dltk.images.decode` gives."""
        return self.stored[::-1] if self.sideways else self.stored


def read_header(source) -> Header:
    """Return the size of what `dltk.images.decode` takes, decoding nothing if that can be.

    Raises:
        InputError: not a picture, or too many pixels; with the reason, without the path. A
            picture that is damaged further on passes.
    """
    if isinstance(source, (np.ndarray, Image.Image)):
        return Header(decode_sized(source)[1])
    with explained(), opened(source) as image:
        # Pillow looks for EXIF behind a PNG's pixels too, and decodes those to get there.
        plain = image.format == "PNG" and not _notes_at_the_end(image.fp)
        turn, size = turn_of(image, Image.Image.getexif if plain else None), image.size
        if image.format == "TIFF" and turn in SIDEWAYS:  # which Pillow turns itself
            size = size[::-1]
        return Header(size, turn)


def _notes_at_the_end(file) -> bool:
    """Return whether a PNG has chunks behind its pixels that may say how to turn it."""
    place, behind = file.tell(), False
    file.seek(_PNG_SIGNATURE)
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if behind and kind in _PNG_NOTES:
            break
        behind = behind or kind == b"IDAT"
        file.seek(length + 4, os.SEEK_CUR)  # 4: its checksum
    else:
        behind = False
    file.seek(place)
    return behind
