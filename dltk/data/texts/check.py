"""Look labelled texts over before training on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dltk.data.check import Findings, counts_of
from dltk.data.datasets import TextData
from dltk.data.look import alike, by_kind, equal, some
from dltk.text.tokens import tokens


@dataclass(frozen=True, kw_only=True)
class TextFindings(Findings):
    """What was found in a data set of texts, see `Findings`; `sizes` is empty.

    Attributes:
        repairs: (where, what) of texts that were left out in reading.
        lengths: words of the shortest, the median and the longest text, and "95 %", which so many
            have no more than; empty if they were not counted.
    """

    NOUN: ClassVar[str] = "text"

    repairs: tuple[tuple[str, str], ...] = ()
    lengths: dict[str, int] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines = [f"classes that differ in capitals only: {some(g)}" for g in alike(self.counts)]
        return lines + super().warnings + by_kind(self.repairs)


def check_texts(data: TextData, *, decode: bool, threads: int) -> TextFindings:
    """Return what is found in `data`, divided or not.

    Args:
        decode: count the words of every text.
        threads: is not looked at; it is so that this can be called as other checks are.
    """
    damaged = set(data.damaged)
    return TextFindings(
        where=data.where,
        counts=counts_of(data),
        unreadable=data.damaged,
        passed_over=tuple(each for each in data.passed_over if each not in damaged),
        repairs=data.repairs,
        lengths=_lengths(data) if decode else {},
        **equal(data, lambda examples, index: int(examples.labels[index])),
    )


def _lengths(data: TextData) -> dict[str, int]:
    counts = np.array(
        [
            len(tokens(part.text(index)))
            for part in data.splits.values()
            for index in range(len(part))
        ]
    )
    shares = {"shortest": 0, "median": 50, "95 %": 95, "longest": 100}
    found = np.percentile(counts, list(shares.values()), method="lower")
    return dict(zip(shares, map(int, found), strict=True))
