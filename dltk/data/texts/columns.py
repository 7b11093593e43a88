"""Which column of a table, or key of an object, has the text, and which the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dltk.errors import InputError, UsageError, nearest, printable
from dltk.wording import amount

# What people call them, those that tell most first.
USUAL = {
    "text": (
        "text", "texts", "sentence", "review", "review_text", "reviewtext", "content", "question",
        "tweet", "message", "comment", "comment_text", "body", "document", "description",
        "utterance", "query", "headline", "title", "phrase", "post", "sms", "email", "abstract",
        "v2",
    ),
    "label": (
        "label", "labels", "class", "category", "sentiment", "target", "topic", "stars", "rating",
        "polarity", "intent", "emotion", "label_text", "label_name", "class_name", "class_index",
        "class index", "classes", "score", "tag", "is_spam", "spam", "v1",
    ),
}  # fmt: skip
_SPLIT = "split"


class NoColumnError(UsageError):
    """There is no column of that name."""


class Asked(NamedTuple):
    """Which columns the user named; None for the usual ones.

    Attributes:
        text, label: names, or numbers from 1 in a file without a header.
    """

    text: str | None = None
    label: str | None = None

    @property
    def by_number(self) -> bool:
        """Whether both are numbers. Raises UsageError: one is, and the other is not given."""
        numbers = [(value or "").isdecimal() for value in self]
        if any(numbers) and None in self:
            given, other = ("text", "label") if numbers[0] else ("label", "text")
            raise UsageError(
                f"--{given}-column {getattr(self, given)}: of a file without a header, the number "
                f"of the other column is needed too: --{other}-column"
            )
        return all(numbers)


class Columns(NamedTuple):
    """Which of some names are which.

    Attributes:
        text, label: the names.
        split: that of the split, or None where there is none.
    """

    text: str
    label: str
    split: str | None


def choose_columns(where: object, names: Sequence[str], asked: Asked, what: str) -> Columns:
    """Return which of some names, in lower case or not, is the text, the class and the split.

    Args:
        where: they are, to say that.
        what: they are: "columns", "keys" or "features".
    Raises:
        UsageError: one is not there, or twice; or both are the same.
    """
    text, label = (choose_column(where, names, each, getattr(asked, each), what) for each in USUAL)
    if text == label:
        raise UsageError(
            f'{printable(where)}: the text and the class cannot both be "{printable(text)}"; name '
            "others with --text-column and --label-column"
        )
    split = next((name for name in names if _plain(name) == _SPLIT), None)
    return Columns(text, label, split)


def choose_column(
    where: object, names: Sequence[str], field: str, asked: str | None, what: str
) -> str:
    """Return which of some names is that of the text, or of the class.

    Args:
        where, what: see `choose_columns`.
        field: "text" or "label".
        asked: what the user calls it, None for a usual name.
    Raises:
        NoColumnError: there is none.
        UsageError: it is there twice.
    """
    wanted = USUAL[field] if asked is None else (asked,)
    plain = [_plain(name) for name in names]
    exact = [name for name in names if name == asked]
    for name in map(_plain, wanted):
        found = exact or [names[at] for at, one in enumerate(plain) if one == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f'{printable(where)} has {len(found)} {what} "{printable(found[0])}"; keep one of '
                "them"
            )
    if not any(names):
        raise NoColumnError(f"{printable(where)} has no {what} at all: it is empty")
    have = ", ".join(map(printable, filter(None, names)))
    if asked is None:
        told = f'no {what[:-1]} "{field}" or another usual name for it; name it: --{field}-column.'
        hint = " Without a header, give numbers of columns." if what == "columns" else ""
    else:
        told = f'no {what[:-1]} "{printable(asked)}", as --{field}-column says.'
        hint = nearest(asked, names)
    raise NoColumnError(f"{printable(where)} has {told}{hint} Its {what}: {have}")


def numbered_columns(where: object, width: int, asked: Asked) -> Columns:
    """Return "1", "2" and so on for a table without a header.

    Raises:
        UsageError: it has not so many columns, or both are the same.
    """
    for field in USUAL:
        column_number(where, width, field, getattr(asked, field))
    return choose_columns(where, [str(at) for at in range(1, width + 1)], asked, "columns")


def column_number(where: object, width: int, field: str, asked: str) -> int:
    """Return the number, from 1, of a column that was asked for by it.

    Raises:
        UsageError: there are not so many.
    """
    number = int(asked)
    if not 1 <= number <= width:
        raise UsageError(
            f"--{field}-column {asked}: {printable(where)} has {amount(width, 'column')} in its "
            "first line, counted from 1"
        )
    return number


def has_columns(names: Sequence[str]) -> bool:
    """Return whether there is a usual name for the text, and one for the class."""
    known = set(map(_plain, names))
    return all(known & set(usual) for usual in USUAL.values())


def is_usual(name: str, field: str) -> bool:
    """Return whether a column of this name has the text, or the class, as `field` says."""
    return _plain(name) in USUAL[field]


def _plain(name: str) -> str:
    return name.strip().casefold()


def split_of(cell: str, splits: dict[str, str]) -> str:
    """Return the split that a cell means. Raises InputError."""
    split = splits.get(_plain(cell))
    if split is None:
        raise InputError(f'in the split "{printable(cell)}", which is no train, val or test')
    return split
