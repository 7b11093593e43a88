"""Read pictures with a mask of each object: COCO's JSON with outlines or run lengths."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.gathered import (
    READING_THREADS,
    Sources,
    checked_names,
    header_or_why,
    members_of,
)
from dltk.data.objects.annotated import Annotated, Annotation, Gathered
from dltk.data.objects.coco import gather_coco
from dltk.data.objects.coco_files import annotation_files
from dltk.data.objects.shapes import Sheet
from dltk.data.readers import nothing_at
from dltk.errors import InputError, UsageError, printable
from dltk.objects import Objects
from dltk.weights import Report, silent
from dltk.wording import amount

WANTED = (
    "wanted is a COCO .json file, or a folder with annotations/instances_train.json, whose "
    "objects have polygons or run lengths"
)


@dataclass(frozen=True)
class InstanceExamples(AnnotatedExamples):
    """Pictures of known objects, with a mask of each.

    Attributes:
        shapes: of each picture's objects, COCO's compressed run lengths in the upright original;
            None for ignored objects of which only the box is known. Boxes and areas are those of
            the masks.
    """

    shapes: Sequence[Sequence[dict | None]]

    def _known_of(self, indices: list[int]) -> dict:
        known = super()._known_of(indices)
        return known | {"shapes": tuple(self.shapes[index] for index in indices)}

    def truths(self, index: int) -> list[dict]:
        """Return the run lengths of a picture's objects that count."""
        ignored = self.objects[index].ignored
        return [shape for shape, skip in zip(self.shapes[index], ignored, strict=True) if not skip]


def read_instances(where: str | os.PathLike, *, report: Report = silent) -> ObjectData:
    """Return the pictures of a COCO file or folder, with a mask of each object.

    For files, splits and classes see `dltk.data.objects.coco.gather_coco`. An object without a
    shape, or with a damaged one, becomes an ignored one in its box; a picture with one of which
    not even the box is known is passed over, since nothing tells where there is no object.

    Returns:
        ObjectData whose splits are InstanceExamples.
    Raises:
        UsageError: no such path, another kind of data, or not one object has a shape.
    """
    text = os.fspath(where)
    path = Path(text)
    if not text or not path.exists():
        raise nothing_at(text, WANTED)
    if not (annotation_files(path) if path.is_dir() else path.suffix.lower() == ".json"):
        raise UsageError(f"{printable(text)} holds no masks of single objects; {WANTED}")
    gathered = gather_coco(path, shapes=True, report=report)
    rows = [row for picture in gathered.pictures for row in picture.objects]
    if gathered.pictures and all(row.shape is None for row in rows):
        kind = "boxes of objects only, no outlines and no run lengths," if rows else "no objects"
        gathered.refuse(f"has {kind} in {len(gathered.pictures)} pictures")
    return _assembled(gathered)


def _assembled(found: Gathered) -> ObjectData:
    classes = checked_names(found.where, found.classes)
    label_of = {name: label for label, name in enumerate(classes)}
    with ThreadPoolExecutor(READING_THREADS) as pool:
        headers = list(pool.map(header_or_why, [picture.source for picture in found.pictures]))
    usable = []
    for picture, header in zip(found.pictures, headers, strict=True):
        try:
            if isinstance(header, str):
                raise InputError(header)
            shapes = _Shapes(picture, Sheet.under(header, picture.stated), found)
        except InputError as error:
            found.pass_damaged(picture.name, str(error), len(picture.objects))
            continue
        if lost := picture.lost + shapes.lost:
            found.pass_over(
                picture.name, f"nothing usable is said of {amount(lost, 'object')} in it"
            )
        else:
            usable.append((picture, shapes.objects(label_of), tuple(shapes.runs)))
    if not usable:
        found.refuse("has no pictures with masks of objects that can be used")
    splits = {}
    for split, chosen in members_of([picture.split for picture, _, _ in usable]).items():
        pictures, objects, runs = zip(*(usable[at] for at in chosen), strict=True)
        if split in ("val", "test") and all(each.ignored.all() for each in objects):
            found.pass_over(split, f"{len(chosen)} pictures without a single object to find")
            continue
        names = tuple(picture.name for picture in pictures)
        sources = Sources(picture.source for picture in pictures)
        splits[split] = InstanceExamples(names, sources, objects, runs)
    rest = map(tuple, (found.passed_over, found.repairs, found.damaged))
    return ObjectData(found.where, classes, splits, *rest)


class _Shapes:
    """The objects of one picture while they are read.

    Attributes:
        runs: run lengths of each, or None.
        lost: how many there are of which nothing usable is said.
    """

    def __init__(self, picture: Annotated, sheet: Sheet, found: Gathered):
        self._picture, self._sheet, self._found = picture, sheet, found
        if sheet.turn is not None:
            how = f"{picture.name}, masks turned"
            found.repair(picture.file, "annotated lying on its side", how)
        self.runs: list[dict | None] = []
        self.lost = 0
        self._rows: list[tuple[Annotation, list[float], bool, float]] = []
        for row in picture.objects:
            self._add(row)

    def objects(self, label_of: dict[str, int]) -> Objects:
        """Return the objects that can be used."""
        boxes = [box for _, box, _, _ in self._rows]
        labels = [label_of[row.label] for row, _, _, _ in self._rows]
        ignored = [skip for _, _, skip, _ in self._rows]
        return Objects.of(boxes, labels, ignored, [area for _, _, _, area in self._rows])

    def _add(self, row: Annotation) -> None:
        from pycocotools.mask import area, toBbox

        try:
            runs = self._sheet.upright(self._sheet.shape(row.shape))
        except InputError as error:
            self._add_box(row, str(error))
            return
        if not area(runs):
            self._repair(row, "an empty mask", "left out")
            return
        left, top, width, height = toBbox(runs).tolist()
        box = [left, top, left + width, top + height]
        self._rows.append((row, box, row.ignored, float(area(runs))))
        self.runs.append(runs)

    def _add_box(self, row: Annotation, why: str) -> None:
        """Add an object of which just the box is known."""
        if not all(map(math.isfinite, row.box)):
            self._repair(row, why, "and no box, left out")
            self.lost += 1
            return
        self._repair(row, why, "its box ignored")
        left, top, right, bottom = box = self._sheet.upright_box(row.box)
        area = max(0.0, right - left) * max(0.0, bottom - top)
        self._rows.append((row, box, True, area))
        self.runs.append(None)

    def _repair(self, row: Annotation, kind: str, how: str) -> None:
        self._found.repair(f"{self._picture.file}, {row.where}", kind, how)
