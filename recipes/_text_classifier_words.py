"""Which words a text classifier knows, and the vectors that some of them begin with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from dltk.data.datasets import TextData
from dltk.data.texts.encoded import Counted, EncodedTexts, tokens_in
from dltk.text.encoder import Encoder
from dltk.text.tokenizer import Tokenizer
from dltk.text.vectors import WordVectors, read_vectors
from dltk.text.vocabulary import Vocabulary
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._text_classifier_plan import TextClassifierPlan

_CENTILE = 95  # of the lengths of training texts: what --length auto looks at
_STEP = 8  # tokens, to which that is rounded up: batches are, too
_MOST = 2000  # tokens that it looks at, at most: whole books would fill memory


class ReadTexts:
    """The texts of a training as numbers, and the words that have one; all is worked out once.

    Args:
        asked: options of the training.
        plan: what follows from them.
        report: called with a line now and then.
    """

    def __init__(self, asked, plan: TextClassifierPlan, data: TextData, report: Report):
        self._asked, self._plan, self._data, self._report = asked, plan, data, report

    @cached_property
    def _counted(self) -> Counted:
        train = self._data.splits["train"]
        self._report(f"reading {amount(len(train), 'text')} to train on")
        return tokens_in(train, self._plan.tokenizer)

    @cached_property
    def _given(self) -> WordVectors | None:
        """The vectors to begin with, of words that may be known; None without any."""
        asked = self._asked
        if asked.vectors is None:
            return None
        return vectors_near(
            asked.vectors,
            self._counted.tokens,
            self._plan.tokenizer,
            asked.vocabulary,
            self._report,
        )

    @cached_property
    def encoder(self) -> Encoder:
        """Turns texts into what the network takes."""
        asked, (counts, lengths) = self._asked, self._counted
        words = words_known(counts, asked.min_count, asked.vocabulary, self._given)
        length = asked.length
        if length == "auto":
            longest = np.percentile(lengths, _CENTILE, method="higher")
            length = min(_MOST, max(1, -(-int(longest) // _STEP)) * _STEP)
        return Encoder(self._plan.tokenizer, words, length)

    @cached_property
    def vectors(self) -> np.ndarray | None:
        """The vectors to begin with, float32 (V, D), NaN where there is none; None without any."""
        return None if self._given is None else self._given.of(self.encoder.vocabulary)

    @cached_property
    def numbers(self) -> dict[str, EncodedTexts]:
        """The texts of each split."""
        splits = self._data.splits
        return {split: EncodedTexts(part, self.encoder) for split, part in splits.items()}

    def seen_in(self, indices: np.ndarray) -> np.ndarray:
        """Return what each number is to a network that is trained on some of the texts only.

        Words that are in no other are not known to it, unless they have a vector: int32 (V,).
        """
        count = len(self.encoder.vocabulary)
        numbers = self.numbers["train"].seen_in(indices, count, self._asked.min_count)
        if self.vectors is None:
            return numbers
        return np.where(np.isnan(self.vectors[:, 0]), numbers, np.arange(count, dtype=np.int32))

    def tell(self) -> None:
        """Report how much of the training texts is known and looked at."""
        counts, lengths = self._counted
        words, length = self.encoder.vocabulary.words, self.encoder.length
        share = sum(counts[word] for word in words) / max(1, counts.total())
        self._report(
            f"{amount(len(words), 'word')}, {share:.1%} of what is written; looked at are "
            f"{amount(length, 'token')} of a text"
        )
        if self.vectors is not None:
            given = int((~np.isnan(self.vectors[:, 0])).sum())
            size = self.vectors.shape[1]
            self._report(f"{amount(given, 'word')} begin with a vector of {amount(size, 'number')}")
        if cut := int((lengths > length).sum()):
            share = cut / len(lengths)
            self._report(
                f"note: longer texts, of which the rest is not read: {share:.1%}; see --length"
            )


def vectors_near(
    path: str | os.PathLike,
    words: Mapping[str, int],
    tokenizer: Tokenizer,
    most: int,
    report: Report = silent,
) -> WordVectors:
    """Return the vectors of some words, and behind them those of the file's first words.

    Where texts are put in lower case, a word of which the file has another spelling only has the
    vector of that: "London" for "london".

    Args:
        words: that are wanted, whatever stands for them.
        most: words of the file's own, at most: those that are in no training text may be in others.
        report: called with a line if words are there again.
    Raises:
        UsageError, DltkError: what `dltk.text.vectors.read_vectors` raises.
    """
    wanted = set(words)
    if tokenizer.lower:
        wanted |= {spelt for word in words for spelt in (word.capitalize(), word.upper())}
    first = read_vectors(path, most=most, report=report)
    named = read_vectors(path, only=wanted)
    found: dict[str, np.ndarray] = {}
    for of_file in (named, first):
        for word, vector in zip(of_file.words, of_file.vectors, strict=True):
            found.setdefault(word, vector)
    if tokenizer.lower:
        for word in list(found):
            found.setdefault(word.lower(), found[word])
    # What is no token by itself, such as a phrase, is never looked up.
    kept = {word: vector for word, vector in found.items() if tokenizer(word) == [word]}
    size = first.vectors.shape[1]
    return WordVectors(tuple(kept), np.array(list(kept.values()), np.float32).reshape(-1, size))


def words_known(
    counts: Mapping[str, int], least: int, most: int, vectors: WordVectors | None
) -> Vocabulary:
    """Return the words of training texts, and behind them, where there is room, the vectors' own.

    Args:
        counts: how often each word is in the training texts.
        least: how often one must be; less often will do for one with a vector.
        most: words, at most.
    """
    own = () if vectors is None else vectors.words
    frequent = Vocabulary.of_counts(
        {word: count for word, count in counts.items() if count >= least or word in (vectors or ())}
    )
    return Vocabulary(tuple(dict.fromkeys((*frequent.words, *own)))[:most])
