"""Convolutions for CPUs: fewer multiplications, and a gradient that keeps every core busy.

Where TensorFlow runs without oneDNN, as on CPUs without AVX-512, it multiplies out every window,
and adds up a convolution's gradient with respect to its input in a single thread.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_MANY = 256  # channels in and out from which the products outweigh the transforms
_PLACES = 1500  # of the output from which they outweigh the transform of the kernel

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


def same_convolution(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolve with stride 1 and zeros around, as `tf.nn.conv2d(x, kernel, 1, "SAME")` does.

    Equal to it but for rounding, and so are both gradients. Windows of 3 × 3 over many channels go
    through `winograd`. The gradient with respect to `x` is a convolution too: of what flows back,
    with the kernel turned by 180 degrees and its channels in and out exchanged.

    Args:
        x: float32 (B, H, W, C).
        kernel: float32 (K, L, C, F), K and L odd.
    Returns:
        float32 (B, H, W, F).
    """

    return _convolved(x, tf.convert_to_tensor(kernel))  # a gradient cannot see Keras's variables


@tf.custom_gradient
def _convolved(x, kernel):
    def back(upstream):
        turned = tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
        to_kernel = tf.compat.v1.nn.conv2d_backprop_filter(
            x, tf.shape(kernel), upstream, (1, 1, 1, 1), "SAME"
        )
        return _convolve(upstream, turned), to_kernel

    return _convolve(x, kernel), back


def _convolve(x, kernel):
    if kernel.shape[:2] != (3, 3) or min(kernel.shape[2:]) < _MANY:
        return tf.nn.conv2d(x, kernel, 1, "SAME")
    return tf.cond(
        tf.reduce_prod(tf.shape(x)[1:3]) >= _PLACES,
        lambda: winograd(x, kernel),
        lambda: tf.nn.conv2d(x, kernel, 1, "SAME"),
    )


def winograd(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolve 3 × 3 with stride 1 and zeros around, with a quarter of the multiplications.

    Winograd's minimal filtering as Lavin & Gray 2015 give it for networks. Tiles of 6 × 6 inputs,
    which overlap by 2, and the kernel are taken to 36 points, where convolving is a product of
    matrices over the channels, and from there to tiles of 4 × 4 outputs. In float32 the result
    differs from the plain sum by about 1e-5 of its spread.

    Args:
        x: float32 (B, H, W, C).
        kernel: float32 (3, 3, C, F).
    Returns:
        float32 (B, H, W, F).
    """
    batch, height, width, channels = tf.unstack(tf.shape(x))
    filters = kernel.shape[-1]
    down, across = -(-height // 4), -(-width // 4)
    padded = tf.pad(x, ((0, 0), (1, 4 * down - height + 3), (1, 4 * across - width + 3), (0, 0)))
    blocks = tf.reshape(padded, (batch, down + 1, 4, across + 1, 4, channels))
    blocks = tf.transpose(blocks, (2, 4, 0, 1, 3, 5))
    tiles = tf.concat(
        [
            tf.reshape(part, (-1, batch * down * across * channels))
            for part in (
                blocks[:, :, :, :-1, :-1],
                blocks[:, :2, :, :-1, 1:],
                blocks[:2, :, :, 1:, :-1],
                blocks[:2, :2, :, 1:, 1:],
            )
        ],
        axis=0,
    )
    points = tf.reshape(tf.matmul(_TILES, tiles), (36, -1, x.shape[-1]))
    taps = tf.matmul(_KERNELS, tf.reshape(kernel, (9, -1)))
    points = tf.matmul(points, tf.reshape(taps, (36, -1, filters)))
    tiles = tf.matmul(_RESULTS, tf.reshape(points, (36, -1)))
    tiles = tf.reshape(tiles, (4, 4, batch, down, across, filters))
    whole = tf.transpose(tiles, (2, 3, 0, 4, 1, 5))
    return tf.reshape(whole, (batch, 4 * down, 4 * across, filters))[:, :height, :width]


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
