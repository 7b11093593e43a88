"""Tables of measures on a terminal, or as plain text where there is none."""

from __future__ import annotations

import os
import shutil
import sys

_PLAIN_WIDTH = 100  # of a table that is not on a terminal


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
