"""What all of COCO's files have in common: pictures, and entries that refer to them by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from dltk.data.gathered import Notes
from dltk.data.objects.coco_files import coco_places
from dltk.data.objects.files import named
from dltk.data.objects.json_files import shown
from dltk.data.objects.places import Places, Sought, hand_over
from dltk.errors import UsageError, printable


class CocoFile:
    """One of COCO's files while it is read. Subclasses say what is known of pictures.

    Args:
        path: of the file.
        split: of all its pictures, or None.
        root: of the data, to which names are relative.
        found: gets the pictures, and what is amiss.
        places: where pictures are looked for, if not where COCO's are.
    """

    def __init__(
        self,
        path: Path,
        split: str | None,
        root: Path,
        found: Notes,
        *,
        places: Places | None = None,
    ):
        self._path, self._split, self._root, self._found = path, split, root, found
        self._places = places or coco_places(path, split)
        self._name = named(path, root)
        self._pictures: dict[str, Sought] = {}  # by id; their source is None if there is no file

    def _new(self, name: str, source: str | None, entry: dict) -> Sought:
        """Return a picture of which nothing is said yet.

        Args:
            entry: what the file has of the picture itself.
        """
        raise NotImplementedError

    def _add_pictures(self, content: dict) -> None:
        """Add the pictures of a file's content."""
        images = list(self._entries(content["images"], "image"))
        self._places.rank([str(entry.get("file_name")) for _, entry in images])
        of_name: dict[str, str] = {}
        for key, entry in images:
            self._add_picture(key, entry, of_name)

    def _picture_of(self, where: str, entry: dict) -> Sought | None:
        """Return the picture that an annotation refers to; None, and say so, if there is none."""
        picture = self._pictures.get(key_of(entry.get("image_id")))
        if picture is None:
            self._repair(where, "unknown image", f"{shown(entry.get('image_id'))}, left out")
        return picture

    def _entries(
        self, entries: Sequence, kind: str, field: str = "id"
    ) -> Iterator[tuple[str, dict]]:
        """Yield the id and the fields of each entry; one without an id has its place for it.

        Args:
            kind: what an entry is, to say where something is amiss.
            field: which of the fields has the id.
        """
        for at, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield key_of(entry.get(field)) or f"no. {at + 1}, without {field},", entry
            else:
                self._repair(f"{kind} no. {at + 1}", "not an entry", f"{shown(entry)}, left out")

    def _add_picture(self, key: str, entry: dict, of_name: dict[str, str]) -> None:
        """Add a picture; `of_name` has the ids of those before it."""
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            self._found.pass_damaged(f"{self._name}, image {key}", "it has no file_name")
            return
        source = self._places.find(name)
        name = named(source, self._root) if source else name
        before = self._pictures.get(key)
        if before and before.name != name:
            self._refuse(f"image id {key} stands for {before.name} and for {name}")
        elif before:
            self._repair(f"image {key}", "an image twice", f"{name}, taken once")
        elif name in of_name:
            first = of_name[name]
            self._repair(f"image {key}", "an image twice", f"{name}, taken with image {first}")
            self._pictures[key] = self._pictures[first]
        else:
            of_name[name] = key
            self._pictures[key] = self._new(name, source and str(source), entry)

    def _hand_over(self) -> None:
        """Add the pictures that are there to what was found, and name the others."""
        pictures = {picture.name: picture for picture in self._pictures.values()}
        hand_over(self._found, self._name, pictures.values(), self._places)

    def _repair(self, where: str, kind: str, how: str) -> None:
        self._found.repair(f"{self._name}, {where}", kind, how)

    def _refuse(self, why: str) -> NoReturn:
        raise UsageError(f"{printable(self._path)}: {printable(why)}; give each an id of its own")


def key_of(value: object) -> str:
    """Return an id as text, "" for none: some files write 7, and "7" where they refer to it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, (int, str)) else ""
