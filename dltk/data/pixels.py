"""Examples as pixels of a network's geometry, kept in memory where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from dltk.data.examples import Examples
from dltk.data.pipeline import AUGMENT, random_of
from dltk.geometry import Geometry

_KEPT_BYTES = 1 << 30


@cache
def decoding_threads(threads: int) -> ThreadPoolExecutor:
    """Return the threads that decode; all who decode share them."""
    return ThreadPoolExecutor(threads)


class Pixels:
    """Loads examples by index: float32 (n, H, W, C), 0-255, augmented or as they are.

    What is not augmented is decoded once and kept as uint8, which loses nothing, if all of it
    fits into one GiB.

    Args:
        augment: from a picture, the geometry and a random generator to float32 (H, W, C); None
            to leave pictures as they are.
        at_least: pixels that the shorter side of a decoded picture keeps, see
            `dltk.data.augment.at_least`. Defaults to what the geometry needs unaugmented.
        seed: the augmentation of an example depends on it, the epoch and the example's index.
        threads: that decode.
    """

    def __init__(
        self,
        examples: Examples,
        geometry: Geometry,
        *,
        augment: Callable | None = None,
        at_least: int | None = None,
        seed: int = 0,
        threads: int = 1,
    ):
        self._examples, self._geometry = examples, geometry
        self._augment, self._seed = augment, seed
        self._at_least = at_least or geometry.at_least
        self._pool = decoding_threads(threads)
        self.shape = geometry.height, geometry.width, geometry.channels
        self._kept = self._known = None
        if augment is None and len(examples) * np.prod(self.shape) <= _KEPT_BYTES:
            self._kept = np.empty((len(examples), *self.shape), np.uint8)
            self._known = np.zeros(len(examples), bool)

    def __len__(self) -> int:
        return len(self._examples)

    def __call__(self, indices: np.ndarray, epoch: int = 0) -> np.ndarray:
        """Return the pixels of the examples at `indices`. Raises InputError."""
        kept = self._kept
        if kept is None:
            return np.stack(list(self._pool.map(lambda i: self._load(i, epoch), indices)))
        missing = [int(i) for i in np.unique(indices) if not self._known[i]]
        for index, pixels in zip(
            missing, self._pool.map(lambda i: self._load(i, epoch), missing), strict=True
        ):
            kept[index], self._known[index] = pixels, True
        return kept[indices].astype(np.float32)

    def forget(self) -> None:
        """Give back the memory of the pictures kept; from now on each is decoded when asked for."""
        self._kept = None

    def _load(self, index: int, epoch: int) -> np.ndarray:
        picture = self._examples.decode(int(index), at_least=self._at_least)
        if self._augment is None:
            return self._geometry.apply(picture)
        random = random_of(self._seed, AUGMENT, epoch, int(index))
        return self._augment(picture, self._geometry, random)
