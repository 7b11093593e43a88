"""A network of texts at work: texts of all lengths, padded to few, shared out over replicas."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from dltk.engine.keras import Replicated
from dltk.modelfile import load_model
from dltk.strategy import Placement, apply_precision
from dltk.text.encoder import padded
from dltk.text.vocabulary import TOKENS

_SHORTEST = 8  # tokens that a text is padded to at least, and texts of the smallest step


class TextNetwork(Replicated):
    """A network that takes {"tokens": int32 (B, T)}, ready to run under a strategy.

    Texts are run with others of about their length, each padded to a power of two, or to `length`
    where that is less: one graph serves all, and little of what it works on is padding.

    Args:
        path: of the model file.
        length: tokens of a text that are looked at, at most.
        placement, precision, batch_size: see `dltk.engine.load_engine`.
    Raises:
        DltkError: it cannot be loaded.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        length: int,
        placement: Placement,
        precision: str,
        batch_size: int,
    ):
        with placement.strategy.scope():
            model = load_model(path)
            apply_precision(model, precision)
        super().__init__(model, placement.strategy, batch_size)
        self.running = f"Keras, {placement.reason}, {precision}"
        self._length = length

    def probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 (N, K) for N texts.

        Args:
            texts: numbers of the tokens of each, int32 (t,) of 1 to `length`.
        """
        found = np.empty((len(texts), *self.output_shape), np.float32)
        for length, places in self._alike(texts):
            for at in range(0, len(places), self.batch_size):
                some = places[at : at + self.batch_size]
                step = min(self.batch_size, _power(len(some)))
                rows = padded([texts[place] for place in some], length)
                found[some] = self({TOKENS: rows}, step)
        return found

    def _alike(self, texts: Sequence[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield what texts are padded to, and the places of those that are, shorter ones first."""
        lengths = np.array([min(self._length, _power(len(text))) for text in texts], np.int64)
        for length in np.unique(lengths):
            yield int(length), np.flatnonzero(lengths == length)


def _power(number: int) -> int:
    """Return the least power of two that is not less, from _SHORTEST on."""
    return max(_SHORTEST, 1 << (number - 1).bit_length())
