"""Files that a batch writes beside its record: where they go, and that none hits another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dltk.batch.inputs import Item
from dltk.errors import UsageError, printable


def plan_products(items: Iterable[Item], folder: Path, name: Callable[[str], str]) -> None:
    """Check that each item can have a product of its own in `folder`, below which the tree is kept.

    Args:
        name: from an item's name to its product's, such as `dltk.images.encodable`.
    Raises:
        UsageError: two items would write one file, or an input lies in `folder` and might be
            written over.
    """
    inside = os.path.join(os.path.realpath(folder), "")
    taken: dict[str, str] = {}
    for item in items:
        if item.path is not None and os.path.realpath(item.path).startswith(inside):
            raise UsageError(
                f"{printable(item.path)} is an input and lies in {printable(folder)}, where "
                "outputs go; choose another folder for them"
            )
        target = name(item.name)
        if target in taken:
            raise UsageError(
                f"{printable(taken[target])} and {printable(item.name)} would both be written to "
                f"{printable(folder / target)}; rename one of them"
            )
        taken[target] = item.name
