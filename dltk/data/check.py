"""Look a data set over before training on it: what is damaged, leaks, or is too little."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import ClassVar

from dltk.data.datasets import LabelledData, TextData
from dltk.data.look import Place, equal, extremes, looked_over, needless, same, some
from dltk.errors import printable

FEW = 10  # pictures of a class, of which little can be learnt
LOPSIDED = 10  # times as many pictures in the largest class as in the smallest


@dataclass(frozen=True)
class Findings:
    """What was found in a data set of pictures, or of what NOUN says.

    Attributes:
        where: the data, as the user named it.
        counts: number of examples by class and split.
        unreadable: (name, why) of each that is damaged, or of which the file is gone.
        duplicates: groups of equal pictures of one class in one split.
        leaks: groups of equal pictures of one class in several splits.
        contradictions: groups of equal pictures of different classes.
        passed_over: (name, why) of files and rows that are no examples.
        sizes: smallest, median and largest (width, height), by area; empty if nothing was decoded.
    """

    NOUN: ClassVar[str] = "picture"

    where: str
    counts: dict[str, dict[str, int]]
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    contradictions: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Number of examples by class, over all splits."""
        return {name: sum(splits.values()) for name, splits in self.counts.items()}

    @property
    def imbalance(self) -> float:
        """How many times as large the largest class is as the smallest that is not empty."""
        totals = [total for total in self.totals.values() if total]
        return max(totals) / min(totals) if totals else 1.0

    @property
    def errors(self) -> list[str]:
        """What makes training or its measurement wrong, a line for each finding."""
        lines = [f"unreadable: {printable(name)}: {why}" for name, why in self.unreadable]
        lines += [f"in several splits: {same(group)}" for group in self.leaks]
        lines += [f"equal, but of different classes: {same(g)}" for g in self.contradictions]
        lines += [
            f"nothing to train on: {printable(name)} has {self.NOUN}s, but none in train"
            for name, splits in self.counts.items()
            if not splits.get("train", "all" in splits) and sum(splits.values())
        ]
        return lines

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines = []
        totals, noun = self.totals, self.NOUN
        if empty := [name for name, total in totals.items() if total == 0]:
            lines.append(f"classes without {noun}s: {some(empty)}")
        single = [name for name, total in totals.items() if total == 1 and self._trained_on(name)]
        if single:
            lines.append(f"classes of one {noun}, used for training only: {some(single)}")
        if few := [n for n, total in totals.items() if 0 < total < FEW and n not in single]:
            lines.append(f"classes of less than {FEW} {noun}s: {some(few)}")
        if self.imbalance >= LOPSIDED:
            lines.append(
                f"the largest class has {self.imbalance:.0f} times the {noun}s of the smallest"
            )
        if self.duplicates:
            lines.append(needless(self.duplicates))
        if self.passed_over:
            listed = [f"{name} ({why})" for name, why in self.passed_over]
            lines.append(f"passed over: {some(listed)}")
        return lines

    def _trained_on(self, name: str) -> bool:
        """Whether a class has pictures for training, or in data that is not divided yet."""
        splits = self.counts[name]
        return splits.get("train", splits.get("all", 0)) > 0

    def to_dict(self) -> dict:
        """Return all findings, ready for JSON."""
        fields = asdict(self)
        fields |= {"imbalance": round(self.imbalance, 3)}
        return fields | {"errors": self.errors, "warnings": self.warnings}


def check_data(data: LabelledData, *, decode: bool, threads: int) -> Findings:
    """Return what is found in `data`, divided or not.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    unreadable, sizes = looked_over(data, decode=decode, threads=threads)
    return Findings(
        data.where,
        counts_of(data),
        unreadable=unreadable,
        passed_over=data.passed_over,
        sizes=extremes(sizes),
        **equal(data, lambda examples, index: int(examples.labels[index])),
    )


def counts_of(data: LabelledData | TextData) -> dict[str, dict[str, int]]:
    """Return the number of examples by class and split."""
    return {
        name: {split: int((ex.labels == label).sum()) for split, ex in data.splits.items()}
        for label, name in enumerate(data.classes)
    }
