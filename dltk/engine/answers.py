"""Let an answerer answer, under a tf.distribute strategy."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dltk.engine.keras import Replicated
from dltk.models.answerer.network import Parts

SCORES, LOOKED, COUNTED = "scores", "looked", "counted"


class AnswerNetwork:
    """An answerer that takes pictures, or the maps of its backbone, with questions about them.

    Args:
        answerer: built under `strategy`'s scope.
        batch_size: pictures in a step, over all replicas.
    """

    def __init__(self, answerer: keras.Model, strategy, batch_size: int):
        self.batch_size = batch_size
        self._network = Replicated(_Graph(answerer), strategy, batch_size)

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what is found for B pictures with Q questions about each.

        Args:
            inputs: see `dltk.models.answerer.network.Parts.answer`.
        Returns:
            SCORES float32 (B, Q, V), 0-1, of each answer by itself; LOOKED float32 (B, Q, L), how
            much each place counted for what the first glimpse saw, which adds up to 1; COUNTED
            float32 (B, Q, L), 0-1, how much of each went into its sum.
        """
        return self._network(inputs)


class _Graph:
    """What `Replicated` runs."""

    def __init__(self, answerer: keras.Model):
        self.outputs = answerer.outputs  # of which `Replicated` wants a shape
        self._parts = Parts.of(answerer)

    def __call__(self, inputs: dict, training: bool = False) -> dict:
        scores, looked, counted = self._parts.answer(inputs, training=training)
        return {SCORES: tf.sigmoid(scores), LOOKED: looked, COUNTED: counted}
