"""The texts of a table or of objects in JSON, whatever else is known of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dltk.data.texts import table
from dltk.data.texts.columns import choose_column, column_number, is_usual
from dltk.data.texts.listed import OBJECTS, entries, text_of
from dltk.data.texts.table import form_of, read_rows
from dltk.errors import InputError, UsageError, printable
from dltk.wording import amount

TABLES = (*table.TABLES, *OBJECTS)
"""What names of tables end in, and of files of objects in JSON."""


class TextRow(NamedTuple):
    """A row of a table.

    Attributes:
        line: that it begins in, from 1.
        text: "" where there is a problem.
        problem: why there is no text, or None.
    """

    line: int
    text: str
    problem: str | None = None


def is_table(path: str | os.PathLike) -> bool:
    """Return whether a file is a table, or has objects in JSON, by its name."""
    return os.fspath(path).lower().endswith(TABLES)


def text_rows(path: str | os.PathLike, text_column: str | None = None) -> Iterator[TextRow]:
    """Yield the texts in a table, or in objects in JSON, as `dltk.data.texts.read_texts` reads it.

    Args:
        text_column: name of the column, or its number from 1 where there is no header; None for a
            usual name.
    Raises:
        UsageError: there is no such column.
        InputError: it cannot be read, or not from here on.
    """
    path = Path(path)
    if path.name.lower().endswith(OBJECTS):
        return _of_objects(path, text_column)
    return _of_table(path, text_column)


def _of_table(path: Path, asked: str | None) -> Iterator[TextRow]:
    rows = read_rows(path, form_of(path))
    line, header = next(rows, (0, []))
    if not line:
        return
    if asked and asked.isdecimal() and asked not in map(str.strip, header):
        at = column_number(path, len(header), "text", asked) - 1
        if is_usual(header[at], "text"):
            raise UsageError(
                f"{printable(path)} has a header, {', '.join(map(printable, header))}: name the "
                "column by it, not by number, with --text-column"
            )
        rows = chain([(line, header)], rows)
    else:
        at = header.index(choose_column(path, header, "text", asked, "columns"))
    for line, cells in rows:
        if len(cells) == len(header):
            yield TextRow(line, cells[at])
        else:
            counts = f"{amount(len(cells), 'cell')} in a table of {len(header)} columns"
            yield TextRow(line, "", counts)


def _of_objects(path: Path, asked: str | None) -> Iterator[TextRow]:
    name = None
    for line, value, problem in entries(path):
        if problem or not isinstance(value, dict):
            yield TextRow(line, "", problem or "no object in JSON, {…}")
            continue
        name = name or choose_column(path, list(value), "text", asked, "keys")
        try:
            yield TextRow(line, text_of(value, name))
        except InputError as error:
            yield TextRow(line, "", str(error))
