"""Runs of words, n-grams: how often captions and their references have each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

ORDERS = (1, 2, 3, 4)  # words in an n-gram


@dataclass(frozen=True, eq=False)
class NGrams:
    """Which n-grams of one order N captions and their R references have, and how often.

    There are M rows, one for each n-gram of each text: first C rows of captions, then those of
    references, in the order of the texts.

    Attributes:
        texts: int64 (M,), the text of a row: 0 … N - 1 for captions, N … N + R - 1 for references.
        pictures: int64 (M,), the picture that the text is of, 0 … N - 1.
        ngrams: int64 (M,), the n-gram of a row, by its number.
        counts: int64 (M,), how often the text has it, at least once.
        captions: C.
        partners: int64 (M - C,), for each row of a reference, that of the caption of its picture
            with the same n-gram; -1 if the caption has it not.
    """

    texts: np.ndarray
    pictures: np.ndarray
    ngrams: np.ndarray
    counts: np.ndarray
    captions: int
    partners: np.ndarray


def count_ngrams(
    found: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> Iterator[NGrams]:
    """Count the n-grams of 1, 2, 3 and 4 words. A text of fewer words has none.

    Args:
        found: the words of each caption.
        references: the words of each reference of each caption, in the same order.
    """
    texts = [*found, *(words for others in references for words in others)]
    numbers = np.array([len(others) for others in references], np.int64)
    each = np.arange(len(found))
    pictures = np.concatenate([each, np.repeat(each, numbers)])
    for rows in _count(texts):
        yield _paired(*rows, pictures, len(found))


def _count(texts: Sequence[Sequence[str]]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield texts, n-grams and counts of the rows of each order, by text and then by n-gram."""
    lengths = np.array([len(words) for words in texts], np.int64)
    ids: dict[str, int] = {}
    words = np.array([ids.setdefault(word, len(ids)) for each in texts for word in each], np.int64)
    texts_of = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))
    starts, numbers = np.arange(len(words)), words
    for order in ORDERS:
        if order > 1:  # an n-gram is the shorter one at its start and one word more
            fits = left[starts] >= order
            starts, shorter = starts[fits], numbers[fits]
            pairs = shorter * len(ids) + words[starts + order - 1]
            numbers = np.unique(pairs, return_inverse=True)[1]
        kinds = int(numbers.max(initial=0)) + 1
        rows, counts = np.unique(texts_of[starts] * kinds + numbers, return_counts=True)
        yield rows // kinds, rows % kinds, counts


def _paired(
    texts: np.ndarray, ngrams: np.ndarray, counts: np.ndarray, pictures: np.ndarray, captions: int
) -> NGrams:
    """Find the partners. `pictures` has that of each text, the first `captions` are captions."""
    split = int(np.searchsorted(texts, captions))
    kinds = int(ngrams.max(initial=0)) + 1
    keys = pictures[texts] * kinds + ngrams
    # Rows of captions are in the order of their keys, as each picture has one caption.
    known, wanted = keys[:split], keys[split:]
    places = np.searchsorted(known, wanted)
    same = np.append(known, -1)[places] == wanted
    return NGrams(texts, pictures[texts], ngrams, counts, split, np.where(same, places, -1))
