"""Batches of pictures on a canvas with what is known of them, whatever that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltk.data.examples import Pictures
from dltk.data.pipeline import Stream
from dltk.data.pixels import decoding_threads


class CanvasBatches(Stream):
    """Batches whose examples are made one by one, and zeros for losses to be compared with.

    A step gives what subclasses make of each example, by name, stacked; and {name of a loss:
    float32 (B,)}.

    Args:
        examples: to learn from.
        losses: names of what the network gives.
        batch_size, seed: see `Stream`.
        threads: that decode.
    """

    def __init__(
        self,
        examples: Pictures,
        *,
        losses: Sequence[str],
        batch_size: int,
        seed: int = 0,
        threads: int = 1,
    ):
        super().__init__(len(examples), batch_size=batch_size, seed=seed, names=examples.names)
        self._losses, self._pool = tuple(losses), decoding_threads(threads)

    def share(self, step: int, replica: int, replicas: int) -> tuple[dict, dict]:
        """Return what one replica sees of a step: inputs and the zeros. Raises InputError."""
        size, epoch = self.batch_size // replicas, step // self.steps_per_epoch
        mine = self.indices(step)[replica * size : (replica + 1) * size]
        made = list(self._pool.map(lambda index: self._example(int(index), epoch), mine))
        inputs = {name: np.stack([each[name] for each in made]) for name in made[0]}
        return inputs, {name: np.zeros(size, np.float32) for name in self._losses}

    def _example(self, index: int, epoch: int) -> dict[str, np.ndarray]:
        """Return what is learnt from an example in an epoch, by name."""
        raise NotImplementedError
