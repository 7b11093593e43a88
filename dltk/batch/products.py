"""Files that a batch writes beside its record: where they go, and that none hits another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from weakref import ref

from dltk.batch.inputs import Item
from dltk.errors import UsageError, printable

_LONGEST = 255  # bytes of a file's name, on all the usual file systems


class Products:
    """Where what becomes of each input goes: below a folder, every file its own.

    Args:
        folder: the tree of the inputs is kept below it.
        names: from an item's name, relative with "/" between the parts, to the paths of its
            products below `folder`, by kind.
    """

    def __init__(self, folder: str | os.PathLike, names: Callable[[str], Mapping[str, str]]):
        self._folder, self._names = Path(folder), names
        self._inside = os.path.join(os.path.realpath(folder), "")
        # Not the items themselves: a stream of pictures in memory would stay there.
        self._owners: dict[str, tuple[ref[Item], str]] = {}
        self._lock = Lock()

    def check(self, items: Iterable[Item]) -> None:
        """Raise what `of` would for one of `items`."""
        for item in items:
            self.of(item)

    def of(self, item: Item) -> dict[str, Path]:
        """Return where the products of `item` go, by kind.

        Raises:
            UsageError: another item has one of them, the name of one is too long, or the input
                lies in the folder and might be written over.
        """
        if item.path is not None and _lies_in(item.path, self._inside):
            raise UsageError(
                f"{printable(item.path)} is an input and lies in {printable(self._folder)}, where "
                "outputs go; choose another folder for them"
            )
        names = self._names(item.name)
        for name in names.values():
            if len(os.fsencode(os.path.basename(name))) > _LONGEST:
                raise UsageError(
                    f"the name {printable(name)} would be too long; shorten the input's"
                )
            with self._lock:
                owner, called = self._owners.setdefault(name, (ref(item), item.name))
            if owner() is not item:
                raise UsageError(
                    f"{printable(called)} and {printable(item.name)} would both be written "
                    f"to {printable(self._folder / name)}; rename one of them"
                )
        return {kind: self._folder / name for kind, name in names.items()}


def plan_products(items: Iterable[Item], folder: Path, name: Callable[[str], str]) -> None:
    """Check that each item can have a product of its own in `folder`, below which the tree is kept.

    Args:
        name: from an item's name to its product's, such as `dltk.images.encodable`.
    Raises:
        UsageError: see `Products.of`.
    """
    Products(folder, lambda each: {"product": name(each)}).check(items)


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
