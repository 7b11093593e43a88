"""Batches of running text that is read from its beginning to its end, in many places at once."""

from __future__ import annotations

import numpy as np

from dltk.data.pipeline import ORDER, Stream, random_of
from dltk.errors import UsageError


class Passages(Stream):
    """Batches for a network that reads on where it left off.

    The text is cut into as many lanes as there are texts in a batch, all of one length. A step
    reads the next window of each lane, so that the state of a network after one step is the state
    before the next: truncated back-propagation through time (Mikolov et al. 2010, "Recurrent neural
    network based language model"; Graves 2013). An epoch goes through all lanes
    once. What is left over is less than one step takes; how much of it is left out in front, and
    how much behind, is drawn anew for each epoch, and with it where windows begin.

    A step gives a pair, and zeros float32 (B,), which stand for what losses are compared with:

    - tokens: int32 (B, T + 1): T to read, each with the one behind it to be foretold.
    - whether each text goes on from the step before: float32 (B,), 0 or 1. An epoch begins anew.

    Args:
        numbers: int32 (N,), of tokens; may be on disk.
        length: T, tokens of a window.
        batch_size: B, lanes.
        seed: of where an epoch begins.
    """

    def __init__(self, numbers: np.ndarray, *, length: int, batch_size: int, seed: int = 0):
        super().__init__(windows_of(numbers, length), batch_size=batch_size, seed=seed)
        self._numbers, self._length = numbers, length
        self._lane = length * self.steps_per_epoch

    def share(self, step: int, replica: int, replicas: int):
        """Return what one replica sees of a step."""
        size = self.batch_size // replicas
        mine = self.indices(step)[replica * size : (replica + 1) * size]
        tokens = np.stack([self._numbers[at : at + self._length + 1] for at in mine])
        goes_on = np.full(size, step % self.steps_per_epoch > 0, np.float32)
        return (tokens.astype(np.int32), goes_on), np.zeros(size, np.float32)

    def indices(self, step: int) -> np.ndarray:
        """Return the number of the first token that each text of a step reads, int64 (B,)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        left = len(self._numbers) - 1 - self._lane * self.batch_size
        first = random_of(self._seed, ORDER, epoch).integers(left + 1)
        return first + np.arange(self.batch_size) * self._lane + place * self._length

    def describe(self, step: int, most: int = 4) -> str:
        """Return where the texts of a step begin, the first few of them."""
        places = [f"{at:,}" for at in self.indices(step)]
        more = f" and {len(places) - most} more" if len(places) > most else ""
        return f"tokens from {', '.join(places[:most])}{more}"


def windows_of(numbers: np.ndarray, length: int) -> int:
    """Return how many windows there are in a text. Raises UsageError if there is none."""
    windows = (len(numbers) - 1) // length
    if windows < 1:
        raise UsageError(
            f"--length {length}: there are {len(numbers):,} tokens to train on, and a window takes "
            f"{length + 1:,}; take more text, or shorter windows"
        )
    return windows
