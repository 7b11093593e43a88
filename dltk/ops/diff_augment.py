"""Pictures varied such that gradients pass: what lets a discriminator learn from few pictures.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
https://arxiv.org/abs/2006.10738, Sec. 4: real and made pictures are varied alike wherever the
discriminator sees them, also while the generator learns. Pictures are float32 (B, H, W, C), 0-255.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import tensorflow as tf

POLICIES = ("colour", "translation", "cutout")
_SHIFT = 0.125  # of the side, either way
_HOLE = 0.5  # of the side
_MIDDLE = 127.5


def varied(pictures: tf.Tensor, policies: Collection[str], seed: tf.Tensor) -> tf.Tensor:
    """Return pictures varied by chance, each by itself.

    Args:
        pictures: float32 (B, H, W, C).
        policies: some of POLICIES; they are applied in that order.
        seed: int32 (2,): the same varies alike.
    """
    unknown = set(policies) - set(POLICIES)
    if unknown:
        raise ValueError(f"policies are some of {POLICIES}. Received: {sorted(unknown)}")
    ways = {"colour": _colour, "translation": _translation, "cutout": _cutout}
    for number, name in enumerate(POLICIES):
        if name in policies:
            seeds = tf.random.experimental.stateless_split(
                tf.random.experimental.stateless_fold_in(seed, number), 3
            )
            pictures = ways[name](pictures, tf.unstack(seeds))
    return pictures


def _chance(count, seed: tf.Tensor, least: float, most: float) -> tf.Tensor:
    shape = (count, 1, 1, 1)
    return tf.random.stateless_uniform(shape, seed, least, most)


def _colour(pictures: tf.Tensor, seeds: Sequence[tf.Tensor]) -> tf.Tensor:
    """Vary brightness by half of the range, saturation from 0 to 2, contrast from 0.5 to 1.5."""
    count = tf.shape(pictures)[0]
    pictures += _chance(count, seeds[0], -0.5, 0.5) * 2 * _MIDDLE
    grey = tf.reduce_mean(pictures, axis=3, keepdims=True)
    pictures = grey + (pictures - grey) * _chance(count, seeds[1], 0.0, 2.0)
    mean = tf.reduce_mean(pictures, axis=(1, 2, 3), keepdims=True)
    return mean + (pictures - mean) * _chance(count, seeds[2], 0.5, 1.5)


def _translation(pictures: tf.Tensor, seeds: Sequence[tf.Tensor]) -> tf.Tensor:
    """Move by up to an eighth of the side, down and right; what comes in is middle grey."""
    count = tf.shape(pictures)[0]
    for axis, seed in ((1, seeds[0]), (2, seeds[1])):
        side = tf.shape(pictures)[axis]
        most = tf.cast(tf.round(tf.cast(side, tf.float32) * _SHIFT), tf.int32)
        shift = tf.random.stateless_uniform((count, 1), seed, -most, most + 1, dtype=tf.int32)
        source = tf.range(side)[None] - shift
        inside = tf.cast((source >= 0) & (source < side), pictures.dtype)
        moved = tf.gather(pictures, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        inside = inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
        pictures = moved * inside + _MIDDLE * (1 - inside)
    return pictures


def _cutout(pictures: tf.Tensor, seeds: Sequence[tf.Tensor]) -> tf.Tensor:
    """Cover a square of half the side, which may reach over the edge, with middle grey."""
    count = tf.shape(pictures)[0]
    covered = tf.ones((), pictures.dtype)
    for axis, seed in ((1, seeds[0]), (2, seeds[1])):
        side = tf.shape(pictures)[axis]
        hole = tf.cast(tf.round(tf.cast(side, tf.float32) * _HOLE), tf.int32)
        middle = tf.random.stateless_uniform((count, 1), seed, 0, side + 1, dtype=tf.int32)
        first = middle - hole // 2
        place = tf.range(side)[None]
        within = tf.cast((place >= first) & (place < first + hole), pictures.dtype)
        covered *= within[:, :, None, None] if axis == 1 else within[:, None, :, None]
    return pictures * (1 - covered) + _MIDDLE * covered
