"""Gradients through units that are cut off at both ends."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers


@tf.custom_gradient
def _redirected(x, cap):
    def gradient(upstream):
        beyond = tf.maximum(-x, x - cap)  # how far a unit is from where it answers
        return upstream * tf.exp(-tf.nn.relu(beyond)), None

    return tf.clip_by_value(x, tf.zeros_like(cap), cap), gradient


class _RedirectedReLU(layers.Layer):
    """A ReLU with a cap whose gradient fades beyond 0 and the cap, in place of being zero there."""

    def __init__(self, cap: float, **kwargs):
        super().__init__(**kwargs)
        self._cap = cap

    def call(self, x):
        return _redirected(x, tf.cast(self._cap, x.dtype))

    def compute_output_shape(self, shape):
        return shape


def redirected(layer: layers.Layer) -> layers.Layer | None:
    """Swap for `dltk.painting.network.see_layers`: ReLU6 that can be left at both ends.

    A unit of ReLU6 that is at 0 or 6 has no gradient, and in a photo most are. Whatever makes
    pictures from gradients then sees the few that are left, and shows little more than stripes.
    Here the gradient beyond an end falls off exponentially; outputs stay what they are. Lucid
    (Olah et al. 2017) redirects gradients for the same reason. ReLU without a cap is left alone.
    """
    cap = layer.max_value if isinstance(layer, layers.ReLU) else None
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.relu6:
        cap = 6.0
    return None if cap is None else _RedirectedReLU(float(cap), name=layer.name)
