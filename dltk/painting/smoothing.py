"""Gradients in which details of every size have a say: Laplacian normalisation."""

from __future__ import annotations

import tensorflow as tf

LEVELS = 4
_LEAST_SIDE = 4  # pixels of the coarsest level
_LEAST = 1e-10


def split(image, levels: int = LEVELS) -> list:
    """Return the Laplacian pyramid of `image`, from fine to coarse.

    Burt & Adelson 1983. Each level is what the next coarser one, enlarged, does not show.

    Args:
        image: float32 (1, H, W, C).
        levels: at most; there are fewer for small pictures.
    """
    bands = []
    for _ in range(levels - 1):
        height, width = image.shape[1:3]
        if min(height, width) < 2 * _LEAST_SIDE:
            break
        coarse = tf.image.resize(image, (-(-height // 2), -(-width // 2)), "area")
        bands.append(image - tf.image.resize(coarse, (height, width)))
        image = coarse
    return [*bands, image]


def merge(bands: list):
    """Return the image that `split` gave these levels of: its inverse."""
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = tf.image.resize(image, band.shape[1:3]) + band
    return image


def laplacian_normalised(gradient, levels: int = LEVELS):
    """Return `gradient` with every level of its pyramid divided by its root mean square.

    As in TensorFlow's deepdream notebook: gradients are mostly fine grain, and this lets larger
    forms grow as fast. What would only make the whole picture lighter, darker or tinted is left
    out of the coarsest level.

    Args:
        gradient: float32 (1, H, W, C) of any scale; zeros stay zeros.
    """
    size = tf.reduce_mean(tf.abs(gradient))
    bands = split(tf.math.divide_no_nan(gradient, size), levels)
    bands[-1] -= tf.reduce_mean(bands[-1], axis=(1, 2), keepdims=True)
    return merge([b / (tf.sqrt(tf.reduce_mean(tf.square(b))) + _LEAST) for b in bands])
