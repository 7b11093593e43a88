"""Pictures that a file of captions, or of questions, names, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePath

from dltk.data.objects.files import children, named
from dltk.data.objects.places import Places, hand_over
from dltk.data.told import GatheredTold, Told, split_meant

_MOST_FOLDERS = 200  # in which pictures are looked for
_OF_TEXTS = re.compile("annot|caption|text|token|karpathy|json|meta|split", re.IGNORECASE)


class Listed:
    """The pictures that a file names, in the order in which it first does, while it is read.

    Args:
        path: of the file.
        root: of the data, to which names are relative.
        found: gets the pictures, and what is amiss.
        split: of all pictures, where the file does not say it of each.
    """

    def __init__(self, path: Path, root: Path, found: GatheredTold, *, split: str | None = None):
        self.name = named(path, root)
        self._path, self._root, self._found, self._split = path, root, found, split
        self._pictures: dict[str, Told] = {}
        self._shorter: dict[str, str] = {}  # other names of some
        self._strays: dict[str, str] = {}  # with the splits that are none

    def __contains__(self, name: str) -> bool:
        return name in self._pictures

    def add(
        self,
        where: str,
        name: object,
        told: Iterable[object],
        *,
        split: str | None = None,
        shorter: str | None = None,
    ) -> None:
        """Add what a row says of a picture.

        Args:
            where: the row, such as "line 3".
            name: of the picture, as the file has it.
            told: what it says of it.
            split: as the file has it.
            shorter: another name, should there be no picture of the first one.
        """
        if not isinstance(name, str) or not name.strip():
            self.repair(where, "no picture is named", "left out")
            return
        name = PurePath(name.strip()).as_posix()
        meant = self._split if split is None else split_meant(split)
        if split is not None and meant is None:
            self._strays.setdefault(name, split)
            return
        picture = self._pictures.setdefault(name, self._found.kind(meant, name, None, self.name))
        if picture.split != meant:
            how = f"{name}, {picture.split} and {meant}, taken for {picture.split}"
            self.repair(where, "a picture in two splits", how)
        told, noun = list(told), self._found.kind.noun
        for number, each in enumerate(told, 1):
            picture.told.append((f"{where}, {noun} {number}" if len(told) > 1 else where, each))
        if shorter and shorter != name:
            self._shorter[name] = shorter

    def repair(self, where: str, kind: str, how: str) -> None:
        """Note what was changed or left out."""
        self._found.repair(f"{self.name}, {where}", kind, how)

    def divide(self, split_of: dict[str, str]) -> list[str]:
        """Put pictures in splits, by their names or these less their extensions.

        Returns:
            the names for which there is no picture.
        """
        unknown = dict.fromkeys(split_of)
        for name, picture in self._pictures.items():
            file = PurePath(name)
            picture.split = split_of.get(file.name) or split_of.get(file.stem)
            unknown.pop(file.name, None)
            unknown.pop(file.stem, None)
        return list(unknown)

    def hand_over(self, *, whole: bool = False) -> None:
        """Add the pictures that are there to what was found, and name the others.

        They are looked for beside the file, in the folders there, and in the folders in these; or,
        if none is there, the same way from the folder above, where that is part of the data, or
        the file's own folder is called after such files, as Flickr8k_text/ is.

        Args:
            whole: whether pictures that lie with the others and are not named are amiss.
        """
        for name, split in self._strays.items():
            self._found.pass_over(name, f'in the split "{split}", which is no train, val or test')
        places = self._places()
        of_source: dict[str, Told] = {}
        for name, picture in self._pictures.items():
            source = places.find(name)
            if source is None and name in self._shorter:
                source = places.find(self._shorter[name])
            if source is None:
                of_source[name] = picture
                continue
            picture.name, picture.source = named(source, self._root), str(source)
            first = of_source.setdefault(picture.source, picture)
            if first is not picture:
                self.repair(name, "a picture by two names", f"taken for {first.name}")
                first.told += picture.told
        hand_over(self._found, self.name, of_source.values(), places)
        if whole:
            self._found.pass_over_beside(of_source.values(), self._root)

    def _places(self) -> Places:
        names, folder = [*self._pictures, *self._shorter.values()], self._path.parent
        here = Places(_folders(folder))
        # Not from just any folder: other data may have pictures of the same names.
        if not here.rank(names) and (folder != self._root or _OF_TEXTS.search(folder.name)):
            above = Places(_folders(folder.parent))
            if above.rank(names):
                return above
        return here


def _folders(base: Path) -> Iterator[Path]:
    """Yield a folder, those in it, and those in these, as far as they are not too many."""

    def every() -> Iterator[Path]:
        inner = [base / name for name in children(base)[0]]
        yield base
        yield from inner
        for folder in inner[:_MOST_FOLDERS]:
            yield from (folder / name for name in children(folder)[0])

    return islice(every(), _MOST_FOLDERS)
