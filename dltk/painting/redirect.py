"""Gradients through units that are cut off: at 0, and some at a cap."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import layers

_CAPS = {keras.activations.relu: math.inf, keras.activations.relu6: 6.0}


@tf.custom_gradient
def _redirected(x, cap):
    def gradient(upstream):
        beyond = tf.maximum(-x, x - cap)  # how far a unit is from where it answers
        return upstream * tf.exp(-tf.nn.relu(beyond)), None

    return tf.clip_by_value(x, tf.zeros_like(cap), cap), gradient


class _RedirectedReLU(layers.Layer):
    """A ReLU whose gradient fades beyond 0 and its cap, in place of being zero there."""

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
    return _swapped(layer) if _cap(layer) not in (None, math.inf) else None


def redirected_unit(own: layers.Layer):
    """Return a swap for `see_layers`: the ReLU of `own` alone can be left, with a cap or without.

    A unit that is off everywhere in the first picture has no gradient, and would stay so.
    """
    return lambda layer: _swapped(layer) if layer is own and _cap(layer) is not None else None


def _cap(layer: layers.Layer) -> float | None:
    """Return where the ReLU of a layer ends, infinity if it does not; None for what is no ReLU."""
    if isinstance(layer, layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return (layer.max_value or math.inf) if plain else None
    return _CAPS.get(getattr(layer, "activation", None))


def _swapped(layer: layers.Layer) -> layers.Layer | None:
    """Return a layer to put in the place of one that is a ReLU, or change the one that has one."""
    cap = _cap(layer)
    if isinstance(layer, (layers.ReLU, layers.Activation)):
        return _RedirectedReLU(cap, name=layer.name)
    layer.activation = lambda x: _redirected(x, tf.cast(cap, x.dtype))
    return None
