"""How the findings of `dltk data check` are printed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from dltk.cli.results import styled
from dltk.errors import printable

_SHOWN = 20  # findings printed
_COMMON = 10  # of the answers to questions


def print_findings(findings) -> None:
    """Print counts by class and split, what there is in all, and what is wrong, line by line."""
    from rich.console import Console

    tables = {"spoken": _spoken, "asked": _asked}
    table_of = next((of for name, of in tables.items() if hasattr(findings, name)), _classes)
    wide = None if sys.stdout.isatty() else 10_000  # a file has no edge to break lines at
    Console(file=sys.stdout, width=wide).print(table_of(findings))
    for line in _sums(findings):
        click.echo(line)
    _print_lines("error", "red", findings.errors)
    _print_lines("warning", "yellow", findings.warnings)
    if not findings.errors and not findings.warnings:
        click.echo("\nnothing amiss")


def _classes(findings):
    """Return a table of classes and how much there is of each."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("class", footer="in all")
    columns = list(_columns(findings))
    for title, _, footer in columns:
        table.add_column(title, footer=footer, justify="right")
    for at, name in enumerate(findings.counts):
        table.add_row(Text(printable(name)), *(cells[at] for _, cells, _ in columns))
    return table


def _spoken(findings):
    """Return a table of splits and what is said of their pictures."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("split")
    for title in ("pictures", "captions", "words of one", "longest", "distinct", "of these once"):
        table.add_column(title, justify="right")
    for split, said in findings.spoken.items():
        once = f"{said.once / max(1, said.distinct):.0%}"
        cells = said.pictures, said.captions, f"{said.median:g}", said.longest, said.distinct, once
        table.add_row(split, *map(str, cells))
    return table


def _asked(findings):
    """Return a table of kinds of questions, and of what each is answered most."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("questions", footer="in all")
    for split, asked in findings.asked.items():
        table.add_column(split, footer=str(asked.questions), justify="right")
    table.add_column("commonest answer")
    table.add_column("share", justify="right")
    for kind, found in findings.kinds.items():
        cells = *map(str, found.questions.values()), Text(printable(found.answer))
        table.add_row(Text(printable(kind) or "(not told)"), *cells, f"{found.share:.0%}")
    return table


def _columns(findings) -> Iterator[tuple[str, list[str], str]]:
    """Yield title, cells and footer of each column: counts, and shares of pixels for masks."""
    of_masks = hasattr(findings, "shares")
    splits = list(next(iter(findings.counts.values())))
    columns = {split: [counts[split] for counts in findings.counts.values()] for split in splits}
    columns["in all"] = list(findings.totals.values())
    pictures = findings.pictures | {"in all": sum(findings.pictures.values())} if of_masks else {}
    for title, column in columns.items():
        yield title, list(map(str, column)), str(pictures.get(title, sum(column)))
    for split in splits if of_masks else ():
        yield f"{split} pixels", [f"{s[split]:.1%}" for s in findings.shares.values()], ""


def _sums(findings) -> Iterator[str]:
    """Yield what there is in all, the first line with an empty one above."""
    lines = []
    if hasattr(findings, "shares"):
        lines.append("counted are pictures that a class is in, and its share of the pixels")
    if hasattr(findings, "spoken"):
        lines.append("words of one: the median of all captions; distinct: words, and their share")
        lines[-1] += " that occurs once only"
    if hasattr(findings, "asked"):
        lines.append("share: of the questions of a kind that its commonest answer is right for")
        each = ", ".join(f"{split} {asked.pictures}" for split, asked in findings.asked.items())
        lines.append(f"pictures: {each}")
        shown = (f"{printable(answer)} ({count})" for answer, count in findings.answers[:_COMMON])
        every = findings.asked["in all"]
        lines.append(f"answers: {every.distinct} different, {every.people:g} to a question, ")
        lines[-1] += f"most often {', '.join(shown)}"
    if hasattr(findings, "areas"):
        counts = {
            "pictures": findings.pictures,
            "without objects": findings.negatives,
            "objects ignored": findings.ignored,
        }
        for title, of_split in counts.items():
            each = ", ".join(f"{split} {count}" for split, count in of_split.items())
            lines.append(f"{title}: {each}")
        lines.append("objects: " + ", ".join(f"{c} {size}" for size, c in findings.areas.items()))
        lines[-1] += f"; {findings.most} at most in a picture"
    if lengths := getattr(findings, "lengths", None):
        lines.append("words of a text: " + ", ".join(f"{how} {n}" for how, n in lengths.items()))
    if findings.sizes:
        shown = (f"{name} {w} × {h}" for name, (w, h) in findings.sizes.items())
        lines.append(f"sizes: {', '.join(shown)}")
    yield from ["", *lines] if lines else []


def _print_lines(kind: str, colour: str, lines: list[str]) -> None:
    if lines:
        click.echo()
    for line in lines[:_SHOWN]:
        click.echo(f"{styled(kind, fg=colour)}: {line}")
    if lines[_SHOWN:]:
        click.echo(f"… and {len(lines) - _SHOWN} more; --json lists them all")
