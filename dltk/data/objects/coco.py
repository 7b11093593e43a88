"""Objects in COCO's JSON: pictures, categories, and boxes as [left, top, width, height]."""

from __future__ import annotations

import math
from pathlib import Path

from dltk.data.datasets import ObjectData
from dltk.data.objects.annotated import Annotated, Annotation, Gathered, stated_size
from dltk.data.objects.assemble import assemble
from dltk.data.objects.coco_files import annotation_files, load
from dltk.data.objects.coco_pictures import CocoFile, key_of
from dltk.data.objects.json_files import is_big, shown
from dltk.errors import printable
from dltk.weights import Report, silent


def read_coco(where: Path, *, report: Report = silent) -> ObjectData:
    """Return the pictures and objects of a COCO file, or of a folder with one for each split.

    Raises:
        UsageError: as `gather_coco` and `assemble` do.
    """
    return assemble(gather_coco(where, report=report), report=report)


def gather_coco(where: Path, *, shapes: bool = False, report: Report = silent) -> Gathered:
    """Return what is in a COCO file, or in a folder with one for each split.

    For the files of a folder and their splits see `annotation_files`, for pictures `coco_places`; a
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
        if is_big(path):
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


class _File(CocoFile):
    """A file of objects while it is read."""

    def __init__(self, path: Path, split: str | None, root: Path, found: Gathered):
        super().__init__(path, split, root, found)
        self._classes: dict[str, str] = {}  # by id

    def read(self, groups: set[str], shapes: bool) -> None:
        """Add what is in the file to what was found, and to `groups` names of groups of classes."""
        content = load(self._path, shapes=shapes)
        for key, entry in self._entries(content["categories"], "category"):
            self._add_class(key, entry, groups)
        self._add_pictures(content)
        seen: set[str] = set()
        for key, entry in self._entries(content["annotations"], "annotation"):
            self._add_object(key, entry, seen)
        self._hand_over()

    def _new(self, name: str, source: str | None, entry: dict) -> Annotated:
        return Annotated(self._split, name, source, self._name, stated=_size(entry))

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

    def _add_object(self, key: str, entry: dict, seen: set[str]) -> None:
        where = f"annotation {key}"
        if key in seen:
            self._repair(where, "an annotation id twice", "both kept")
        seen.add(key)
        picture = self._picture_of(where, entry)
        label = self._classes.get(key_of(entry.get("category_id")))
        box, shape = _box(entry.get("bbox")), entry.get("segmentation")
        if picture is None:
            return
        if label is None:
            said = shown(entry.get("category_id"))
            self._found.lose(picture, where, "unknown category", said)
        elif box is None and shape is None:
            said = shown(entry.get("bbox"))
            self._found.lose(picture, where, "no box of four numbers", said)
        else:
            ignored = bool(entry.get("iscrowd") or entry.get("ignore"))
            area = _number(entry.get("area"))
            box = box or (math.nan,) * 4
            picture.objects.append(Annotation(where, label, box, ignored, area, shape))


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
