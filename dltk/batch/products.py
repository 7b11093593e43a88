"""Files that a batch writes beside its record: where they go, and that none hits another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dltk.batch.inputs import Item
from dltk.errors import UsageError, printable


def plan_products(items: Iterable[Item], folder: Path, *names: Callable[[str], str]) -> None:
    """Check that each item can have products of its own in `folder`, below which the tree is kept.

    Args:
        names: from an item's name to those of its products, such as `dltk.images.encodable`.
    Raises:
        UsageError: two items would write one file, or an input lies in `folder` and might be
            written over.
    """
    inside = os.path.join(os.path.realpath(folder), "")
    taken: dict[str, str] = {}
    for item in items:
        if item.path is not None and _lies_in(item.path, inside):
            raise UsageError(
                f"{printable(item.path)} is an input and lies in {printable(folder)}, where "
                "outputs go; choose another folder for them"
            )
        for target in [name(item.name) for name in names]:
            if target in taken:
                raise UsageError(
                    f"{printable(taken[target])} and {printable(item.name)} would both be written "
                    f"to {printable(folder / target)}; rename one of them"
                )
            taken[target] = item.name


def _lies_in(path: Path, inside: str) -> bool:
    """Return whether a file, or the link to it that `path` is, lies in the folder `inside`."""
    link = os.path.join(os.path.realpath(path.parent), path.name)
    return link.startswith(inside) or os.path.realpath(path).startswith(inside)


def check_unowned(folder: str | os.PathLike | None, names: Iterable[str]) -> None:
    """Raise UsageError if `folder` holds one of `names` already: it may be the user's own.

    Args:
        names: files a first run would write; "*" for any file at all.
    """
    if folder is None or not os.path.isdir(folder):
        return
    for name in names:
        for path in sorted(Path(folder).glob(name)):
            raise UsageError(
                f"{printable(path)} is there already and not known from an earlier run; "
                "choose another folder, or --overwrite it"
            )
