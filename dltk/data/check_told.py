"""What checks of pictures with captions, and of those with questions, have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from dltk.data.check import FEW
from dltk.data.datasets import CaptionData, QuestionData
from dltk.data.look import Place, Size, by_kind, equal, extremes, looked_over, needless, same, some
from dltk.errors import printable

IN_ALL = "in all"


@dataclass(frozen=True, kw_only=True)
class ToldFindings:
    """What was found in a data set of pictures of which something is told in words.

    Attributes:
        where: the data, as the user named it.
        unreadable: (name, why) of each that is damaged, or of which the file is gone.
        duplicates: groups of equal pictures in one split.
        leaks: groups of equal pictures in several splits.
        passed_over: (name, why) of files that are no examples.
        repairs: (where, what) of texts that were changed or left out.
        sizes: smallest, median and largest (width, height) of a picture, by area; empty if
            nothing was decoded.
    """

    where: str
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    repairs: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, Size] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        """What makes training or its measurement wrong, a line for each finding."""
        lines = [f"unreadable: {printable(name)}: {why}" for name, why in self.unreadable]
        return lines + [f"in several splits: {same(group)}" for group in self.leaks]

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines, pictures = [], self._pictures()
        if pictures < FEW:
            lines.append(f"pictures: {pictures}, of which little can be learnt")
        lines += self._doubts()
        if self.duplicates:
            lines.append(needless(self.duplicates))
        lines += by_kind(self.repairs)
        if self.passed_over:
            listed = [f"{name} ({why})" for name, why in self.passed_over]
            lines.append(f"passed over: {some(listed)}")
        return lines

    def to_dict(self) -> dict:
        """Return all findings, ready for JSON."""
        return asdict(self) | {"errors": self.errors, "warnings": self.warnings}

    def _pictures(self) -> int:
        """Return how many there are in all."""
        raise NotImplementedError

    def _doubts(self) -> Iterable[str]:
        """Return warnings about what is told, a line each."""
        raise NotImplementedError


def found_in(data: CaptionData | QuestionData, *, decode: bool, threads: int) -> dict:
    """Return what a `ToldFindings` of `data` is made of, by name; see `looked_over`."""
    unreadable, sizes = looked_over(data, decode=decode, threads=threads)
    groups = equal(data, lambda examples, index: None)  # texts about copies may well differ
    damaged = set(data.damaged)
    return {
        "where": data.where,
        "unreadable": (*data.damaged, *unreadable),
        "duplicates": groups["duplicates"],
        "leaks": groups["leaks"],
        "passed_over": tuple(each for each in data.passed_over if each not in damaged),
        "repairs": data.repairs,
        "sizes": extremes(sizes),
    }
