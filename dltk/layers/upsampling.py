"""Layers that enlarge maps of scores."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("dltk")
class LearntUpsampling(keras.layers.Layer):
    """Maps of scores some times as large; bilinear at first, and learnt from there.

    Long et al. 2014, "Fully Convolutional Networks for Semantic Segmentation", Sec. 3.3,
    https://arxiv.org/abs/1411.4038: a convolution backwards, with a kernel of twice the factor.
    All classes share one kernel, where the paper's code has one for each pair of them, of which
    only those of a class with itself begin with anything but zeros. And the map's edge is
    repeated around it: at first this is bilinear interpolation up to the border, which the
    paper's cuts off instead.

    Maps (B, h, w, K) to (B, h · factor, w · factor, K), or, given a map like which the result is
    to be, to the size of that, cut off at the bottom right.

    Args:
        factor: even.
    """

    def __init__(self, factor: int, **kwargs):
        super().__init__(**kwargs)
        if factor < 2 or factor % 2:
            raise ValueError(f"factor is even and 2 or more. Received: factor={factor}")
        self.factor = factor

    def build(self, maps_shape, like_shape=None):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(4, self.factor**2),
            initializer=lambda shape, dtype: tf.constant(bilinear_kernel(self.factor), dtype),
        )

    def call(self, maps, like=None):
        factor, half = self.factor, self.factor // 2
        batch, height, width = (tf.shape(maps)[axis] for axis in range(3))
        count = maps.shape[-1]
        padded = tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        # Each pixel of the result lies between four places: those at the corners of a cell.
        corners = tf.stack(
            [padded[:, :-1, :-1], padded[:, :-1, 1:], padded[:, 1:, :-1], padded[:, 1:, 1:]], axis=3
        )
        cells = tf.einsum("bhwck,cp->bhwpk", corners, self.kernel)
        cells = tf.reshape(cells, (batch, height + 1, width + 1, factor, factor, count))
        rows = tf.transpose(cells, (0, 1, 3, 2, 4, 5))
        whole = tf.reshape(rows, (batch, (height + 1) * factor, (width + 1) * factor, count))
        wanted = tf.shape(like)[1:3] if like is not None else (height * factor, width * factor)
        return whole[:, half : half + wanted[0], half : half + wanted[1]]

    def compute_output_shape(self, maps_shape, like_shape=None):
        if like_shape is not None:
            return (*like_shape[:3], maps_shape[3])
        sides = (None if side is None else side * self.factor for side in maps_shape[1:3])
        return (maps_shape[0], *sides, maps_shape[3])

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("dltk")
class Enlarged(keras.layers.Layer):
    """Maps (B, h, w, K) at the size of others (B, H, W, C): bilinear, float32 (B, H, W, K)."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, maps, like):
        return tf.image.resize(tf.cast(maps, tf.float32), tf.shape(like)[1:3])

    def compute_output_shape(self, maps_shape, like_shape):
        return (*like_shape[:3], maps_shape[3])


def bilinear_kernel(factor: int) -> np.ndarray:
    """Return what each corner of a cell weighs at each pixel of it, float32 (4, factor²).

    Corners are top left, top right, bottom left, bottom right; pixels go row by row.
    """
    along = (np.arange(factor) + 0.5) / factor
    sides = np.stack([1 - along, along])
    return np.einsum("ay,bx->abyx", sides, sides).reshape(4, factor**2).astype(np.float32)
