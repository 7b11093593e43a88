"""A layer that mirrors maps at their borders."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dltk")
class ReflectionPadding(keras.layers.Layer):
    """Maps (B, h, w, C) with what lies inside each border mirrored outside, without the border.

    They become (B, h + 2 · pixels, w + 2 · pixels, C). A convolution that takes them sees no black
    frame, as zeros are, which networks that make pictures would learn to paint around.

    Args:
        pixels: at each border, less than a map is high and wide.
    """

    def __init__(self, pixels: int, **kwargs):
        super().__init__(**kwargs)
        if pixels < 1:
            raise ValueError(f"pixels is 1 or more. Received: pixels={pixels}")
        self.pixels = pixels

    def call(self, maps):
        border = [self.pixels, self.pixels]
        return tf.pad(maps, [[0, 0], border, border, [0, 0]], "REFLECT")

    def compute_output_shape(self, maps_shape):
        sides = (None if side is None else side + 2 * self.pixels for side in maps_shape[1:3])
        return (maps_shape[0], *sides, maps_shape[3])

    def get_config(self):
        return super().get_config() | {"pixels": self.pixels}
