"""What every batch command does around its recipe: inputs, record, progress, summary."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from dltk.errors import printable

_PLAIN_EVERY_SECS = 10.0


@dataclass(frozen=True)
class Table:
    """How a command's results look as text.

    Attributes:
        columns, row: of the CSV: its headings, and a record's fields as a flat row.
        line: a record's fields as one line for a terminal of a given width.
    """

    columns: Sequence[str]
    row: Callable[[dict], dict]
    line: Callable[[dict, int], str]


@dataclass(frozen=True)
class Outputs:
    """The values of `options.outputs`, `options.inputs` and `options.common`."""

    output: str | None
    format: str
    overwrite: bool
    on_error: str
    limit: int | None
    verbose: bool
    quiet: bool

    @classmethod
    def take(cls, choices: dict) -> Outputs:
        """Take these options out of a command's `choices`."""
        return cls(**{name: choices.pop(name) for name in cls.__dataclass_fields__})


class Reporter:
    """Says on standard error what goes on: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, outputs: Outputs, *, bar: bool):
        self._verbose, self._quiet = outputs.verbose, outputs.quiet
        self._bar = None
        self._wants_bar = bar and sys.stderr.isatty() and not outputs.quiet
        self._started = None  # when the first result came: what went before is no rate
        self._told = time.monotonic()

    def say(self, message: str) -> None:
        """Report a message of a recipe."""
        slow = message.startswith(("compiling", "downloading"))
        if not self._quiet and (slow or self._verbose):
            self.echo(message)

    def echo(self, message: str) -> None:
        """Print a message now, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        else:
            click.echo(message, err=True)

    def progress(self, tally) -> None:
        """Show how far a batch is."""
        reached = tally.done + tally.kept + tally.failed
        if self._started is None:
            self._started, self._first = time.monotonic(), reached
        if self._wants_bar:
            self._draw(tally, reached)
        elif not self._quiet and time.monotonic() - self._told > _PLAIN_EVERY_SECS:
            self._told = time.monotonic()
            rate = (reached - self._first) / (self._told - self._started)
            left = (tally.total - reached) / rate if rate else 0
            click.echo(
                f"{reached} of {tally.total}, {tally.failed} failed, "
                f"{rate:.1f} a second, {duration(left)} left",
                err=True,
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self, tally, reached: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[failed]}"),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._bar.add_task("", total=tally.total, rate="", failed="")
            self._bar.start()
        elapsed = time.monotonic() - self._started
        self._bar.update(
            self._task,
            completed=reached,
            rate=f"{(reached - self._first) / elapsed:.1f}/s" if elapsed else "",
            failed=f"{tally.failed} failed" if tally.failed else "",
        )


def run_command(
    recipe: Callable[[list], Iterable],
    images: Sequence[str],
    outputs: Outputs,
    *,
    name: str,
    describe: Callable[[], dict],
    table: Table,
    folder: str | None = None,
    products: Sequence[str] = (),
    check: Callable[[Sequence], None] | None = None,
    answers: bool = False,
    temporary: bool = False,
    finish: Callable | None = None,
    reporter: Reporter,
) -> int:
    """Run a recipe over the images of a batch command; return the exit code.

    Args:
        recipe: called with the items to do and the record's folder; yields results.
        name: of the command, for the record's header.
        describe: gives "model" and "options" for the header; they decide whether a run goes on.
        folder: where the record goes; None for no record.
        products: folders that the recipe writes to, not to be searched for inputs.
        check: called with all inputs before any work; may raise.
        answers: whether `finish` writes to standard output, so that the results do not.
        temporary: whether `folder` will be gone afterwards.
        finish: called with inputs and record at the end of a batch that was not stopped.
    """
    from dltk.batch import Record, find_inputs, run_batch, write_csv

    inputs = find_inputs(images, exclude=[folder, *products], limit=outputs.limit)
    if check:
        check(inputs.items)
    header = _header(name, describe(), folder, inputs.root)
    emit = None if answers else _emitter(outputs, table, header, inputs)
    started = time.monotonic()
    if folder is None:
        tally = run_batch(
            lambda items: recipe(items, None),
            inputs,
            emit=emit,
            progress=reporter.progress,
            on_error=outputs.on_error,
        )
    else:
        with Record(folder, header, overwrite=outputs.overwrite) as record:
            tally = run_batch(
                lambda items: recipe(items, record),
                inputs,
                record=record,
                emit=emit,
                progress=reporter.progress,
                on_error=outputs.on_error,
            )
            if outputs.format == "csv" and outputs.output:
                rows = map(table.row, record.rows())
                write_csv(record.folder / "results.csv", table.columns, rows)
            reporter.close()
            if finish and not (tally.interrupted or tally.stopped):
                finish(inputs, record)
    reporter.close()
    lasting = None if temporary else folder
    _summarise(tally, inputs, outputs, time.monotonic() - started, lasting)
    return tally.exit_code


def _header(name: str, described: dict, folder: str | None, root: Path) -> dict:
    from dltk import __version__

    return {
        "format": f"dltk.{name}",
        "version": 1,
        "dltk": __version__,
        **described,
        "root": relative_to(root, folder),
    }


def relative_to(path: str | os.PathLike | None, folder: str | None) -> str | None:
    """Return a path as the record tells it: relative to its folder, or to the current one."""
    if path is None:
        return None
    return Path(os.path.relpath(path, folder)).as_posix()


def _emitter(outputs: Outputs, table: Table, header: dict, inputs) -> Callable[[dict], None] | None:
    """Return what writes each record to standard output, or None with --output."""
    from dltk.batch import to_line

    form = outputs.format
    if outputs.output and form in ("auto", "csv"):
        return None
    if form == "auto":
        form = "table" if sys.stdout.isatty() else "jsonl"
    if form == "jsonl":
        lines = [to_line(header)]  # held back until the first result: an error comes alone

        def print_json(fields):
            lines.append(to_line(fields))
            _write("".join(lines))
            lines.clear()

        return print_json
    if form == "csv":
        writer = csv.DictWriter(_Stdout, table.columns, restval="", extrasaction="ignore")
        writer.writeheader()
        return lambda fields: writer.writerow(table.row(fields))
    width = min(40, max(len(printable(item.name)) for item in inputs))
    plain = not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))

    def print_line(fields):
        line = table.line(fields, width)
        _write((click.unstyle(line) if plain else line) + "\n")

    return print_line


class _Stdout:
    """Where the CSV writer writes: line by line, names that are not UTF-8 escaped."""

    @staticmethod
    def write(text: str) -> None:
        _write(text)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from dltk.files import cannot_write

        raise cannot_write("standard output", error) from error


def _summarise(tally, inputs, outputs: Outputs, seconds: float, folder: str | None) -> None:
    for name, error in tally.failures:
        click.echo(f"failed: {printable(name)}: {error}", err=True)
    if tally.failed > len(tally.failures):
        click.echo(f"failed: {tally.failed - len(tally.failures)} more, see the record", err=True)
    if tally.interrupted:
        kept = ", finished work is kept; run the same command again to go on" if folder else ""
        click.echo(f"interrupted{kept}", err=True)
    if outputs.quiet or (tally.total == 1 and not folder):
        return
    parts = [f"{tally.done} done"]
    if tally.kept:
        parts.append(f"{tally.kept} done before")
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    rate = f", {tally.done / seconds:.1f} a second" if tally.done > 1 else ""
    click.echo(f"{', '.join(parts)} in {duration(seconds)}{rate}", err=True)
    if inputs.passed_over:
        click.echo(inputs.describe_passed_over(), err=True)
    if folder:
        click.echo(f"results in {printable(os.path.abspath(folder))}", err=True)


def duration(seconds: float) -> str:
    """Return a time in the two units that matter: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
