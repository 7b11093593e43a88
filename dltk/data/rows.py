"""What every reader ends with: rows of split, name, picture and class become labelled data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dltk.data.datasets import SPLITS, LabelledData
from dltk.data.examples import Examples
from dltk.errors import UsageError, printable

LAYOUT = (
    "wanted is a folder with a folder of pictures for each class (cats/, dogs/), "
    "or that below train/, val/ and test/"
)
SPLIT_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


class Row(NamedTuple):
    """One picture of a data set: its split or None, its name, where it is, and its class."""

    split: str | None
    name: str
    source: str
    label: str


def split_named(name: str) -> str | None:
    """Return the split that `name` means, such as "val" for "Validation", or None."""
    return SPLIT_NAMES.get(name.casefold())


def by_split(where: object, names: Iterable[str]) -> dict[str, str]:
    """Return for each split, in the order of SPLITS, the one of `names` that means it.

    Raises:
        UsageError: two of them mean the same, with `where` they are.
    """
    found = {}
    for name in names:
        split = split_named(name)
        if split and split in found:
            both = f'"{printable(found[split])}" and "{printable(name)}"'
            raise UsageError(
                f"{printable(where)} has {both}, which mean the same split; keep one of them"
            )
        found[split] = name
    return {split: found[split] for split in SPLITS if split in found}


def natural(name: str) -> tuple[list, str]:
    """Return what to sort names by, so that "2" comes before "10" and "a" before "B".

    Text and numbers take turns, text first, so like is compared with like; what is equal but for
    capitals or leading zeros goes by the name itself.
    """
    parts = re.split(r"(\d+)", name.casefold())
    parts[1::2] = map(int, parts[1::2])
    return parts, name


def assemble(
    where: str, rows: Sequence[Row], passed_over: Iterable[tuple[str, str]] = ()
) -> LabelledData:
    """Return the data of `rows`, which are in their final order; classes are sorted naturally.

    Rows that are all of "train" are undivided, as a data set that knows no other split is.

    Raises:
        UsageError: fewer than two classes, or a class whose name is not text.
    """
    classes = tuple(sorted({row.label for row in rows}, key=natural))
    if len(classes) < 2:
        raise UsageError(
            f'{printable(where)} has one class only, "{printable("".join(classes))}"; '
            f"a classifier needs two: {LAYOUT}"
        )
    for name in classes:
        if name != os.fsencode(name).decode("utf-8", "replace"):
            raise UsageError(f"the class name {printable(name)} is not UTF-8; rename it")
    label_of = {name: label for label, name in enumerate(classes)}
    names = {row.split for row in rows}
    if names <= {None, "train"}:
        splits = {"all": list(rows)}
    else:
        splits = {name: [row for row in rows if row.split == name] for name in SPLITS}
    examples = {
        split: Examples(
            tuple(row.name for row in members),
            tuple(row.source for row in members),
            np.array([label_of[row.label] for row in members], np.int64),
        )
        for split, members in splits.items()
        if members
    }
    return LabelledData(where, classes, examples, tuple(passed_over))
