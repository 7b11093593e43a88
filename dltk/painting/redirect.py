"""Gradients through units that are cut off: at 0, and some at a cap."""

from __future__ import annotations

import math
from functools import partial

import tensorflow as tf
from keras import layers

from dltk.painting.relu import cap_of, replaced


def redirected(operation) -> layers.Layer | None:
    """Swap for `dltk.models.laid_open.see_layers`: ReLU6 that can be left at both ends.

    A unit of ReLU6 that is at 0 or 6 has no gradient, and in a photo most are. Whatever makes
    pictures from gradients then sees the few that are left, and shows little more than stripes.
    Here the gradient beyond an end falls off exponentially; outputs stay what they are. Lucid
    (Olah et al. 2017) redirects gradients for the same reason. ReLU without a cap is left alone.
    """
    cap = cap_of(operation)
    return None if cap in (None, math.inf) else replaced(operation, partial(_clipped, cap=cap))


def redirected_unit(own: layers.Layer):
    """Return a swap for `see_layers`: the ReLU of `own` alone can be left, with a cap or without.

    A unit that is off everywhere in the first picture has no gradient, and would stay so.
    """

    def swap(operation):
        cap = cap_of(operation) if operation is own else None
        return None if cap is None else replaced(operation, partial(_clipped, cap=cap))

    return swap


def _clipped(x, cap: float):
    return _redirected(x, tf.cast(cap, x.dtype))


@tf.custom_gradient
def _redirected(x, cap):
    def gradient(upstream):
        beyond = tf.maximum(-x, x - cap)  # how far a unit is from where it answers
        return upstream * tf.exp(-tf.nn.relu(beyond)), None

    return tf.clip_by_value(x, tf.zeros_like(cap), cap), gradient
