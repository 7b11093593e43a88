"""Pictures varied such that gradients pass: what lets a discriminator learn from few pictures.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
https://arxiv.org/abs/2006.10738, Sec. 4: real and made pictures are varied alike wherever the
discriminator sees them, also while the generator learns. Pictures are float32 (B, H, W, C), 0-255.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import tensorflow as tf

POLICIES = ("colour", "translation", "cutout")
_SHIFT = 0.125  # of the side, either way
_HOLE = 0.5  # of the side
_MIDDLE = 127.5


def varied(
    pictures: tf.Tensor,
    policies: Collection[str],
    seed: tf.Tensor,
    share: tuple[int, int] = (0, 1),
) -> tf.Tensor:
    """Return pictures varied by chance, each by itself.

    Args:
        pictures: float32 (B, H, W, C).
        policies: some of POLICIES; they are applied in that order.
        seed: int32 (2,): the same varies alike.
        share: which part of a batch they are, counted from 0, and of how many of the same size: so
            the whole is varied as if it had not been shared out.
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
            draws = [_Draw(tf.shape(pictures)[0], one, share) for one in tf.unstack(seeds)]
            pictures = ways[name](pictures, draws)
    return pictures


def drawn(
    count, seed: tf.Tensor, share: tuple[int, int], least=0.0, most=1.0, dtype=tf.float32
) -> tf.Tensor:
    """Return a share's part of numbers drawn for a whole batch, (count,), from least to below most.

    Args:
        count: how many the share has.
        seed, share: see `varied`.
    """
    number, shares = share
    every = tf.random.stateless_uniform((count * shares,), seed, least, most, dtype)
    return every[number * count : (number + 1) * count]


class _Draw(NamedTuple):
    """What a random number is drawn by, for each picture."""

    count: tf.Tensor
    seed: tf.Tensor
    share: tuple[int, int]

    def __call__(self, least: float, most: float) -> tf.Tensor:
        """Return float32 (B, 1, 1, 1)."""
        return drawn(*self, least, most)[:, None, None, None]

    def whole(self, least: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
        """Return int32 (B, 1), below `most`."""
        return drawn(*self, least, most, tf.int32)[:, None]


def _colour(pictures: tf.Tensor, draws: Sequence[_Draw]) -> tf.Tensor:
    """Vary brightness by up to a quarter of 0-255 either way, saturation from 0 to 2, and contrast
    from 0.5 to 1.5."""
    brightness, saturation, contrast = draws
    pictures += brightness(-0.5, 0.5) * _MIDDLE
    grey = tf.reduce_mean(pictures, axis=3, keepdims=True)
    pictures = grey + (pictures - grey) * saturation(0.0, 2.0)
    mean = tf.reduce_mean(pictures, axis=(1, 2, 3), keepdims=True)
    return mean + (pictures - mean) * contrast(0.5, 1.5)


def _translation(pictures: tf.Tensor, draws: Sequence[_Draw]) -> tf.Tensor:
    """Move by up to an eighth of the side, down and right; what comes in is middle grey."""
    for axis, draw in ((1, draws[0]), (2, draws[1])):
        side = tf.shape(pictures)[axis]
        most = tf.cast(tf.round(tf.cast(side, tf.float32) * _SHIFT), tf.int32)
        source = tf.range(side)[None] - draw.whole(-most, most + 1)
        inside = tf.cast((source >= 0) & (source < side), pictures.dtype)
        moved = tf.gather(pictures, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        inside = inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
        pictures = moved * inside + _MIDDLE * (1 - inside)
    return pictures


def _cutout(pictures: tf.Tensor, draws: Sequence[_Draw]) -> tf.Tensor:
    """Cover a square of half the side, which may reach over the edge, with middle grey."""
    covered = tf.ones((), pictures.dtype)
    for axis, draw in ((1, draws[0]), (2, draws[1])):
        side = tf.shape(pictures)[axis]
        hole = tf.cast(tf.round(tf.cast(side, tf.float32) * _HOLE), tf.int32)
        first = draw.whole(tf.constant(0), side + 1) - hole // 2
        place = tf.range(side)[None]
        within = tf.cast((place >= first) & (place < first + hole), pictures.dtype)
        covered *= within[:, :, None, None] if axis == 1 else within[:, None, :, None]
    return pictures * (1 - covered) + _MIDDLE * covered
