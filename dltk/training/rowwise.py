"""Gradient descent for tables of which a step sees a few rows, such as vectors of words."""

from __future__ import annotations

import keras
import tensorflow as tf


class RowwiseSGD(keras.optimizers.SGD):
    """Stochastic gradient descent in which no row of a table moves too far in a step.

    A large batch has a frequent word hundreds of times. The sum of so many gradients, all of the
    same place, would throw its vector far beyond where each of them leads; descent that takes one
    after the other does not. So the sum for a row is cut to a Euclidean length of `longest`. Those
    of rare words are seldom as long.

    It takes gradients as `tf.IndexedSlices`. Those of the same row are summed in their order:
    unlike where threads add to a table, the outcome is the same every time on a CPU.

    Args:
        learning_rate: a number or a schedule.
        longest: length of a row's gradient, at most.
    """

    def __init__(self, learning_rate, *, longest: float, name: str = "rowwise_sgd"):
        super().__init__(learning_rate, name=name)
        self._longest = longest

    def update_step(self, gradient, variable, learning_rate):
        """Move the rows that a gradient is of."""
        rows, slopes = summed(gradient)
        slopes = tf.clip_by_norm(slopes, self._longest, axes=1)
        moves = slopes * tf.cast(learning_rate, slopes.dtype)
        self.assign_sub(variable, tf.IndexedSlices(moves, rows, gradient.dense_shape))


def summed(gradient: tf.IndexedSlices) -> tuple[tf.Tensor, tf.Tensor]:
    """Return rows, each once, int (n,), and the sums of the gradients of each, float (n, D)."""
    order = tf.argsort(gradient.indices, stable=True)
    ordered = tf.gather(gradient.indices, order)
    first = tf.concat([[True], ordered[1:] != ordered[:-1]], 0)
    place = tf.cumsum(tf.cast(first, tf.int32)) - 1
    return ordered[first], tf.sparse.segment_sum(gradient.values, order, place)
