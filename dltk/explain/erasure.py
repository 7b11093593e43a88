"""Erasure: what a word is worth to a label, by what the network says of the text without it.

Li et al. 2016, "Understanding Neural Networks through Representation Erasure",
https://arxiv.org/abs/1612.08220.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise

import numpy as np

from dltk.text.vocabulary import UNKNOWN

MOST = 256
"""Texts that are looked at in place of one, at most."""
_AT_ONCE = 1024  # texts given to the network in one call
_LEAST = float(np.finfo(np.float32).tiny)


def log_odds(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the logarithm of a label's odds, of its probability over all others': float64 (N,).

    Args:
        probabilities: float (N, K), K at least 2.
        labels: int (N,).
    """
    own = np.arange(probabilities.shape[1]) == np.asarray(labels)[:, None]
    # The others' sum, not 1 less the label's own: that has no digits left where it is sure.
    sums = [
        np.where(which, probabilities, 0).sum(axis=1, dtype=np.float64) for which in (own, ~own)
    ]
    return np.log(np.maximum(sums[0], _LEAST)) - np.log(np.maximum(sums[1], _LEAST))


def worths(
    texts: Sequence[np.ndarray],
    labels: Sequence[int],
    whole: np.ndarray,
    probabilities: Callable[[list[np.ndarray]], np.ndarray],
) -> list[np.ndarray]:
    """Return what each token of a text is worth to the text's label, float64 (t,) for each text.

    That is by how much the label's log-odds fall when the token is left out; below 0 where they
    rise. They add up, and have no end as probabilities have: in a network that sums a weight for
    each word, between two classes, each word is worth its weight. The paper takes the relative
    change of the log-likelihood, which hardly moves near a probability of 1.

    Tokens are left out, and what is behind them moves up: a text that a person might have written.
    UNKNOWN in their place would be something that was met in training, and be worth nothing itself.
    Where nothing is left of a text, it is UNKNOWN.

    In a text of more than MOST tokens, so many runs of neighbouring ones are left out, and each
    token has its share of what its run is worth.

    Args:
        texts: numbers of the tokens of each, int32 (t,), t at least 1.
        labels: of each, as an index into the probabilities.
        whole: float32 (N, K), the probabilities for the texts as they are.
        probabilities: float32 (n, K) for any n texts.
    """
    before = log_odds(whole, labels)
    found = [np.empty(len(text)) for text in texts]
    erased = ((which, run) for which, text in enumerate(texts) for run in _runs(len(text)))
    while some := list(islice(erased, _AT_ONCE)):
        given = [_without(texts[which], run) for which, run in some]
        after = log_odds(probabilities(given), [labels[which] for which, _ in some])
        for (which, run), odds in zip(some, after, strict=True):
            found[which][run] = (before[which] - odds) / (run.stop - run.start)
    return found


def _runs(length: int) -> Iterator[slice]:
    """Yield runs of neighbouring places that together are all places."""
    ends = np.linspace(0, length, min(length, MOST) + 1).round().astype(int).tolist()
    yield from (slice(start, end) for start, end in pairwise(ends))


def _without(text: np.ndarray, run: slice) -> np.ndarray:
    left = np.delete(text, run)
    return left if len(left) else np.array([UNKNOWN], np.int32)
