"""Texts to be looked at: lines, rows or whole files, one after the other and never all at once."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePath
from typing import NamedTuple

from dltk.batch.inputs import Search, describe_passed_over
from dltk.data.texts.alone import TABLES, TextRow, is_table, text_rows
from dltk.data.texts.folders import is_text_name
from dltk.errors import DltkError, InputError, UsageError, printable, reason
from dltk.text.lines import Line, not_utf8, read_lines, stream_lines
from dltk.text.pipe import Pipe

EACH = ("auto", "line", "file")
_STANDARD_INPUT = "-"
_MOST = 1 << 20  # characters of a text that are read, about


class Text(NamedTuple):
    """A text of a stream.

    Attributes:
        name: of its file, relative to the root of the search, with "/" between the parts; "stdin";
            or its place in the stream, "000000" on, for one that has no file.
        line: that it begins in, from 1; None where it is a file, or has none.
        text: without spaces around it; "" where it cannot be had.
        problem: why it cannot, or None.
    """

    name: str
    line: int | None
    text: str
    problem: str | None = None


PAUSE = Text("", None, "", "there is none yet")
"""Stands between texts where a pipe pauses."""


class TextFile(NamedTuple):
    """A file of texts.

    Attributes:
        name: see `Text`.
        path: "-" for standard input.
        kind: what a text of it is: "line", "row" of a table, or "file", the whole.
        problem: why it cannot be read, if that is known already.
    """

    name: str
    path: str
    kind: str
    problem: str | None = None


@dataclass(frozen=True)
class TextInputs:
    """The texts of files and pipes, read as they are iterated over.

    Iterating yields a Text for each, in order, and PAUSE where a pipe pauses. A file that cannot be
    read to its end has a Text with a problem instead of the rest.

    Attributes:
        files: in the order given, those of a folder sorted by name.
        root: the folder that names are relative to.
        passed_over: files in searched folders that are no texts, counted by extension.
        text_column: see `find_texts`.
        limit: so many texts at most; None for all.
    """

    files: Sequence[TextFile]
    root: Path
    passed_over: Counter
    text_column: str | None = None
    limit: int | None = None

    def __iter__(self) -> Iterator[Text]:
        left = sys.maxsize if self.limit is None else self.limit
        for file in self.files:
            for text in self._of_file(file) if left else ():
                yield text
                left -= text is not PAUSE
                if not left:
                    break

    @property
    def again(self) -> bool:
        """Whether all of it can be read a second time: there is no pipe."""
        return not any(_is_pipe(file.path) for file in self.files)

    def digest(self) -> str:
        """Return what changes when a file does: a SHA-256 of names, sizes and times."""
        stamps = hashlib.sha256()
        for file in self.files:
            stamps.update(json.dumps([file.name, *_stamp(file.path)]).encode())
        return stamps.hexdigest()

    def describe_passed_over(self) -> str:
        """Return for example "12 other files passed over (.jpg ×12)", or ''."""
        return describe_passed_over(self.passed_over)

    def check_tables(self) -> None:
        """Raise UsageError for the first table without a column for the texts."""
        for file in self.files:
            if file.kind == "row":
                with suppress(InputError):  # which it will say in its place
                    next(text_rows(file.path, self.text_column), None)

    def _of_file(self, file: TextFile) -> Iterator[Text]:
        try:
            if file.problem:
                raise InputError(file.problem)
            if _is_pipe(file.path):
                yield from _of_pipe(file)
            elif file.kind == "row":
                yield from _of_rows(file, text_rows(file.path, self.text_column))
            else:
                yield from _of_lines(file, read_lines(file.path))
        except InputError as error:
            yield Text(file.name, None, "", str(error))


def find_texts(
    sources: Sequence[str | os.PathLike],
    *,
    each: str = "auto",
    text_column: str | int | None = None,
    exclude: Iterable[str | os.PathLike | None] = (),
    limit: int | None = None,
) -> TextInputs:
    """Find the texts that `sources` mean.

    A source is a file (always an input, whatever its name), a folder (searched to the bottom for
    names that end in .txt, .text, .md, digits or nothing, hidden ones left out), a pattern, "@FILE"
    (a list of paths, one a line or separated by NUL bytes), or "-" (standard input). For names see
    `dltk.batch.find_inputs`.

    Args:
        each: what a text is. "line": a line of a file; "file": a whole file; "auto": a whole file
            of those that are found in folders, a row of a table (.csv, .tsv, .jsonl …), and a line
            of standard input and of every other file.
        text_column: of tables, the name of the column with the texts, or its number from 1 where
            there is no header; None for a usual name.
        exclude: folders not to search, such as the one that outputs go to.
        limit: take only the first so many texts.
    Raises:
        UsageError: a source that does not exist, a pattern without a match, a table without the
            column, or a column named where there is no table.
        DltkError: nothing was found at all.
    """
    search = Search(exclude, is_text_name)
    for source in map(os.fspath, sources):
        if source == _STANDARD_INPUT:
            search.found[source] = None
        else:
            search.add(source)
    if not search.found:
        raise DltkError(_nothing_found(sources, search.passed_over))
    root = search.common_root()
    files = [
        TextFile(_name(path, root), path, _kind(path, each, search.named), problem)
        for path, problem in search.found.items()
    ]
    if text_column is not None and all(file.kind != "row" for file in files):
        raise UsageError("--text-column is of tables, and there is none among these texts")
    column = None if text_column is None else str(text_column)
    found = TextInputs(files, Path(root), search.passed_over, column, limit)
    found.check_tables()
    return found


def gather_texts(
    texts, *, each: str = "auto", text_column: str | int | None = None
) -> Iterable[Text]:
    """Turn whatever a recipe is given into texts, with PAUSE where they pause.

    Args:
        texts: a text (str), a file or folder (Path), TextInputs, or an iterable of these and of
            Text, which is not read ahead. A str is named by its position, "000000" on.
        each, text_column: of files and folders, see `find_texts`.
    Raises:
        UsageError: something else, or what `find_texts` raises.
    """
    if isinstance(texts, TextInputs):
        return texts
    if isinstance(texts, Path):
        return find_texts([texts], each=each, text_column=text_column)
    if isinstance(texts, (str, Text)):
        texts = [texts]
    if isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise UsageError(f"texts are strings or paths, not {type(texts).__name__}")
    return _gathered(texts, each, text_column)


def _gathered(texts: Iterable, each: str, text_column: str | int | None) -> Iterator[Text]:
    for position, text in enumerate(texts):
        if isinstance(text, Text):
            yield text
        elif isinstance(text, str):
            yield _text(f"{position:06d}", None, text)
        else:
            yield from gather_texts(text, each=each, text_column=text_column)


def windows(texts: Iterable[Text], size: int) -> Iterator[list[Text]]:
    """Yield texts in lists of `size`; of less at the end, and wherever the texts pause."""
    window: list[Text] = []
    for text in texts:
        if text is not PAUSE:
            window.append(text)
        if window and (text is PAUSE or len(window) == size):
            yield window
            window = []
    if window:
        yield window


def _of_pipe(file: TextFile) -> Iterator[Text]:
    own = file.path != _STANDARD_INPUT
    descriptor = os.open(file.path, os.O_RDONLY) if own else sys.stdin.fileno()
    try:
        pipe = Pipe(descriptor)
        for text in _of_lines(file, stream_lines(pipe)):
            yield text
            if pipe.pauses():
                yield PAUSE
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from error
    finally:
        if own:
            os.close(descriptor)


def _of_rows(file: TextFile, rows: Iterable[TextRow]) -> Iterator[Text]:
    return (_text(file.name, row.line, row.text, row.problem) for row in rows)


def _of_lines(file: TextFile, pieces: Iterable[Line]) -> Iterator[Text]:
    """Yield the lines of a file, or the whole; what is longer than a mebibyte is cut there."""
    if file.kind == "line":
        for number, same in groupby(pieces, key=attrgetter("number")):
            line = next(same)
            yield _text(file.name, number, line.text, line.problem)
        return
    parts, size, problem = [], 0, None
    for line in pieces:
        parts.append(line.text)
        size += len(line.text)
        problem = line.problem
        if problem or size >= _MOST:
            break
    yield _text(file.name, None, "".join(parts), problem)


def _text(name: str, line: int | None, text: str, problem: str | None = None) -> Text:
    text = text.strip()
    if not problem:
        problem = not_utf8(text) if text else "it is empty"
    return Text(name, line, "" if problem else text, problem)


def _kind(path: str, each: str, named: set[str]) -> str:
    if each != "auto":
        return each
    if _is_pipe(path):
        return "line"
    if path not in named:
        return "file"
    return "row" if is_table(path) else "line"


def _name(path: str, root: str) -> str:
    if path == _STANDARD_INPUT:
        return "stdin"
    return PurePath(os.path.relpath(path, root)).as_posix()


def _is_pipe(path: str) -> bool:
    """Return whether it is standard input, a pipe or the like, which is read but once."""
    if path == _STANDARD_INPUT:
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns


def _nothing_found(sources: Sequence[str | os.PathLike], passed_over: Counter) -> str:
    where = ", ".join(printable(os.fspath(source)) for source in sources)
    others = describe_passed_over(passed_over)
    tables = any(passed_over[ending] for ending in TABLES)
    advice = "; name tables themselves, such as FOLDER/*.csv" if tables else ""
    return f"no texts found in {where}{others and '; '}{others}{advice}"
