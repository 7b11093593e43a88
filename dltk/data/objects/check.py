"""Look pictures with objects over before training on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np

from dltk.data.check import FEW, LOPSIDED
from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.look import (
    Place,
    Size,
    alike,
    by_kind,
    equal,
    extremes,
    looked_over,
    needless,
    same,
    some,
)
from dltk.errors import printable
from dltk.metrics.coco import SIZES
from dltk.objects import Objects


@dataclass(frozen=True)
class ObjectFindings:
    """What was found in a data set of pictures with objects.

    Attributes:
        where: the data, as the user named it.
        pictures: their number by split.
        negatives: number of pictures without objects by split.
        ignored: number of ignored objects by split. No other counts have them.
        counts: number of objects by class and split.
        areas: number of objects that COCO calls small, medium and large.
        most: objects in one picture.
        unreadable: (name, why) of each that is damaged, or of which the file is gone.
        duplicates: groups of equal pictures with equal objects in one split.
        leaks: groups of equal pictures with equal objects in several splits.
        contradictions: groups of equal pictures with different objects.
        passed_over: (name, why) of files that are no examples.
        repairs: (where, what) of annotations that were changed or left out.
        sizes: smallest, median and largest (width, height) of a picture, by area; empty if
            nothing was decoded.
    """

    where: str
    pictures: dict[str, int]
    negatives: dict[str, int]
    ignored: dict[str, int]
    counts: dict[str, dict[str, int]]
    areas: dict[str, int]
    most: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    contradictions: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    repairs: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, Size] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Number of objects by class, over all splits."""
        return {name: sum(splits.values()) for name, splits in self.counts.items()}

    @property
    def imbalance(self) -> float:
        """How many times as many objects the largest class has as the smallest with any."""
        totals = [total for total in self.totals.values() if total]
        return max(totals) / min(totals) if totals else 1.0

    @property
    def errors(self) -> list[str]:
        """What makes training or its measurement wrong, a line for each finding."""
        lines = [f"unusable: {printable(name)}: {why}" for name, why in self.unreadable]
        lines += [f"in several splits: {same(group)}" for group in self.leaks]
        lines += [f"equal, but with different objects: {same(g)}" for g in self.contradictions]
        for name, splits in self.counts.items():
            elsewhere = [split for split, count in splits.items() if count and split != "train"]
            if splits.get("train") == 0 and elsewhere:
                where = " and ".join(elsewhere)
                lines.append(
                    f"nothing to train on: {printable(name)} has objects in {where}, none in train"
                )
        return lines

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines, totals = [], self.totals
        if empty := [name for name, total in totals.items() if total == 0]:
            lines.append(f"classes without objects: {some(empty)}")
        if few := [name for name, total in totals.items() if 0 < total < FEW]:
            lines.append(f"classes of less than {FEW} objects: {some(few)}")
        if self.imbalance >= LOPSIDED:
            lines.append(
                f"the largest class has {self.imbalance:.0f} times the objects of the smallest"
            )
        lines += [f"classes that differ in capitals only: {some(g)}" for g in alike(self.counts)]
        if self.duplicates:
            lines.append(needless(self.duplicates))
        lines += by_kind(self.repairs)
        if self.passed_over:
            listed = [f"{name} ({why})" for name, why in self.passed_over]
            lines.append(f"passed over: {some(listed)}")
        return lines

    def to_dict(self) -> dict:
        """Return all findings, ready for JSON."""
        fields = asdict(self) | {"imbalance": round(self.imbalance, 3)}
        return fields | {"errors": self.errors, "warnings": self.warnings}


def check_objects(data: ObjectData, *, decode: bool, threads: int) -> ObjectFindings:
    """Return what is found in `data`, divided or not.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    unreadable, sizes = looked_over(data, decode=decode, threads=threads)
    labels = {split: _labels(examples) for split, examples in data.splits.items()}
    every = [objects for examples in data.splits.values() for objects in examples.objects]
    areas = np.concatenate([objects.areas[~objects.ignored] for objects in every] or [[]])
    return ObjectFindings(
        data.where,
        pictures={split: len(examples) for split, examples in data.splits.items()},
        negatives=_by_split(data, lambda objects: len(objects) == 0),
        ignored=_by_split(data, lambda objects: objects.ignored.sum()),
        counts={
            name: {split: int((found == label).sum()) for split, found in labels.items()}
            for label, name in enumerate(data.classes)
        },
        areas={
            size: int(((low <= areas) & (areas < high)).sum())
            for size, (low, high) in SIZES.items()
        },
        most=max(map(len, every), default=0),
        unreadable=(*data.damaged, *unreadable),
        passed_over=tuple(each for each in data.passed_over if each not in data.damaged),
        repairs=data.repairs,
        sizes=extremes(sizes),
        **equal(data, lambda examples, index: _known(examples.objects[index])),
    )


def _labels(examples: AnnotatedExamples) -> np.ndarray:
    """Return the labels of all objects that are not ignored, int64 (M,)."""
    parts = [objects.labels[~objects.ignored] for objects in examples.objects]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _by_split(data: ObjectData, number: Callable[[Objects], int]) -> dict[str, int]:
    """Return the sum of a number over the pictures of each split."""
    return {
        split: int(sum(map(number, examples.objects))) for split, examples in data.splits.items()
    }


def _known(objects: Objects) -> bytes:
    """Return what two copies of a picture should agree on: classes, and places to a pixel."""
    rows = np.column_stack([objects.labels, objects.ignored, np.rint(objects.boxes)])
    return rows[np.lexsort(rows.T)].tobytes()
