"""Text files, line by line: of any size, UTF-8, and what is not is named with its place."""

from __future__ import annotations

import os
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dltk.errors import InputError, reason

PIECE = 1 << 20
"""Bytes of a line that are taken at once, at most."""
_LOOKED_AT = 1 << 12  # bytes at the beginning
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MARK = b"\xef\xbb\xbf"  # which some editors put in front
_LONE = re.compile("[\ud800-\udfff]")  # halves of characters, and bytes that are not UTF-8
_OPEN_END = re.compile(rb"(?:[\xc0-\xff][\x80-\xbf]*|\r)\Z")  # of a letter, or of a line break


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

    A line of more than a mebibyte comes in pieces, cut at spaces if it has any. Where there is no
    "\\n" at all, or none in the first mebibyte, "\\r" ends lines too, as on old Macs.

    Args:
        escaped: whether lines with a problem have their text all the same, in which Python's
            "surrogateescape" stands for bytes that are not UTF-8; else it is "".
    Raises:
        InputError: it cannot be read, is UTF-16, or binary: it has a byte 0. One that is near the
            beginning is told before any line.
    """
    try:
        with open(path, "rb") as file:
            _check(file.peek(_LOOKED_AT)[:_LOOKED_AT], 0)
            yield from _lines(file, escaped)
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from error


def stream_lines(file, *, escaped: bool = False) -> Iterator[Line]:
    """Yield the lines of an open binary file such as standard input, see `read_lines`."""
    try:
        yield from _lines(file, escaped)
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from error


def problem_of(path: str | os.PathLike) -> str | None:
    """Return why a file is no text, with the place, or None for one that is."""
    try:
        if _is_text(path):
            return None
        places = (f"line {line.number:,} is {line.problem}" for line in read_lines(path)
                  if line.problem)  # fmt: skip
        return next(places, None)
    except InputError as error:
        return str(error)


def whole_lines(lines: Iterable[Line], most: int) -> Iterator[Line]:
    """Yield lines each whole, their pieces put together; `lines` are `escaped`, see `read_lines`.

    Raises:
        InputError: one of more than `most` letters.
    """
    pieces, letters, problem = [], 0, None
    for line in lines:
        pieces.append(line.text)
        letters += len(line.text)
        problem = problem or line.problem
        if letters > most:
            raise InputError(f"line {line.number} has more than {most >> 20} million letters")
        if line.text.endswith("\n"):
            yield Line(line.number, "".join(pieces), problem)
            pieces, letters, problem = [], 0, None
    if pieces:
        yield Line(line.number, "".join(pieces), problem)


def _is_text(path: str | os.PathLike) -> bool:
    """Return whether a file can be read and is a text; much faster than line by line."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        with open(path, "rb") as file:
            while block := file.read(PIECE):
                if b"\0" in block:
                    return False
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except (OSError, UnicodeDecodeError):
        return False
    return True


def _lines(file, escaped: bool) -> Iterator[Line]:
    number, offset, rest = 1, 0, b""
    alone = False  # whether "\r" ends lines by itself
    while True:
        read = file.readline(PIECE)
        content, rest = rest + read, b""
        if not content:
            return
        ended = content.endswith(b"\n")
        if not offset:
            alone = not ended and b"\r" in content[: PIECE - 1]  # behind which "\n" may come
            if content.startswith(_MARK):
                content, offset = content[len(_MARK) :], len(_MARK)
        if not ended and len(read) == PIECE:
            content, rest = _cut(content)
        _check(content, offset)
        for part in content.splitlines(keepends=True) if alone else (content,):
            yield _line(number, part, offset, escaped, alone)
            number += part.endswith((b"\n", b"\r") if alone else b"\n")
            offset += len(part)


def _check(content: bytes, offset: int) -> None:
    """Raise InputError for bytes that are no text; `offset` is their place in the file."""
    if not offset and content.startswith(_UTF16):
        raise InputError("not UTF-8 but UTF-16; save it as UTF-8")
    if (zero := content.find(b"\0")) >= 0:
        raise InputError(f"not a text: byte 0x00 at offset {offset + zero}")


def _line(number: int, content: bytes, offset: int, escaped: bool, alone: bool) -> Line:
    """Return a line, which "\\r" ends `alone` or does not."""
    problem = None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        at = offset + error.start
        problem = f"not UTF-8: byte 0x{content[error.start]:02x} at offset {at}"
        text = content.decode(errors="surrogateescape") if escaped else ""
    if text.endswith("\r\n"):
        text = text[:-2] + "\n"
    elif alone and text.endswith("\r"):
        text = text[:-1] + "\n"
    return Line(number, text, problem)


def _cut(content: bytes) -> tuple[bytes, bytes]:
    """Return a piece of a long line and the rest, cut behind its last space or between letters."""
    at = max(content.rfind(space) for space in (b" ", b"\t")) + 1
    if not at:
        open_end = _OPEN_END.search(content, len(content) - 4)  # letters have four bytes at most
        at = open_end.start() if open_end else len(content)
    return content[:at], content[at:]


def not_utf8(text: str) -> str | None:
    """Return what stands in a text where a character should, such as "not UTF-8: byte 0xe9".

    That is a byte, as "surrogateescape" has it, or half of a character; None where there is none.
    """
    lone = _LONE.search(text)
    if lone is None:
        return None
    code = ord(lone[0])
    byte = 0xDC80 <= code <= 0xDCFF
    what = f"byte 0x{code - 0xDC00:02x}" if byte else f"half a character, \\u{code:04x}"
    return f"not UTF-8: {what}"
