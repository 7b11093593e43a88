"""Layers whose weights are held in, such that a network cannot change too fast with its input."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dltk")
class Spectral(keras.layers.Wrapper):
    """A layer as if its weights W were W / σ(W), σ being the largest singular value.

    Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", Sec. 2.1 and
    Alg. 1, https://arxiv.org/abs/1802.05957: W is taken as a matrix with a column for each output,
    and σ found by a step of power iteration whenever the layer is used in training. Gradients go
    through σ, and W itself is left to the optimizer. Keras's own layer writes W / σ back, rounded
    to the precision that the layer computes in.

    This layer computes in float32, whatever the wrapped one does.

    Args:
        layer: a Dense or Conv2D without activation, or an Embedding.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        super().__init__(layer, **kwargs)

    def build(self, input_shape=None):
        """Make the layer's weights, and the vector that σ is found by."""
        super().build(input_shape)
        self._matrix = getattr(self.layer, "kernel", None)
        if self._matrix is None:
            self._matrix = self.layer.embeddings
        self._vector = self.add_weight(
            name="vector",
            shape=(1, self._matrix.shape[-1]),
            initializer="random_normal",
            trainable=False,
            aggregation="only_first_replica",  # all find the same
        )

    def call(self, inputs, training=False):
        """Return what the layer gives, its bias apart divided by σ."""
        given = tf.cast(self.layer(inputs), tf.float32)
        bias = self.layer.bias if getattr(self.layer, "use_bias", False) else 0.0
        return (given - bias) / self._sigma(training) + bias

    def _sigma(self, training: bool):
        """Return the largest singular value of the weights, about."""
        matrix = tf.reshape(self._matrix, (-1, self._matrix.shape[-1]))
        fixed, right = tf.stop_gradient(matrix), tf.convert_to_tensor(self._vector)
        left = tf.math.l2_normalize(right @ tf.transpose(fixed))
        right = tf.math.l2_normalize(left @ fixed)
        if training:
            self._vector.assign(right)
        return tf.reduce_sum((left @ matrix) * right)
