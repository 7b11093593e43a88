"""Texts as the numbers that a network takes, counted and kept on disk."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import NamedTuple

import numpy as np

from dltk.data.examples import Texts
from dltk.text.encoder import Encoder, padded
from dltk.text.spool import Spool
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import PADDING, UNKNOWN


class Counted(NamedTuple):
    """The tokens of some texts.

    Attributes:
        tokens: how often each occurs.
        lengths: int64 (N,), how many each text has.
    """

    tokens: Counter[str]
    lengths: np.ndarray


def tokens_in(part: Texts, tokenizer: Tokenizer) -> Counted:
    """Return the tokens of some texts, read one by one."""
    counts: Counter[str] = Counter()
    lengths = array("q")
    for index in range(len(part)):
        found = tokenizer(part.text(index))
        counts.update(found)
        lengths.append(len(found))
    return Counted(counts, np.asarray(lengths, np.int64))


class EncodedTexts:
    """Texts as numbers of their tokens, on disk; loaded by index, padded.

    Args:
        part: the texts, which are read one by one.
        encoder: turns each into numbers.
    """

    def __init__(self, part: Texts, encoder: Encoder):
        self.length, self._spool = encoder.length, Spool()
        lengths = array("q")
        for index in range(len(part)):
            numbers = encoder(part.text(index)).numbers
            self._spool.append(numbers.tobytes())
            lengths.append(len(numbers))
        self._spool.flush()
        self.lengths = np.asarray(lengths, np.int64)  # of each, at most `length`

    def __len__(self) -> int:
        return len(self._spool)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return the numbers of a text, int32 (t,)."""
        return np.frombuffer(self._spool[index], np.int32)

    def __call__(self, indices: np.ndarray, length: int | None = None) -> np.ndarray:
        """Return texts as int32 (n, length), PADDING behind their ends.

        Args:
            length: of the longest of them or more; None for that of all texts.
        """
        return padded([self[int(index)] for index in indices], length or self.length)

    def seen_in(self, indices: np.ndarray, count: int, least: int) -> np.ndarray:
        """Return what each number is where only some of the texts are known, int32 (count,).

        That is itself, or UNKNOWN for those that occur less than `least` times in these texts, as
        far as these are looked at: `tokens_in` counts what is behind the first `length` tokens
        too.

        Args:
            count: how many numbers there are, see `dltk.text.vocabulary.Vocabulary`.
        """
        occur = np.zeros(count, np.int64)
        for index in indices:
            np.add.at(occur, self[int(index)], 1)
        numbers = np.arange(count, dtype=np.int32)
        return np.where((occur >= least) | (numbers == PADDING), numbers, np.int32(UNKNOWN))
