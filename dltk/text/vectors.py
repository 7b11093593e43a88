"""Vectors of words, and the files that they are in: word2vec's, text or binary, and GloVe's."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dltk.errors import DltkError, InputError, UsageError, printable, reason
from dltk.files import whole
from dltk.text.lines import stream_lines, whole_lines
from dltk.text.vocabulary import FIRST, Vocabulary
from dltk.weights import Report, silent
from dltk.wording import amount

ENDINGS = (".bin", ".txt")
_GZIP = b"\x1f\x8b"
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*(\d+)[ \t]+(\d+)[ \t]*(?:\r?\n|\r)")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_NO_WORD = re.compile(r"[\s\0\ud800-\udfff]", re.ASCII)  # spaces, and halves of characters
_LOOKED_AT = 1 << 12  # bytes at the beginning, to tell the format by
_BLOCK = 1 << 20  # bytes that are read at once
_LONGEST_WORD = 1 << 16  # in bytes; what is longer is damage
_LONGEST_VECTOR = 1 << 20  # in numbers
_LONGEST_ROW = 1 << 24  # in letters, which that has room in


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words with a vector each, the most frequent first as a rule.

    Attributes:
        words: each once.
        vectors: float32 (N, D).
    """

    words: tuple[str, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.rows

    def __getitem__(self, word: str) -> np.ndarray:
        """Return the vector of a word, float32 (D,). Raises KeyError."""
        return self.vectors[self.rows[word]]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Where the vector of each word is."""
        return {word: row for row, word in enumerate(self.words)}

    def of(self, vocabulary: Vocabulary) -> np.ndarray:
        """Return the vector of each number of a vocabulary, float32 (V, D), NaN without one."""
        found = np.full((len(vocabulary), self.vectors.shape[1]), np.nan, np.float32)
        for number, word in enumerate(vocabulary.words, FIRST):
            if word in self:
                found[number] = self[word]
        return found


def read_vectors(
    path: str | os.PathLike,
    *,
    only: Collection[str] | None = None,
    most: int | None = None,
    report: Report = silent,
) -> WordVectors:
    """Return the vectors in a file: word2vec's text or binary, GloVe's text, or a .gz of these.

    The format is told by the content. Text has a word and its numbers in each line, of word2vec
    behind a line with how many words and numbers there are; of binary files that line is followed
    by each word, a space, and float32, least byte first. Only spaces and line breaks end words, in
    text tabs too, and words of GloVe may have spaces in them. Of a word that is there again the
    first vector is taken, as published files have such words.

    Args:
        only: words that are wanted. Others take no memory, and their numbers are not looked at.
        most: words that are taken, the first ones of these; what comes behind is not read.
        report: called with a line if words are there again.
    Raises:
        UsageError: no such file.
        DltkError: it cannot be read, is cut short, or no such file: the line is named, or the
            word, counted from 1.
    """
    taken = _Taken(only, most)
    try:
        with open(path, "rb") as raw:
            packed = raw.peek(2).startswith(_GZIP)
            _read(gzip.GzipFile(fileobj=raw) if packed else raw, taken)
    except FileNotFoundError as error:
        raise UsageError(f"no such file of vectors: {printable(path)}") from error
    except (EOFError, zlib.error) as error:
        raise DltkError(f"{printable(path)} is damaged or cut short; get it again") from error
    except OSError as error:
        raise DltkError(f"cannot read {printable(path)}: {reason(error)}") from error
    except InputError as error:
        raise DltkError(f"{printable(path)}: {error}") from error
    if taken.again:
        report(f"note: {amount(taken.again, 'vector')} passed over, of words that have one already")
    return taken.vectors()


def write_vectors(path: str | os.PathLike, vectors: WordVectors) -> None:
    """Write vectors as word2vec does, binary (.bin) or text (.txt), whole or not at all.

    Text has nine digits of each number, which is exact.

    Raises:
        UsageError: another ending; words that these formats cannot hold; numbers that are none.
        DltkError: it cannot be written.
    """
    path, words, values = Path(path), vectors.words, vectors.vectors
    if path.suffix not in ENDINGS:
        raise UsageError(f"vectors go to a .bin or .txt file, not {printable(path)}")
    if values.ndim != 2 or len(words) != len(values) or not values.size:
        raise UsageError(f"{amount(len(words), 'word')} with vectors {values.shape}")
    if len(set(words)) < len(words) or any(not word or _NO_WORD.search(word) for word in words):
        raise UsageError(
            "words of a file of vectors are each there once, without spaces and half characters"
        )
    if not np.isfinite(values).all():
        raise UsageError("numbers of vectors are finite")
    binary, size = path.suffix == ".bin", values.shape[1]
    numbers = " ".join(["%.9g"] * size)
    with whole(path) as part, part.open("wb", buffering=_BLOCK) as file:
        file.write(f"{len(words)} {size}\n".encode())
        for word, vector in zip(words, values, strict=True):
            file.write(word.encode() + b" ")
            told = vector.astype("<f4").tobytes() if binary else numbers % tuple(vector.tolist())
            file.write((told if binary else told.encode()) + b"\n")


class _Taken:
    """Words and their numbers as they are read.

    Attributes:
        size: how many numbers each has; 0 as long as that is not known.
        again: how many vectors were passed over, of words that had one already.
    """

    def __init__(self, only: Collection[str] | None, most: int | None):
        self._only = None if only is None else frozenset(only)
        self._most = most
        self._words: dict[str, None] = {}
        self._values = bytearray()
        self.size, self.again = 0, 0

    def wants(self, word: str) -> bool:
        return self._only is None or word in self._only

    @property
    def full(self) -> bool:
        return self._most is not None and len(self._words) >= self._most

    def add(self, where: str, word: str, numbers: np.ndarray) -> None:
        """Take a word, if it is new. Raises InputError: there is none, or no numbers."""
        if not word:
            raise InputError(f"{where}: no word in front of the numbers")
        if not np.isfinite(numbers).all():
            raise InputError(f"{where}: the vector of {_quoted(word)} has a number that is none")
        if word in self._words:
            self.again += 1
            return
        self._words[word] = None
        self._values += numbers.tobytes()

    def vectors(self) -> WordVectors:
        flat = np.frombuffer(self._values, np.float32)
        return WordVectors(tuple(self._words), flat.reshape(len(self._words), self.size))


def _read(file, taken: _Taken) -> None:
    """Read an open file of any of the formats."""
    head = file.peek(_LOOKED_AT)[:_LOOKED_AT]
    if not head:
        raise InputError("it is empty")
    header = _HEADER.match(head)
    if header is None:
        _read_text(file, None, taken)
        return
    count, taken.size = int(header[1]), int(header[2])
    if not count or not 0 < taken.size <= _LONGEST_VECTOR:
        raise InputError(
            f"line 1: {amount(count, 'word')} with {amount(taken.size, 'number')} each; "
            "there is nothing to read"
        )
    if _is_text(head[header.end() :]):
        _read_text(file, count, taken)
    else:
        file.read(header.end())
        _read_binary(file, count, taken)


def _is_text(rows: bytes) -> bool:
    """Return whether what follows the header is text: it begins with a word and a number."""
    _, _, behind = rows.partition(b" ")
    numbers = behind.split(None, 1)
    try:
        float(numbers[0] if numbers else b"")
        return True
    except ValueError:
        pass
    try:
        rows[:-4].decode()  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return not _NO_TEXT.search(rows)


def _read_text(file, count: int | None, taken: _Taken) -> None:
    """Read lines of a word and numbers, behind a header if there is a `count`."""
    seen = 0
    lines = whole_lines(stream_lines(file, escaped=True), _LONGEST_ROW)
    for number, text, problem in lines:
        if number == 1 and count is not None:
            continue
        where, row = f"line {number}", text.replace("\t", " ").rstrip(" \n")
        if problem:
            raise InputError(f"{where}: {problem}")
        if not row:
            continue
        if taken.full:
            return
        seen += 1
        taken.size = taken.size or row.count(" ")
        word, *numbers = row.rsplit(" ", taken.size)
        _check_length(where, word, numbers, taken.size, told=count is not None)
        if taken.wants(word):
            taken.add(where, word, _parsed(where, numbers))
    if not seen:
        raise InputError("it has no words")
    if count is not None and seen != count:
        words = amount(seen, "word")
        raise InputError(f"it has {words}, and {count:,} by its first line; get it again")


def _check_length(where: str, word: str, numbers: list, size: int, *, told: bool) -> None:
    """Raise InputError unless a row has a word and `size` numbers."""
    _, _, last = word.rpartition(" ")
    more = _is_number(last) if " " in word else False
    if size and len(numbers) == size and not more:
        return
    if more:
        found = amount(size + sum(map(_is_number, word.split(" ")[1:])), "number")
    else:
        found = amount(len(numbers), "number") if numbers else "no numbers"
    wanted = f", not {size} as {'line 1 says' if told else 'in line 1'}" if size else ""
    raise InputError(f"{where}: {_quoted(word.partition(' ')[0])} has {found}{wanted}")


def _parsed(where: str, numbers: list[str]) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # it is infinite then, and told
            return np.fromiter(map(float, numbers), np.float32, len(numbers))
    except ValueError:
        wrong = next(number for number in numbers if not _is_number(number))
        raise InputError(f"{where}: {_quoted(wrong)} is no number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_binary(file, count: int, taken: _Taken) -> None:
    """Read words and float32, behind the header."""
    width, block, at = 4 * taken.size, b"", 0
    for number in range(1, count + 1):
        if taken.full:
            return
        where = f"word {number}"
        while (space := block.find(b" ", at)) < 0 or len(block) <= space + width:
            if space < 0 and len(block) - at > _LONGEST_WORD:
                raise InputError(f"{where}: no space behind it; it is no file of vectors")
            more = file.read(_BLOCK)
            if not more:
                words = amount(count, "word")
                raise InputError(f"cut short: {number - 1:,} of {words} are whole; get it again")
            block, at = block[at:] + more, 0
        word = _decoded(where, block[at:space].lstrip(b"\r\n"))
        at = space + 1 + width
        if taken.wants(word):
            vector = np.frombuffer(block, "<f4", taken.size, space + 1)
            taken.add(where, word, vector.astype(np.float32))
    if (block[at:] + file.read(_LOOKED_AT)).strip():
        raise InputError(f"it goes on behind the {amount(count, 'word')} that its first line tells")


def _decoded(where: str, word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8: byte 0x{word[error.start]:02x}") from None


def _quoted(word: str) -> str:
    shown = printable(word)
    return f'"{shown}"' if len(shown) <= 40 else f'"{shown[:39]}…"'
