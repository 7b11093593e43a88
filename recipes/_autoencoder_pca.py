"""Principal components of pictures: what an auto-encoder is measured against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dltk.data.pixels import Pixels
from dltk.models.autoencoder import CODES
from dltk.objects import PIXELS

_MOST_NUMBERS = 1 << 27  # of the pictures that components are sought in: half a GiB of float32


@dataclass(frozen=True, eq=False)
class Components:
    """The best linear codes (Pearson 1901), and the way back from them.

    Attributes:
        mean: float32 (D,), of pixels from 0 to 1.
        axes: float32 (K, D), orthonormal, those of the largest variance first.
        pictures: in how many they were sought.
    """

    mean: np.ndarray
    axes: np.ndarray
    pictures: int

    def first(self, count: int) -> Components:
        """Return the first so many of them; all if they are fewer."""
        return replace(self, axes=self.axes[:count])

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Return what an auto-encoder does: codes, and pixels made of these alone.

        As is usual, pixels are not cut to 0-255.

        Args:
            pixels: float32 (B, H, W, C), 0-255.
        Returns:
            {CODES: float32 (B, K), PIXELS: float32 (B, H, W, C)}.
        """
        codes = (as_rows(pixels) - self.mean) @ self.axes.T
        made = codes @ self.axes + self.mean
        return {CODES: codes, PIXELS: 255 * made.reshape(pixels.shape)}


def components_of(pixels: Pixels, count: int, *, seed: int) -> Components:
    """Return the first principal components of pictures: `count`, or as many as there can be.

    Of very many pictures, some from all over them are looked at.

    Args:
        seed: of the solver, which projects many large pictures by chance first (Halko et al. 2011).
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    numbers = int(np.prod(pixels.shape))
    most = min(len(pixels), max(count, _MOST_NUMBERS // numbers))
    chosen = np.linspace(0, len(pixels) - 1, most).round().astype(int)
    rows = as_rows(pixels(chosen))
    with threadpool_limits(1):  # its threads wait spinning, for very long on a busy machine
        found = PCA(min(count, *rows.shape), random_state=seed).fit(rows)
    return Components(
        found.mean_.astype(np.float32), found.components_.astype(np.float32), len(rows)
    )


def as_rows(pixels: np.ndarray) -> np.ndarray:
    """Return pixels (N, H, W, C), 0-255, as float32 (N, D), 0-1."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / 255
