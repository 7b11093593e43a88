"""How far pictures that were given back are from those that were to be given back."""

from __future__ import annotations

import keras
import tensorflow as tf


class SquaredError(keras.losses.Loss):
    """The squared difference of pixels from 0 to 1, summed over each picture; float32 (B,).

    It compares pixels, float32 (B, H, W, C), 0-255, with logits of the same shape: what comes
    before the logistic function.
    """

    def call(self, y_true, y_pred):
        return _summed(tf.square(tf.sigmoid(y_pred) - y_true / 255))


class CrossEntropy(keras.losses.Loss):
    """The cross-entropy of pixels from 0 to 1, taken for chances, summed over each picture.

    Hinton & Salakhutdinov 2006, p. 507: -Σ p log q - Σ (1 - p) log(1 - q), in nats. See
    `SquaredError` for what it compares. It is smallest for the same pictures, but not 0.
    """

    def call(self, y_true, y_pred):
        return _summed(tf.nn.sigmoid_cross_entropy_with_logits(y_true / 255, y_pred))


LOSSES = {"squared": SquaredError, "cross-entropy": CrossEntropy}


def _summed(errors: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.reshape(errors, (tf.shape(errors)[0], -1)), axis=1)
