"""Label maps of COCO's JSON, whose objects have outlines or run lengths."""

from __future__ import annotations

from pathlib import Path

from dltk.data.datasets import MaskData
from dltk.data.masks.assemble import assemble
from dltk.data.masks.masked import GatheredMasks, Masked
from dltk.data.masks.painted import PaintedMask
from dltk.data.objects.coco import gather_coco
from dltk.data.objects.coco_files import annotation_files, holds_shapes
from dltk.weights import Report, silent
from dltk.wording import amount

BACKGROUND = "background"


def holds_coco_masks(where: Path) -> bool:
    """Return whether a COCO file, or one that a folder has, says which shape objects have."""
    files = [where] if where.is_file() else annotation_files(where).values()
    return any(map(holds_shapes, files))


def read_coco_masks(where: Path, *, report: Report = silent) -> MaskData:
    """Return the pictures of a COCO file or folder, with label maps of their objects.

    For files, splits and classes see `dltk.data.objects.coco.gather_coco`. In front of the classes
    comes "background", unless one is called so, which then is class 0. For how objects become
    label maps see `PaintedMask`. A picture with an object of which neither place nor class is
    known is passed over: its pixels would be learnt as background.

    Raises:
        UsageError: as `gather_coco` and `assemble` do, or no object has a shape.
    """
    gathered = gather_coco(where, shapes=True, report=report)
    names = [name for name in gathered.classes if name.casefold() != BACKGROUND]
    found = GatheredMasks(
        gathered.where,
        classes=[BACKGROUND, *names],
        numbers=False,
        passed_over=gathered.passed_over,
        damaged=gathered.damaged,
        repairs=gathered.repairs,
    )
    rows = [row for picture in gathered.pictures for row in picture.objects]
    if gathered.pictures and all(row.shape is None for row in rows):
        kind = "boxes of objects only, no outlines and no run lengths," if rows else "no objects"
        found.refuse(f"has {kind} in {len(gathered.pictures)} pictures")
    label_of = dict(zip(names, range(1, len(names) + 1), strict=True))
    for picture in gathered.pictures:
        if picture.lost:
            why = f"nothing usable is said of {amount(picture.lost, 'object')} in it"
            found.pass_over(picture.name, why)
            continue
        mask = PaintedMask(
            file=picture.file,
            objects=tuple(picture.objects),
            labels=tuple(label_of.get(row.label, 0) for row in picture.objects),
            drawn_on=picture.stated,
        )
        found.pictures.append(Masked(picture.split, picture.name, picture.source, mask))
    return assemble(found, report=report)
