"""BLEU: how many of the n-grams of captions are in their references."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dltk.metrics.ngrams import NGrams, count_ngrams


def bleu(
    found: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> tuple[float, ...]:
    """Return BLEU-1, BLEU-2, BLEU-3 and BLEU-4 of captions that are taken as one text, 0-1.

    As in Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation",
    Sec. 2: the geometric mean of the precisions of n-grams of 1 to n words, in which an n-gram is
    right at most as often as the reference that has it most often has it; times a penalty for
    being shorter than the references. The reference whose length counts is, as in coco-caption,
    that of the closest length, and the shorter of two that are as close.

    All captions' counts are summed before anything is divided, so this is no mean over captions.
    BLEU-n is 0 where no n-gram is right, also because each caption has fewer than n words.
    coco-caption adds 1e-15 to what is right, against logarithms of 0, and so gives small values
    above 0 there.

    Args:
        found: the words of each caption.
        references: the words of each reference of each caption, in the same order. A caption
            that has none is wrong, and not too short.
    """
    length = sum(map(len, found))
    wanted = sum(map(_closest_length, found, references))
    if not length:
        return 0.0, 0.0, 0.0, 0.0
    penalty = math.exp(min(0.0, 1 - wanted / length))
    precisions = [_precision(ngrams) for ngrams in count_ngrams(found, references)]
    return tuple(
        penalty * math.prod(precisions[:order]) ** (1 / order)
        for order in range(1, len(precisions) + 1)
    )


def _closest_length(words: Sequence[str], references: Sequence[Sequence[str]]) -> int:
    lengths = map(len, references)
    return min(lengths, key=lambda length: (abs(length - len(words)), length), default=0)


def _precision(ngrams: NGrams) -> float:
    """Return the share of the captions' n-grams that are right, 0 of none."""
    made = ngrams.counts[: ngrams.captions]
    most = np.zeros_like(made)
    shared = ngrams.partners >= 0
    np.maximum.at(most, ngrams.partners[shared], ngrams.counts[ngrams.captions :][shared])
    return float(np.minimum(made, most).sum() / max(1, made.sum()))
