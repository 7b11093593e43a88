"""How a text becomes the numbers that a network of texts takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import PADDING, UNKNOWN, Vocabulary


class Read(NamedTuple):
    """A text as a network reads it.

    Attributes:
        numbers: of the tokens that are looked at, int32 (t,), t at least 1: those that are not
            known are UNKNOWN, and so is the one of a text without tokens.
        tokens: how many there are; 0 in a text without any.
        unknown: how many of them the network does not know.
        cut: whether there are more, which are not looked at.
    """

    numbers: np.ndarray
    tokens: int
    unknown: int
    cut: bool


@dataclass(frozen=True)
class Encoder:
    """Turns texts into numbers.

    Attributes:
        tokenizer: takes them apart.
        vocabulary: the tokens that have a number of their own.
        length: tokens of a text that are looked at, its first ones.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    length: int

    def __call__(self, text: str) -> Read:
        """Return a text as a network reads it: its first `length` tokens."""
        found = self.tokenizer(text)
        numbers = self.vocabulary.encode(found[: self.length])
        return Read(
            np.array(numbers or [UNKNOWN], np.int32),
            len(numbers),
            numbers.count(UNKNOWN),
            len(found) > len(numbers),
        )

    def to_dict(self) -> dict:
        """Return what a model file keeps of it beside the words, ready for JSON."""
        return self.tokenizer.to_dict() | {"length": self.length}


def padded(numbers: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Return texts of at most `length` tokens as int32 (B, length), PADDING behind their ends."""
    rows = np.full((len(numbers), length), PADDING, np.int32)
    for row, of_text in zip(rows, numbers, strict=True):
        row[: len(of_text)] = of_text
    return rows
