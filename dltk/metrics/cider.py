"""CIDEr-D: how close a caption is to what its references agree on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltk.metrics.ngrams import ORDERS, NGrams, count_ngrams

_SIGMA = 6.0  # words that a caption may be longer or shorter, more or less
_SCALE = 10.0


def cider_d(
    found: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> np.ndarray:
    """Return CIDEr-D of each caption, float64 (N,), 0-10.

    As in Vedantam, Zitnick & Parikh 2015, "CIDEr: Consensus-based Image Description Evaluation",
    https://arxiv.org/abs/1411.5726: the mean, over n-grams of 1 to 4 words and over references,
    of the cosine between the caption and a reference as vectors of n-grams. An n-gram weighs the
    more the fewer pictures have it in their references; what a caption has more often than the
    reference does not count; and a difference of d words in length costs the factor
    exp(-d² / 72). All that times 10.

    As in coco-caption, an n-gram's part of a vector is how often it occurs, not its share of the
    n-grams, and one that is in no reference weighs as much as one that a single picture has.

    Weights are of the references given here, so a value depends on the other pictures that are
    measured with it. An n-gram that all pictures have weighs nothing; a single picture has all
    that there are, and so its value is 0. A caption of less than 4 words cannot reach 10, but
    only 2.5 for each of its words.

    Args:
        found: the words of each caption.
        references: the words of each reference of each caption, in the same order. A caption
            that has none is at 0.
    """
    numbers = np.array([len(others) for others in references], np.int64)
    pictures = np.repeat(np.arange(len(found)), numbers)
    lengths = np.array([len(words) for words in found], np.int64)
    wanted = np.array([len(words) for others in references for words in others], np.int64)
    alike = np.zeros(len(wanted))
    for ngrams in count_ngrams(found, references):
        alike += _cosines(ngrams, pictures, len(found))
    alike *= np.exp(-((lengths[pictures] - wanted) ** 2) / (2 * _SIGMA**2))
    sums = np.bincount(pictures, alike, minlength=len(found))
    return _SCALE * sums / (len(ORDERS) * np.maximum(numbers, 1))


def _cosines(ngrams: NGrams, pictures: np.ndarray, count: int) -> np.ndarray:
    """Return the cosine of each reference with its caption, float64 (R,); 0 if one is nothing.

    Args:
        pictures: int64 (R,), the picture of each reference.
        count: N.
    """
    values = ngrams.counts * _weights(ngrams, count)[ngrams.ngrams]
    norms = np.sqrt(np.bincount(ngrams.texts, values**2, minlength=count + len(pictures)))
    shared = ngrams.partners >= 0
    theirs = values[ngrams.captions :][shared]
    clipped = np.minimum(values[ngrams.partners[shared]], theirs)
    texts = ngrams.texts[ngrams.captions :][shared] - count
    inner = np.bincount(texts, clipped * theirs, minlength=len(pictures))
    scales = norms[count:] * norms[pictures]
    return np.divide(inner, scales, out=np.zeros(len(pictures)), where=inner > 0)


def _weights(ngrams: NGrams, count: int) -> np.ndarray:
    """Return the weight of each n-gram, float64, 0 if all of `count` pictures have it."""
    kinds = int(ngrams.ngrams.max(initial=0)) + 1
    rows = ngrams.pictures[ngrams.captions :] * kinds + ngrams.ngrams[ngrams.captions :]
    having = np.bincount(np.unique(rows) % kinds, minlength=kinds)
    return np.log(max(1, count) / np.maximum(having, 1))
