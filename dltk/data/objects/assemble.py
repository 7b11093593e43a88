"""What every reader of objects ends with: annotated pictures become data, mended where need be."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.gathered import (
    READING_THREADS,
    Sources,
    checked_names,
    header_or_why,
    members_of,
)
from dltk.data.objects.annotated import Annotated, Gathered
from dltk.data.objects.mend import Mending, turned
from dltk.data.rows import natural
from dltk.errors import InputError, printable
from dltk.headers import Header
from dltk.objects import Objects
from dltk.weights import Report, silent
from dltk.wording import amount

_MANY = 5000  # pictures whose headers take a while to read
_DOUBTED = 10  # boxes beyond their pictures are no chance any more, if most are
_SAME_SHAPE = 0.01  # difference of aspects that comes of rounding sizes


def assemble(found: Gathered, *, report: Report = silent) -> ObjectData:
    """Return the data that a reader has gathered: boxes in pixels, within their pictures.

    The sizes of the pictures are read from their headers; what cannot be read is passed over.
    An annotation may give another size than the upright picture has: that of the picture on its
    side, as a camera stored it, or of a copy of another size. Its boxes are turned or scaled
    then; where neither explains the difference, the picture is passed over. Boxes are mended, see
    `dltk.data.objects.mend`. Each change is a line in `repairs`. A picture with objects of which
    none is left is passed over: what is in it would be learnt as ground.

    Pictures that are all of "train" are undivided, as a data set that knows no other split is. A
    split for validation or test without an object that is not ignored is passed over.

    Raises:
        UsageError: no pictures, no objects at all, or a class whose name is empty or not UTF-8.
    """
    pictures, sizes, ways = _known(found, report)
    classes = _classes(found)
    label_of = {name: label for label, name in enumerate(classes)}
    rows = [(at, row) for at, picture in enumerate(pictures) for row in picture.objects]
    of_picture = np.array([at for at, _ in rows], np.int64)
    labels = np.array([label_of[row.label] for _, row in rows], np.int64)
    ignored = np.array([row.ignored for _, row in rows], bool)
    mending = Mending(
        np.array([row.box for _, row in rows], np.float64).reshape(-1, 4),
        np.array([row.area for _, row in rows], np.float64),
        lambda index: f"{pictures[rows[index][0]].file}, {rows[index][1].where}",
    )
    mending.finite()
    mending.ordered()
    if found.shares:
        mending.boxes *= np.tile(sizes[of_picture], 2)
    for at, way in ways.items():
        mine = slice(*np.searchsorted(of_picture, (at, at + 1)))
        mending.boxes[mine] = way.along(mending.boxes[mine])
        mending.areas[mine] *= way.scale[0] * way.scale[1]
    mending.within(sizes[of_picture])
    mending.once(np.column_stack([of_picture, labels, ignored]))
    _doubt(found, mending)
    found.repairs += mending.repairs
    kept = np.flatnonzero(mending.kept)
    if not len(kept):
        found.refuse(f"has no objects in {len(pictures)} pictures")
    cuts = np.searchsorted(of_picture[kept], np.arange(1, len(pictures)))
    columns = (mending.boxes, labels, ignored, mending.areas)
    parts = (np.split(column[kept], cuts) for column in columns)
    objects = [Objects.of(*of_one) for of_one in zip(*parts, strict=True)]
    splits = _in_splits(found, *_with_what_they_show(found, pictures, objects))
    rest = map(tuple, (found.passed_over, found.repairs, found.damaged))
    return ObjectData(found.where, classes, splits, *rest)


def _doubt(found: Gathered, mending: Mending) -> None:
    """Say so where boxes are beyond their pictures so often that their numbers must mean else."""
    count, beyond = len(mending.boxes), mending.beyond
    if beyond >= _DOUBTED and beyond > count / 2:
        how = f"{beyond} of {count}; are corners taken for width and height, or these for corners?"
        found.repair(found.where, "most boxes are beyond their pictures", how)


class _Way(NamedTuple):
    """How boxes come from the picture that was annotated to the upright one."""

    size: tuple[int, int]
    turn: Image.Transpose | None
    scale: tuple[float, float]

    def along(self, boxes: np.ndarray) -> np.ndarray:
        if self.turn is not None:
            boxes = turned(boxes, self.size, self.turn)
        return boxes * np.tile(self.scale, 2)


def _known(found: Gathered, report: Report) -> tuple[list[Annotated], np.ndarray, dict[int, _Way]]:
    """Return the pictures whose size is known, those sizes float64 (N, 2), and by index the ways
    of boxes that have one to go."""
    if len(found.pictures) > _MANY:
        report(f"reading the sizes of {len(found.pictures)} pictures of {printable(found.where)}")
    with ThreadPoolExecutor(READING_THREADS) as pool:
        headers = list(pool.map(header_or_why, [picture.source for picture in found.pictures]))
    pictures, sizes, ways = [], [], {}
    for picture, header in zip(found.pictures, headers, strict=True):
        try:
            if isinstance(header, str):
                raise InputError(header)
            way = _way(picture, header, found)
        except InputError as error:
            found.pass_damaged(picture.name, str(error), len(picture.objects))
            continue
        if way:
            ways[len(pictures)] = way
        pictures.append(picture)
        sizes.append(header.upright)
    if not pictures:
        found.refuse("has no pictures that can be read")
    return pictures, np.array(sizes, np.float64), ways


def _way(picture: Annotated, header: Header, found: Gathered) -> _Way | None:
    """Return the way of the picture's boxes, None if they are in place. Raises InputError."""
    stated, upright = picture.stated, header.upright
    if not stated or stated == upright or not picture.objects:
        return None
    by, of = "{} × {}".format(*stated), "{} × {}".format(*upright)
    if header.sideways and _alike(stated, header.stored) and stated != upright:
        way = _Way(stated, header.turn, _ratios(upright, stated[::-1]))
        found.repair(picture.file, "annotated lying on its side", f"{picture.name}, boxes turned")
        return way
    if stated == upright[::-1]:
        found.repair(picture.file, "width and height exchanged", f"{picture.name} is {of}")
        return None
    if _alike(stated, upright):
        found.repair(
            picture.file, "annotated in another size", f"{picture.name}, {by}, boxes scaled to {of}"
        )
        return _Way(stated, None, _ratios(upright, stated))
    raise InputError(f"it is {of}, and annotated as {by}")


def _alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two sizes have the same shape."""
    across, down = _ratios(size, other)
    return abs(across / down - 1) < _SAME_SHAPE


def _ratios(size: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    return size[0] / other[0], size[1] / other[1]


def _classes(found: Gathered) -> tuple[str, ...]:
    names = found.classes
    if names is None:
        labels = {row.label for picture in found.pictures for row in picture.objects}
        names = sorted(labels, key=natural)
    return checked_names(found.where, names)


def _with_what_they_show(
    found: Gathered, pictures: Sequence[Annotated], objects: Sequence[Objects]
) -> tuple[list[Annotated], list[Objects]]:
    """Return the pictures, and objects of each, less those of whose objects none could be used."""
    shown = []
    for picture, these in zip(pictures, objects, strict=True):
        if not len(these) and (count := len(picture.objects) + picture.lost):
            found.pass_over(
                picture.name, f"nothing usable is said of its {amount(count, 'object')}"
            )
        else:
            shown.append((picture, these))
    return [picture for picture, _ in shown], [these for _, these in shown]


def _in_splits(
    found: Gathered, pictures: Sequence[Annotated], objects: Sequence[Objects]
) -> dict[str, AnnotatedExamples]:
    members = members_of([picture.split for picture in pictures])
    splits = {}
    for split, chosen in members.items():
        if split in ("val", "test") and all(objects[at].ignored.all() for at in chosen):
            found.pass_over(split, f"{len(chosen)} pictures without a single object to find")
            continue
        splits[split] = AnnotatedExamples(
            tuple(pictures[at].name for at in chosen),
            Sources(pictures[at].source for at in chosen),
            tuple(objects[at] for at in chosen),
        )
    for picture, these in zip(pictures, objects, strict=True):
        if "all" not in members and picture.split is None:
            found.pass_over(picture.name, "in no split", len(these))
    return splits
