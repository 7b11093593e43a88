"""What every reader of label maps ends with: they are looked at once, and become data."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.gathered import (
    READING_THREADS,
    Sources,
    checked_names,
    header_or_why,
    members_of,
)
from dltk.data.masks.masked import Faults, GatheredMasks, Mask, Masked
from dltk.errors import InputError, UsageError, printable, reason
from dltk.masks import IGNORE, MOST_CLASSES
from dltk.weights import Report, silent

_MANY = 1000  # label maps that take a while to read
_BINARY = ("background", "object")
_BLACK_AND_WHITE = "only 0 and 255 in all masks"


def assemble(found: GatheredMasks, *, report: Report = silent) -> MaskData:
    """Return the data that a reader has gathered: label maps as large as their upright pictures.

    All label maps are read once, to count their pixels, and again whenever they are used. What
    cannot be read, is not of its picture's size, or has classes beyond those there are is passed
    over as damaged; what has ignored pixels only is passed over. One that was annotated on the
    picture as a camera stored it, on its side, is turned with it.

    Without names of classes these are called by their numbers, up to the largest there is. Where
    nothing but 0 and 255 occurs, and there are no names for more, 255 is a class.

    Pictures that are all of "train" are undivided, as a data set that knows no other split is.

    Raises:
        UsageError: no pictures, a single class, more than there can be, or a class whose name is
            empty, not UTF-8, or that of another.
    """
    looks = _looked_at(found, report)
    every = {int(value) for look in looks for value in look.values}
    white = found.numbers and every == {0, IGNORE} and len(found.classes or _BINARY) == 2
    classes = _classes(found, _BINARY if white else _numbered(found, every - {IGNORE}))
    if white:
        how = f'taken as "{classes[0]}" and "{classes[1]}", and no pixel as ignored'
        found.repair(found.where, _BLACK_AND_WHITE, how)
    elif found.numbers and every == {0, IGNORE}:
        how = f"255 taken as ignored, as it may be any of {len(classes) - 1} classes"
        found.repair(found.where, _BLACK_AND_WHITE, how)
    pictures, masks, counts = [], [], []
    for look in looks:
        mask = replace(look.mask, classes=len(classes), white=white)
        row = _row(look, mask, found)
        if row is not None:
            pictures.append(look.picture)
            masks.append(mask)
            counts.append(row)
    if not pictures:
        found.refuse("has no pictures with masks that can be used")
    rest = map(tuple, (found.passed_over, found.repairs, found.damaged))
    return MaskData(found.where, classes, _in_splits(found, pictures, masks, counts), *rest)


class _Look(NamedTuple):
    """A picture whose label map was read: which values it has, and how many pixels of each."""

    picture: Masked
    mask: Mask
    values: np.ndarray
    counts: np.ndarray
    faults: Faults


def _looked_at(found: GatheredMasks, report: Report) -> list[_Look]:
    """Return the pictures whose label maps can be read; the others are passed over."""
    if len(found.pictures) > _MANY:
        report(f"reading {len(found.pictures)} masks of {printable(found.where)}")
    with ThreadPoolExecutor(READING_THREADS) as pool:
        looks = list(pool.map(_look, found.pictures))
    usable = []
    for picture, look in zip(found.pictures, looks, strict=True):
        if isinstance(look, str):
            found.pass_damaged(picture.name, look)
            continue
        found.repairs += look.faults
        if look.mask.turn is not None:
            found.repair(look.mask.file, "annotated lying on its side", f"{picture.name}, turned")
        usable.append(look)
    if not usable:
        found.refuse("has no pictures with masks that can be read")
    return usable


def _look(picture: Masked) -> _Look | str:
    """Return what is in the label map of a picture, or why it cannot be used."""
    header = header_or_why(picture.source)
    if isinstance(header, str):
        return header
    faults: Faults = []
    try:
        mask = picture.mask.fitted(header)
        pixels = np.bincount(mask.upright(faults).ravel(), minlength=IGNORE + 1)
    except (InputError, OSError) as error:
        return reason(error)
    values = np.flatnonzero(pixels)
    return _Look(picture, mask, values.astype(np.uint8), pixels[values], faults)


def _numbered(found: GatheredMasks, labels: set[int]) -> Sequence[str]:
    """Return the usual names of classes if none of these labels is beyond them, or numbers."""
    most = max(labels, default=0)
    return found.usual if most < len(found.usual) else [str(label) for label in range(most + 1)]


def _classes(found: GatheredMasks, otherwise: Sequence[str]) -> tuple[str, ...]:
    where = printable(found.where)
    names = list(otherwise if found.classes is None else found.classes)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f'{where} has two classes called "{printable(twice)}"; name each its own')
    classes = checked_names(found.where, names)
    if len(classes) < 2:
        found.refuse(f'has one class only, "{printable("".join(classes))}"; wanted are two or more')
    if len(classes) > MOST_CLASSES:
        raise UsageError(f"{where} has {len(classes)} classes; {MOST_CLASSES} are the most")
    return classes


def _row(look: _Look, mask: Mask, found: GatheredMasks) -> np.ndarray | None:
    """Return how many pixels are of each class, int64 (K,); None if the picture is no example."""
    try:
        mask.check(look.values)
    except InputError as error:
        found.pass_damaged(look.picture.name, str(error))
        return None
    pixels = np.zeros(IGNORE + 1, np.int64)
    pixels[look.values] = look.counts
    if mask.white:
        pixels[1], pixels[IGNORE] = pixels[IGNORE], 0
    if not pixels[: mask.classes].any():
        found.pass_over(look.picture.name, "all pixels of its mask are ignored")
        return None
    return pixels[: mask.classes]


def _in_splits(
    found: GatheredMasks,
    pictures: Sequence[Masked],
    masks: Sequence[Mask],
    counts: Sequence[np.ndarray],
) -> dict[str, MaskedExamples]:
    members = members_of([picture.split for picture in pictures])
    for picture in pictures:
        if "all" not in members and picture.split is None:
            found.pass_over(picture.name, "in no split")
    return {
        split: MaskedExamples(
            tuple(pictures[at].name for at in chosen),
            Sources(pictures[at].source for at in chosen),
            tuple(masks[at] for at in chosen),
            np.array([counts[at] for at in chosen], np.int64),
        )
        for split, chosen in members.items()
    }
