"""Files of texts, line by line or as a whole, and what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dltk.data.rows import SPLIT_NAMES
from dltk.errors import InputError, UsageError, printable
from dltk.text import lines
from dltk.text.lines import Line, read_lines
from dltk.weights import Report

MOST_LETTERS = 1 << 24
"""Of one text: a shelf of books; what is longer is a mark that is not closed, or no text."""
SPLITS = SPLIT_NAMES | {"dev": "val"}
_BEGINNING = 1 << 16  # letters; of more than 1 << 17 in one cell csv makes an error
_BIG_BYTES = 100 << 20  # takes a while to read


def text_in(path: str | os.PathLike) -> str:
    """Return the one text that is in a file.

    Raises:
        InputError: it cannot be read, is not UTF-8, binary, or absurdly long.
    """
    pieces, letters = [], 0
    for line in read_lines(path):
        if line.problem:
            raise InputError(f"{line.problem}, in line {line.number}")
        pieces.append(line.text)
        letters += len(line.text)
        if letters > MOST_LETTERS:
            raise InputError(f"a text of more than {MOST_LETTERS >> 20} million letters")
    return "".join(pieces)


def whole_lines(path: str | os.PathLike) -> Iterator[Line]:
    """Yield the lines of a file, each whole; bytes that are not UTF-8 are escaped in its text.

    Raises:
        InputError: see `read_lines`; or a line is absurdly long.
    """
    return lines.whole_lines(read_lines(path, escaped=True), MOST_LETTERS)


def first_line(path: str | os.PathLike) -> str:
    """Return the first line that is not empty, or its beginning; "" where there is none.

    It has no "\\r", see `without_returns`.
    """
    try:
        texts = (line.text for line in read_lines(path, escaped=True))
        return without_returns(next(filter(str.strip, texts), "")[:_BEGINNING])
    except InputError:
        return ""


def without_returns(line: str) -> str:
    """Return a line of a table with spaces for "\\r", which csv takes for the end of a row."""
    return line.replace("\r", " ")


def split_called(name: str) -> str | None:
    """Return the split that a word of a file's name means: "val" for "cooking.valid"."""
    words = re.split("[^a-z]+", name.casefold())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def tell_big(path: Path, report: Report) -> None:
    """Report that a file is read, if that takes a while."""
    size = path.stat().st_size
    if size > _BIG_BYTES:
        report(f"reading {printable(path)}, {size / 1e6:,.0f} MB")


@contextmanager
def blamed(path: str | os.PathLike) -> Iterator[None]:
    """Turn an InputError into a UsageError that names the file."""
    try:
        yield
    except InputError as error:
        raise UsageError(f"cannot use {printable(path)}: {error}") from error
