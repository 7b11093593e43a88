"""Convolutions for CPUs: fewer multiplications, and a gradient that keeps every core busy.

Where TensorFlow runs without oneDNN, as on CPUs without AVX-512, it multiplies out every window,
and adds up a convolution's gradient with respect to its input in a single thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import tensorflow as tf

_MANY = 128  # channels in and out from which fewer products outweigh the transforms
_PLACES = 600  # of all maps of a batch, from which they outweigh reading 4 times the memory

# F(4, 3) of Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks", Sec. 4.1,
# https://arxiv.org/abs/1509.09308: 4 outputs of a filter of 3 taps out of 6 inputs, by
# interpolation at 0, 1, -1, 2, -2 and infinity.
_INPUTS = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUTS = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


class FixedConvolution:
    """Convolution with a kernel that stays as it is, with stride 1 and zeros around.

    Equal but for rounding to `tf.nn.conv2d(x, kernel, 1, "SAME")`, and so is its gradient with
    respect to the input: a convolution too, of what flows back, with the kernel turned by 180
    degrees and its channels in and out exchanged. It has no gradient with respect to the kernel.

    Windows of 3 × 3 over many channels of large maps go through `winograd`, for which the kernel
    is transformed once, here, and takes 4 times as much memory again; and as much for the
    gradient, once one is asked for.

    Args:
        kernel: float32 (K, L, C, F), K and L odd.
    """

    def __init__(self, kernel: tf.Tensor):
        self._kernel, self._back = kernel, None
        self._there = _convolution(kernel)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Return float32 (B, H, W, F) of float32 (B, H, W, C)."""
        return tf.custom_gradient(lambda x: (self._there(x), self._pull))(x)

    def _pull(self, upstream: tf.Tensor) -> tf.Tensor:
        if self._back is None:
            with tf.init_scope():  # once and for all, not in each graph that is traced
                turned = tf.transpose(self._kernel[::-1, ::-1], (0, 1, 3, 2))
                self._back = _convolution(turned)
        return self._back(upstream)


def _convolution(kernel: tf.Tensor) -> Callable:
    if kernel.shape[:2] != (3, 3) or min(kernel.shape[2:]) < _MANY:
        return partial(tf.nn.conv2d, filters=kernel, strides=1, padding="SAME")
    either, taps = _either(*kernel.shape[2:]), winograd_taps(kernel)
    return lambda x: tf.ensure_shape(either(x, kernel, taps), (*x.shape[:3], kernel.shape[3]))


@cache
def _either(channels: int, filters: int) -> Callable:
    """Return a function of maps, kernel and taps that takes the faster way, whatever their size.

    Traced once, and called by every convolution of so many channels: a detector has 20.
    """

    def either(x, kernel, taps):
        batch, height, width, _ = tf.unstack(tf.shape(x))
        places, tiles = batch * height * width, batch * -(-height // 4) * -(-width // 4)
        # 9 products for each place against 36 for each tile, half as many at least
        fewer = (places >= _PLACES) & (2 * 36 * tiles <= 9 * places)
        return tf.cond(fewer, lambda: winograd(x, taps), lambda: tf.nn.conv2d(x, kernel, 1, "SAME"))

    shapes = (None, None, None, channels), (3, 3, channels, filters), (36, channels, filters)
    return tf.function(either, [tf.TensorSpec(shape) for shape in shapes], autograph=False)


def winograd(x: tf.Tensor, taps: tf.Tensor) -> tf.Tensor:
    """Convolve 3 × 3 with stride 1 and zeros around, with a quarter of the multiplications.

    Winograd's minimal filtering as Lavin & Gray 2015 give it for networks. Tiles of 6 × 6 inputs,
    which overlap by 2, are taken to 36 points, where convolving is a product of matrices over the
    channels, and from there to tiles of 4 × 4 outputs. In float32 the result differs from the
    plain sum by 3e-6 of its spread, less than 1e-4 anywhere (of 256 and 512 random channels).

    Args:
        x: float32 (B, H, W, C).
        taps: float32 (36, C, F), from `winograd_taps`.
    Returns:
        float32 (B, H, W, F).
    """
    batch, height, width, _ = tf.unstack(tf.shape(x))
    _, channels, filters = taps.shape
    down, across = -(-height // 4), -(-width // 4)
    padded = tf.pad(x, ((0, 0), (1, 4 * down - height + 3), (1, 4 * across - width + 3), (0, 0)))
    blocks = tf.reshape(padded, (batch, down + 1, 4, across + 1, 4, channels))
    blocks = tf.transpose(blocks, (2, 4, 0, 1, 3, 5))
    tiles = [
        blocks[:, :, :, :-1, :-1],
        blocks[:, :2, :, :-1, 1:],
        blocks[:2, :, :, 1:, :-1],
        blocks[:2, :2, :, 1:, 1:],
    ]
    places = batch * down * across
    tiles = tf.concat([tf.reshape(part, (-1, places * channels)) for part in tiles], axis=0)
    points = tf.reshape(tf.matmul(_TILES, tiles), (36, places, channels))
    points = tf.reshape(tf.matmul(points, taps), (36, places * filters))
    tiles = tf.reshape(tf.matmul(_RESULTS, points), (4, 4, batch, down, across, filters))
    whole = tf.transpose(tiles, (2, 3, 0, 4, 1, 5))
    return tf.reshape(whole, (batch, 4 * down, 4 * across, filters))[:, :height, :width]


def winograd_taps(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel (3, 3, C, F) at the 36 points of `winograd`: (36, C, F)."""
    return tf.reshape(tf.matmul(_KERNELS, tf.reshape(kernel, (9, -1))), (36, *kernel.shape[2:]))


def _in_two_directions(matrix: np.ndarray, columns=None) -> np.ndarray:
    """Return what `matrix` does down and across, as one matrix on all places of a tile."""
    both = np.kron(matrix, matrix).astype(np.float32)
    return both if columns is None else both[:, columns]


def _order() -> list[int]:
    """Return which of a tile's 36 places come one after another in `winograd`'s concatenation:
    its own block of 4 × 4, then what it takes of those to the right, below and beyond."""
    near, far = range(4), range(4, 6)
    return [
        6 * row + column
        for rows, columns in ((near, near), (near, far), (far, near), (far, far))
        for row in rows
        for column in columns
    ]


_TILES = _in_two_directions(_INPUTS, _order())
_KERNELS = _in_two_directions(_TAPS)
_RESULTS = _in_two_directions(_OUTPUTS)
