"""Labelled texts in tables: .csv and .tsv files, with a header or without."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from dltk.data.table import header_of
from dltk.data.texts.columns import (
    Asked,
    Columns,
    choose_columns,
    has_columns,
    numbered_columns,
    split_of,
)
from dltk.data.texts.files import (
    MOST_LETTERS,
    SPLITS,
    blamed,
    first_line,
    whole_lines,
    without_returns,
)
from dltk.data.texts.gathered import GatheredTexts
from dltk.errors import InputError, UsageError, printable
from dltk.wording import amount

TABS = (".tsv", ".tab")
TABLES = (".csv", *TABS)
"""What names of tables end in."""
_DELIMITERS = "\t,;|"
_LOOKED_AT = 100  # rows, to tell what separates cells
_UNCLOSED = (
    'a cell begins with a quotation mark that is never closed; close it, or write "" for a mark '
    "in a cell"
)


class Form(NamedTuple):
    """How a table is written.

    Attributes:
        delimiter: what separates cells.
        quoted: whether cells may stand in quotation marks, with line breaks in them, as in CSV
            (RFC 4180); else marks are letters like others, and a line is a row.
    """

    delimiter: str
    quoted: bool


def gather_table(
    path: Path, name: str, found: GatheredTexts, asked: Asked, *, split: str | None = None
) -> None:
    """Add the texts of a table (UTF-8; commas, semicolons, tabs or bars) to what was found.

    A cell is a text, whatever is in it; rows that have not a cell for each column, or are not
    UTF-8, are passed over. The file is streamed.

    Args:
        name: of the file, by which its rows are named.
        asked: columns; by numbers in a file without a header.
        split: of all rows; None to look for a column "split".
    Raises:
        UsageError: a column is missing or there twice, or marks that are never closed.
    """
    found.open_file(name)
    with blamed(path):
        rows = read_rows(path, form_of(path))
        line, header = next(rows, (0, []))
        width = len(header)
        if asked.by_number and not set(asked) <= set(map(str.strip, header)):
            columns = numbered_columns(path, width, asked)
            places = Columns(int(columns.text) - 1, int(columns.label) - 1, None)
            _check_no_header(path, header)
            rows = _again((line, header), rows)
        else:
            columns = choose_columns(path, header, asked, "columns")
            places = Columns(*(None if each is None else header.index(each) for each in columns))
        for line, cells in rows:
            if len(cells) != width:
                counts = f"{amount(len(cells), 'cell')} in a table of {width} columns"
                found.damaged_row(line, counts)
            else:
                _add(found, line, cells, places, split)


def heads_texts(path: Path) -> bool:
    """Return whether a table's first line names a text and a class, and no file."""
    try:
        names, _ = header_of(first_line(path))
    except csv.Error:
        return False
    return has_columns(names) and not {"path", "file", "filename", "image"} & set(names)


def _add(found: GatheredTexts, line: int, cells: list[str], places: Columns, split) -> None:
    try:
        if split is None and places.split is not None:
            split = split_of(cells[places.split], SPLITS)
    except InputError as error:
        found.stray_row(line, str(error))
        return
    found.add(split, line, cells[places.text], cells[places.label])


def _check_no_header(path: Path, cells: list[str]) -> None:
    if has_columns(cells):
        raise UsageError(
            f"{printable(path)} has a header, {', '.join(map(printable, cells))}: name columns by "
            "it, not by number, with --text-column and --label-column"
        )


def _again(first: tuple, rest: Iterator[tuple]) -> Iterator[tuple]:
    yield first
    yield from rest


def read_rows(path: Path, form: Form, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line that each row begins in, and its cells; not of empty rows.

    Args:
        strict: raise csv.Error where marks are not as CSV has them, instead of making the best
            of them.
    Raises:
        InputError: marks that are never closed, or what `whole_lines` raises.
    """
    lines = _Lines(path)
    quoting = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=form.delimiter, quoting=quoting, strict=strict)
    while True:
        begins = lines.number + 1
        try:
            cells = _next_row(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if strict:
                raise
            why = _UNCLOSED if "field limit" in str(error) else str(error)
            raise InputError(f"line {begins}: {why}") from error
        if lines.ended:  # and the reader wanted more
            raise InputError(f"line {begins}: {_UNCLOSED}")
        if any(map(str.strip, cells)):
            yield begins, cells


def _next_row(reader: Iterator[list[str]]) -> list[str]:
    """Return the next row, however long its cells are: the limit of csv is the whole process's."""
    usual = csv.field_size_limit(MOST_LETTERS)
    try:
        return next(reader)
    finally:
        csv.field_size_limit(usual)


class _Lines:
    """The lines of a file for `csv.reader`, and how many it has taken.

    Attributes:
        number: of the last line taken.
        ended: whether there are no more, and one was asked for.
    """

    def __init__(self, path: Path):
        self._lines = whole_lines(path)
        self.number, self.ended = 0, False

    def __iter__(self):
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.number = line.number
        return without_returns(line.text)


def form_of(path: Path) -> Form:
    """Return how a table is written, by how it begins.

    Where tabs separate cells, marks may be letters like others, as in most such files that were
    not written by a spreadsheet. They count as in CSV if they are so in the whole file.

    Raises:
        InputError: what `whole_lines` raises.
    """
    delimiter = "\t" if path.suffix.lower() in TABS else _delimiter(path)
    return Form(delimiter, delimiter != "\t" or _is_quoted(path, delimiter))


def _delimiter(path: Path) -> str:
    """Return what separates cells: what cuts the first rows into the same number of cells."""
    _, likely = header_of(first_line(path))
    candidates = dict.fromkeys(("\t", likely, *_DELIMITERS))
    for delimiter in candidates:
        try:
            rows = islice(read_rows(path, Form(delimiter, delimiter != "\t")), _LOOKED_AT)
            widths = {len(cells) for _, cells in rows}
        except InputError:
            continue
        if len(widths) == 1 and widths != {1}:
            return delimiter
    return likely


def _is_quoted(path: Path, delimiter: str) -> bool:
    """Return whether marks around cells are as CSV has them in all rows of a file."""
    if not any('"' in line.text for line in whole_lines(path)):
        return True
    try:
        widths = {len(cells) for _, cells in read_rows(path, Form(delimiter, True), strict=True)}
    except (csv.Error, InputError):
        return False
    return len(widths) == 1
