"""Finding inputs: files, folders, globs, lists and standard input, as an ordered list of items."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from dltk.errors import DltkError, InputError, UsageError, printable, reason
from dltk.images import decode_sized, is_picture, raster_extensions
from dltk.wording import amount


@dataclass(slots=True, weakref_slot=True)
class Item:
    """One input.

    Attributes:
        name: its path relative to the root of the search, with "/" between the parts; outputs
            and records are named by it.
        source: what the decoder takes: a path, encoded bytes, a Pillow image or an array.
        problem: why it cannot be used, if that is known already.
        seen: size and time of the file just before it was decoded.
    """

    name: str
    source: object
    problem: str | None = None
    seen: dict[str, int] | None = None

    @property
    def path(self) -> Path | None:
        """The file, or None for a picture that is in memory."""
        return Path(self.source) if isinstance(self.source, (str, os.PathLike)) else None

    def stamp(self) -> dict[str, int]:
        """Return size and time of the file, by which a changed input is known; else nothing."""
        if self.path is None:
            return {}
        try:
            status = self.path.stat()
        except OSError:
            return {}
        return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}

    def decode(self, *, at_least: int | None = None) -> Image.Image:
        """Return the picture, upright RGB. Raises InputError with the reason."""
        return self.decode_sized(at_least=at_least)[0]

    def decode_sized(self, *, at_least: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
        """Return the picture and its full (width, height), see `dltk.images.decode_sized`."""
        if self.problem:
            raise InputError(self.problem)
        self.seen = self.stamp()
        return decode_sized(self.source, at_least=at_least)


@dataclass(frozen=True)
class Inputs:
    """The items of a batch, in order, each once.

    Attributes:
        items: files in the order given, those of a folder sorted by name.
        root: the folder that the items' names are relative to.
        passed_over: files in searched folders that are no pictures, counted by extension.
        searched: the folders that were searched.
    """

    items: list[Item]
    root: Path
    passed_over: Counter = field(default_factory=Counter)
    searched: list[Path] = field(default_factory=list)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def describe_passed_over(self) -> str:
        """Return for example "12 other files passed over (.txt ×11, .mp4 ×1)", or ''."""
        return describe_passed_over(self.passed_over)


def describe_passed_over(passed_over: Counter) -> str:
    """Return how many files were passed over, by extension, as `Inputs` tells it."""
    count = sum(passed_over.values())
    if not count:
        return ""
    kinds = ", ".join(f"{printable(ext)} ×{n}" for ext, n in passed_over.most_common(6))
    more = ", …" if len(passed_over) > 6 else ""
    return f"{amount(count, 'other file')} passed over ({kinds}{more})"


def find_inputs(
    sources: Sequence[str | os.PathLike],
    *,
    exclude: Iterable[str | os.PathLike | None] = (),
    limit: int | None = None,
) -> Inputs:
    """Find the pictures that `sources` mean.

    A source is a file (always an input, whatever its name), a folder (searched to the bottom for
    files with the extension of a raster format, hidden ones left out), a glob pattern, "@FILE"
    (a list of paths, one a line or separated by NUL bytes), or "-" (standard input: a picture,
    or such a list). A path that exists is taken as it is, brackets and leading "@" included.

    Names are relative to the one folder given, or to the deepest folder common to all.

    Args:
        exclude: folders not to search, such as the one that outputs go to.
        limit: keep only that many, the first ones.
    Raises:
        UsageError: a source that does not exist, or a pattern without a match.
        DltkError: nothing was found at all.
    """
    search = Search(exclude, _is_raster)
    for source in sources:
        search.add(os.fspath(source))
    if not search.found and not search.memory:
        raise DltkError(_nothing_found(sources, search.passed_over))
    root = search.common_root()
    items = [
        Item(PurePath(os.path.relpath(path, root)).as_posix(), path, problem)
        for path, problem in search.found.items()
    ]
    searched = [Path(folder) for folder in search.folders]
    return Inputs((search.memory + items)[:limit], Path(root), search.passed_over, searched)


def gather(images) -> Iterable[Item]:
    """Turn whatever a recipe is given into items.

    Args:
        images: a path (of a file or folder), a pattern, a Pillow image, an array (H, W[, C]),
            Inputs, or an iterable of paths, images, arrays or items, which is not read ahead.
            Pictures without a file are named by their position, "000000" on.
    """
    if isinstance(images, Inputs):
        return images
    if isinstance(images, (str, os.PathLike)):
        return find_inputs([images])
    if hasattr(images, "read"):
        images = images.read()
    if isinstance(images, (Image.Image, bytes, Item)) or (
        isinstance(images, np.ndarray) and images.ndim != 4
    ):
        images = [images]
    if isinstance(images, (list, tuple)):
        return _listed(images)
    if not isinstance(images, Iterable):
        raise UsageError(
            f"images is a path, a picture, an array or several of them, not {type(images).__name__}"
        )
    return map(_as_item, range(sys.maxsize), images)


def _listed(images: Sequence) -> list[Item]:
    """Turn a list into items; its files are named relative to their deepest common folder."""
    entries: list = []
    for image in images:
        if isinstance(image, (str, os.PathLike)) and os.path.isdir(image):
            entries += [item.source for item in find_inputs([image])]
        else:
            entries.append(image)
    paths = [os.path.abspath(e) for e in entries if isinstance(e, (str, os.PathLike))]
    root = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    items = []
    for position, entry in enumerate(entries):
        item = _as_item(position, entry)
        if item is not entry and item.path is not None:
            path = os.path.abspath(entry)
            item = Item(PurePath(os.path.relpath(path, root)).as_posix(), os.fspath(entry))
        items.append(item)
    return items


def _as_item(position: int, image) -> Item:
    if isinstance(image, Item):
        return image
    if isinstance(image, (str, os.PathLike)):
        path = PurePath(image)
        # Outputs are named by it: it must not lead out of their folder.
        parts = [part for part in path.parts if part not in (path.anchor, "..")]
        return Item("/".join(parts) or f"{position:06d}", os.fspath(image))
    return Item(f"{position:06d}", image)


class Search:
    """Collects the files that sources mean, in order, each once.

    Args:
        exclude: see `find_inputs`.
        wanted: whether a file that a folder or pattern holds is an input, by its name.
    Attributes:
        found: absolute path of each file, and why it cannot be used, if that is known.
        named: those that were given by name, or a pattern or list, and not found in a folder.
        memory: what came by standard input.
        passed_over, folders: see `Inputs`, where they are `passed_over` and `searched`.
    """

    def __init__(
        self,
        exclude: Iterable[str | os.PathLike | None],
        wanted: Callable[[str], bool],
    ):
        self.found: dict[str, str | None] = {}
        self.named: set[str] = set()
        self.memory: list[Item] = []
        self.passed_over: Counter = Counter()
        self.folders: list[str] = []
        self._bases: list[str] = []  # folders that names may be relative to
        self._excluded = {os.path.realpath(folder) for folder in exclude if folder is not None}
        self._is_wanted = wanted

    def add(self, source: str) -> None:
        if source == "-":
            self._add_stdin()
        elif os.path.lexists(source):
            self._add_path(source)
        elif source.startswith("@"):
            self._add_list(source[1:])
        elif glob.has_magic(source):
            self._add_pattern(source)
        else:
            raise UsageError(f"no such file or folder: {printable(source)}")

    def common_root(self) -> str:
        return os.path.commonpath(self._bases) if self._bases else os.getcwd()

    def _add_path(self, source: str) -> None:
        path = os.path.abspath(source)
        if os.path.isdir(path):
            self._bases.append(path)
            self.folders.append(path)
            self._search(path, path, set())
        else:
            self._add_file(path)

    def _add_file(self, path: str, problem: str | None = None) -> None:
        self._bases.append(os.path.dirname(path))
        self.named.add(path)
        self.found.setdefault(path, problem)

    def _add_pattern(self, pattern: str) -> None:
        matches = sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise UsageError(f"no file matches {printable(pattern)}")
        extension = os.path.splitext(pattern)[1]
        by_name = extension and not glob.has_magic(extension)  # "*.dat" means what it says
        fixed = re.split(r"[*?[]", pattern)[0]
        base = os.path.dirname(fixed) or "."
        for match in matches:
            if not self._allowed(match, base):
                continue
            if os.path.isdir(match):
                if "**" not in pattern:
                    self._add_path(match)
            elif self._is_file(match) and (by_name or self._wanted(match)):
                self._add_file(os.path.abspath(match))

    def _add_list(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                self._add_lines(file.read())
        except OSError as error:
            raise UsageError(f"cannot read the list {printable(path)}: {reason(error)}") from error

    def _add_stdin(self) -> None:
        content = sys.stdin.buffer.read()
        if is_picture(content):
            self.memory.append(Item("stdin", content))
        else:
            self._add_lines(content)

    def _add_lines(self, content: bytes) -> None:
        """Add the files of a list; one that is missing fails alone, later."""
        separator = b"\0" if b"\0" in content else b"\n"
        for line in content.split(separator):
            path = os.fsdecode(line.removesuffix(b"\r") if separator == b"\n" else line)
            if not path:
                continue
            if os.path.isdir(path):
                self._add_path(path)
            else:
                self._add_file(os.path.abspath(path))

    def _search(self, folder: str, base: str, above: set[tuple[int, int]]) -> None:
        """Add the pictures under `folder`, which is part of the search of `base`.

        `above` are the folders it is in, to end loops.
        """
        try:
            status = os.stat(folder)
            here = (status.st_dev, status.st_ino)
            if here in above or not self._allowed(folder, base):
                return
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            self.found.setdefault(folder, f"the folder cannot be read: {reason(error)}")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):
                self._search(entry.path, base, above | {here})
            elif self._is_file(entry.path) and self._wanted(entry.name):
                self.found.setdefault(entry.path, None)

    def _allowed(self, path: str, base: str) -> bool:
        """Return whether `path` is outside those output folders that are inside `base`."""
        real, inside = (os.path.join(os.path.realpath(p), "") for p in (path, base))
        folders = (os.path.join(folder, "") for folder in self._excluded)
        return not any(
            real.startswith(folder) and folder.startswith(inside) and folder != inside
            for folder in folders
        )

    @staticmethod
    def _is_file(path: str) -> bool:
        """Return whether `path` is a file, or a link that leads nowhere; not a pipe or device."""
        return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))

    def _wanted(self, name: str) -> bool:
        if self._is_wanted(os.path.basename(name)):
            return True
        self.passed_over[os.path.splitext(name)[1].lower() or "no extension"] += 1
        return False


def _is_raster(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in raster_extensions()


def _nothing_found(sources, passed_over: Counter) -> str:
    where = ", ".join(printable(os.fspath(source)) for source in sources)
    if all(os.fspath(source).startswith(("-", "@")) for source in sources):
        return f"{where} names no pictures: the list is empty"
    message = f"no pictures found in {where}: looked for .jpg, .png, .webp, .tif and the like"
    others = describe_passed_over(passed_over)
    return f"{message}; {others}" if others else message
