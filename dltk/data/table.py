"""Pictures listed in a CSV file with their classes, and their splits if it says so."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from dltk.data.datasets import LabelledData
from dltk.data.rows import Row, assemble, split_named
from dltk.data.utf8 import decoded
from dltk.errors import UsageError, nearest, printable, reason

_COLUMNS = {"path": ("path",), "label": ("label",), "split": ("split",)}
_NEEDED = ("path", "label")


def read_table(path: str | os.PathLike) -> LabelledData:
    """Return the pictures listed in a CSV file (UTF-8; separated by commas, semicolons or tabs).

    Its header names the columns "path" (absolute, or relative to the CSV's folder), "label" and,
    where the data is divided already, "split": train, val or test. Others are not looked at.

    Raises:
        UsageError: unreadable, a column missing or there twice, a cell empty, an unknown split,
            no rows, files that are missing, or one class only; with the line.
    """
    return assemble(str(path), rows_of(path, _NEEDED))


def rows_of(path: str | os.PathLike, needed: Sequence[str]) -> list[Row]:
    """Return the rows of a CSV file that lists pictures, see `read_table`.

    Args:
        needed: columns that it must have. Without "label", labels are "".
    Raises:
        UsageError: see `read_table`.
    """
    entries = [
        (line, _row(path, f"{printable(path)}, line {line}", fields, needed))
        for line, fields in table_rows(path, _COLUMNS, needed=needed)
    ]
    missing = [(line, row) for line, row in entries if not os.path.isfile(row.source)]
    if missing:
        line, row = missing[0]
        more = f" ({len(missing)} of {len(entries)} files are missing)" if missing[1:] else ""
        raise UsageError(
            f"{printable(path)}, line {line}: no such file: {printable(row.source)}{more}; "
            "paths are relative to the CSV's folder"
        )
    return [row for _, row in entries]


def table_rows(
    path: str | os.PathLike, columns: Mapping[str, Sequence[str]], *, needed: Sequence[str]
) -> list[tuple[int, dict[str, str]]]:
    """Return the number of the line and the cells of every row of a CSV file.

    Args:
        columns, needed: see `open_table`.
    Raises:
        UsageError: unreadable, a column missing or there twice, rows of another length, or none.
    """
    try:
        with open(path, "rb") as file:
            text = decoded(file.read(), path)
        rows = list(_rows(path, open_table(path, text, columns, needed=needed)))
    except (OSError, csv.Error) as error:
        raise UsageError(f"cannot read {printable(path)}: {reason(error)}") from error
    if not rows:
        raise UsageError(f"{printable(path)} has no rows below its header")
    return rows


class Table(NamedTuple):
    """A table of which the header was read.

    Attributes:
        places: which column each field has, counted from 0.
        width: number of columns.
        delimiter: what separates cells.
        lines: a `csv.reader` of the rows below the header.
    """

    places: dict[str, int]
    width: int
    delimiter: str
    lines: Iterator[list[str]]

    def fields(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the cells of one row by field, without spaces around them."""
        return {field: cells[at].strip() for field, at in self.places.items()}


def header_of(line: str) -> tuple[list[str], str]:
    """Return the names of the columns, lower case, and what separates them."""
    delimiter = max(",;\t|", key=line.count)
    cells = next(csv.reader([line], delimiter=delimiter), [])
    return [name.strip().casefold() for name in cells], delimiter


def split_cell(text: str, where: str) -> str:
    """Return the split that a cell means. Raises UsageError."""
    split = split_named(text)
    if split is None:
        hint = nearest(text, ("train", "val", "test"))
        raise UsageError(f'{where}: the split "{printable(text)}" is not train, val or test.{hint}')
    return split


def open_table(
    path: object, text: str, columns: Mapping[str, Sequence[str]], *, needed: Sequence[str]
) -> Table:
    """Return the text of a CSV file as a table.

    Args:
        path: to say whose header is amiss.
        columns: for each field of a row the names its column may have, the first found is taken.
        needed: fields that must have a column.
    Raises:
        UsageError: a column is missing or there twice.
        csv.Error: the header cannot be read.
    """
    _, delimiter = header_of(io.StringIO(text, newline="").readline())
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip().casefold() for name in next(lines, [])]
    places = {}
    for field, names in columns.items():
        name = next((name for name in names if name in header), None)
        if name is None and field in needed:
            others = f" (or {', '.join(names[1:])})" if names[1:] else ""
            have = ", ".join(map(printable, header)) or "none"
            raise UsageError(
                f'{printable(path)} has no column "{field}"{others} in its first line.'
                f"{nearest(field, header)} Its columns: {have}"
            )
        if header.count(name) > 1:
            raise UsageError(
                f'{printable(path)} has {header.count(name)} columns "{name}" in its first line; '
                "keep one of them"
            )
        if name is not None:
            places[field] = header.index(name)
    return Table(places, len(header), delimiter, lines)


def _rows(path: object, table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    for cells in table.lines:
        if not any(cell.strip() for cell in cells):
            continue
        line = table.lines.line_num
        if len(cells) != table.width:
            where = f"{printable(path)}, line {line}"
            raise UsageError(f"{where}: {len(cells)} cells under {table.width} columns")
        yield line, table.fields(cells)


def _row(path, where: str, fields: dict[str, str], needed: Sequence[str]) -> Row:
    for name in needed:
        if not fields[name]:
            raise UsageError(f"{where}: the {name} is empty")
    split = split_cell(fields["split"], where) if "split" in fields else None
    name = PurePath(fields["path"]).as_posix()
    return Row(split, name, str(Path(path).parent / fields["path"]), fields.get("label", ""))
