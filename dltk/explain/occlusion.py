"""Occlusion: how much a class's probability falls when a part of the picture is hidden.

Zeiler & Fergus 2013, "Visualizing and Understanding Convolutional Networks", Sec. 4.2,
https://arxiv.org/abs/1311.2901.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from dltk.painting.transforms import GREY


def starts(side: int, patch: int, stride: int) -> list[int]:
    """Return where squares begin along a side: every `stride` pixels, and the last at its end."""
    last = max(0, side - patch)
    return [*range(0, last, stride), last]


def occlude(
    pixels: np.ndarray,
    probability: Callable[[np.ndarray], np.ndarray],
    *,
    patch: int,
    stride: int,
    batch_size: int,
) -> np.ndarray:
    """Return how much the probability falls where a grey square hides the place, float32 (H, W).

    Each place has the mean over all squares that hide it. Negative where hiding it helps.

    Args:
        pixels: float32 (H, W, C), 0-255.
        probability: from pictures (B, H, W, C) to the class's probabilities (B,). It is always
            given `batch_size` of them, the last ones perhaps repeated.
        patch, stride: of the square, in pixels; no place is left out where `stride` is at most
            `patch`.
    """
    height, width = pixels.shape[:2]
    places = list(product(starts(height, patch, stride), starts(width, patch, stride)))
    drops, counts = np.zeros((2, height, width), np.float64)
    whole = None
    for batch, own in _batches(pixels, [None, *places], patch, batch_size):
        for place, value in zip(own, probability(batch), strict=False):
            if place is None:
                whole = float(value)
                continue
            top, left = place
            hidden = np.s_[top : top + patch, left : left + patch]
            drops[hidden] += whole - float(value)
            counts[hidden] += 1
    return (drops / np.maximum(counts, 1)).astype(np.float32)


def _batches(pixels, places: list, patch: int, size: int) -> Iterator[tuple[np.ndarray, list]]:
    """Yield pictures with a square hidden, (size, H, W, C), and the squares' corners."""
    for at in range(0, len(places), size):
        own = places[at : at + size]
        batch = np.repeat(pixels[None], size, axis=0)
        for picture, place in zip(batch, own, strict=False):
            if place is not None:
                picture[place[0] : place[0] + patch, place[1] : place[1] + patch] = GREY
        yield batch, own
