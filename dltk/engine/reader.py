"""Let a generator of texts read: how well it foretells a text, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from dltk.metrics.language import LanguageReport
from dltk.models.text_generator.learning import nats
from dltk.models.text_generator.network import Parts
from dltk.text.vocabulary import PADDING, UNKNOWN

_LANES = 128  # places that are read at once, at most
_SCORES = 1 << 25  # scores of a step, about, at most: of many words, fewer places are read at once
_LEAD = 500  # tokens that are read in front of a place without being counted
_WINDOW = 100  # tokens of a step


class Reader:
    """Measures a generator of texts, with one compiled graph for all its texts.

    A text is read with the state carried on from its beginning to its end. To be fast, a long one
    is read in up to 128 places at once. Before each place the 500 tokens in front of it are read,
    which are not counted there: the state of a recurrent network depends hardly at all on what lies
    further back (Khandelwal et al. 2018, "Sharp Nearby, Fuzzy Far Away", Sec. 3: about 200 words).
    Every token but the first is counted once.

    Args:
        network: see `dltk.models.text_generator.network.new_text_generator`.
    """

    def __init__(self, network: keras.Model):
        self._parts = Parts.of(network)
        self._lanes = max(1, min(_LANES, _SCORES // (_WINDOW * self._parts.vocabulary)))
        self._step = tf.function(self._read, reduce_retracing=True, autograph=False)

    def measure(
        self, numbers: np.ndarray, unit: str, *, ahead: Sequence[int] = ()
    ) -> LanguageReport:
        """Return how well a text is foretold.

        Args:
            numbers: int32 (N,), of its tokens; two at least, or one with something ahead. They may
                be on disk, and are read where they are looked at.
            unit: what a token is.
            ahead: int32 (M,), of tokens in front of it, which are read, and not counted.
        """
        ahead = np.asarray(ahead[-_LEAD:], np.int32)
        first = max(1, len(ahead))  # the very first token can only be read
        count = len(ahead) + len(numbers) - first
        total, unknown = self._totals(ahead, numbers, first)
        return LanguageReport(unit, count, total / count, unknown / count)

    def _totals(self, ahead: np.ndarray, numbers: np.ndarray, first: int) -> tuple[float, int]:
        """Return the sum of the cross-entropies of the tokens from `first` on, and how many of
        these are not known."""
        length = len(ahead) + len(numbers)
        count = length - first
        lanes = max(1, min(self._lanes, count // _LEAD))
        lane = -(-count // lanes)  # tokens that are counted in each
        # So long that the beginning of the text is where a window begins.
        lead = _LEAD + (first - 1) % _WINDOW if lanes > 1 else first - 1
        begins = first - 1 - lead + lane * np.arange(lanes)
        states, total, unknown = self._parts.begin(lanes), 0.0, 0
        for at in range(0, lead + lane, _WINDOW):
            places = begins[:, None] + at + np.arange(_WINDOW + 1)
            there = (places >= 0) & (places < length)
            tokens = _tokens_at(places, ahead, numbers)
            step = at + np.arange(_WINDOW)
            counted = (lead <= step) & (step < lead + lane) & there[:, 1:]
            goes_on = places[:, 0] > 0
            some, states = self._step(
                tf.constant(tokens, tf.int32),
                tf.constant(counted, tf.float32),
                tf.constant(goes_on, tf.float32),
                states,
            )
            total += float(some)
            unknown += int((counted & (tokens[:, 1:] == UNKNOWN)).sum())
        return total, unknown

    def _read(self, tokens, counted, goes_on, states):
        """Read a window in each place; return the sum of what is counted, and the states."""
        before = [state * goes_on[:, None] for state in states]
        scores, states = self._parts.read(tokens[:, :-1], before)
        return tf.reduce_sum(nats(scores, tokens[:, 1:]) * counted), states


def _tokens_at(places: np.ndarray, ahead: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return what stands at places of `ahead` with `numbers` behind it, PADDING beyond these."""
    tokens = np.full(places.shape, PADDING, np.int32)
    for part, begin in ((ahead, 0), (numbers, len(ahead))):
        inside = (places >= begin) & (places < begin + len(part))
        tokens[inside] = part[places[inside] - begin]
    return tokens
