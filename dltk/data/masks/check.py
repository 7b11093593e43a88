"""Look pictures with label maps over before training on them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field

from dltk.data.check import FEW
from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
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
from dltk.errors import InputError, printable, reason

_LOPSIDED = 100  # times as many pixels of the largest class as of the smallest


@dataclass(frozen=True)
class MaskFindings:
    """What was found in a data set of pictures with label maps.

    Attributes:
        where: the data, as the user named it.
        pictures: their number by split.
        counts: number of pictures with some of a class, by class and split.
        pixels: number of pixels by class and split; ignored ones are not counted.
        unreadable: (name, why) of each that is damaged, or of which a file is gone.
        duplicates: groups of equal pictures with equal masks in one split.
        leaks: groups of equal pictures with equal masks in several splits.
        contradictions: groups of equal pictures with different masks.
        passed_over: (name, why) of files that are no examples.
        repairs: (where, what) of label maps that were changed.
        sizes: smallest, median and largest (width, height) of a picture, by area; empty if
            nothing was decoded.
    """

    where: str
    pictures: dict[str, int]
    counts: dict[str, dict[str, int]]
    pixels: dict[str, dict[str, int]]
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    contradictions: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    repairs: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, Size] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Number of pictures with some of a class, over all splits."""
        return {name: sum(splits.values()) for name, splits in self.counts.items()}

    @property
    def shares(self) -> dict[str, dict[str, float]]:
        """Share of the pixels of a split that are of a class, by class and split."""
        sums = {
            split: max(1, sum(splits[split] for splits in self.pixels.values()))
            for split in self.pictures
        }
        return {
            name: {split: count / sums[split] for split, count in splits.items()}
            for name, splits in self.pixels.items()
        }

    @property
    def imbalance(self) -> float:
        """How many times as many pixels the largest class has as the smallest with any."""
        totals = [total for splits in self.pixels.values() if (total := sum(splits.values()))]
        return max(totals) / min(totals) if totals else 1.0

    @property
    def errors(self) -> list[str]:
        """What makes training or its measurement wrong, a line for each finding."""
        lines = [f"unusable: {printable(name)}: {why}" for name, why in self.unreadable]
        lines += [f"in several splits: {same(group)}" for group in self.leaks]
        lines += [f"equal, but with different masks: {same(g)}" for g in self.contradictions]
        for name, splits in self.counts.items():
            elsewhere = [split for split, count in splits.items() if count and split != "train"]
            if splits.get("train") == 0 and elsewhere:
                where = " and ".join(elsewhere)
                lines.append(
                    f"nothing to train on: {printable(name)} has pixels in {where}, none in train"
                )
        seen = [name for name, total in self.totals.items() if total]
        if len(seen) == 1:
            lines.append(f"nothing to tell apart: only {printable(seen[0])} has pixels")
        return lines

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines, totals = [], self.totals
        if empty := [name for name, total in totals.items() if total == 0]:
            lines.append(f"classes without pixels: {some(empty)}")
        if few := [name for name, total in totals.items() if 0 < total < FEW]:
            lines.append(f"classes in less than {FEW} pictures: {some(few)}")
        if self.imbalance >= _LOPSIDED:
            lines.append(
                f"the largest class has {self.imbalance:.0f} times the pixels of the smallest"
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


def check_masks(data: MaskData, *, decode: bool, threads: int) -> MaskFindings:
    """Return what is found in `data`, divided or not. Its masks were looked at in reading.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    unreadable, sizes = looked_over(data, decode=decode, threads=threads)
    pixels = {split: examples.counts for split, examples in data.splits.items()}
    return MaskFindings(
        data.where,
        pictures={split: len(examples) for split, examples in data.splits.items()},
        counts={
            name: {split: int((rows[:, label] > 0).sum()) for split, rows in pixels.items()}
            for label, name in enumerate(data.classes)
        },
        pixels={
            name: {split: int(rows[:, label].sum()) for split, rows in pixels.items()}
            for label, name in enumerate(data.classes)
        },
        unreadable=(*data.damaged, *unreadable),
        passed_over=tuple(each for each in data.passed_over if each not in data.damaged),
        repairs=data.repairs,
        sizes=extremes(sizes),
        **equal(data, _known),
    )


def _known(examples: MaskedExamples, index: int) -> bytes | str:
    """Return what two copies of a picture should agree on: the class of every pixel."""
    try:
        mask = examples.masks[index]()
    except (InputError, OSError) as error:
        return reason(error)
    return hashlib.sha256(mask.tobytes()).digest()
