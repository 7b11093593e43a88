"""ROUGE-L: how much of a caption is in its references in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_BETA = 1.2  # how many times as much as precision recall counts; coco-caption's


def rouge_l(
    found: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> np.ndarray:
    """Return ROUGE-L of each caption, float64 (N,), 0-1.

    As in Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", Sec. 3.1: the
    F-measure of the longest common subsequence, words that both texts have in the same order, if
    not side by side. Precision is its share of the caption, and recall its share of the reference.
    As in coco-caption, beta is 1.2, and precision and recall are each the highest of all
    references, so the two may be of different ones; Lin takes the highest F-measure.

    What has no words has nothing in common: a caption without words, or without references, is
    at 0. coco-caption takes it for one empty word, which another caption without words would have
    too.

    Args:
        found: the words of each caption.
        references: the words of each reference of each caption, in the same order, at least one
            word each.
    """
    scores = (_score(words, others) for words, others in zip(found, references, strict=True))
    return np.fromiter(scores, np.float64, len(found))


def _score(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    if not words or not references:
        return 0.0
    places = _places(words)
    common = [_longest_common(places, len(words), reference) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(words)
    recall = max(part / len(whole) for part, whole in zip(common, references, strict=True))
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def _places(words: Sequence[str]) -> dict[str, int]:
    """Return where each word is, as an int with these bits set."""
    places: dict[str, int] = {}
    for index, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << index
    return places


def _longest_common(places: Mapping[str, int], length: int, words: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of a text and of another one.

    By dynamic programming with one bit for each word of the first text, a whole row of the table
    in each step: Hyyrö 2004, "Bit-Parallel LCS-length Computation Revisited". A bit is cleared
    where the length grows by 1 along the row. Thousands of words so take milliseconds.

    Args:
        places: where the first text has each word, from `_places`.
        length: of the first text.
        words: the other text.
    """
    every = (1 << length) - 1
    row = every
    for word in words:
        if hits := row & places.get(word, 0):
            row = ((row + hits) | (row - hits)) & every
    return length - row.bit_count()
