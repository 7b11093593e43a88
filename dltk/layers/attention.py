"""Soft attention: a mean of places, weighed by what is looked for."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("dltk")
class SoftAttention(layers.Layer):
    """The mean of some places, weighed by how well each fits a query.

    Xu et al. 2015, "Show, Attend and Tell", Sec. 3.1.2 and 4.2, https://arxiv.org/abs/1502.03044,
    after Bahdanau et al. 2014: e_i = v · tanh(W_a a_i + W_h h + b), α = softmax(e), z = Σ α_i a_i.

    What is told of the places alone, W_a a_i + b, is worked out once for all queries: `keys`.

    Args:
        units: of the hidden layer.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.of_places = layers.Dense(units, name="of_places")
        self.of_query = layers.Dense(units, use_bias=False, name="of_query")
        self.fit = layers.Dense(1, use_bias=False, name="fit")  # a bias falls out of the softmax

    def build(self, query_shape, places_shape):
        self.of_places.build(places_shape)
        self.of_query.build(query_shape)
        self.fit.build((None, None, self.units))

    def keys(self, places):
        """Return what is told of places (B, L, D) for all queries, (B, L, units)."""
        return self.of_places(places)

    def call(self, query, places, keys=None):
        """Return the mean (B, D) and its weights (B, L) for queries (B, U)."""
        keys = self.keys(places) if keys is None else keys
        fits = self.fit(tf.tanh(keys + self.of_query(query)[:, None]))[..., 0]
        weights = tf.nn.softmax(fits)
        return tf.linalg.matvec(places, weights, transpose_a=True), weights

    def compute_output_shape(self, query_shape, places_shape):
        return (places_shape[0], places_shape[2]), places_shape[:2]

    def get_config(self):
        return super().get_config() | {"units": self.units}
