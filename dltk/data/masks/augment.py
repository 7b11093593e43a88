"""Augmentation of pictures with label maps: a pixel's class goes where the pixel goes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dltk.canvas import Canvas
from dltk.data.views import STRENGTHS, at_least, view
from dltk.masks import IGNORE

__all__ = ["STRENGTHS", "at_least", "augment_mask"]


def augment_mask(
    picture: Image.Image,
    mask: np.ndarray,
    height: int,
    width: int,
    strength: str,
    random: np.random.Generator,
    *,
    flip: bool = True,
    size: tuple[int, int] | None = None,
) -> tuple[Canvas, np.ndarray]:
    """Return a random view of `picture` (RGB) on a canvas of (height, width), and its label map.

    The view is that of `dltk.data.views.view`. Its focus is a pixel at random of a class at
    random, of those in the picture: however rare a class is there, it is seen as often as others.

    The label map, uint8 (height, width), is that of `dltk.canvas.Canvas.placed_mask`: taken from
    the nearest pixel, never mixed, and ignored where nothing is drawn.

    Args:
        mask: uint8, as high and wide as the upright original.
        strength, random, flip, size: see `dltk.data.views.view`.
    Raises:
        UsageError: an unknown strength.
    """
    canvas = view(
        picture,
        lambda random: _focus(mask, random),
        height,
        width,
        strength,
        random,
        flip=flip,
        size=size,
    )
    return canvas, canvas.placed_mask(mask)


def _focus(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the box (4,) of a pixel of a class at random; (0,) where all are ignored."""
    counts = np.bincount(mask.ravel(), minlength=IGNORE + 1)[:IGNORE]
    labels = np.flatnonzero(counts)
    if not len(labels):
        return np.empty(0)
    label = labels[random.integers(len(labels))]
    place = np.flatnonzero(mask == label)[random.integers(counts[label])]
    top, left = divmod(int(place), mask.shape[1])
    return np.array([left, top, left + 1, top + 1], np.float64)
