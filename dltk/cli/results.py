"""Results on standard output: a table, JSON lines or CSV."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from dltk.errors import DltkError, PipeClosedError, printable, reason


@dataclass(frozen=True)
class Table:
    """How a command's results look as text.

    Attributes:
        columns: headings of the CSV.
        row: a record's fields as a flat row of it, or as several.
        cells: what a terminal shows of a record that is ok, beside its name: the main thing, and
            the rest.
    """

    columns: Sequence[str]
    row: Callable[[dict], dict | list[dict]]
    cells: Callable[[dict], tuple[str, str]]

    def rows(self, fields: dict) -> list[dict]:
        """Return the rows of a record."""
        made = self.row(fields)
        return made if isinstance(made, list) else [made]


def printer(
    form: str,
    columns: Sequence[str],
    rows: Callable[[dict], list[dict]],
    line: Callable[[dict], str],
    header: dict | None = None,
) -> Callable[[dict], None]:
    """Return what prints one result after another.

    Args:
        form: "table", "jsonl", "csv", or "auto": a table on a terminal, JSON lines elsewhere.
        columns, rows: of the CSV.
        line: of the table.
        header: of the JSON lines.

    What comes before the first result is held back until then: an error comes alone.
    """
    if form == "auto":
        form = "table" if sys.stdout.isatty() else "jsonl"
    if form == "table":
        return lambda fields: _write(line(fields) + "\n")
    if form == "csv":
        writer = csv.DictWriter(_Stdout, columns, restval="", extrasaction="ignore")
        heading = [dict(zip(columns, columns, strict=True))]

        def print_csv(fields):
            writer.writerows([*heading, *rows(fields)])
            heading.clear()

        return print_csv
    from dltk.batch import to_line

    before = [to_line(header)] if header else []

    def print_json(fields):
        _write("".join(before) + to_line(fields))
        before.clear()

    return print_json


def table_line(fields: dict, table: Table, width: int) -> str:
    """Return a record as one line; its name is cut or padded to `width` letters."""
    name = printable(fields["path"])
    name = f"{name if len(name) <= width else '…' + name[1 - width :]:{width}}"
    if fields["status"] == "failed":
        return f"{name}  {styled('failed: ' + fields['error'], fg='red')}"
    main, rest = table.cells(fields)
    if sys.stdout.isatty():  # one line each, however narrow the window
        room = max(0, shutil.get_terminal_size().columns - width - 32)
        rest = rest if len(rest) <= room else rest[: max(0, room - 1)] + "…" * (room > 0)
    return f"{name}  {styled(f'{main:28}', bold=True)}  {styled(rest, dim=True)}".rstrip()


def styled(text: str, **style) -> str:
    """Return `text` in a style, where standard output is a terminal that may have colours."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, **style) if coloured and text else text


class _Stdout:
    """What the CSV writer writes to."""

    @staticmethod
    def write(text: str) -> None:
        _write(text)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise PipeClosedError("nobody reads the output") from error
    except OSError as error:
        raise DltkError(f"cannot write standard output: {reason(error)}") from error
