"""Tables of measures on a terminal, or as plain text where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from dltk.errors import printable

MOST_PAIRS = 10  # of classes that were confused
_PLAIN_WIDTH = 100  # of a table that is not on a terminal
_MOST_ROWS = 20  # classes in a table


def text_console():
    """Return a console that collects text, in colours and as wide as the window on a terminal."""
    from io import StringIO

    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(
        file=StringIO(),
        force_terminal=terminal,
        no_color=not terminal or bool(os.environ.get("NO_COLOR")),
        width=shutil.get_terminal_size().columns if terminal else _PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def text_of(console) -> str:
    """Return what a console of `text_console` has collected."""
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def new_table(first: str, *others: str):
    """Return an empty table: its first column of names, the others of numbers."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="ellipsis", no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", overflow="ellipsis", no_wrap=True)
    return table


def class_table(classes: Mapping[str, dict], columns: Mapping[str, str], *, by: str):
    """Return a table of measures of classes; of many, those that are worst.

    Args:
        classes: measures by name, of each class by name: counts, shares, or None for what is
            nothing.
        columns: the measure in each column, by its heading.
        by: the measure to choose the worst by; those without it come last.
    """
    from rich.text import Text

    rows = list(classes.items())
    table = new_table("class", *columns)
    if len(rows) > _MOST_ROWS:
        table.caption = Text(f"the {_MOST_ROWS} worst of {len(rows)} classes; --json has all")
        table.caption_justify = "left"
        known = [(name, row) for name, row in rows if row[by] is not None]
        rows = sorted(known, key=lambda row: row[1][by])[:_MOST_ROWS]
    for name, row in rows:
        values = (row[key] for key in columns.values())
        cells = (f"{value:,}" if isinstance(value, int) else share(value) for value in values)
        table.add_row(Text(printable(name)), *cells)
    return table


def pair_table(pairs: Sequence[tuple[str, str, int]], what: str):
    """Return a table of which class was taken for which, and how often.

    Args:
        what: is counted, such as "pictures".
    """
    from rich.text import Text

    table = new_table("most confused", "taken for", what)
    table.columns[1].justify = "left"
    for true, predicted, count in pairs:
        table.add_row(Text(printable(true)), Text(printable(predicted)), f"{count:,}")
    return table


def share(value: float | None) -> str:
    """Return a share, or a dash where there is nothing that it is a share of."""
    return "–" if value is None else f"{value:.3f}"
