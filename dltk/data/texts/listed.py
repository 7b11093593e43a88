"""Labelled texts as objects in JSON, a line each or in one list, and in fastText's lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dltk.data.texts.columns import Asked, Columns, choose_columns, has_columns, split_of
from dltk.data.texts.files import MOST_LETTERS, SPLITS, blamed, first_line, whole_lines
from dltk.data.texts.gathered import GatheredTexts, value_of
from dltk.errors import InputError, printable
from dltk.text.lines import read_lines

LINES = (".jsonl", ".ndjson")
OBJECTS = (*LINES, ".json")
"""What names of files of objects in JSON end in; those in LINES have one a line."""
_LABEL = "__label__"  # which fastText's lines begin with
_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


class Entry(NamedTuple):
    """What stands in one place of a file.

    Attributes:
        line: that it begins in, from 1.
        value: what JSON says.
        problem: why it is no JSON, or None.
    """

    line: int
    value: object
    problem: str | None = None


def gather_objects(
    path: Path, name: str, found: GatheredTexts, asked: Asked, *, split: str | None = None
) -> None:
    """Add the texts of a file of objects in JSON, see `dltk.data.texts.table.gather_table`.

    The objects are a line each, or a list. The first one tells which keys have the text and the
    class; classes may be numbers, or true and false. The file is streamed.
    """
    found.open_file(name)
    columns = None
    with blamed(path):
        for line, value, problem in entries(path):
            if problem or not isinstance(value, dict):
                found.damaged_row(line, problem or "no object in JSON, {…}")
                continue
            columns = columns or choose_columns(path, list(value), asked, "keys")
            try:
                _add(found, line, value, columns, split)
            except InputError as error:
                found.damaged_row(line, str(error))


def holds_text_objects(path: Path) -> bool:
    """Return whether the first object in a file has a text and a class, and no picture."""
    try:
        value = next(entries(path)).value
    except (StopIteration, InputError):
        return False
    names = {str(name).casefold() for name in value} if isinstance(value, dict) else set()
    return has_columns(list(names)) and not {"file_name", "image", "path"} & names


def gather_labelled_lines(
    path: Path, name: str, found: GatheredTexts, *, split: str | None = None
) -> None:
    """Add the texts of a file with lines such as "__label__sports a text", as fastText has it.

    Texts of several classes are left out: a text is of one class here.
    """
    found.open_file(name)
    with blamed(path):
        for line in whole_lines(path):
            labels, text = _taken_apart(line.text)
            if not labels and text:
                found.damaged_row(line.number, f"it does not begin with {_LABEL}")
            elif len(labels) > 1:
                found.leave_out(line.number, "a text of several classes")
            elif labels:
                found.add(split, line.number, text, labels[0])


def holds_labelled_lines(path: Path) -> bool:
    """Return whether a file begins as fastText's do."""
    return first_line(path).lstrip().startswith(_LABEL)


def _add(found: GatheredTexts, line: int, value: dict, columns: Columns, split) -> None:
    text, label = text_of(value, columns.text), value_of(_at(value, columns.label), "its class")
    if split is None and columns.split is not None:
        try:
            split = split_of(value_of(value.get(columns.split), "its split"), SPLITS)
        except InputError as error:
            found.stray_row(line, str(error))
            return
    found.add(split, line, text, label)


def text_of(value: dict, key: str) -> str:
    """Return the text that an object has by a key, "" for null. Raises InputError: it has none."""
    text = _at(value, key)
    if text is not None and not isinstance(text, str):
        raise InputError(f"the text is no text: {printable(repr(text))[:40]}")
    return text or ""


def _at(value: dict, key: str) -> object:
    if key not in value:
        raise InputError(f'it has no "{printable(key)}"')
    return value[key]


def _taken_apart(line: str) -> tuple[list[str], str]:
    """Return the labels that a line begins with, and its text."""
    labels, rest = [], line.strip()
    while rest.startswith(_LABEL):
        label, *behind = rest.split(None, 1)
        labels.append(label.removeprefix(_LABEL))
        rest = behind[0] if behind else ""
    return labels, rest


def entries(path: Path) -> Iterator[Entry]:
    """Yield what is in a file of JSON: the elements of a list, or what stands in each line.

    Raises:
        InputError: a list that is no JSON, with the place; or what `whole_lines` raises.
    """
    if first_line(path).lstrip().startswith("["):
        yield from _elements(line.text for line in read_lines(path, escaped=True))
        return
    for line in whole_lines(path):
        if line.text.strip():
            try:
                yield Entry(line.number, json.loads(line.text))
            except (ValueError, RecursionError) as error:
                yield Entry(line.number, None, f"no JSON: {_why(error)}")


def _elements(pieces: Iterator[str]) -> Iterator[Entry]:
    """Yield the elements of a list in JSON, of any length: it is never in memory as a whole."""
    text = _Text(pieces)
    text.take("[")
    if text.next() != "]":
        yield text.value()
        while text.next() == ",":
            text.take(",")
            yield text.value()
    text.take("]")
    text.end()


class _Text:
    """What is left of a text in JSON, read piece by piece."""

    def __init__(self, pieces: Iterator[str]):
        self._pieces, self._left = pieces, ""
        self._at = 0  # where in it is what is next,
        self._line = 1  # and in which line of the file

    def next(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            self._skip(_SPACE.match(self._left, self._at).end())
            if self._at < len(self._left) or not self._more(1):
                return self._left[self._at : self._at + 1]

    def take(self, sign: str) -> None:
        """Take a sign that must be next. Raises InputError."""
        if (found := self.next()) != sign:
            instead = f"{printable(found)} stands there" if found else "it ends there"
            raise InputError(f"line {self._line}: no JSON: {instead}, and {sign} is wanted")
        self._skip(self._at + 1)

    def end(self) -> None:
        """Raise InputError if anything is left."""
        if found := self.next():
            raise InputError(f"line {self._line}: {printable(found)} stands behind the list")

    def value(self) -> Entry:
        """Return the next value. Raises InputError: it is none."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._left, self._at)
            except (ValueError, RecursionError) as error:
                # were it tried with each line, a long value would take forever
                place, ahead = getattr(error, "pos", self._at), len(self._left) - self._at
                line = self._line + self._left.count("\n", self._at, place)
                if not self._more(ahead):
                    raise InputError(f"line {line}: no JSON: {_why(error)}") from error
            else:
                entry = Entry(self._line, value)
                self._skip(end)
                return entry

    def _more(self, wanted: int) -> bool:
        """Read so many letters more, or a few more; return whether there were any.

        Raises:
            InputError: what is left is absurdly long.
        """
        if len(self._left) - self._at > MOST_LETTERS:
            raise InputError(
                f"line {self._line}: a value of more than {MOST_LETTERS >> 20} million letters"
            )
        pieces, letters = [self._left[self._at :]], 0
        for piece in self._pieces:
            pieces.append(piece)
            letters += len(piece)
            if letters >= wanted:
                break
        self._left, self._at = "".join(pieces), 0
        return letters > 0

    def _skip(self, end: int) -> None:
        self._line += self._left.count("\n", self._at, end)
        self._at = end


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return getattr(error, "msg", str(error))
