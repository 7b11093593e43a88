"""What a command that labels a stream does around its recipe: record, progress, summary."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import PurePath

from dltk.cli.batch import Outputs, run_header, summarise
from dltk.cli.progress import Reporter
from dltk.cli.results import printer
from dltk.errors import UsageError, printable

_RECORD = ("results.jsonl", "results.jsonl.part", "results.csv")
_PROGRESS_EVERY_SECS = 0.1


def run_stream_command(
    recipe: Callable[[Iterable], Iterable],
    inputs,
    outputs: Outputs,
    *,
    name: str,
    described: dict,
    window: int,
    columns: Sequence[str],
    rows: Callable[[dict], list[dict]],
    line: Callable[[dict, object], str],
    pages: str | None = None,
    finish: Callable | None = None,
    reporter: Reporter,
) -> int:
    """Run a recipe over a stream; return the exit code.

    Args:
        recipe, window: see `dltk.batch.stream.run_stream`.
        inputs: `recipes._texts.TextInputs`.
        name, described: of the command and its run, see `dltk.cli.batch.run_header`.
        columns, rows: of the CSV, see `dltk.cli.results.Table`.
        line: what a terminal shows of a record, with the result or None where it was found before.
        pages: pattern of the names of files that `finish` writes to the folder.
        finish: called with the record at the end of a run that was not stopped.
    """
    from dltk.batch.stream import StreamRecord, run_stream

    folder = outputs.output
    _check_folder(outputs, inputs, [*_RECORD, *filter(None, [pages])])
    header = run_header(name, described, folder, inputs.root)
    latest: list = [None]
    show = _printer(outputs, columns, rows, lambda fields: line(fields, latest[0]), header)

    def emit(fields: dict, result) -> None:
        latest[0] = result
        show(fields)

    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(reporter.close)
        record = None
        if folder is not None:
            header = header | {"inputs": inputs.digest() if inputs.again else None}
            record = stack.enter_context(StreamRecord(folder, header, overwrite=outputs.overwrite))
        tally = run_stream(
            recipe,
            inputs,
            record=record,
            emit=emit if show else None,
            progress=_now_and_then(reporter.progress),
            on_error=outputs.on_error,
            window=window,
        )
        reporter.close()
        if record and not (tally.interrupted or tally.stopped):
            _write_csv(record, outputs, columns, rows)
            if finish:
                finish(record)
    took = time.monotonic() - started
    summarise(tally, inputs, outputs, took, folder, again=inputs.again)
    return tally.exit_code


def _check_folder(outputs: Outputs, inputs, names: Sequence[str]) -> None:
    """Raise UsageError if files that the run would write are inputs, or somebody else's."""
    from dltk.batch import check_unowned, has_record

    folder = outputs.output
    if folder is None:
        if outputs.overwrite:
            raise UsageError("--overwrite is about a folder of results; name it with --output")
        return
    place = os.path.realpath(folder)
    for file in inputs.files:
        path = os.path.realpath(file.path)
        if os.path.dirname(path) == place and any(map(PurePath(path).match, names)):
            raise UsageError(
                f"{printable(file.path)} is an input, and results would be written over it; "
                "choose another --output"
            )
    if not outputs.overwrite and not has_record(folder):
        check_unowned(folder, names)


def _write_csv(record, outputs: Outputs, columns: Sequence[str], rows: Callable) -> None:
    """Write the table beside the record if it is asked for, or there is one of an earlier run."""
    from dltk.batch import write_csv

    path = record.folder / "results.csv"
    if outputs.format == "csv" or path.exists():
        write_csv(path, columns, chain.from_iterable(map(rows, record.rows())))


def _printer(outputs: Outputs, columns, rows, line, header: dict) -> Callable[[dict], None] | None:
    """Return what writes each record to standard output, or None with --output."""
    if outputs.output and outputs.format in ("auto", "csv"):
        return None
    return printer(outputs.format, columns, rows, line, header)


def _now_and_then(progress: Callable) -> Callable:
    """Return `progress`, called no more often than one can see."""
    last = 0.0

    def call(tally) -> None:
        nonlocal last
        if time.monotonic() - last > _PROGRESS_EVERY_SECS:
            last = time.monotonic()
            progress(tally)

    return call
