"""What every batch command does around its recipe: inputs, record, progress, summary."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click

from dltk.cli.progress import Reporter, duration, pace
from dltk.cli.results import Table, printer, table_line
from dltk.errors import UsageError, printable


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


def run_command(
    recipe: Callable[[list], Iterable],
    images,
    outputs: Outputs,
    *,
    name: str,
    describe: Callable[[], dict],
    table: Table,
    folder: str | None = None,
    products: Sequence[str] = (),
    check: Callable[[Sequence], None] | None = None,
    prepare: Callable | None = None,
    answers: bool = False,
    temporary: bool = False,
    finish: Callable | None = None,
    reporter: Reporter,
) -> int:
    """Run a recipe over the images of a batch command; return the exit code.

    Args:
        recipe: called with the items to do and the record's folder; yields results.
        images: what is to be searched for them, as users name it; or Inputs.
        name: of the command, for the record's header.
        describe: gives "model" and "options" for the header; they decide whether a run goes on.
        folder: where the record goes; None for no record.
        products: folders that the recipe writes to, not to be searched for inputs.
        check: called with the Inputs before any work; may raise.
        prepare: called with the record before the recipe, even when nothing is left to do.
        answers: whether `finish` writes to standard output, so that the results do not.
        temporary: whether `folder` will be gone afterwards.
        finish: called with inputs and record at the end of a batch that was not stopped.
    """
    from dltk.batch import Inputs, Record, find_inputs, run_batch

    if folder is None and outputs.overwrite:
        raise UsageError("--overwrite is about a folder of results; name it with --output")
    inputs = images
    if not isinstance(images, Inputs):
        inputs = find_inputs(images, exclude=[folder, *products], limit=outputs.limit)
    if check:
        check(inputs)
    header = run_header(name, describe(), folder, inputs.root)
    emit = None if answers else _emitter(outputs, table, header, inputs)
    started = time.monotonic()
    batch = {"emit": emit, "progress": reporter.progress, "on_error": outputs.on_error}
    with ExitStack() as stack:
        stack.callback(reporter.close)
        record = None
        if folder is not None:
            places = [place for place in products if place is not None]
            record = stack.enter_context(
                Record(folder, header, overwrite=outputs.overwrite, products=places)
            )
            if prepare:
                prepare(record)
        tally = run_batch(lambda items: recipe(items, record), inputs, record=record, **batch)
        reporter.close()
        if record and not (tally.interrupted or tally.stopped):
            _write_csv(record, outputs, table)
            if finish:
                finish(inputs, record)
    summarise(tally, inputs, outputs, time.monotonic() - started, None if temporary else folder)
    return tally.exit_code


def check_folder(outputs: Outputs, inputs) -> None:
    """Raise UsageError if an input lies in the output folder, or other files but no record do.

    They may be the user's. The latter does not matter with --overwrite.
    """
    from dltk.batch import check_unowned, has_record, plan_products

    plan_products(inputs.items, outputs.output, str)
    if not outputs.overwrite and not has_record(outputs.output):
        check_unowned(outputs.output, ["*"])


def told(path: str) -> dict:
    """Return what a record tells of a picture that was given, or a folder: name and content.

    Of a folder the content is known by the names, sizes and times of its files.

    Raises:
        UsageError: it does not exist.
    """
    from hashlib import sha256

    from dltk.weights import sha256 as sha256_of_file

    if os.path.isfile(path):
        return {"name": os.path.basename(path), "sha256": sha256_of_file(path)}
    if not os.path.isdir(path):
        raise UsageError(f"no such file: {printable(path)}")
    files = sorted(each for each in Path(path).rglob("*") if each.is_file())
    rows = [(each.relative_to(path).as_posix(), *_stamp(each)) for each in files]
    return {"name": Path(path).name, "sha256": sha256(repr(rows).encode()).hexdigest()}


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _write_csv(record, outputs: Outputs, table: Table) -> None:
    """Write the table beside the record if it is asked for, or overwritten with the record."""
    from dltk.batch import write_csv

    path = record.folder / "results.csv"
    stale = outputs.overwrite and path.exists()
    if outputs.output and (outputs.format == "csv" or stale):
        write_csv(path, table.columns, chain.from_iterable(map(table.rows, record.rows())))


def run_header(name: str, described: dict, folder: str | None, root: Path) -> dict:
    """Return what a record tells of a run in its first line.

    Args:
        name: of the command.
        described: model and options.
        folder: of the record, if there is one.
        root: that names of inputs are relative to.
    """
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
    if outputs.output and outputs.format in ("auto", "csv"):
        return None
    width = min(40, max(len(printable(item.name)) for item in inputs))
    return printer(
        outputs.format, table.columns, table.rows, lambda f: table_line(f, table, width), header
    )


def summarise(
    tally, inputs, outputs: Outputs, seconds: float, folder: str | None, *, again: bool = True
) -> None:
    """Say on standard error how a run went.

    Args:
        tally: of `dltk.batch`.
        inputs: has `describe_passed_over()`.
        seconds: it took.
        folder: with the results, if there is one.
        again: whether an interrupted run can go on.
    """
    for name, error in tally.failures:
        click.echo(f"failed: {printable(name)}: {error}", err=True)
    if tally.failed > len(tally.failures):
        click.echo(f"failed: {tally.failed - len(tally.failures)} more, see the record", err=True)
    if tally.interrupted:
        command = "the same command again" + " without --overwrite" * outputs.overwrite
        goes_on = f"; run {command} to go on" if again else " in results.jsonl.part"
        kept = f", finished work is kept{goes_on}" if folder else ""
        click.echo(f"interrupted{kept}", err=True)
    if outputs.quiet or (tally.total == 1 and not folder):
        return
    parts = [f"{tally.done} done"]
    if tally.kept:
        parts.append(f"{tally.kept} done before")
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    rate = f", {pace(tally.done, seconds)}" if tally.done > 1 else ""
    click.echo(f"{', '.join(parts)} in {duration(seconds)}{rate}", err=True)
    if inputs.passed_over:
        click.echo(inputs.describe_passed_over(), err=True)
    if folder:
        click.echo(f"results in {printable(os.path.abspath(folder))}", err=True)
