"""Pictures in folders: one for each class, or those below train/, val/ and test/."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dltk.data.examples import SPLITS, LabelledData, relative_name
from dltk.data.rows import LAYOUT, Row, assemble, natural, split_named
from dltk.errors import UsageError, printable, reason
from dltk.images import raster_extensions


def read_folder(root: str | os.PathLike) -> LabelledData:
    """Return the pictures in the class folders of `root`, each searched to the bottom.

    With a folder "train" (and "val", "validation", "valid" or "test"), class folders are looked
    for in those. Hidden files are passed over silently, others that are no pictures by their
    extension with a reason. Links are followed, but never round a loop.

    Raises:
        UsageError: no class folders, no pictures, one class only, or two folders of one split.
    """
    search = _Search(Path(root))
    splits = search.split_folders()
    if splits is None:
        search.add_classes(search.root, None)
    for split, folder in (splits or {}).items():
        search.add_classes(folder, split)
    if not search.rows:
        raise UsageError(search.why_nothing(splits))
    return assemble(str(root), search.rows, search.passed_over)


class _Search:
    """Collects the rows of a data set below its root, in their final order."""

    def __init__(self, root: Path):
        self.root = root
        self.rows: list[Row] = []
        self.passed_over: list[tuple[str, str]] = []
        self.loose = 0  # pictures that are in no class folder

    def split_folders(self) -> dict[str, Path] | None:
        """Return the folders of the splits, or None where the root has class folders.

        A class may be called "train" among others; but no class is, where another folder is
        called after a split too and "train" holds folders, nor where all are called so.
        """
        folders, _ = self._list(self.root)
        named = [folder for folder in folders if split_named(folder.name)]
        splits: dict[str, Path] = {}
        for folder in named:
            split = split_named(folder.name)
            if split in splits:
                both = f"{printable(splits[split].name)}/ and {printable(folder.name)}/"
                raise UsageError(
                    f"{printable(self.root)} has {both}, which mean the same split; keep one"
                )
            splits[split] = folder
        if "train" not in splits:
            return None
        others = [folder for folder in folders if folder not in named]
        if others and (len(splits) == 1 or not self._list(splits["train"])[0]):
            return None
        for folder in others:
            self._pass_over(folder, "neither train, val nor test")
        return {split: splits[split] for split in SPLITS if split in splits}

    def add_classes(self, folder: Path, split: str | None) -> None:
        """Add the pictures in the class folders of `folder`."""
        classes, files = self._list(folder, say=True)
        for path in files:
            self.loose += _is_picture(path)
            why = "in no class folder" if _is_picture(path) else "not a picture by its extension"
            self._pass_over(path, why)
        for name in classes:
            before = len(self.rows)
            self._add_class(name, name.name, split, self._identity(folder))
            if len(self.rows) == before:
                self._pass_over(name, "a class folder without pictures")

    def why_nothing(self, splits: dict[str, Path] | None) -> str:
        where = printable(self.root)
        if splits:
            where += " (" + ", ".join(f"{printable(f.name)}/" for f in splits.values()) + ")"
        if self.loose:
            return f"the pictures in {where} are in no class folder; {LAYOUT}"
        return f"no pictures found in {where}; {LAYOUT}"

    def _add_class(self, folder: Path, label: str, split: str | None, above: frozenset) -> None:
        """Add the pictures below `folder`; `above` are the folders it is in, to end loops."""
        here = self._identity(folder)
        if here <= above:
            self._pass_over(folder, "a link back to a folder that it is in")
            return
        folders, files = self._list(folder, say=True)
        for path in files:
            if why := _why_not(path):
                self._pass_over(path, why)
            else:
                name = relative_name(path, self.root)
                self.rows.append(Row(split, name, str(path), label))
        for inner in folders:
            self._add_class(inner, label, split, above | here)

    def _list(self, folder: Path, *, say: bool = False) -> tuple[list[Path], list[Path]]:
        """Return the folders and the other entries in `folder`, sorted, without hidden ones."""
        try:
            entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            if say:
                self._pass_over(folder, f"the folder cannot be read: {reason(error)}")
            return [], []
        entries.sort(key=lambda path: natural(path.name))
        folders = [path for path in entries if path.is_dir()]
        return folders, [path for path in entries if not path.is_dir()]

    def _pass_over(self, path: Path, why: str) -> None:
        name = relative_name(path, self.root) + ("/" if path.is_dir() else "")
        self.passed_over.append((name, why))

    @staticmethod
    def _identity(folder: Path) -> frozenset:
        try:
            status = folder.stat()
        except OSError:
            return frozenset([str(folder)])
        return frozenset([(status.st_dev, status.st_ino)])


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in raster_extensions()


def _why_not(path: Path) -> str | None:
    """Return why a file is no example, or None if it is one."""
    if not _is_picture(path):
        return "not a picture by its extension"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return "a link that leads nowhere" if path.is_symlink() else reason(error)
    return None if stat.S_ISREG(mode) else "not a regular file"
