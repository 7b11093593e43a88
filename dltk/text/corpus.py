"""Running text: the files that it is in, and its tokens as numbers on disk, whatever its size."""

from __future__ import annotations

import glob
import io
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltk.errors import InputError, UsageError, printable, reason
from dltk.text.lines import Line, problem_of, read_lines, stream_lines
from dltk.text.spool import TokenFile
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN, Vocabulary
from dltk.weights import Report, silent
from dltk.wording import amount

EXTENSIONS = (".txt", ".text", ".md")
"""What names of files end in for which folders are searched."""
_STRUCTURED = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".html", ".xml")
_BLOCK = 1 << 20  # characters that are taken at once, about
_CODE_POINTS = 0x110000
_TOLD_EVERY_SECS = 10.0

Source = Path | bytes
"""A file of text, or what is in one."""


@dataclass(frozen=True)
class Corpus:
    """Running text, in one part or several.

    Attributes:
        where: it comes from, as the user named it.
        sources: files, or what is in them, in order.
    """

    where: str
    sources: tuple[Source, ...]

    @classmethod
    def of(cls, *texts: str) -> Corpus:
        """Return texts that are in memory. Raises UsageError for halves of characters in them."""
        try:
            return cls("texts", tuple(text.encode() for text in texts))
        except UnicodeEncodeError as error:
            raise UsageError(f"not a text: {error.reason} at {error.start:,}") from error

    @classmethod
    def found(
        cls, sources: str | os.PathLike | Iterable[str | os.PathLike], report: Report = silent
    ) -> Corpus:
        """Return the files that `sources` mean, see `text_files`, which tells the errors too."""
        files = text_files(sources, report)
        if isinstance(sources, (str, os.PathLike)):
            return cls(os.fspath(sources), tuple(files))
        others = f" and {len(files) - 1:,} more" if files[1:] else ""
        return cls(f"{files[0]}{others}", tuple(files))


def text_files(
    sources: str | os.PathLike | Iterable[str | os.PathLike], report: Report = silent
) -> list[Path]:
    """Return the files that `sources` mean, in order, each once.

    A source is a file, whatever its name; a folder, which is searched to the bottom for names that
    end in EXTENSIONS, hidden ones left out, in alphabetical order; a pattern; or "@FILE", a list of
    files and folders, one a line. What exists by its name is taken as that. Files in folders that
    are no texts, being binary or not UTF-8, are passed over.

    Args:
        report: called with a line for each file that is passed over.
    Raises:
        UsageError: a source, or what a list names, that does not exist or is a pipe; a list that
            cannot be read; nothing found.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    names = [os.fspath(source) for source in sources]
    found = dict.fromkeys(path for name in names for path in _meant(name, report))
    if not found:
        where = ", ".join(map(printable, names)) or "nothing"
        raise UsageError(f"no text found in {where}: looked for {', '.join(EXTENSIONS)}")
    return list(found)


def _meant(name: str, report: Report) -> Iterator[Path]:
    if os.path.lexists(name):
        yield from _texts_at(name, report)
    elif name.startswith("@"):
        for line in _listed(name[1:]):
            yield from _texts_at(line, report, f", which the list {printable(name[1:])} names")
    elif glob.has_magic(name) and (matches := sorted(glob.glob(name, recursive=True))):
        for match in matches:
            if not os.path.isdir(match) or "**" not in name:
                yield from _texts_at(match, report)
    else:
        raise UsageError(f"no such file or folder: {printable(name)}")


def _texts_at(path: str, report: Report, named: str = "") -> Iterator[Path]:
    """Yield a file, or the texts in a folder; `named` says where its name stands."""
    if os.path.isdir(path):
        for file in _inside(path, frozenset()):
            if problem := problem_of(file):
                report(f"passed over: {printable(file)}: {problem}")
            else:
                yield file
    elif os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(
            f"{printable(path)} is no file, and text to learn from is read more than once; save it "
            "to one"
        )
    elif os.path.lexists(path):
        yield Path(os.path.abspath(path))
    else:
        raise UsageError(f"no such file or folder: {printable(path)}{named}")


def _listed(path: str) -> list[str]:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the list {printable(path)}: {reason(error)}") from error
    lines = (os.fsdecode(line.removesuffix(b"\r")) for line in content.split(b"\n"))
    return [line for line in lines if line]


def _inside(folder: str, above: frozenset[str]) -> Iterator[Path]:
    """Yield the texts under a folder; `above` are those that it is in, to end loops of links."""
    here = os.path.realpath(folder)
    if here in above:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UsageError(f"cannot read the folder {printable(folder)}: {reason(error)}") from error
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if os.path.isdir(path):
            yield from _inside(path, above | {here})
        elif name.lower().endswith(EXTENSIONS):
            yield Path(os.path.abspath(path))


def count_tokens(
    files: Sequence[Source], tokenizer: Tokenizer, report: Report = silent
) -> Counter[str]:
    """Return how often each token occurs in some texts.

    Args:
        report: called with a line for each file that is empty, for those that are more than text by
            their names, and now and then.
    Raises:
        UsageError: what cannot be read, is not UTF-8 or binary, with its place; no text at all.
    """
    counts: Counter[str] = Counter()
    points = np.zeros(_CODE_POINTS, np.int64)  # of characters, which are counted by their numbers
    reader = _Reader("counted", report)
    _tell_structured(files, report)
    for source in files:
        empty = True
        for block in reader.blocks(source):
            empty = False
            if tokenizer.unit == "character":
                found = np.bincount(_code_points(block, tokenizer))
                points[: len(found)] += found
            else:
                counts.update(tokenizer(block))
        if empty:
            report(f"note: {_named(source)} is empty")
    counts.update({chr(point): int(points[point]) for point in np.flatnonzero(points)})
    if not counts:
        where = _named(files[0]) if len(files) == 1 else f"any of {len(files):,} files"
        raise UsageError(f"there is no text in {where}")
    return counts


def _tell_structured(files: Sequence[Source], report: Report) -> None:
    """Report that tables and the like are not taken apart."""
    paths = [source for source in files if isinstance(source, Path)]
    found = [path for path in paths if path.name.lower().endswith(_STRUCTURED)]
    if found:
        more = f" and {amount(len(found) - 1, 'more file')}" if found[1:] else ""
        report(
            "note: taken as running text, every comma and tag in it included: "
            f"{printable(found[0])}{more}"
        )


def encode_files(
    files: Sequence[Source],
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    *,
    ends: bool,
    report: Report = silent,
) -> TokenFile:
    """Return the numbers of all tokens of some texts, one text behind the other.

    Args:
        ends: whether END stands behind every line with tokens; else it is between texts only, of
            which those without tokens are none.
        report: called with a line now and then.
    Raises:
        UsageError: see `count_tokens`.
        DltkError: the disk is full.
    """
    tokens, encode = TokenFile(), _encoder(tokenizer, vocabulary)
    reader, end = _Reader("numbered", report), np.array([END], np.int32)
    behind = False  # whether there is a text in front of this one
    for source in files:
        if ends:
            for numbers in _line_by_line(reader.lines(source), encode, end):
                tokens.append(numbers)
            continue
        begun = False
        for block in reader.blocks(source):
            numbers = encode(block)
            if behind and not begun and len(numbers):
                tokens.append(end)
            begun = begun or len(numbers) > 0
            tokens.append(numbers)
        behind = behind or begun
    tokens.flush()
    return tokens


def _encoder(tokenizer: Tokenizer, vocabulary: Vocabulary) -> Callable[[str], np.ndarray]:
    """Return what makes numbers, int32 (n,), of a text; a table does it for characters."""
    if tokenizer.unit != "character":
        return lambda text: np.array(vocabulary.encode(tokenizer(text)), np.int32)
    table = np.full(_CODE_POINTS, UNKNOWN, np.int32)
    for number, word in enumerate(vocabulary.words, FIRST):
        table[ord(word)] = number
    return lambda text: table[_code_points(text, tokenizer)]


def _code_points(text: str, tokenizer: Tokenizer) -> np.ndarray:
    """Return the tokens of a text that are characters, uint32 (n,)."""
    return np.frombuffer(tokenizer.plain(text).encode("utf-32-le"), np.uint32)


def _line_by_line(lines: Iterable[Line], encode, end: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the numbers of each line's tokens, then END if there are any."""
    begun = False
    for line in lines:  # of which several may be pieces of one
        numbers = encode(line.text)
        begun |= bool(len(numbers))
        yield numbers
        if begun and line.text.endswith("\n"):
            yield end
            begun = False
    if begun:
        yield end


class _Reader:
    """Reads texts, and tells now and then how far it is.

    Args:
        done: what is done with what was read, such as "counted".
    """

    def __init__(self, done: str, report: Report):
        self._done, self._report = done, report
        self._read, self._told_at = 0, time.monotonic()

    def blocks(self, source: Source) -> Iterator[str]:
        """Yield a text in parts of whole lines, each long enough to be worth a call."""
        lines: list[str] = []
        size = 0
        for line in self.lines(source):
            lines.append(line.text)
            size += len(line.text)
            if size >= _BLOCK:
                yield "".join(lines)
                lines, size = [], 0
        if size:
            yield "".join(lines)

    def lines(self, source: Source) -> Iterator[Line]:
        """Yield the lines of a text. Raises UsageError: what is none, with its place."""
        try:
            for line in _opened(source):
                if line.problem:
                    raise UsageError(f"{_named(source)}, line {line.number:,} is {line.problem}")
                self._tell(len(line.text), source)
                yield line
        except InputError as error:
            raise UsageError(f"{_named(source)}: {error}") from error

    def _tell(self, size: int, source: Source) -> None:
        self._read += size
        if time.monotonic() - self._told_at > _TOLD_EVERY_SECS:
            self._told_at = time.monotonic()
            read = self._read // 1_000_000
            self._report(f"{self._done} {read:,} million characters, now of {_named(source)}")


def _opened(source: Source) -> Iterator[Line]:
    if isinstance(source, bytes):
        return stream_lines(io.BytesIO(source))
    return read_lines(source)


def _named(source: Source) -> str:
    return "what is given" if isinstance(source, bytes) else printable(source)
