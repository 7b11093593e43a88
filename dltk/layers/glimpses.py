"""Looking at the places of a picture for what a question asks: at one like it, and at all such."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from dltk.layers.places import coordinates

_RARE = -4.0  # before the sigmoid: at first hardly any place counts, of hundreds
_SHARP = 4.0  # how far fits reach, before the softmax: a flat one would learn from all places alike
BANDS = 8
"""Of rows, and of columns, by which it is told where something is."""


@keras.saving.register_keras_serializable("dltk")
class Glimpse(layers.Layer):
    """How well each place fits a query, taken in two ways: for a mean of places, and for a count.

    A place's traits are compared with what the query asks of them, e_i = k_i · (W h + b) / √U: a
    product, as in Kim et al. 2017, "Hadamard Product for Low-rank Bilinear Pooling", Sec. 3,
    https://arxiv.org/abs/1610.04325, where Yang et al. 2016 and Xu et al. 2015 have a sum. The
    query chooses which traits count, red ones and round ones, without having seen the two together.

    - α = softmax(4 e), z = Σ α_i a_i is the attention of Yang et al. 2016, "Stacked Attention
      Networks", Sec. 3.3, https://arxiv.org/abs/1511.02274. It tells what a thing is like, and
      where; not how many there are of it: two alike have the mean of one.
    - g_i = σ(s e_i + b) has a gate for every place. They need not add up to 1, so that their sum
      can count: Zhang, Hare & Prügel-Bennett 2018, "Learning to Count Objects in Natural Images
      for Visual Question Answering", Sec. 3, tell why a softmax cannot,
      https://arxiv.org/abs/1802.05766. Their component takes proposals of objects, and finds out
      which of these are one; places overlap less, and gates learn to let each thing through once.

    Both come from one fit: what finds a thing to tell its colour finds all such things to count.

    Queries (B, Q, H), places (B, L, D) and their traits (B, L, U) to the means (B, Q, D), their
    weights (B, Q, L), which add up to 1, and the gates (B, Q, L), 0-1.
    """

    def build(self, queries_shape, places_shape, traits_shape):
        self.of_query = layers.Dense(traits_shape[-1], name="of_query")
        self.of_query.build(queries_shape)
        constant = keras.initializers.Constant
        self.steep = self.add_weight(name="steep", shape=(), initializer=constant(_SHARP))
        self.rare = self.add_weight(name="rare", shape=(), initializer=constant(_RARE))

    def fit(self, queries, traits):
        """Return how well each place fits each query, (B, Q, L)."""
        return tf.matmul(self.of_query(queries), traits, transpose_b=True) / traits.shape[-1] ** 0.5

    def call(self, queries, places, traits):
        fits = self.fit(queries, traits)
        weights = tf.nn.softmax(_SHARP * fits)
        return tf.matmul(weights, places), weights, tf.sigmoid(self.steep * fits + self.rare)

    def compute_output_shape(self, queries_shape, places_shape, traits_shape):
        batch, count = queries_shape[:2]
        looked = batch, count, places_shape[1]
        return (batch, count, places_shape[2]), looked, looked


@keras.saving.register_keras_serializable("dltk")
class Coordinates(layers.Layer):
    """Where the places of a map are: maps (B, h, w, C) to float32 (B, h · w, 2), row by row.

    How far down and right the middle of each is, -1 to 1.
    """

    def call(self, maps):
        return tf.reshape(coordinates(tf.cast(maps, "float32")), (tf.shape(maps)[0], -1, 2))

    def compute_output_shape(self, maps_shape):
        batch, height, width, _ = maps_shape
        return batch, height * width if height and width else None, 2


def in_bands(where: tf.Tensor) -> tf.Tensor:
    """Return in which rows and columns of a picture places lie, float (B, L, 2 · BANDS).

    BANDS channels say how far down a place is, and as many how far right, as `steps` does. A mean
    of them over places tells where most of these are; that of the coordinates would be drawn to the
    middle of the picture by whatever else counts a little.

    Args:
        where: float (B, L, 2), -1 to 1.
    """
    scaled = steps((where + 1) / 2 * (BANDS - 1), BANDS - 1)
    return tf.concat([scaled[:, :, 0], scaled[:, :, 1]], axis=-1)


def steps(counts: tf.Tensor, most: int) -> tf.Tensor:
    """Return counts as channels: each whole number has one, and between two both have a share.

    Zhang et al. 2018, Sec. 4.3: a classifier tells numbers from these that it could not from one.

    Args:
        counts: float (...), 0 or more.
        most: counts of so many and more have the last channel.
    Returns:
        Float (..., most + 1), 0-1, which adds up to 1.
    """
    numbers = tf.range(most + 1, dtype=counts.dtype)
    counts = tf.minimum(counts, tf.cast(most, counts.dtype))[..., None]
    return tf.maximum(1 - tf.abs(counts - numbers), 0)
