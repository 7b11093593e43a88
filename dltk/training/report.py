"""What the reports of all trainings have in common, as lines of Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from dltk.errors import printable
from dltk.training.run import RunFolder


def flattered(noun: str = "picture") -> str:
    """Return what to say of figures of the examples that chose the best epoch."""
    return f"These {noun}s also chose the best epoch, so the figures flatter a little."


FLATTERED = flattered()


def sections(entries: Mapping[str, Iterable[tuple[str, object]]]) -> list[str]:
    """Return a section for each title that has entries: (what, how) of each, in a list."""
    lines = []
    for title, rows in entries.items():
        if told := [f"- {printable(name)}: {_short(value)}" for name, value in rows]:
            lines += [f"## {title}", "", *told, ""]
    return lines


def pictures_in(run: RunFolder, titles: Mapping[str, str]) -> list[str]:
    """Return a section for each picture that is in the run folder, by the names of files.

    Searches for a learning rate come last.
    """
    lines = []
    for name, title in titles.items():
        if (run.path / name).exists():
            lines += [f"## {title}", "", f"![{title}]({name})", ""]
    rates = sorted(path.name for path in run.path.glob("*-rate.png"))
    return lines + [f"![Search for a learning rate]({name})" for name in rates]


def write_report(run: RunFolder, lines: Iterable[str]) -> None:
    """Write report.md."""
    run.write_text("report.md", "\n".join(lines).rstrip() + "\n")


def table_cell(name: str) -> str:
    """Return a name as text for a cell of a table in Markdown."""
    return printable(name).replace("|", "\\|")


def share(value: float | None) -> str:
    """Return a share, or a dash where there is nothing that it is a share of."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
