"""Captions listed in a table: a row for each, with the path of its picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.listed import Listed
from dltk.data.objects.files import read_bounded
from dltk.data.table import Table, header_of, open_table
from dltk.data.utf8 import forgiving
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_MOST_BYTES = 1 << 30
COLUMNS = {
    "path": ("path", "filename", "file_name", "file", "image", "image_name", "image_path", "img"),
    "caption": ("caption", "captions", "text", "comment", "sentence", "description", "raw"),
    "split": ("split",),
}
_NEEDED = ("path", "caption")
_OTHERS = ("label", "mask", "left", "xmin", "x1")  # columns of tables that are read for those


def heads_captions(line: str) -> bool:
    """Return whether a table with this first line has paths and captions, and no classes."""
    try:
        columns, _ = header_of(line)
    except csv.Error:
        return False
    have = [any(name in columns for name in COLUMNS[field]) for field in _NEEDED]
    return all(have) and not any(name in columns for name in _OTHERS)


def gather_table(
    path: Path,
    root: Path,
    found: GatheredCaptions,
    *,
    split: str | None = None,
    whole: bool = False,
    report: Report = silent,
) -> None:
    """Add the pictures listed in a table (UTF-8; commas, semicolons, tabs or bars) to the found.

    Its header names the columns "path" and "caption", and maybe "split"; or other usual names of
    these, such as "image" and "comment". Rows of one picture are several captions of it; a cell
    may be a list of captions, in JSON. For pictures see `Listed.hand_over`.

    A row that cannot be used is left out, and told with its line. Where the caption comes last,
    it may have in it what separates cells.

    Args:
        split: of all pictures, where no column says it.
        whole: see `Listed.hand_over`.
    Raises:
        UsageError: it cannot be read, or has not these columns.
    """
    listed = Listed(path, root, found, split=split)
    for where, fields in listed_rows(path, listed, COLUMNS, needed=_NEEDED, last="caption"):
        listed.add(where, fields["path"], several(fields["caption"]), split=fields.get("split"))
    listed.hand_over(whole=whole)


def listed_rows(
    path: Path,
    listed: Listed,
    columns: Mapping[str, Sequence[str]],
    *,
    needed: Sequence[str],
    last: str,
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place and cells of every row of a table that can be used; of others, say what is amiss.

    Args:
        listed: is told that.
        columns, needed: see `dltk.data.table.open_table`.
        last: the field which, in the last column, may have in it what separates cells.
    Raises:
        UsageError: it cannot be read, or has not these columns.
    """
    text, faults = forgiving(read_bounded(path, _MOST_BYTES), path)
    table = None
    try:
        table = open_table(path, text, columns, needed=needed)
        for where, cells in _rows(table, listed, faults, last):
            yield where, table.fields(cells)
    except csv.Error as error:
        line = f" in line {table.lines.line_num}" if table else ""
        hint = "; is a quotation mark left open?" if "limit" in str(error) else ""
        raise UsageError(f"cannot read {printable(path)}: {error}{line}{hint}") from error


def _rows(
    table: Table, listed: Listed, faults: dict[int, str], last: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows that have a cell for each column, with their lines."""
    open_end = table.places[last] == table.width - 1
    before = table.lines.line_num
    for cells in table.lines:
        first, before = before + 1, table.lines.line_num
        where = f"line {before}"
        if not any(cell.strip() for cell in cells):
            continue
        fault = next((faults[line] for line in range(first, before + 1) if line in faults), "")
        if fault:
            listed.repair(where, "not UTF-8", f"{fault}, left out")
            continue
        if open_end and len(cells) > table.width:
            rest = table.delimiter.join(cells[table.width - 1 :])
            cells = [*cells[: table.width - 1], rest]
            listed.repair(where, "more cells than columns", "the last ones taken together")
        if len(cells) != table.width:
            how = f"{len(cells)} under {table.width}, left out"
            listed.repair(where, "other cells than columns", how)
            continue
        if before > first:
            how = f"{before - first + 1} lines, kept; is a quotation mark left open?"
            listed.repair(where, "a row over several lines", how)
        yield where, cells


def several(cell: str) -> list[object]:
    """Return the texts of a cell: one, or those of a list in JSON."""
    if cell.startswith("[") and cell.endswith("]"):
        try:
            content = json.loads(cell)
        except ValueError:
            return [cell]
        if isinstance(content, list):
            return content
    return [cell]
