"""The folders in which pictures are looked for that a file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Protocol

from dltk.data.gathered import Notes
from dltk.data.objects.files import is_file
from dltk.errors import printable

_SAMPLED = 50  # pictures looked for to choose among folders


class Places:
    """Folders in which pictures are looked for, in this order.

    Args:
        folders: those that are none are left out.
    """

    def __init__(self, folders: Iterable[Path]):
        self._folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._folders)

    def __str__(self) -> str:
        return ", ".join(printable(folder) + "/" for folder in self._folders)

    def rank(self, names: Sequence[str]) -> bool:
        """Put the folder with the most of these pictures first; return whether it has any."""
        some = names[:: max(1, len(names) // _SAMPLED)]
        there = {folder: sum(is_file(folder / name) for name in some) for folder in self._folders}
        self._folders.sort(key=lambda folder: -there[folder])
        return any(there.values())

    def find(self, name: str) -> Path | None:
        """Return the picture that a file calls `name`, or None.

        Backslashes part folders, where there is no such file; of an absolute path that is not on
        this machine, the file's own name is looked for.
        """
        if os.path.isabs(name) and is_file(name):
            return Path(name)
        names = [name, name.replace("\\", "/")]
        if os.path.isabs(name) or PureWindowsPath(name).is_absolute():
            names = [PureWindowsPath(name).name]
        for name in dict.fromkeys(names):
            for folder in self._folders:
                if is_file(folder / name):
                    return folder / name
        return None


class Sought(Protocol):
    """A picture that a file names.

    Attributes:
        name: as it is called from then on.
        source: its path, None if it is not there.
        said: what is known of it in short, such as "2 objects"; "" for nothing.
    """

    name: str
    source: str | None

    @property
    def said(self) -> str: ...


def hand_over(found: Notes, file: str, pictures: Iterable[Sought], places: Places) -> None:
    """Add the pictures that are there to what was found, and name the others.

    Args:
        found: has a list of pictures, too.
        file: that names them.
        places: where they were looked for.
    """
    pictures = list(pictures)
    there = [picture for picture in pictures if picture.source is not None]
    found.pictures += there
    if pictures and not there:
        why = f"not one of its {len(pictures)} pictures is there, such as {pictures[0].name}"
        found.pass_damaged(file, f"{why}; looked in {places}")
        return
    for picture in pictures:
        if picture.source is None:
            lost = f", with {picture.said}" if picture.said else ""
            found.pass_damaged(picture.name, f"no such file{lost}")
