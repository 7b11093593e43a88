"""What the classes of label maps are called, and which colours stand for them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dltk.data.objects.files import is_file, read_text
from dltk.errors import UsageError, printable

_COLOURED, _TABLE = "labelmap.txt", "class_dict.csv"
CLASS_FILES = (_COLOURED, _TABLE, "classes.txt", "codes.txt")
_COLUMNS = ("name", "r", "g", "b")
_MOST_BYTES = 1 << 20

_Entries = Iterator[tuple[str, str, list[str]]]  # where, name, and the three parts of a colour


class Names(NamedTuple):
    """Names of classes, and the colours that stand for them; None for what is not known."""

    classes: tuple[str, ...] | None = None
    colours: np.ndarray | None = None


def class_names(folders: Iterable[Path]) -> Names:
    """Return what the first of `CLASS_FILES` says, in the first folder that has one.

    classes.txt and codes.txt have a name on each line, that of class 0 first. labelmap.txt is
    CVAT's: lines "name:red,green,blue:parts:actions", and comments behind "#"; or just names.
    class_dict.csv has the columns name, r, g and b.

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
    if path.name == _COLOURED:
        rows = [(at, line) for at, line in rows if line and not line.startswith("#")]
    if not rows or (path.name == _TABLE and len(rows) < 2):
        raise UsageError(f"{printable(path)} has no names of classes")
    if path.name == _TABLE:
        return _coloured(_of_table(path, lines))
    if path.name == _COLOURED and any(":" in line for _, line in rows):
        return _coloured(_of_lines(path, rows))
    return Names(tuple(line for _, line in rows))


def _of_lines(path: Path, rows: list[tuple[int, str]]) -> _Entries:
    for at, line in rows:
        name, *fields = (field.strip() for field in line.split(":"))
        colour = fields[0].split(",") if fields else []
        where = f"{printable(path)}, line {at}"
        if not _is_colour(colour):
            raise UsageError(
                f'{where}: "{printable(line)}" has no colour; wanted is '
                "name:red,green,blue:parts:actions"
            )
        yield where, name, colour


def _of_table(path: Path, lines: list[str]) -> _Entries:
    rows = csv.DictReader(lines, restval="")
    rows.fieldnames = [name.strip().casefold() for name in rows.fieldnames]
    if not set(_COLUMNS) <= set(rows.fieldnames):
        raise UsageError(f"{printable(path)} has other columns than {', '.join(_COLUMNS)}")
    for row in rows:
        name, *colour = (row[column].strip() for column in _COLUMNS)
        where = f"{printable(path)}, line {rows.line_num}"
        if not _is_colour(colour):
            raise UsageError(f'{where}: "{printable(name)}" has no colour of numbers up to 255')
        yield where, name, colour


def _is_colour(parts: list[str]) -> bool:
    return len(parts) == 3 and all(p.strip().isdecimal() and int(p) <= 255 for p in parts)


def _coloured(entries: _Entries) -> Names:
    names, colours = [], {}
    for where, name, parts in entries:
        colour = tuple(map(int, parts))
        if colour in colours:
            raise UsageError(f'{where}: the colour is that of "{printable(colours[colour])}" too')
        names.append(name)
        colours[colour] = name
    return Names(tuple(names), np.array(list(colours), np.uint8))
