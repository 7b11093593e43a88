"""Objects listed in a CSV file: a row for each, with the path of its picture."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePath

from dltk.data.datasets import ObjectData
from dltk.data.objects.annotated import (
    Annotated,
    Annotation,
    Gathered,
    no_numbers,
    number,
    stated_size,
)
from dltk.data.objects.assemble import assemble
from dltk.data.objects.files import is_file
from dltk.data.table import header_of, split_cell, table_rows
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_MOST_BYTES = 1 << 30
_CORNERS = ("left", "top", "right", "bottom")
_COLUMNS = {
    "path": ("path", "filename", "file", "image"),
    "label": ("label", "class", "name"),
    "left": ("left", "xmin", "x1"),
    "top": ("top", "ymin", "y1"),
    "right": ("right", "xmax", "x2"),
    "bottom": ("bottom", "ymax", "y2"),
    "split": ("split",),
    "ignored": ("ignored", "difficult", "iscrowd"),
    "width": ("width",),
    "height": ("height",),
}
_NEEDED = ("path", "label", *_CORNERS)
_FALSE = ("", "0", "0.0", "false", "no")


def holds_boxes(path: str | os.PathLike) -> bool:
    """Return whether a CSV file has a column for the left edge of boxes."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            columns, _ = header_of(file.readline(10_000))
    except OSError:
        return False
    return any(name in columns for name in _COLUMNS["left"])


def read_object_table(path: Path, *, report: Report = silent) -> ObjectData:
    """Return the pictures and objects listed in a CSV file (UTF-8; commas, semicolons or tabs).

    Its header names the columns "path" (absolute, or relative to the CSV's folder), "label",
    "left", "top", "right" and "bottom" (half-open, in pixels; or all in shares of the picture's
    width and height), and maybe "split", "ignored", and "width" and "height" of the picture; or
    other usual names of these, such as "filename", "class", "xmin", "ymin", "xmax", "ymax". A
    picture without objects has a row whose label and corners are empty.

    Raises:
        UsageError: too large, a table that cannot be read (see `dltk.data.table.table_rows`), an
            empty path, a picture in two splits, or as `assemble` does; with the line.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise UsageError(f"{printable(path)} has more than {_MOST_BYTES >> 20} MB: not read")
    found = Gathered(str(path))
    pictures: dict[str, Annotated] = {}
    for line, fields in table_rows(path, _COLUMNS, needed=_NEEDED):
        picture = _picture(path, line, fields, pictures)
        _add(picture, f"line {line}", fields, found)
    for picture in pictures.values():
        if is_file(picture.source):
            found.pictures.append(picture)
        else:
            found.pass_damaged(picture.name, "no such file", len(picture.objects))
    rows = [row for picture in found.pictures for row in picture.objects]
    if rows and all(0 <= value <= 1 for row in rows for value in row.box):
        found.shares = True
        found.repair(path.name, "corners in shares", "all are between 0 and 1, not in pixels")
    return assemble(found, report=report)


def _picture(
    path: Path, line: int, fields: dict[str, str], pictures: dict[str, Annotated]
) -> Annotated:
    where = f"{printable(path)}, line {line}"
    if not fields["path"]:
        raise UsageError(f"{where}: the path is empty")
    split = split_cell(fields["split"], where) if "split" in fields else None
    name = PurePath(fields["path"]).as_posix()
    size = stated_size(*(number(fields.get(side, "")) for side in ("width", "height")))
    source = str(path.parent / fields["path"])
    picture = pictures.setdefault(name, Annotated(split, name, source, path.name, stated=size))
    if picture.split != split:
        raise UsageError(
            f"{where}: {printable(name)} is in {split}, and further up in {picture.split}"
        )
    return picture


def _add(picture: Annotated, where: str, fields: dict[str, str], found: Gathered) -> None:
    corners = [fields[name] for name in _CORNERS]
    if not fields["label"] and not any(corners):
        return
    if not fields["label"]:
        found.lose(picture, where, "no class")
        return
    if not any(corners):
        found.lose(picture, where, "no box")
        return
    ignored = fields.get("ignored", "").casefold() not in _FALSE
    box = tuple(map(number, corners))
    if any(map(math.isnan, box)):
        found.lose(picture, where, *no_numbers(corners))
        return
    picture.objects.append(Annotation(where, fields["label"], box, ignored))
