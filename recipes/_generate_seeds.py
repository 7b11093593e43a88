"""What pictures are made from: seeds, the noise of each, and sums of noise, as options say them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from dltk.errors import UsageError, nearest, printable
from recipes._checks import check_number

MOST = 100_000  # seeds at a time
_LARGEST = 2**32 - 1
_LONGEST = 40  # letters of a range, far more than the largest has
_RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?", re.ASCII)
_NAME = r"[^\W\d]\w*"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_MOST_TIMES = 100  # a group's mean; what is far from all noise makes no picture


def parse_seeds(seeds: str | int | Iterable[int], option: str = "--seeds") -> list[int]:
    """Return the seeds that "0,4-9" or numbers mean, in their order, those told twice twice.

    Raises:
        UsageError: a piece that is none, a range from high to low, more than MOST in all.
    """
    if isinstance(seeds, str):
        ranges = [_range(piece.strip(), option) for piece in seeds.split(",")]
    else:
        seeds = [seeds] if isinstance(seeds, Integral) else seeds
        ranges = [_range(str(seed), option) for seed in seeds]
    if not ranges:
        raise UsageError(f"{option} names no seeds")
    if sum(map(len, ranges)) > MOST:
        raise UsageError(
            f"{option}: {sum(map(len, ranges)):,} seeds are more than {MOST:,}, the most at a time"
        )
    return [seed for each in ranges for seed in each]


def _range(piece: str, option: str) -> range:
    found = _RANGE.fullmatch(piece)
    if not found:
        why = (
            "is negative" if piece[:1] == "-" else "is neither a seed, such as 4, nor a range, 4-9"
        )
        raise UsageError(f'{option}: "{printable(piece)}" {why}')
    if len(piece) > _LONGEST or int(found[2] or found[1]) > _LARGEST:
        raise UsageError(f'{option}: "{piece[:_LONGEST]}" is too large; seeds go up to {_LARGEST}')
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise UsageError(f'{option}: the range "{piece}" goes down; take {last}-{first}')
    return range(first, last + 1)


def noise_of(seeds: Sequence[int], size: int, truncation: float = 1.0) -> np.ndarray:
    """Return the noise of each seed, which depends on it alone: float32 (N, size), even over
    -truncation to truncation."""
    rows = [np.random.default_rng(seed).uniform(-1, 1, size) for seed in seeds]
    return (truncation * np.stack(rows)).astype(np.float32)


@dataclass(frozen=True)
class Term:
    """A group in a sum, and what its mean is multiplied by."""

    factor: float
    group: str


def parse_groups(groups: Mapping | Iterable[str]) -> dict[str, list[int]]:
    """Return the seeds of each group, each once.

    Args:
        groups: seeds by name, or texts such as "smiling=3,17,22".
    Raises:
        UsageError: a text or a name that cannot be, two groups of one name.
    """
    pairs = groups.items() if isinstance(groups, Mapping) else map(_named, groups)
    found = {}
    for name, seeds in pairs:
        if not re.fullmatch(_NAME, name):
            raise UsageError(
                f'--group: the name "{printable(name)}" is not of letters, digits and _, a letter '
                "or _ first"
            )
        if name in found:
            raise UsageError(f'--group: there are two of the name "{name}"')
        found[name] = list(dict.fromkeys(parse_seeds(seeds, f"--group {name}")))
    return found


def _named(text: str) -> tuple[str, str]:
    name, equals, seeds = text.partition("=")
    if not equals:
        raise UsageError(f'--group "{printable(text)}" is not NAME=SEEDS, such as smiling=3,17-19')
    return name.strip(), seeds


def parse_sum(text: str, groups: Iterable[str]) -> list[Term]:
    """Return the terms of a sum such as "smiling - plain + 0.5 * man".

    Raises:
        UsageError: something else, told with its place; a group that is none of `groups`, or one
            of them that is not in it.
    """
    reader, terms = _Reader(text), []
    while not terms or not reader.at_end():
        sign = reader.take("[+-]")
        if terms and not sign:
            raise reader.expected("+ or -")
        number = reader.take(_NUMBER)
        if number and not reader.take(r"\*"):
            raise reader.expected('"*"')
        name = reader.take(_NAME)
        if not name:
            raise reader.expected("a group's name")
        check_number("arithmetic", float(number or 1), most=_MOST_TIMES)
        terms.append(Term(float(number or 1) * (-1 if sign == "-" else 1), name))
    _check_used(terms, tuple(groups), text)
    return terms


class _Reader:
    """Takes a text to pieces, from left to right."""

    def __init__(self, text: str):
        self._text, self._at = text, 0

    def take(self, pattern: str) -> str | None:
        """Return what comes next if it is of a pattern, and go behind it."""
        found = re.compile(rf"\s*({pattern})").match(self._text, self._at)
        if not found:
            return None
        self._at = found.end()
        return found[1]

    def at_end(self) -> bool:
        return not self._text[self._at :].strip()

    def expected(self, what: str) -> UsageError:
        """Return the error that says what is missing, and where."""
        left = self._text[self._at :].lstrip()
        place = f'where "{printable(left)}" begins' if left else "at the end"
        return UsageError(f'--arithmetic "{printable(self._text)}": {what} is missing {place}')


def _check_used(terms: Sequence[Term], groups: Sequence[str], text: str) -> None:
    """Raise UsageError for a term without a group, or a group without a term."""
    used = {term.group: None for term in terms}  # in their order
    for name in used:
        if name not in groups:
            known = f"Groups: {', '.join(groups)}" if groups else "Name its seeds with --group"
            raise UsageError(
                f'--arithmetic: unknown group "{printable(name)}".{nearest(name, groups)} {known}'
            )
    for name in groups:
        if name not in used:
            raise UsageError(f'--group {name} is not in --arithmetic "{printable(text)}"')
