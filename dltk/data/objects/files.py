"""Files of annotations and pictures in folders: listed without loops, read without surprises."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import takewhile
from pathlib import Path, PurePosixPath

from dltk.data.rows import natural, split_named
from dltk.data.utf8 import decoded
from dltk.errors import UsageError, printable, reason
from dltk.images import raster_extensions

_USUAL = ("jpegimages", "images")  # folders of pictures


def read_bounded(path: str | os.PathLike, most: int) -> bytes:
    """Return what is in a file of at most so many bytes.

    Raises:
        UsageError: it cannot be read, or is larger.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(most + 1) if size <= most else b""
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {printable(path)}: {reason(error)}") from error
    if max(size, len(content)) > most:
        raise UsageError(
            f"{printable(path)} has {size / 1e6:.0f} MB; more than {most / 1e6:.0f} MB of "
            "annotations in one file are not read"
        )
    return content


def read_text(path: str | os.PathLike, most: int) -> str:
    """Return `read_bounded` as text. Raises UsageError if it is not UTF-8, with the place."""
    return decoded(read_bounded(path, most), path)


def is_file(path: str | os.PathLike) -> bool:
    """Return whether there is such a file; no name is too odd to ask for."""
    try:
        return os.path.isfile(path)
    except (OSError, ValueError):
        return False


def children(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder, sorted, hidden ones left out.

    A folder that cannot be read has none.
    """
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return [], []
    names = sorted(shown, key=lambda entry: natural(entry.name))
    folders = [entry.name for entry in names if _is_folder(entry)]
    return folders, [entry.name for entry in names if not _is_folder(entry)]


def files_below(folder: Path) -> Iterator[str]:
    """Yield all files below a folder, relative to it with "/" between the parts, sorted.

    Hidden files and folders are left out. Links are followed, and no folder is entered twice.
    """
    entered = set()

    def below(path: Path, prefix: str) -> Iterator[str]:
        try:
            status = path.stat()
        except OSError:
            return
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        folders, files = children(path)
        yield from (prefix + name for name in files)
        for name in folders:
            yield from below(path / name, f"{prefix}{name}/")

    yield from below(folder, "")


def is_picture_name(name: str) -> bool:
    """Return whether a file is a picture by its extension."""
    return os.path.splitext(name)[1].lower() in raster_extensions()


def named(path: Path, root: Path) -> str:
    """Return a path relative to the data's root, with "/" between the parts.

    Of one elsewhere, that is what it does not share with the root.
    """
    return _prefix(path.parent, root) + path.name


@lru_cache(64)
def _prefix(folder: Path, root: Path) -> str:
    relative = Path(os.path.relpath(folder, root)).as_posix()
    return re.sub(r"^(\.\.?/)+", "", f"{relative}/")


def split_in(name: str) -> str | None:
    """Return the split that a word of a name means: "val" for "instances_val2017"."""
    words = re.split("[^a-z]+", name.casefold())
    return next(filter(None, map(split_named, words)), None)


class PictureNames:
    """The pictures among some files, found by name.

    Args:
        names: of files, relative to one folder.
    """

    def __init__(self, names: Iterable[str]):
        self.all = [name for name in names if is_picture_name(name)]
        self._by_stem = defaultdict(list)
        for name in self.all:
            self._by_stem[PurePosixPath(name).stem].append(name)

    def nearest(self, file: str, called: str = "") -> str | None:
        """Return the picture that is called like `file` but for its extension, or None.

        Of several, it is the one in a folder most like that of `file` (train/ in images/train/
        and labels/train/), then the one called `called`, then the one in a folder of pictures.
        """
        folders = PurePosixPath(file).parent.parts

        def likeness(name: str) -> tuple:
            path = PurePosixPath(name)
            parts = path.parent.parts
            pairs = zip(reversed(parts), reversed(folders), strict=False)
            alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            usual = bool(parts) and parts[-1].casefold() in _USUAL
            return alike, path.name == PurePosixPath(called).name, usual

        return max(self._by_stem.get(PurePosixPath(file).stem, ()), key=likeness, default=None)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
