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
_WIDEST = 512  # channels in, more of which are added up part by part

# Numbers at the points of tiles that are computed at a time, 24 MB. From 32 MB on, the C library
# has the system clear fresh pages for every array, which takes as long as what happens in them.
_AT_ONCE = 3 << 21

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

    Equal but for rounding to `tf.nn.conv2d(x, kernel, 1, "SAME", dilations=dilation)`, and so is
    its gradient with respect to the input: a convolution too, of what flows back, with the kernel
    turned by 180 degrees and its channels in and out exchanged. It has no gradient with respect to
    the kernel.

    Windows of 3 × 3 over many channels of large maps go through `winograd`, for which the kernel
    is transformed once, here, and takes 4 times as much memory again; and as much for the
    gradient, once one is asked for.

    Args:
        kernel: float32 (K, L, C, F), K and L odd.
        dilation: places from one tap to the next, down and across.
    """

    def __init__(self, kernel: tf.Tensor, dilation: int = 1):
        self._kernel, self._dilation, self._back = kernel, dilation, None
        self._there = _convolution(kernel, dilation)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Return float32 (B, H, W, F) of float32 (B, H, W, C)."""
        return tf.custom_gradient(lambda x: (self._there(x), self._pull))(x)

    def _pull(self, upstream: tf.Tensor) -> tf.Tensor:
        if self._back is None:
            with tf.init_scope():  # once and for all, not in each graph that is traced
                turned = tf.transpose(self._kernel[::-1, ::-1], (0, 1, 3, 2))
                self._back = _convolution(turned, self._dilation)
        return self._back(upstream)


def _convolution(kernel: tf.Tensor, dilation: int) -> Callable:
    channels, filters = kernel.shape[2:]
    if kernel.shape[:2] != (3, 3) or min(channels, filters) < _MANY:
        return partial(_plain, kernel=kernel, dilation=dilation)
    if channels > _WIDEST:
        return _in_parts(kernel, dilation)
    either, taps = _either(channels, filters, dilation), winograd_taps(kernel)
    return lambda x: tf.ensure_shape(either(x, kernel, taps), (*x.shape[:3], filters))


def _plain(x: tf.Tensor, kernel: tf.Tensor, dilation: int) -> tf.Tensor:
    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME", dilations=dilation)


def _in_parts(kernel: tf.Tensor, dilation: int) -> Callable:
    """Return a convolution that adds up those of some channels at a time."""
    channels = kernel.shape[2]
    sizes = [len(part) for part in np.array_split(range(channels), -(-channels // _WIDEST))]
    parts = [_convolution(part, dilation) for part in tf.split(kernel, sizes, axis=2)]

    def convolve(x):
        pairs = zip(parts, tf.split(x, sizes, axis=3), strict=True)
        return tf.add_n([part(some) for part, some in pairs])

    return convolve


@cache
def _either(channels: int, filters: int, dilation: int) -> Callable:
    """Return a function of maps, kernel and taps that takes the faster way, whatever their size.

    Traced once, and called by every convolution of so many channels: a detector has 20.
    """

    def either(x, kernel, taps):
        batch, height, width, _ = tf.unstack(tf.shape(x))
        places = batch * height * width
        tiles = batch * tf.size(_starts(height, dilation)) * tf.size(_starts(width, dilation))
        # 9 products for each place against 36 for each tile, half as many at least
        fewer = (places >= _PLACES) & (2 * 36 * tiles <= 9 * places)
        return tf.cond(
            fewer, lambda: winograd(x, taps, dilation), lambda: _plain(x, kernel, dilation)
        )

    shapes = (None, None, None, channels), (3, 3, channels, filters), (36, channels, filters)
    return tf.function(either, [tf.TensorSpec(shape) for shape in shapes], autograph=False)


def winograd(x: tf.Tensor, taps: tf.Tensor, dilation: int = 1) -> tf.Tensor:
    """Convolve 3 × 3 with stride 1 and zeros around, with a quarter of the multiplications.

    Winograd's minimal filtering as Lavin & Gray 2015 give it for networks. Tiles of 6 × 6 inputs,
    which overlap by 2, are taken to 36 points, where convolving is a product of matrices over the
    channels, and from there to tiles of 4 × 4 outputs. In float32 the result differs from the
    plain sum by 3e-6 of its spread, less than 1e-4 anywhere (of 256 and 512 random channels).

    Dilated by d, what a convolution takes is d places apart, and d × d of them run interleaved on
    one map. So each tile takes every d-th place, and d × d tiles begin next to each other.

    Args:
        x: float32 (B, H, W, C).
        taps: float32 (36, C, F), from `winograd_taps`.
        dilation: places from one tap to the next, down and across.
    Returns:
        float32 (B, H, W, F).
    """
    batch, height, width, _ = tf.unstack(tf.shape(x))
    _, channels, filters = taps.shape
    number = tf.range(batch)[:, None, None]
    rows, columns = _taken(height, dilation), _taken(width, dilation)
    down, across = tf.shape(rows)[1], tf.shape(columns)[1]

    framed = tf.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))  # where `_taken` finds what lies outside
    places = (number * (height + 1) + rows[:, None, None, :, None]) * (width + 1)
    places = tf.reshape(places + columns[:, None, None, :], (36, -1))
    tiles = batch * down * across
    groups = -(-tiles // max(1, _AT_ONCE // (36 * max(channels, filters))))
    size = -(-tiles // groups)
    places = tf.pad(places, ((0, 0), (0, groups * size - tiles)))

    def convolve(group):
        taken = places[:, group * size : (group + 1) * size]
        inputs = tf.gather(tf.reshape(framed, (-1, channels)), taken)
        points = tf.matmul(_TILES, tf.reshape(inputs, (36, size * channels)))
        points = tf.matmul(tf.reshape(points, (36, size, channels)), taps)
        return tf.matmul(_RESULTS, tf.reshape(points, (36, size * filters)))

    outputs = tf.map_fn(
        convolve, tf.range(groups), parallel_iterations=1, fn_output_signature=tf.float32
    )
    (row, below), (column, beside) = _given(height, dilation), _given(width, dilation)
    tile = (number * down + below[:, None]) * across + beside
    place = (tile // size * 16 + 4 * row[:, None] + column) * size + tile % size
    return tf.gather(tf.reshape(outputs, (-1, filters)), place)


def _starts(side: tf.Tensor, dilation: int) -> tf.Tensor:
    """Return where tiles' outputs begin along a side of a map, int32 (T,)."""
    places = tf.range(side)
    return tf.boolean_mask(places, places % (4 * dilation) < dilation)


def _taken(side: tf.Tensor, dilation: int) -> tf.Tensor:
    """Return which places along a side tiles take, int32 (6, T): `side` for all outside of it."""
    places = _starts(side, dilation) + dilation * tf.range(-1, 5)[:, None]
    return tf.where((places < 0) | (places > side), side, places)


def _given(side: tf.Tensor, dilation: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return which output, of 4, of which tile each place along a side is, int32 (side,)."""
    places = tf.range(side)
    return places // dilation % 4, places // (4 * dilation) * dilation + places % dilation


def winograd_taps(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel (3, 3, C, F) at the 36 points of `winograd`: (36, C, F)."""
    return tf.reshape(tf.matmul(_KERNELS, tf.reshape(kernel, (9, -1))), (36, *kernel.shape[2:]))


def _in_two_directions(matrix: np.ndarray) -> np.ndarray:
    """Return what `matrix` does down and across, as one matrix on all places of a tile."""
    return np.kron(matrix, matrix).astype(np.float32)


_TILES = _in_two_directions(_INPUTS)
_KERNELS = _in_two_directions(_TAPS)
_RESULTS = _in_two_directions(_OUTPUTS)
