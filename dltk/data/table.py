"""Pictures listed in a CSV file with their classes, and their splits if it says so."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from dltk.data.examples import LabelledData
from dltk.data.rows import Row, assemble, split_named
from dltk.errors import UsageError, nearest, printable, reason

_NEEDED = ("path", "label")
_READ = (*_NEEDED, "split")


def read_table(path: str | os.PathLike) -> LabelledData:
    """Return the pictures listed in a CSV file (UTF-8; separated by commas, semicolons or tabs).

    Its header names the columns "path" (absolute, or relative to the CSV's folder), "label" and,
    where the data is divided already, "split": train, val or test. Others are not looked at.

    Raises:
        UsageError: unreadable, a column missing or there twice, a cell empty, an unknown split,
            no rows, files that are missing, or one class only; with the line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        entries = list(_entries(path, text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else reason(error)
        raise UsageError(f"cannot read {printable(path)}: {why}") from error
    if not entries:
        raise UsageError(f"{printable(path)} has no rows below its header")
    missing = [(line, row) for line, row in entries if not os.path.isfile(row.source)]
    if missing:
        line, row = missing[0]
        more = f" ({len(missing)} of {len(entries)} files are missing)" if missing[1:] else ""
        raise UsageError(
            f"{printable(path)}, line {line}: no such file: {printable(row.source)}{more}; "
            "paths are relative to the CSV's folder"
        )
    return assemble(str(path), [row for _, row in entries])


def _entries(path, text: str) -> Iterator[tuple[int, Row]]:
    """Yield the number of the line and the row of every picture."""
    root = Path(path).parent
    header = text.split("\n", 1)[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = [name.strip().casefold() for name in next(lines, [])]
    for name in _NEEDED:
        if name not in columns:
            have = ", ".join(map(printable, columns)) or "none"
            raise UsageError(
                f'{printable(path)} has no column "{name}" in its first line.'
                f"{nearest(name, columns)} Its columns: {have}"
            )
    for name in _READ:
        if columns.count(name) > 1:
            raise UsageError(
                f'{printable(path)} has {columns.count(name)} columns "{name}" in its first line; '
                "keep one of them"
            )
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{printable(path)}, line {lines.line_num}"
        if len(cells) != len(columns):
            raise UsageError(f"{where}: {len(cells)} cells under {len(columns)} columns")
        fields = dict(zip(columns, map(str.strip, cells), strict=True))
        for name in _NEEDED:
            if not fields[name]:
                raise UsageError(f"{where}: the {name} is empty")
        split = _split(fields["split"], where) if "split" in fields else None
        name = PurePath(fields["path"]).as_posix()
        yield lines.line_num, Row(split, name, str(root / fields["path"]), fields["label"])


def _split(text: str, where: str) -> str:
    split = split_named(text)
    if split is None:
        hint = nearest(text, ("train", "val", "test"))
        raise UsageError(f'{where}: the split "{printable(text)}" is not train, val or test.{hint}')
    return split
