"""What the outcomes of all commands on pictures have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dltk.batch import Item


@dataclass(slots=True)
class OfPicture:
    """What was found in one picture, or made of it.

    Attributes:
        item: the picture.
        name: its path relative to where it was found.
        path: its file, or None for a picture in memory.
    """

    item: Item

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def path(self) -> Path | None:
        return self.item.path
