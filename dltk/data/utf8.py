"""The text of files that people made: UTF-8, or where it is not."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

from dltk.errors import UsageError, printable

_MARK = "\ufeff"  # which some editors put in front
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ESCAPED = re.compile("[\udc80-\udcff]")  # what stands for a byte that is not UTF-8


def decoded(content: bytes, path: object) -> str:
    """Return the text of a file. Raises UsageError with the place of what is not UTF-8."""
    try:
        return content.decode().removeprefix(_MARK)
    except UnicodeDecodeError as error:
        why = f": {_at(content[error.start], error.start)}"
        if content.startswith(_UTF16):
            why = " but UTF-16; save it as UTF-8"
        raise UsageError(f"cannot read {printable(path)}: it is not UTF-8{why}") from error


def forgiving(content: bytes, path: object) -> tuple[str, dict[int, str]]:
    """Return the text of a file, and for each line that is not UTF-8, by its number, the place.

    Bytes that are not stand in the text as Python's "surrogateescape" has it.

    Raises:
        UsageError: it is UTF-16, of which no line can be used.
    """
    if content.startswith(_UTF16):
        decoded(content, path)
    text = content.decode(errors="surrogateescape")
    faults, offset = {}, 0
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if found := _ESCAPED.search(line):
            at = offset + len(line[: found.start()].encode())
            faults[number] = _at(ord(found[0]) - 0xDC00, at)
        offset += len(line.encode(errors="surrogateescape"))
    return text.removeprefix(_MARK), faults


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line, as editors count them, less spaces around it.

    Other than `str.splitlines`, this does not take a line apart at signs such as U+2028.
    """
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        yield number, line.strip()


def _at(byte: int, offset: int) -> str:
    return f"byte 0x{byte:02x} at offset {offset}"
