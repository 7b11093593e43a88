"""Guided back-propagation: Springenberg et al. 2014, https://arxiv.org/abs/1412.6806."""

from __future__ import annotations

import math
from functools import partial

import tensorflow as tf
from keras import layers

from dltk.painting.relu import cap_of, replaced


def guided_relu(x, most: float = math.inf):
    """Return min(relu(x), most), whose gradient lets nothing negative through."""

    @tf.custom_gradient
    def guided(x):
        y = tf.minimum(tf.nn.relu(x), tf.cast(most, x.dtype))
        lets = (x > 0) & (x < tf.cast(most, x.dtype))
        return y, lambda upstream: tf.where(lets, tf.nn.relu(upstream), tf.zeros_like(upstream))

    return guided(x)


class Guide:
    """Swap for `dltk.models.laid_open.see_layers`: every ReLU becomes a guided one.

    Attributes:
        count: how many were found.
    """

    def __init__(self):
        self.count = 0

    def __call__(self, operation) -> layers.Layer | None:
        """Return what to put in the place of `operation`, or None to keep it as it now is."""
        cap = cap_of(operation)
        if cap is None:
            return None
        self.count += 1
        return replaced(operation, partial(guided_relu, most=cap))
