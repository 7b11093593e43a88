"""The record of a batch: `results.jsonl`, a header and one line for each input, in input order.

A run writes `results.jsonl.part` line by line and renames it when it has come to the end, so that
a `results.jsonl` is whole. A run that stops earlier, however it stops, leaves the `.part`; the
next one puts what it holds aside, in `results.jsonl.before`, and does only what is missing.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from dltk.batch.inputs import Item
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import cannot_write, claimed, whole

SETTINGS = ("format", "version", "model", "options", "root")
"""What of a header decides whether a run goes on with an earlier one's record."""


def to_line(fields: dict) -> str:
    """Return `fields` as one line of JSON, readable where the names in it are Unicode.

    Raises ValueError on NaN and infinities, which JSON does not have.
    """
    line = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        line = json.dumps(fields, ensure_ascii=True, allow_nan=False)
    return line + "\n"


def has_record(folder: str | os.PathLike | None) -> bool:
    """Return whether a run has written to `folder` before."""
    names = ("results.jsonl", "results.jsonl.part", "results.jsonl.before")
    return folder is not None and any(Path(folder, name).exists() for name in names)


class Record:
    """The record in one output folder, open for one run. A context manager.

    Args:
        folder: the output folder; made if need be, and locked against a second run.
        header: format, version, model, options and root of this run, see `SETTINGS`.
        overwrite: forget what the folder holds and do everything again.
        products: other folders that the run writes to.
    Raises:
        UsageError: the folder holds the record of a run with other settings.
        DltkError: another run is writing here, or the folder cannot be written.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        header: dict,
        *,
        overwrite: bool = False,
        products: Iterable[str | os.PathLike] = (),
    ):
        self.folder = Path(folder)
        self.interrupted = False  # to be set where it was, before its end
        self._places = [Path(place).resolve() for place in (folder, *products)]
        self.path = self.folder / "results.jsonl"
        self._header = json.loads(to_line(header))  # tuples as lists: as it will be read back
        self._overwrite = overwrite
        self._part = self.folder / "results.jsonl.part"
        self._before = self.folder / "results.jsonl.before"
        self._lines = 0  # written so far, the header included
        self._kept: dict[str, int] = {}  # name -> offset of its line in the last record
        self._resources = ExitStack()
        with self._resources:
            self._open(overwrite)
            self._resources = self._resources.pop_all()

    def _open(self, overwrite: bool) -> None:
        self._resources.enter_context(claimed(self.folder))
        try:
            self._read_earlier(overwrite)
        except OSError as error:
            raise DltkError(f"cannot read {printable(self.path)}: {reason(error)}") from error
        try:
            self._new = self._part.open("w", encoding="utf-8")
        except OSError as error:
            raise cannot_write(self._part, error) from error
        self._resources.callback(self._discard_empty)
        self._resources.callback(self._close_quietly)
        self.write(self._header)

    def _read_earlier(self, overwrite: bool) -> None:
        """Index the lines of earlier runs: of the whole record, and of those that stopped."""
        stopped = [path for path in (self._before, self._part) if path.exists()]
        known = [path for path in (self.path, *stopped) if path.exists()]
        if not overwrite:
            for path in known:
                self._check(path)
        if stopped:
            _merge(known, self._before)
            self._part.unlink(missing_ok=True)
            known = [self._before]
        for path in known:
            self._old = self._resources.enter_context(path.open("rb"))
            self._kept |= {f["path"]: offset for offset, f in record_lines(self._old) if offset}

    def earlier(self) -> Iterator[dict]:
        """Yield the lines of earlier runs that this run builds on; none when overwriting."""
        for name in self._kept if not self._overwrite else ():
            yield self._read(name)

    def keep_others(self, items: Sequence[Item]) -> None:
        """Take over the lines of earlier runs for inputs not in `items`, if they still exist."""
        present = {item.name for item in items}
        root = self.folder / self._header["root"]
        for fields in self.earlier():
            if fields["path"] not in present and (root / fields["path"]).exists():
                self.write(fields)

    def finished(self, item: Item) -> bool:
        """Return whether nothing of `item` needs doing again.

        That is: it succeeded in an earlier run, it has not changed, and the files that were
        written for it are there.
        """
        if item.name not in self._kept or self._overwrite:
            return False
        fields = self.read(item)
        stamp = item.stamp()
        current = all(fields.get(key) == value for key, value in stamp.items())
        there = all((self.folder / path).exists() for path in fields.get("files", {}).values())
        return fields["status"] == "ok" and bool(stamp) and current and there

    def read(self, item: Item) -> dict:
        """Return the line of an earlier run for `item`."""
        return self._read(item.name)

    def replaced(self, item: Item) -> dict | None:
        """Return the line of an earlier run that a new one for `item` is to replace, if any."""
        if item.name not in self._kept or self.finished(item):
            return None
        return self.read(item)

    def write(self, fields: dict) -> None:
        """Add a line, and see it to the operating system.

        What is overwritten is there until the first line of a result: a run that ends before, as
        of a network that cannot be loaded, loses nothing.
        """
        try:
            if self._overwrite and self._lines == 1:
                for path in (self.path, self._before):
                    path.unlink(missing_ok=True)
            self._new.write(to_line(fields))
            self._new.flush()
            self._lines += 1
        except OSError as error:
            raise cannot_write(self._part, error) from error

    def relative(self, files: dict[str, str]) -> dict[str, str]:
        """Return paths of files, by kind, relative to the record's folder."""
        return {
            kind: Path(os.path.relpath(path, self.folder)).as_posix()
            for kind, path in files.items()
        }

    def discard_replaced(self, fields: dict) -> None:
        """Delete what an earlier run wrote for this input, where this one writes, and it did not.

        A picture that changed, or is labelled anew, may now belong elsewhere.
        """
        if fields["path"] not in self._kept:
            return
        now = set(fields.get("files", {}).values())
        for path in self._read(fields["path"]).get("files", {}).values():
            place = (self.folder / path).resolve()
            if path not in now and any(place.is_relative_to(each) for each in self._places):
                with suppress(OSError):
                    place.unlink()

    def finish(self) -> None:
        """Give the record its name: it has come to the end."""
        try:
            self._new.close()
            os.replace(self._part, self.path)
            self._before.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def rows(self) -> Iterator[dict]:
        """Yield the lines of the finished record, without the header."""
        with self.path.open("rb") as file:
            yield from (fields for offset, fields in record_lines(file) if offset)

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *error) -> None:
        self._resources.close()

    def _discard_empty(self) -> None:
        """Leave no record of a run that did nothing: it would bind the next one to its options.

        But what one that was interrupted wrote, and had not come to record, is its own by this.
        """
        with suppress(OSError):
            if self._lines <= 1 and not (self.interrupted and self._holds_products()):
                self._part.unlink(missing_ok=True)

    def _holds_products(self) -> bool:
        return any(
            path.is_file() and path != self._part.resolve()
            for place in self._places
            for path in place.rglob("*")
        )

    def _close_quietly(self) -> None:
        with suppress(OSError):  # the disk is full: that has been said
            self._new.close()

    def _read(self, name: str) -> dict:
        self._old.seek(self._kept[name])
        return json.loads(self._old.readline())

    def _check(self, path: Path) -> None:
        """Raise UsageError unless `path` is a record of a run with these settings."""
        with path.open("rb") as file:
            _, header = next(record_lines(file), (0, None))
        if header is None and path == self._part:
            return  # stopped before its first line was whole
        check_header(path, header, self._header)


def check_header(path: Path, before: dict | None, now: dict) -> None:
    """Raise UsageError unless the first line of the record at `path` is that of a run like this.

    Args:
        before: the line, None if there is none.
        now: the header of this run.
    """
    if before is None or "format" not in before:
        raise UsageError(
            f"{printable(path)} is not a record of dltk's; "
            "choose another --output, or --overwrite it"
        )
    for name in SETTINGS:
        if before.get(name) != now.get(name):
            raise UsageError(
                f"{printable(path)} is the record of another run "
                f"({_change(name, before.get(name), now.get(name))}); "
                "choose another --output, or --overwrite it"
            )


def _merge(paths: Sequence[Path], target: Path) -> None:
    """Write the lines of several records as one; for each input, the last one's."""
    with ExitStack() as stack:
        lines: dict[str, tuple] = {}  # name -> file and offset
        for path in paths:
            file = stack.enter_context(path.open("rb"))
            for offset, fields in record_lines(file):
                lines[fields["path"] if offset else ""] = file, offset
        with whole(target) as part, part.open("wb") as merged:
            for file, offset in lines.values():
                file.seek(offset)
                merged.write(file.readline())


def record_lines(file) -> Iterator[tuple[int, dict]]:
    """Yield offset and fields of each whole line; the header has offset 0. Ends at a torn line."""
    offset = 0
    while (line := file.readline()).endswith(b"\n"):
        try:
            fields = json.loads(line)
        except ValueError:
            return
        if not isinstance(fields, dict) or (offset and "path" not in fields):
            return
        yield offset, fields
        offset += len(line)
        file.seek(offset)  # the reader of these lines may have moved it


def _change(name: str, before, now) -> str:
    """Return for example "top was 5, now 3"."""
    if isinstance(before, dict) and isinstance(now, dict) and "name" not in before:
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                return _change(key, before.get(key), now.get(key))
    old, new = _told(before), _told(now)
    return f"{name} was {old}, now {new}" if old != new else f"{name} {old} has changed"


def _told(value) -> str:
    """Return a setting as users know it: of files their names, of lists what is in them."""
    if isinstance(value, list):
        return ", ".join(map(_told, value)) or "none"
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return "not given" if value is None else str(value)


def write_csv(path: Path, columns: Sequence[str], rows: Iterator[dict]) -> None:
    """Write `rows` as a table with a heading, whole or not at all."""
    with whole(path) as part, part.open("w", newline="", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
