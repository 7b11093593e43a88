"""What networks of texts are made of; padding behind a text changes nothing that they give."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from dltk.text.vocabulary import PADDING


@keras.saving.register_keras_serializable("dltk")
class Present(layers.Layer):
    """Which tokens of texts are there: int (B, T) to bool (B, T), False for padding.

    The first always is: a row of PADDING alone, as fills up the last batch, would give NaN, and
    fail in cuDNN.
    """

    def call(self, tokens):
        first = tf.ones_like(tokens[:, :1], tf.bool)
        return tf.concat([first, tokens[:, 1:] != PADDING], axis=1)

    def compute_output_spec(self, tokens):
        return keras.KerasTensor(tokens.shape, "bool")


@keras.saving.register_keras_serializable("dltk")
class TokenVectors(layers.Embedding):
    """A vector for each token: int (B, T) to float (B, T, D), zeros for padding.

    Args:
        input_dim: how many numbers of tokens there are, see `dltk.text.vocabulary.Vocabulary`.
        output_dim: D.
        Others: those of `keras.layers.Embedding`.
    """

    def call(self, tokens):
        vectors = super().call(tokens)
        there = keras.ops.cast(keras.ops.not_equal(tokens, PADDING), vectors.dtype)
        return vectors * there[..., None]


@keras.saving.register_keras_serializable("dltk")
class MaxOverTime(layers.Layer):
    """The largest value of each map over the windows of a text that hold a token of it.

    Collobert et al. 2011, Sec. 3.3.2, https://arxiv.org/abs/1103.0398; Kim 2014, Sec. 2. Of T
    tokens with `window` - 1 zeros on both sides come T + window - 1 windows, of which those of a
    text of n tokens are the first n + window - 1. Others hold nothing but padding.

    Maps float (B, T + window - 1, C) and which tokens are there, bool (B, T), to float (B, C).

    Args:
        window: tokens that each value of a map was made of.
    """

    def __init__(self, window: int, **kwargs):
        super().__init__(**kwargs)
        self.window = window

    def call(self, maps, there):
        held = tf.pad(there, [[0, 0], [self.window - 1, 0]], constant_values=True)
        return tf.reduce_max(tf.where(held[..., None], maps, maps.dtype.min), axis=1)

    def compute_output_shape(self, maps_shape, there_shape):
        return maps_shape[0], maps_shape[2]

    def get_config(self):
        return super().get_config() | {"window": self.window}


@keras.saving.register_keras_serializable("dltk")
class AttentionOverTime(layers.Layer):
    """The mean of all places of a text, weighed by how much each matters.

    Yang et al. 2016, "Hierarchical Attention Networks", Sec. 2.2, eq. 5-7,
    https://aclanthology.org/N16-1174: u_t = tanh(W h_t + b), α = softmax(u · v) over the places
    that are there, z = Σ α_t h_t.

    States float (B, T, C) and which tokens are there, bool (B, T), to z, float (B, C), and α,
    float32 (B, T), 0 for padding.

    Args:
        units: of u.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True
        self.hidden = layers.Dense(units, activation="tanh", name="hidden")
        self.matters = layers.Dense(1, use_bias=False, name="matters")  # a bias falls out

    def build(self, states_shape, there_shape=None):
        self.hidden.build(states_shape)
        self.matters.build((*states_shape[:-1], self.units))

    def call(self, states, there):
        scores = tf.cast(self.matters(self.hidden(states))[..., 0], tf.float32)
        weights = tf.nn.softmax(tf.where(there, scores, tf.float32.min))
        mean = tf.linalg.matvec(states, tf.cast(weights, states.dtype), transpose_a=True)
        return mean, weights

    def compute_mask(self, states, previous_mask=None):
        """Return None: of what is given there is one for each text."""

    def compute_output_spec(self, states, there):
        batch, places, channels = states.shape
        mean = keras.KerasTensor((batch, channels), self.compute_dtype)
        return mean, keras.KerasTensor((batch, places), "float32")

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable("dltk")
class BagOfTokens(layers.Layer):
    """A linear layer on how often each token is in a text: int (B, T) to float (B, units).

    The counts, as many as there are tokens, are never written out: W n + b is the sum of a row of
    W for each token, and b. PADDING does not count. All weights are 0 at first.

    Args:
        vocabulary: how many numbers of tokens there are.
        units: of the output.
    """

    def __init__(self, vocabulary: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self._config = {"vocabulary": vocabulary, "units": units}

    def build(self, tokens_shape):
        shape = self._config["vocabulary"], self._config["units"]
        self.kernel = self.add_weight(shape, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape[1:], initializer="zeros", name="bias")

    def call(self, tokens):
        rows = tf.gather(tf.convert_to_tensor(self.kernel), tokens)
        there = tf.cast(tokens != PADDING, rows.dtype)
        return tf.reduce_sum(rows * there[..., None], axis=1) + self.bias

    def compute_output_spec(self, tokens):
        return keras.KerasTensor((tokens.shape[0], self._config["units"]), self.compute_dtype)

    def get_config(self):
        return super().get_config() | self._config
