"""Folders of files that are made of pictures, and that no two of these files meet."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from dltk.batch import Item, Products
from dltk.errors import UsageError
from recipes.classify import distinct

Folder = str | os.PathLike | None


class CopyFolders(ABC):
    """Which files are wanted of each picture, and where: each kind has a folder of its own."""

    @abstractmethod
    def _folders(self) -> dict[str, tuple[Folder, Callable[[str], str]]]:
        """Return, by option, the folder and from an item's name that of its product."""

    @cached_property
    def _products(self) -> dict[str, Products]:
        """What goes to each folder that is wanted, by option. Raises UsageError: one is another."""
        taken: dict[Path, str] = {}
        products = {}
        for option, (folder, name) in self._folders().items():
            if folder is None:
                continue
            other = taken.setdefault(Path(folder).resolve(), option)
            if other != option:
                raise UsageError(f"{other} and {option} are the same folder; name two")
            products[option] = Products(folder, lambda each, name=name: {"product": name(each)})
        return products

    @property
    def wanted(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._products)

    def check(self, items: Iterable[Item]) -> None:
        """Raise UsageError if two files would meet, or one would be written over an input.

        What was checked before is remembered: later ones must not meet it either.
        """
        items = list(items)
        for products in self._products.values():
            products.check(items)

    def checked(self, items: Iterable[Item]) -> Iterable[Item]:
        """Return `items`, checked: a list all at once, a stream one by one as it is read.

        Raises:
            UsageError: see `check`.
        """
        if hasattr(items, "__len__"):
            self.check(items)
            return items
        return self._one_by_one(items) if self.wanted else items

    def _one_by_one(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in distinct(items):
            self.check([item])
            yield item


def png_name(name: str) -> str:
    """Return the name of a picture's PNG file."""
    return os.path.splitext(name)[0] + ".png"
