"""Label maps in files of their own, and what their classes are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from dltk.data.gathered import called
from dltk.data.masks.masked import Faults, Mask
from dltk.data.objects.files import is_file, read_text
from dltk.errors import InputError, UsageError, printable, reason
from dltk.headers import read_header
from dltk.images import explained, opened, turn_of
from dltk.masks import label_map, of_colours

CLASS_FILES = ("labelmap.txt", "classes.txt")
_MOST_BYTES = 1 << 20
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


class Names(NamedTuple):
    """Names of classes, and the colours that stand for them; None for what is not known."""

    classes: tuple[str, ...] | None = None
    colours: np.ndarray | None = None


def class_names(folders: Iterable[Path]) -> Names:
    """Return what labelmap.txt, or else classes.txt, says in the first folder that has one.

    classes.txt has a name on each line, that of class 0 first. labelmap.txt is CVAT's: lines
    "name:red,green,blue:parts:actions", and comments behind "#"; or just names.

    Raises:
        UsageError: it cannot be read, or has no names, empty ones, or colours that are none, are
            missing, or are there twice.
    """
    for folder in folders:
        for name in CLASS_FILES:
            if is_file(folder / name):
                return _names_in(folder / name)
    return Names()


def _names_in(path: Path) -> Names:
    lines = read_text(path, _MOST_BYTES).rstrip().splitlines()
    rows = list(enumerate(map(str.strip, lines), 1))
    if path.name == CLASS_FILES[0]:
        rows = [(at, line) for at, line in rows if line and not line.startswith("#")]
    if not rows:
        raise UsageError(f"{printable(path)} has no names of classes")
    if path.name != CLASS_FILES[0] or not any(":" in line for _, line in rows):
        return Names(tuple(line for _, line in rows))
    names, colours = [], {}
    for at, line in rows:
        where = f"{printable(path)}, line {at}"
        name, colour = _entry(line, where)
        if colour in colours:
            raise UsageError(f'{where}: the colour is that of "{printable(colours[colour])}" too')
        names.append(name)
        colours[colour] = name
    return Names(tuple(names), np.array(list(colours), np.uint8))


def _entry(line: str, where: str) -> tuple[str, tuple[int, ...]]:
    """Return the name and the colour in a line of labelmap.txt. Raises UsageError."""
    name, *fields = (field.strip() for field in line.split(":"))
    parts = fields[0].split(",") if fields else []
    if len(parts) == 3 and all(p.strip().isdecimal() and int(p) <= 255 for p in parts):
        return name, tuple(map(int, parts))
    raise UsageError(
        f'{where}: "{printable(line)}" has no colour; wanted is name:red,green,blue:parts:actions'
    )
