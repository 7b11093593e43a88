"""Sizes of a picture from coarse to fine, and between them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.images import image_of, levels_of


def coarse_to_fine(side: int, *, smallest: int, factor: float) -> list[int]:
    """Return sides from at least `smallest` up to `side`, each `factor` times the last, rounded.

    Where `side` is no larger than `smallest` there is one: `side`.
    """
    sides = [float(side)]
    while round(sides[-1] / factor) >= smallest:
        sides.append(sides[-1] / factor)
    return [round(each) for each in reversed(sides)]


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return (width, height) with the aspect of `size` and `side` pixels on the longer side."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrink(picture: Image.Image, side: int) -> Image.Image:
    """Return `picture` with at most `side` pixels on the longer side."""
    if max(picture.size) <= side:
        return picture
    return picture.resize(fitted(picture.size, side), Image.Resampling.LANCZOS)


def to_pixels(picture: Image.Image):
    """Return an RGB picture as a tensor, float32 (1, H, W, 3), 0-255."""
    return tf.constant(np.asarray(picture, np.float32)[None])


def to_picture(pixels) -> Image.Image:
    """Return (1, H, W, 3) or (H, W, 3) as an RGB picture: clipped to 0-255 and rounded."""
    array = np.asarray(pixels, np.float32)
    array = array[0] if array.ndim == 4 else array
    return image_of(levels_of(array))


def resized(pixels, size: tuple[int, int]):
    """Return float32 (B, H, W, C) resized to `size` (width, height): bicubic, antialiased."""
    width, height = size
    if tuple(pixels.shape[1:3]) == (height, width):
        return pixels
    return tf.image.resize(pixels, (height, width), "bicubic", antialias=True)
