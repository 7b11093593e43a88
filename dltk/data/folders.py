"""Pictures, or texts, in folders: one for each class, or those below train/, val/ and test/."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dltk.data.datasets import LabelledData
from dltk.data.examples import relative_name
from dltk.data.rows import LAYOUT, Row, assemble, by_split, natural
from dltk.errors import UsageError, printable, reason
from dltk.images import raster_extensions

_File = tuple[Path, str | None]  # with why it is no picture, or None if it is


class Sought(NamedTuple):
    """What is looked for in folders.

    Attributes:
        noun: what it is, in the plural.
        layout: how the folders should be laid out.
        is_none: from the name of a file to why it is none, or None if it is one.
    """

    noun: str
    layout: str
    is_none: Callable[[str], str | None]


def _no_picture(name: str) -> str | None:
    known = os.path.splitext(name)[1].lower() in raster_extensions()
    return None if known else "not a picture by its extension"


_PICTURES = Sought("pictures", LAYOUT, _no_picture)


def read_folder(root: str | os.PathLike) -> LabelledData:
    """Return the pictures in the class folders of `root`, each searched to the bottom.

    Where there are folders of splits ("train"; "val", "valid" or "validation"; "test"), class
    folders are looked for in those. Hidden files are passed over silently, others that are no
    pictures by their extension with a reason. Links are followed, but never round a loop.

    Raises:
        UsageError: no class folders, no pictures, one class only, or two folders of one split.
    """
    return assemble(str(root), *class_rows(root, _PICTURES))


def class_rows(root: str | os.PathLike, sought: Sought) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return what is sought in the class folders of `root`; and what is passed over.

    Raises:
        UsageError: no class folders, nothing in them, or two folders of one split.
    """
    search = _Search(Path(root), sought)
    splits = search.split_folders()
    if splits is None:
        search.add_classes(search.root, None)
    for split, folder in (splits or {}).items():
        search.add_classes(folder, split)
    if not search.rows:
        raise UsageError(search.why_nothing(splits))
    return search.rows, search.passed_over


def read_loose(root: str | os.PathLike) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return all pictures of `root`, however deep, without classes; and what is passed over.

    Where there are folders of splits, see `read_folder`, those are searched. Labels are "".

    Raises:
        UsageError: no pictures, or two folders of one split.
    """
    search = _Search(Path(root), _PICTURES)
    for split, folder in (search.split_folders() or {None: search.root}).items():
        search.add_class(folder, "", split, frozenset())
    if not search.rows:
        raise UsageError(f"no pictures found in {printable(root)}")
    return search.rows, search.passed_over


class _Search:
    """Collects the rows of a data set below its root, in their final order."""

    def __init__(self, root: Path, sought: Sought):
        self.root, self._sought = root, sought
        self.rows: list[Row] = []
        self.passed_over: list[tuple[str, str]] = []
        self.loose = 0  # of what is sought, that are in no class folder

    def split_folders(self) -> dict[str, Path] | None:
        """Return the folders of the splits, or None where the root has class folders.

        A class may be called "train" among others; but no class is, where another folder is
        called after a split too and "train" holds folders, nor where all are called so. Without
        "train", all folders must be called after splits and hold folders.
        """
        folders, _ = self._list(self.root)
        names = by_split(self.root, [folder.name for folder in folders])
        splits = {split: self.root / name for split, name in names.items()}
        others = [folder for folder in folders if folder.name not in names.values()]
        if "train" in splits:
            divided = not others or (len(splits) > 1 and self._holds_folders(splits["train"]))
        else:
            divided = not others and all(map(self._holds_folders, splits.values()))
        if not splits or not divided:
            return None
        for folder in others:
            self._pass_over(folder, "neither train, val nor test", folder=True)
        return splits

    def add_classes(self, folder: Path, split: str | None) -> None:
        """Add what is in the class folders of `folder`."""
        classes, files = self._list(folder, say=True)
        for path, why in files:
            self.loose += why is None
            self._pass_over(path, why or "in no class folder")
        here = self._identity(folder)
        for path in classes:
            before = len(self.rows)
            self.add_class(path, path.name, split, here)
            if len(self.rows) == before:
                why = f"a class folder without {self._sought.noun}"
                self._pass_over(path, why, folder=True)

    def why_nothing(self, splits: dict[str, Path] | None) -> str:
        where, (noun, layout, _) = printable(self.root), self._sought
        if splits:
            where += " (" + ", ".join(f"{printable(f.name)}/" for f in splits.values()) + ")"
        if self.loose:
            return f"the {noun} in {where} are in no class folder; {layout}"
        return f"no {noun} found in {where}; {layout}"

    def add_class(self, folder: Path, label: str, split: str | None, above: frozenset) -> None:
        """Add what is below `folder`; `above` are the folders it is in, to end loops."""
        here = self._identity(folder)
        if here <= above:
            self._pass_over(folder, "a link back to a folder that it is in", folder=True)
            return
        folders, files = self._list(folder, say=True)
        for path, why in files:
            if why:
                self._pass_over(path, why)
            else:
                name = relative_name(path, self.root)
                self.rows.append(Row(split, name, str(path), label))
        for inner in folders:
            self.add_class(inner, label, split, above | here)

    def _list(self, folder: Path, *, say: bool = False) -> tuple[list[Path], list[_File]]:
        """Return the folders and the files in `folder`, sorted, without what is hidden."""
        folders, files = [], []
        try:
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if say:
                why = f"the folder cannot be read: {reason(error)}"
                self._pass_over(folder, why, folder=True)
            return [], []
        for entry in sorted(shown, key=lambda entry: natural(entry.name)):
            is_folder, why = self._looked_at(entry)
            path = folder / entry.name
            if is_folder:
                folders.append(path)
            else:
                files.append((path, why))
        return folders, files

    def _looked_at(self, entry: os.DirEntry) -> tuple[bool, str | None]:
        """Return whether an entry is a folder; if not, why it is none sought, None if it is."""
        try:
            if entry.is_dir():
                return True, None
            if why := self._sought.is_none(entry.name):
                return False, why
            if entry.is_file():  # known from the folder: only a link costs a look at the disk
                return False, None
            entry.stat()
            return False, "not a regular file"
        except OSError as error:
            gone = entry.is_symlink() and isinstance(error, FileNotFoundError)
            return False, "a link that leads nowhere" if gone else reason(error)

    def _holds_folders(self, folder: Path) -> bool:
        return bool(self._list(folder)[0])

    def _pass_over(self, path: Path, why: str, *, folder: bool = False) -> None:
        self.passed_over.append((relative_name(path, self.root) + "/" * folder, why))

    @staticmethod
    def _identity(folder: Path) -> frozenset:
        try:
            status = folder.stat()
        except OSError:
            return frozenset([str(folder)])
        return frozenset([(status.st_dev, status.st_ino)])
