"""Words that stand side by side far more often than by chance, joined: "new york" to "new_york"."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltk.text.spool import TokenFile
from dltk.text.vocabulary import END, FIRST

_AT_ONCE = 1 << 22  # tokens
_MOST_PAIRS = 1 << 24  # that are counted at a time: a quarter of a gibibyte


def find_pairs(tokens: np.ndarray, words: int, *, threshold: float, discount: float) -> np.ndarray:
    """Return the pairs of words that are phrases, int64 (P, 2), rows of words.

    Mikolov et al. 2013, https://arxiv.org/abs/1310.4546, Sec. 4, eq. 6, times the number of words
    of the text as in their code: a pair scores (n(ab) - discount) / (n(a) n(b)) times that, and is
    one phrase where this is above `threshold`.

    Of very many different pairs the rare ones are forgotten on the way, as in their code.

    Args:
        tokens: int32 (T,), numbers of `dltk.text.vocabulary`; may be on disk. Pairs do not reach
            over those that stand for no word.
        words: how many there are.
    """
    counts, length = count_words(tokens, words)
    keys, found = _count_pairs(tokens, words)
    first, second = np.divmod(keys, words)
    scores = (found - discount) * length / (counts[first].astype(np.float64) * counts[second])
    chosen = scores > threshold
    return np.stack([first[chosen], second[chosen]], axis=1)


def join_pairs(tokens: np.ndarray, words: int, pairs: np.ndarray) -> TokenFile:
    """Return tokens in which phrases are one token each, from left to right.

    Args:
        tokens, words: see `find_pairs`.
        pairs: int64 (P, 2), in the order that `find_pairs` gives. Phrase p has the number
            FIRST + words + p.
    """
    joined, at = TokenFile(), 0
    keys = pairs[:, 0] * words + pairs[:, 1]
    while at < len(tokens):
        part = np.asarray(tokens[at : at + _AT_ONCE + 1])
        phrases = _phrases_in(part, words, keys)
        out = np.where(phrases >= 0, FIRST + words + phrases, part[: len(phrases)])
        taken = np.zeros(len(part) + 1, bool)  # into the phrase that begins in front of it
        taken[1:][np.flatnonzero(phrases >= 0)] = True
        joined.append(out[~taken[: len(out)]])
        at += len(out) + int(taken[len(out)])
    return joined


def count_words(tokens: np.ndarray, words: int) -> tuple[np.ndarray, int]:
    """Return how often each word occurs, int64 (words,), and how many tokens are no END."""
    counts = np.zeros(FIRST + words, np.int64)
    for at in range(0, len(tokens), _AT_ONCE):
        counts += np.bincount(tokens[at : at + _AT_ONCE], minlength=len(counts))
    return counts[FIRST:], int(counts.sum() - counts[END])


def _phrases_in(part: np.ndarray, words: int, keys: np.ndarray) -> np.ndarray:
    """Return which phrase begins at each token but the last, int64, -1 for none.

    The last one is looked at only as the second of a pair, unless it is the only one.
    """
    if len(part) <= _AT_ONCE:  # the end of the text
        part = np.append(part, END)
    found = np.full(len(part) - 1, -1)
    if not len(keys):
        return found
    both, asked = _pair_keys(part, words)
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    hit = keys[place] == asked
    begins = np.flatnonzero(both)[hit]
    # Of pairs that overlap, every second one counted from the first of them.
    run = np.cumsum(np.diff(begins, prepend=-2) > 1) - 1
    edges = np.flatnonzero(np.diff(begins, prepend=-2) > 1)
    alone = (np.arange(len(begins)) - edges[run]) % 2 == 0
    found[begins[alone]] = place[hit][alone]
    return found


def _count_pairs(tokens: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that occur, as numbers in order, and how often each does, int64 both."""
    keys, counts, least = np.zeros(0, np.int64), np.zeros(0, np.int64), 1
    for part in _parts(tokens):
        _, asked = _pair_keys(part, words)
        new, often = np.unique(asked, return_counts=True)
        merged, places = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, often])).astype(np.int64)
        keys = merged
        while len(keys) > _MOST_PAIRS:
            keep = counts > least
            keys, counts, least = keys[keep], counts[keep], least + 1
    return keys, counts


def _parts(tokens: np.ndarray) -> Iterator[np.ndarray]:
    """Yield tokens in parts of which each has the first one of the next at its end."""
    for at in range(0, len(tokens), _AT_ONCE):
        yield np.asarray(tokens[at : at + _AT_ONCE + 1])


def _pair_keys(part: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at which tokens two words begin that are side by side, and their numbers as one."""
    known = part >= FIRST
    both = known[:-1] & known[1:]
    rows = part.astype(np.int64) - FIRST
    return both, rows[:-1][both] * words + rows[1:][both]
