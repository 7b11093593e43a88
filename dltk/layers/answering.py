"""The half of an answerer that answers: from what is asked, and what is seen for it."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import layers

from dltk.layers.glimpses import BANDS, Glimpse, in_bands, steps

MOST = 10
"""Things that are counted one by one; more are many."""
_GLIMPSES = 2
_CHANNELS = 64  # of what is told of the mean and the sum of a glimpse
_LEAST = 1e-3  # of what something is divided by


@keras.saving.register_keras_serializable("dltk")
class Answering(layers.Layer):
    """Queries, and the places of a picture, to scores of all answers.

    There are two glimpses (see `dltk.layers.glimpses.Glimpse`); what the first saw is added to the
    query that the second looks for: Yang et al. 2016, "Stacked Attention Networks", Sec. 3.3,
    https://arxiv.org/abs/1511.02274. Of each come the mean of the places that fit, the sum of those
    let through, how many these are, and in which bands of the picture both lie. What is told of
    all that is multiplied with what is told of the query, as in Teney et al. 2017, "Tips and Tricks
    for Visual Question Answering", Sec. 3.4, https://arxiv.org/abs/1708.02711.

    Mean and sum go through a few channels with dropout: a wide path would let a small set of
    pictures be learnt by heart before anything is found in them.

    Takes queries float (B, Q, U), places (B, L, D) and coordinates (B, L, 2), and gives scores
    float32 (B, Q, V) before the sigmoid, and the weights and gates of the first glimpse, float32
    (B, Q, L).

    Args:
        answers: V.
        units: of the hidden layer, and of queries: U.
        attention: traits of a place, by which it is found.
        dropout: share of what is seen, and of what scores are told from, that is left out in
            training.
    """

    def __init__(
        self,
        answers: int,
        *,
        units: int = 256,
        attention: int = 256,
        dropout: float = 0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "answers": answers,
            "units": units,
            "attention": attention,
            "dropout": dropout,
        }
        self.traits = layers.Dense(attention, activation="tanh", name="traits")
        self.glimpses = [Glimpse(name=f"glimpse{at}") for at in range(_GLIMPSES)]
        self.of_mean = layers.Dense(units, use_bias=False, name="of_mean")
        self.means = [layers.Dense(_CHANNELS, name=f"mean{at}") for at in range(_GLIMPSES)]
        self.sums = [layers.Dense(_CHANNELS, name=f"sum{at}") for at in range(_GLIMPSES)]
        self.blur = layers.Dropout(dropout, name="blur")
        self.of_query = layers.Dense(units, activation="relu", name="of_query")
        self.of_seen = layers.Dense(units, activation="relu", name="of_seen")
        self.dropout = layers.Dropout(dropout, name="dropout")
        # At first each answer is as likely as any: else much is learnt about what no answer is.
        rare = keras.initializers.Constant(-math.log(answers))
        self.scores = layers.Dense(answers, bias_initializer=rare, dtype="float32", name="scores")

    def build(self, queries_shape, places_shape, where_shape):
        channels, hidden = places_shape[-1], (None, None, self._config["units"])
        self.traits.build(places_shape)
        for glimpse in self.glimpses:
            glimpse.build(
                queries_shape, places_shape, (*places_shape[:-1], self._config["attention"])
            )
        for layer in (self.of_mean, *self.means, *self.sums):
            layer.build((None, None, channels))
        self.of_query.build(queries_shape)
        seen = 2 * _CHANNELS + 2 * 2 * BANDS + 1 + MOST + 1
        self.of_seen.build((None, None, _GLIMPSES * seen))
        self.scores.build(hidden)

    def call(self, queries, places, where, training=None):
        traits, sought, seen, looks = self.traits(places), queries, [], []
        bands = in_bands(where)
        for at, glimpse in enumerate(self.glimpses):
            mean, weights, gates = glimpse(sought, places, traits)
            total, counts = tf.matmul(gates, places) / MOST, tf.reduce_sum(gates, axis=-1)
            told = tf.concat([self.means[at](mean), self.sums[at](total)], axis=-1)
            seen += [
                self.blur(told, training=training),
                tf.matmul(weights, bands),
                tf.matmul(gates, bands) / (counts[..., None] + _LEAST),
                counts[..., None] / MOST,
                steps(counts, MOST),
            ]
            looks.append((weights, gates))
            sought = sought + self.of_mean(mean)
        hidden = self.of_query(queries) * self.of_seen(tf.concat(seen, axis=-1))
        return self.scores(self.dropout(hidden, training=training)), *looks[0]

    def compute_output_shape(self, queries_shape, places_shape, where_shape):
        looked = (*queries_shape[:2], places_shape[1])
        return (*queries_shape[:2], self._config["answers"]), looked, looked

    def get_config(self):
        return super().get_config() | self._config
