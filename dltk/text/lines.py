"""Text files, line by line: of any size, UTF-8, and what is not is named with its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from dltk.errors import InputError, reason

_PIECE = 1 << 20  # bytes of a line that are taken at once, at most
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MARK = b"\xef\xbb\xbf"  # which some editors put in front


class Line(NamedTuple):
    """A line of a file, or a piece of a very long one.

    Attributes:
        number: from 1.
        text: with its line break, if it has one: "\\n", whatever stands in the file.
        problem: why it is no text, or None.
    """

    number: int
    text: str
    problem: str | None = None


def read_lines(path: str | os.PathLike, *, escaped: bool = False) -> Iterator[Line]:
    """Yield the lines of a file, those that are not UTF-8 with the byte and its place.

    A line of more than a mebibyte comes in pieces, cut at spaces if it has any.

    Args:
        escaped: whether lines with a problem have their text all the same, in which Python's
            "surrogateescape" stands for bytes that are not UTF-8; else it is "".
    Raises:
        InputError: it cannot be read, is UTF-16, or binary: it has a byte 0.
    """
    try:
        with open(path, "rb") as file:
            yield from _lines(file, escaped)
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from error


def stream_lines(file) -> Iterator[Line]:
    """Yield the lines of an open binary file such as standard input, see `read_lines`."""
    try:
        yield from _lines(file)
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from error


def _lines(file, escaped: bool = False) -> Iterator[Line]:
    number, offset, rest = 1, 0, b""
    while read := file.readline(_PIECE):
        content = rest + read
        ended = content.endswith(b"\n")
        rest = b""
        if not offset:
            if content.startswith(_UTF16):
                raise InputError("not UTF-8 but UTF-16; save it as UTF-8")
            if content.startswith(_MARK):
                content, offset = content[len(_MARK) :], len(_MARK)
        if not ended and len(read) == _PIECE:
            content, rest = _cut(content)
        if (zero := content.find(b"\0")) >= 0:
            raise InputError(f"not a text: byte 0x00 at offset {offset + zero}")
        yield _line(number, content, offset, escaped)
        number += ended
        offset += len(content)
    if rest:
        yield _line(number, rest, offset, escaped)


def _line(number: int, content: bytes, offset: int, escaped: bool) -> Line:
    problem = None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        at = offset + error.start
        problem = f"not UTF-8: byte 0x{content[error.start]:02x} at offset {at}"
        text = content.decode(errors="surrogateescape") if escaped else ""
    if text.endswith("\r\n"):
        text = text[:-2] + "\n"
    return Line(number, text, problem)


def _cut(content: bytes) -> tuple[bytes, bytes]:
    """Return a piece of a long line and the rest, cut behind its last space or between letters."""
    at = max(content.rfind(space) for space in (b" ", b"\t")) + 1
    if not at:
        at = len(content)
        while at > 1 and content[at - 1] & 0xC0 == 0x80:  # inside a letter of several bytes
            at -= 1
        at -= content[at - 1] >= 0xC0
    return content[:at], content[at:]
