"""A stream in, a record out: what is done stays done, and a run that stopped goes on in its place.

Unlike a folder's pictures, a stream's texts are not looked up by their names, and nobody knows how
many they are. The record has a line for each, in their order; a run that goes on counts the lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

from dltk.batch.record import check_header, record_lines, to_line
from dltk.batch.run import Tally, emitted
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import cannot_write, claimed


class StreamRecord:
    """The record of a stream in one output folder, open for one run. A context manager.

    `results.jsonl` is whole; `results.jsonl.part` is that of a run that has not come to its end,
    which the next run goes on with.

    Args:
        folder: the output folder; made if need be, and locked against a second run.
        header: of this run, see `dltk.batch.record.SETTINGS`; and "inputs", what changes when the
            texts do, or None where they cannot be read again.
        overwrite: forget what the folder holds and do everything again.
    Attributes:
        folder, path: of the record.
        kept: results of earlier runs that this one builds on.
        ended: whether an earlier run came to the end.
    Raises:
        UsageError: the folder holds the record of a run with other settings, or of other texts.
        DltkError: another run is writing here, or the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike, header: dict, *, overwrite: bool = False):
        self.folder = Path(folder)
        self.path = self.folder / "results.jsonl"
        self.kept, self.ended = 0, False
        self._part = self.folder / "results.jsonl.part"
        self._header = json.loads(to_line(header))  # tuples as lists: as it will be read back
        self._new = None  # opened with the first line
        self._size = 0  # bytes of the whole lines of earlier runs
        self._resources = ExitStack()
        with self._resources:
            self._open(overwrite)
            self._resources = self._resources.pop_all()

    def _open(self, overwrite: bool) -> None:
        self._resources.enter_context(claimed(self.folder))
        if overwrite:
            return
        for path in (self.path, self._part):
            if path.exists():
                self._take_over(path)

    def _take_over(self, path: Path) -> None:
        """Count the whole lines of an earlier run. Raises UsageError: it was another."""
        try:
            with path.open("rb") as file:
                lines = record_lines(file)
                _, header = next(lines, (0, None))
                if header is None and path == self._part:
                    return  # stopped before its first line was whole
                check_header(path, header, self._header)
                self._check_inputs(path, header)
                for last, _ in lines:
                    self.kept, self._size = self.kept + 1, last
                file.seek(self._size)
                self._size += len(file.readline())
        except OSError as error:
            raise DltkError(f"cannot read {printable(path)}: {reason(error)}") from error
        self.ended = path == self.path

    def _check_inputs(self, path: Path, header: dict) -> None:
        inputs, advice = self._header["inputs"], "choose another --output, or --overwrite it"
        if inputs is None:
            raise UsageError(
                f"{printable(path)} has results of an earlier run, and what came through a pipe "
                f"cannot be gone on with; {advice}"
            )
        if header.get("inputs") != inputs:
            raise UsageError(
                f"{printable(path)} is the record of other texts, or some of these have changed; "
                f"{advice}"
            )

    def earlier(self) -> Iterator[dict]:
        """Yield the results of earlier runs that this one builds on."""
        if self.kept:
            with (self.path if self.ended else self._part).open("rb") as file:
                lines = (fields for offset, fields in record_lines(file) if offset)
                yield from islice(lines, self.kept)

    def write(self, fields: dict) -> None:
        """Add a line, and see it to the operating system.

        What is overwritten is there until the first line: a run that ends before, as of a network
        that cannot be loaded, loses nothing.
        """
        try:
            if self._new is None:
                self._begin()
            self._new.write(to_line(fields).encode())
            self._new.flush()
        except OSError as error:
            raise cannot_write(self._part, error) from error

    def _begin(self) -> None:
        if not self._size:
            self.path.unlink(missing_ok=True)
        self._new = self._part.open("r+b" if self._size else "wb")
        self._resources.callback(self._close_quietly)
        if self._size:
            self._new.seek(self._size)
            self._new.truncate()  # a line that was torn
        else:
            self._new.write(to_line(self._header).encode())

    def finish(self) -> None:
        """Give the record its name: it has come to the end."""
        if self.ended:
            return
        try:
            if self._new is None:
                self._begin()
            self._new.close()
            os.replace(self._part, self.path)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def rows(self) -> Iterator[dict]:
        """Yield the lines of the finished record, without the header."""
        with self.path.open("rb") as file:
            yield from (fields for offset, fields in record_lines(file) if offset)

    def __enter__(self) -> StreamRecord:
        return self

    def __exit__(self, *error) -> None:
        self._resources.close()

    def _close_quietly(self) -> None:
        with suppress(OSError):  # the disk is full: that has been said
            self._new.close()


def run_stream(
    recipe: Callable[[Iterable], Iterable],
    inputs: Iterable,
    *,
    record: StreamRecord | None = None,
    emit: Callable[[dict, object], None] | None = None,
    progress: Callable[[Tally], None] | None = None,
    on_error: str = "skip",
    window: int = 1,
) -> Tally:
    """Run `recipe` over what of a stream is not done yet, and record every input in order.

    Args:
        recipe: called with the inputs to do; yields one result for each, in their order, see
            `dltk.batch.run_batch`.
        inputs: the same every time that a record is gone on with.
        record: of the output folder, or None to keep none.
        emit: called with the fields of every input and its result, None if that is an earlier
            run's.
        progress: called with the tally after every input.
        on_error: "skip" a failed input, or "stop" after recording it.
        window: inputs that the recipe runs together. A run that goes on begins where such a window
            does, so that its results are to the last digit those of a run that never stopped.

    Ctrl-C ends the run and is told in the tally. The record is finished only when the inputs have
    come to their end.
    """
    tally = Tally(None)
    results: Iterator = iter(())
    try:
        for fields in record.earlier() if record else ():
            tally.count(fields, kept=True)
            emit = emitted(emit, record, fields, None)
        if record is None or not record.ended:
            kept = record.kept if record else 0
            again = kept % window
            results = iter(recipe(islice(inputs, kept - again, None)))
            for result in islice(results, again, None):
                fields = result.to_dict()
                if record:
                    record.write(fields)
                tally.count(fields, kept=False)
                emit = emitted(emit, record, fields, result)
                if progress:
                    progress(tally)
                if on_error == "stop" and fields["status"] != "ok":
                    tally.stopped = True
                    break
    except KeyboardInterrupt:
        tally.interrupted = True
    finally:
        if hasattr(results, "close"):
            results.close()
    if record and not (tally.interrupted or tally.stopped):
        record.finish()
    return tally
