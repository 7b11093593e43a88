"""k nearest neighbours as a layer, so that a classifier made of them is a model file too."""

from __future__ import annotations

import keras
from keras import ops

METRICS = ("l1", "l2", "cosine")
TIE_BREAK = 1e-3


@keras.saving.register_keras_serializable("dltk")
class NearestNeighbours(keras.layers.Layer):
    """The share of each class among the k training features nearest to the input.

    Maps float32 (B, D) to (B, K), rows summing to 1. Among classes with equally many votes the
    one with the nearest neighbour comes first: it gets a thousandth of a vote more.

    Args:
        examples, dimensions: shape (N, D) of the training features.
        classes: K.
        k: neighbours that vote.
        metric: "l1", "l2", or "cosine" (1 minus the cosine of the angle between features).
    """

    def __init__(self, examples, dimensions, classes, k, metric, **kwargs):
        super().__init__(**kwargs)
        self.examples, self.dimensions, self.classes = examples, dimensions, classes
        self.k, self.metric = k, metric
        self.features = self.add_weight(
            shape=(examples, dimensions), initializer="zeros", trainable=False, name="features"
        )
        self.votes = self.add_weight(
            shape=(examples, classes), initializer="zeros", trainable=False, name="votes"
        )

    def learn(self, features, labels) -> None:
        """Take float32 (N, D) features and int (N,) labels: all there is to learn."""
        self.features.assign(features)
        self.votes.assign(ops.one_hot(labels, self.classes, dtype="float32"))

    def call(self, inputs):
        _, nearest = ops.top_k(-self._distances(inputs), self.k)
        chosen = ops.take(self.votes, nearest, axis=0)
        nearness = 1.0 - ops.arange(self.k, dtype="float32")[None, :, None] / self.k
        votes = ops.sum(chosen, axis=1) + TIE_BREAK * ops.max(chosen * nearness, axis=1)
        return votes / ops.sum(votes, axis=-1, keepdims=True)

    def _distances(self, inputs):
        """Return (B, N), smaller is nearer; for "l2" the square less what all have in common."""
        if self.metric == "l1":
            if inputs.shape[0] == 1:
                return ops.sum(ops.abs(self.features - inputs), axis=-1)[None]
            # One by one: B × N × D differences would fill the memory.
            return ops.map(lambda row: ops.sum(ops.abs(self.features - row), axis=-1), inputs)
        if self.metric == "l2":
            products = ops.matmul(inputs, ops.transpose(self.features))
            return ops.sum(ops.square(self.features), axis=-1) - 2.0 * products
        unit = ops.normalize(self.features, axis=-1)
        return -ops.matmul(ops.normalize(inputs, axis=-1), ops.transpose(unit))

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.classes

    def get_config(self):
        names = ("examples", "dimensions", "classes", "k", "metric")
        return super().get_config() | {name: getattr(self, name) for name in names}
