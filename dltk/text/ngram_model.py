"""A text foretold by counts of token sequences: what networks are to be better than."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltk.text.vocabulary import START

_DISCOUNT = 0.5  # where there are too few counts to find others


@dataclass(frozen=True)
class _Order:
    """What is counted of sequences of k tokens.

    Attributes:
        grams: int64 (M,), the sequences, ascending: the number of the first k - 1 tokens among the
            sequences of that length, times the size of the vocabulary, plus the last token.
        discounted: float64 (M,), the count of each, less its discount.
        totals: float64 (C,), what the counts behind each beginning add up to.
        shares: float64 (C,), how much of it is left to shorter sequences.
    """

    grams: np.ndarray
    discounted: np.ndarray
    totals: np.ndarray
    shares: np.ndarray

    def find(self, before: np.ndarray, tokens: np.ndarray, vocabulary: int) -> np.ndarray:
        """Return the number of each sequence, int64 (N,); -1 for one that never came.

        Args:
            before: int64 (N,), numbers of the first k - 1 tokens, or -1.
            tokens: int (N,), the last one of each.
        """
        wanted = before * vocabulary + tokens
        places = np.minimum(np.searchsorted(self.grams, wanted), len(self.grams) - 1)
        return np.where((before >= 0) & (self.grams[places] == wanted), places, -1)


class NgramModel:
    """An n-gram model by interpolated Kneser-Ney smoothing, in its modified form.

    Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling", Sec. 3
    and Eq. 20-27 of the technical report TR-10-98: the longest sequences are counted by how often
    they come, shorter ones by behind how many different tokens they come; counts of one, two, and
    three or more have discounts of their own. The shortest are mixed with all tokens alike, so that
    none is impossible.

    Args:
        numbers: int (N,), of the tokens of the text that is learnt from.
        order: n, tokens of the longest sequences.
        vocabulary: V, how many numbers of tokens there are.
    """

    def __init__(self, numbers: np.ndarray, order: int, vocabulary: int):
        self._vocabulary, self._order = vocabulary, order
        ahead = order - 1
        text = np.concatenate([np.full(ahead, START), numbers]).astype(np.int64)
        ids = [np.zeros(len(text) + 1, np.int64)]  # of the empty sequence, before each token too
        keys = []
        for _ in range(order):
            before = ids[-1][: len(text)]  # of the sequences in front of each token
            grams, own = np.unique(before * vocabulary + text, return_inverse=True)
            keys.append(grams)
            ids.append(np.concatenate([[0], own]))
        self._orders: list[_Order] = []
        for k in range(1, order + 1):
            own = ids[k][1 + ahead :]
            if k == order:
                counts = np.bincount(own, minlength=len(keys[k - 1]))
            else:  # behind how many different tokens: one for each longer sequence
                _, first = np.unique(ids[k + 1][1 + ahead :], return_index=True)
                counts = np.bincount(own[first], minlength=len(keys[k - 1]))
            contexts = len(keys[k - 2]) if k > 1 else 1
            self._orders.append(_counted(keys[k - 1], counts, contexts, vocabulary))

    def nats(self, numbers: np.ndarray, ahead: np.ndarray = ()) -> np.ndarray:
        """Return minus the logarithm of each token's probability, float64 (N,).

        Args:
            numbers: int (N,), of the tokens of a text.
            ahead: of the tokens in front of it.
        """
        lead = self._order - 1
        pad = np.full(lead, START)
        text = np.concatenate([pad, ahead, numbers]).astype(np.int64)
        chances = np.full(len(numbers), 1.0 / self._vocabulary)
        before = np.zeros(len(text), np.int64)
        for order in self._orders:
            own = order.find(before, text, self._vocabulary)
            seen, found = before[-len(numbers) :], own[-len(numbers) :]
            total = np.where(seen >= 0, order.totals[seen], 0.0)
            known = total > 0
            counts = np.where(found >= 0, order.discounted[found], 0.0)
            mixed = counts / np.where(known, total, 1.0) + order.shares[seen] * chances
            chances = np.where(known, mixed, chances)
            before = np.concatenate([[-1], own[:-1]])
        return -np.log(chances)


def _counted(grams: np.ndarray, counts: np.ndarray, contexts: int, vocabulary: int) -> _Order:
    """Return what is known of the sequences of one length.

    Args:
        grams: see `_Order`.
        counts: int (M,), of each.
        contexts: C, how many sequences there are that are shorter by one.
    """
    discounts = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
    before = grams // vocabulary
    totals = np.bincount(before, weights=counts, minlength=contexts)
    left = np.bincount(before, weights=discounts, minlength=contexts)
    shares = np.divide(left, totals, out=np.zeros(contexts), where=totals > 0)
    return _Order(grams, counts - discounts, totals, shares)


def _discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """Return what is taken off counts of 1, of 2, and of more: Chen & Goodman's Eq. 26."""
    one, two, three, four = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if not (one and two and three and four):
        return (_DISCOUNT,) * 3
    share = one / (one + 2 * two)
    found = 1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three
    return tuple(min(max(each, 0.01), at) for at, each in enumerate(found, 1))
