"""The words that a network knows, and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from dltk.errors import UsageError

PADDING, START, END, UNKNOWN = range(4)
"""Numbers that stand for no word: behind the end, before the first, after the last, not known."""
FIRST = 4  # number of the first word
TOKENS = "tokens"
"""What networks call the numbers of tokens that they take, int32 (B, T)."""
_UNKNOWN_WORD = "…"


@dataclass(frozen=True)
class Vocabulary:
    """Words in the order of their numbers, of which the first is FIRST.

    Attributes:
        words: each once.
    """

    words: tuple[str, ...]

    def __post_init__(self):
        if len(self._numbers) < len(self.words):
            raise UsageError("a vocabulary has every word once")

    @classmethod
    def of(
        cls, texts: Iterable[Sequence[str]], *, least: int = 1, most: int | None = None
    ) -> Vocabulary:
        """Return the words of texts, the most frequent first; equally frequent ones by alphabet.

        Args:
            texts: tokens of each.
            least: how often a word must occur.
            most: words, at most.
        """
        return cls.of_counts(Counter(chain.from_iterable(texts)), least=least, most=most)

    @classmethod
    def of_counts(
        cls, counts: Mapping[str, int], *, least: int = 1, most: int | None = None
    ) -> Vocabulary:
        """Return the vocabulary of texts in which words occur so often, see `of`."""
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(word for word in ordered if counts[word] >= least)[:most])

    def __len__(self) -> int:
        """Return how many numbers there are, those that stand for no word included."""
        return FIRST + len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    def encode(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word; UNKNOWN for those that are not known."""
        return [self._numbers.get(word, UNKNOWN) for word in words]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the words of some numbers up to END; "…" for one that is not known."""
        words = []
        for number in map(int, numbers):
            if number == END:
                break
            if number >= FIRST:
                words.append(self.words[number - FIRST])
            elif number == UNKNOWN:
                words.append(_UNKNOWN_WORD)
        return words

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, FIRST)}
