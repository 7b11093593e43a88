"""Batches for a generator and its discriminator: real pictures, and noise to make others from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dltk.data.pipeline import MIX, SAMPLE, Stream, random_of
from dltk.opponents import CLASSES, NOISE, REAL, SEEDS


class OpposedBatches(Stream):
    """Batches of real pictures with noise.

    Noise comes with the data, and so depends on seed and step alone, whatever the replicas, and
    whether the training was stopped. A step gives, by name:

    - REAL: float32 (B, critics, H, W, C), for each of the discriminator's turns; those behind the
      first are drawn by chance from all.
    - NOISE: float32 (B, critics + 1, noise), even over -1 to 1 (Radford et al. 2015, Sec. 4), for
      these turns and then for the generator's.
    - SEEDS: int32 (B, critics + 1, 2), of what varies the pictures of each turn; the same in all
      rows, so that every replica knows them.
    - CLASSES: int32 (B, critics), of the real pictures, if there are any.

    Args:
        load: from indices int64 (n,) and an epoch to float32 (n, H, W, C).
        count: N, of real pictures.
        noise: numbers for each picture.
        classes: of each real picture, int (N,); None without.
        critics: turns of the discriminator in a step.
        batch_size, seed, names: see `Stream`.
    """

    def __init__(
        self,
        load: Callable[[np.ndarray, int], np.ndarray],
        count: int,
        *,
        noise: int,
        batch_size: int,
        classes: Sequence[int] | None = None,
        critics: int = 1,
        seed: int = 0,
        names: Sequence[str] = (),
    ):
        super().__init__(count, batch_size=batch_size, seed=seed, names=names)
        self._load, self._noise, self._critics = load, noise, critics
        self._classes = None if classes is None else np.asarray(classes, np.int32)

    def share(self, step: int, replica: int, replicas: int) -> dict[str, np.ndarray]:
        """Return what one replica sees of a step."""
        size, epoch = self.batch_size // replicas, step // self.steps_per_epoch
        mine = slice(replica * size, (replica + 1) * size)
        random = random_of(self._seed, SAMPLE, step)  # drawn for the whole batch
        others = random.integers(self._count, size=(self.batch_size, self._critics - 1))
        chosen = np.concatenate([self.indices(step)[:, None], others], axis=1)[mine]
        turns = self.batch_size, self._critics + 1
        noise = random.uniform(-1, 1, (*turns, self._noise)).astype(np.float32)
        seeds = random_of(self._seed, MIX, step).integers(2**31, size=(turns[1], 2), dtype=np.int32)
        pictures = self._load(chosen.ravel(), epoch)
        batch = {
            REAL: pictures.reshape(*chosen.shape, *pictures.shape[1:]),
            NOISE: noise[mine],
            SEEDS: np.repeat(seeds[None], size, axis=0),
        }
        return batch if self._classes is None else batch | {CLASSES: self._classes[chosen]}
