"""Objects in COCO's JSON: pictures, categories, and boxes as [left, top, width, height]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from dltk.data.examples import ObjectData
from dltk.data.objects.annotated import Annotated, Annotation, Gathered, stated_size
from dltk.data.objects.assemble import assemble
from dltk.data.objects.coco_files import Places, annotation_files, load
from dltk.data.objects.files import named
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_BIG_BYTES = 100 << 20  # takes a while to read
_LETTERS = 40  # of a wrong value, in a message


def read_coco(where: Path, *, report: Report = silent) -> ObjectData:
    """Return the pictures and objects of a COCO file, or of a folder with one for each split.

    Raises:
        UsageError: as `gather_coco` and `assemble` do.
    """
    return assemble(gather_coco(where, report=report), report=report)


def gather_coco(where: Path, *, shapes: bool = False, report: Report = silent) -> Gathered:
    """Return what is in a COCO file, or in a folder with one for each split.

    For the files of a folder and their splits see `annotation_files`, for pictures `Places`; a
    file that is named itself is undivided data. Classes are those of all files together, in their
    order, used or not. Crowds ("iscrowd") and what is marked "ignore" become ignored objects.

    Args:
        shapes: keep the "segmentation" of objects; those that have one need no box then, and
            their corners are NaN without.
    Raises:
        UsageError: a file is cut short or of another kind, two files mean one split, or an id
            stands for two pictures or categories.
    """
    found = Gathered(str(where), classes=[])
    alone = where.is_file()
    files = {None: where} if alone else annotation_files(where, found)
    groups: set[str] = set()
    for split, path in files.items():
        if path.stat().st_size > _BIG_BYTES:
            report(f"reading {printable(path)}")
        _File(path, split, where.parent if alone else where, found).read(groups, shapes)
    _leave_groups_out(found, groups)
    return found


def _leave_groups_out(found: Gathered, groups: set[str]) -> None:
    """Leave out classes without objects that only name the group other classes are in."""
    used = {row.label for picture in found.pictures for row in picture.objects}
    for name in [name for name in found.classes if name in groups - used]:
        found.repair(found.where, "a group and no class", f'"{name}", left out')
        found.classes.remove(name)


class _File:
    """One COCO file while it is read."""

    def __init__(self, path: Path, split: str | None, root: Path, found: Gathered):
        self._path, self._split, self._root, self._found = path, split, root, found
        self._places = Places(path, split)
        self._name = named(path, root)
        self._classes: dict[str, str] = {}  # by id
        self._pictures: dict[str, Annotated] = {}  # by id; their source is None if there is no file

    def read(self, groups: set[str], shapes: bool) -> None:
        """Add what is in the file to what was found, and to `groups` names of groups of classes."""
        content = load(self._path, shapes=shapes)
        for key, entry in self._entries(content["categories"], "category"):
            self._add_class(key, entry, groups)
        images = list(self._entries(content["images"], "image"))
        self._places.rank([str(entry.get("file_name")) for _, entry in images])
        of_name: dict[str, str] = {}
        for key, entry in images:
            self._add_picture(key, entry, of_name)
        seen: set[str] = set()
        for key, entry in self._entries(content["annotations"], "annotation"):
            self._add_object(key, entry, seen)
        self._hand_over()

    def _entries(self, entries: list, kind: str) -> Iterator[tuple[str, dict]]:
        """Yield the id and the fields of each entry; one without an id has its place for it."""
        for at, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield _key(entry.get("id")) or f"no. {at + 1}, without id,", entry
            else:
                self._repair(f"{kind} no. {at + 1}", "not an entry", f"{_shown(entry)}, left out")

    def _add_class(self, key: str, entry: dict, groups: set[str]) -> None:
        name = str(entry.get("name") or "").strip()
        before = self._classes.get(key)
        if before is not None and before != name:
            self._refuse(f'category id {key} stands for "{before}" and for "{name}"')
        elif before is not None:
            self._repair(f"category {key}", "a category twice", f'"{name}", taken once')
        elif name and name in self._classes.values():
            self._repair(f"category {key}", "a name twice", f'"{name}", taken as one class')
        self._classes[key] = name
        if name not in self._found.classes:
            self._found.classes.append(name)
        if isinstance(group := entry.get("supercategory"), str) and group != name:
            groups.add(group)

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
            self._pictures[key] = Annotated(
                self._split, name, source and str(source), self._name, stated=_size(entry)
            )

    def _add_object(self, key: str, entry: dict, seen: set[str]) -> None:
        where = f"annotation {key}"
        if key in seen:
            self._repair(where, "an annotation id twice", "both kept")
        seen.add(key)
        picture = self._pictures.get(_key(entry.get("image_id")))
        label = self._classes.get(_key(entry.get("category_id")))
        box, shape = _box(entry.get("bbox")), entry.get("segmentation")
        if picture is None:
            self._repair(where, "unknown image", f"{_shown(entry.get('image_id'))}, left out")
        elif label is None:
            said = _shown(entry.get("category_id"))
            self._found.lose(picture, where, "unknown category", said)
        elif box is None and shape is None:
            said = _shown(entry.get("bbox"))
            self._found.lose(picture, where, "no box of four numbers", said)
        else:
            ignored = bool(entry.get("iscrowd") or entry.get("ignore"))
            area = _number(entry.get("area"))
            box = box or (math.nan,) * 4
            picture.objects.append(Annotation(where, label, box, ignored, area, shape))

    def _hand_over(self) -> None:
        """Add the pictures that are there to what was found, and name the others."""
        pictures = {picture.name: picture for picture in self._pictures.values()}.values()
        there = [picture for picture in pictures if picture.source is not None]
        self._found.pictures += there
        if pictures and not there:
            first = next(iter(pictures)).name
            why = f"not one of its {len(pictures)} pictures is there, such as {first}"
            self._found.pass_damaged(self._name, f"{why}; looked in {self._places}")
            return
        for picture in pictures:
            if picture.source is None:
                self._found.pass_damaged(picture.name, "no such file", len(picture.objects))

    def _repair(self, where: str, kind: str, how: str) -> None:
        self._found.repair(f"{self._name}, {where}", kind, how)

    def _refuse(self, why: str) -> None:
        raise UsageError(f"{printable(self._path)}: {printable(why)}; give each an id of its own")


def _key(value: object) -> str:
    """Return an id as text, "" for none: some files write 7, and "7" where they refer to it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, (int, str)) else ""


def _number(value: object) -> float:
    """Return a number of a file, NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _box(value: object) -> tuple[float, ...] | None:
    """Return corners for [left, top, width, height], None for what is no such list."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    left, top, width, height = numbers = [_number(each) for each in value]
    return None if any(map(math.isnan, numbers)) else (left, top, left + width, top + height)


def _size(entry: dict) -> tuple[int, int] | None:
    return stated_size(_number(entry.get("width")), _number(entry.get("height")))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
