"""How a text becomes the numbers that a network of texts takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import PADDING, UNKNOWN, Vocabulary


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

    def __call__(self, text: str) -> np.ndarray:
        """Return the numbers of a text's tokens, int32 (t,), 1 to `length` of them.

        Those that are not known are UNKNOWN, and so is the one of a text without tokens.
        """
        found = self.tokenizer(text)[: self.length]
        return np.array(self.vocabulary.encode(found) or [UNKNOWN], np.int32)

    def to_dict(self) -> dict:
        """Return what a model file keeps of it beside the words, ready for JSON."""
        return self.tokenizer.to_dict() | {"length": self.length}


def padded(numbers: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Return texts of at most `length` tokens as int32 (B, length), PADDING behind their ends."""
    rows = np.full((len(numbers), length), PADDING, np.int32)
    for row, of_text in zip(rows, numbers, strict=True):
        row[: len(of_text)] = of_text
    return rows
