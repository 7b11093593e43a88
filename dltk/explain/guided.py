"""Guided back-propagation: Springenberg et al. 2014, https://arxiv.org/abs/1412.6806."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

_NAMES = {"relu": None, "relu6": 6.0}  # Keras's names of activations -> where they end


class GuidedReLU(layers.Layer):
    """ReLU that sends back positive gradients only, and only where its input was positive."""

    def __init__(self, most: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self._most = most

    def call(self, x):
        """Return x where it is above 0, and at most `most`."""
        return guided_relu(x, self._most)


def guided_relu(x, most: float | None = None):
    """Return min(relu(x), most), whose gradient lets nothing negative through."""

    @tf.custom_gradient
    def guided(x):
        y = tf.nn.relu(x) if most is None else tf.minimum(tf.nn.relu(x), most)
        lets = x > 0 if most is None else (x > 0) & (x < most)
        return y, lambda upstream: tf.where(lets, tf.nn.relu(upstream), tf.zeros_like(upstream))

    return guided(x)


class Guide:
    """Swap for `dltk.painting.network.see_layers`: every ReLU becomes a guided one.

    Attributes:
        count: how many were found.
    """

    def __init__(self):
        self.count = 0

    def __call__(self, layer) -> layers.Layer | None:
        """Return what to put in the place of `layer`, or None to keep it as it now is."""
        kind = type(layer).__name__
        if isinstance(layer, layers.ReLU):
            plain = not layer.negative_slope and not layer.threshold
            return self._guided(layer, layer.max_value) if plain else None
        if kind in ("Relu", "Relu6") and not isinstance(layer, layers.Layer):  # of keras.ops
            return self._guided(layer, 6.0 if kind == "Relu6" else None)
        name = getattr(getattr(layer, "activation", None), "__name__", None)
        if name in _NAMES and isinstance(layer, keras.layers.Layer):
            most = _NAMES[name]
            layer.activation = lambda x: guided_relu(x, most)
            self.count += 1
        return None

    def _guided(self, layer, most: float | None) -> GuidedReLU:
        self.count += 1
        return GuidedReLU(most, name=f"{layer.name}_guided")
