"""Label maps in files of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.data.gathered import called
from dltk.data.masks.masked import Faults, Mask
from dltk.errors import InputError, reason
from dltk.headers import read_header
from dltk.images import explained, opened, turn_of
from dltk.masks import label_map, of_colours

_LOSSY = ("JPEG", "MPO")
_COLOURED = ("RGB", "RGBA", "LA")
_DEEP = ("I", "F")  # how modes of more than 8 bits begin


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskFile(Mask):
    """A label map in a file: numbers, or colours.

    Attributes:
        source: a path, bytes, or a function that returns these.
        colours: uint8 (K, 3), RGB of each class; None where masks have numbers. Numbers are
            understood all the same, where they are not greys or a palette of those colours.
    """

    source: object
    colours: np.ndarray | None = None

    @property
    def stated(self) -> tuple[int, int]:
        try:
            with explained(), opened(called(self.source)) as picture:
                _refuse_lossy(picture)
            return read_header(called(self.source)).upright
        except (InputError, OSError) as error:
            raise self._said(error) from error

    @property
    def as_stated(self) -> str:
        return f"its mask {self.file} is"

    def numbers(self, faults: Faults) -> np.ndarray:
        try:
            with explained(), opened(called(self.source)) as picture:
                _refuse_lossy(picture)
                picture.load()
                turn = turn_of(picture)
                labels = self._labels(picture, faults)
        except (InputError, OSError) as error:
            raise self._said(error) from error
        return labels if turn is None else np.asarray(Image.fromarray(labels).transpose(turn))

    def _labels(self, picture: Image.Image, faults: Faults) -> np.ndarray:
        if self.colours is None:
            plain = _plain(picture)
            if plain is not picture:
                faults.append((self.file, "greys saved as colours: taken for numbers"))
            return label_map(plain)
        if picture.mode.startswith(_DEEP):
            return label_map(picture)
        try:
            return of_colours(picture, self.colours)
        except InputError:
            if picture.mode in _COLOURED:
                raise
            return label_map(picture)

    def _said(self, error: Exception) -> InputError:
        return InputError(f"its mask {self.file}: {reason(error)}")


def _refuse_lossy(picture: Image.Image) -> None:
    if picture.format in _LOSSY:
        raise InputError("its values are damaged by JPEG; save masks as PNG")


def _plain(picture: Image.Image) -> Image.Image:
    """Return the one channel of a picture in colour whose pixels are opaque greys."""
    if picture.mode not in _COLOURED:
        return picture
    pixels = np.asarray(picture)
    bare = pixels[..., :-1] if picture.mode.endswith("A") else pixels
    opaque = bare is pixels or (pixels[..., -1] == 255).all()
    grey = opaque and (bare == bare[..., :1]).all()
    return Image.fromarray(np.ascontiguousarray(bare[..., 0])) if grey else picture
