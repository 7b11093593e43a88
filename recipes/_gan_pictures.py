"""The pictures that a generator learns from: looked over once, then kept at its size."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dltk.data.examples import Pictures
from dltk.data.pipeline import AUGMENT, random_of
from dltk.data.pixels import Pixels
from dltk.geometry import Geometry
from dltk.strategy import cores
from recipes._looked_over import channels_of, look_over, tell_small

__all__ = ["Mirrored", "channels_of", "look_over", "tell_small"]


class Mirrored:
    """Loads pictures as `dltk.data.pixels.Pixels` does, half of them with left and right changed.

    Which, depends on seed, epoch and index alone.
    """

    def __init__(self, pictures: Pictures, geometry: Geometry, *, seed: int):
        self._pixels = Pixels(pictures, geometry, threads=cores())
        self._chosen = lru_cache(2)(
            lambda epoch: random_of(seed, AUGMENT, epoch).random(len(pictures)) < 0.5
        )

    def __call__(self, indices: np.ndarray, epoch: int = 0) -> np.ndarray:
        """Return float32 (n, H, W, C), 0-255."""
        loaded = self._pixels(indices)
        mirrored = self._chosen(epoch)[indices]
        loaded[mirrored] = loaded[mirrored, :, ::-1]
        return loaded
