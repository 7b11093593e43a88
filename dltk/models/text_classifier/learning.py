"""The form of a text classifier that learns: padded tokens in, logits out."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.models.text_classifier.network import LOGITS
from dltk.text.vocabulary import PADDING, TOKENS
from dltk.training.model import AcrossWorkers

_STEP = 8  # tokens; as many lengths again would each have kernels of their own made


class Learner(AcrossWorkers, keras.Model):
    """A text classifier that gives logits, and trains the layers of the classifier itself.

    Takes int32 (B, T), texts padded to the longest that is looked at, and gives float32 (B, K).
    Columns of padding alone are dropped first, as they change nothing: batches of one shape are
    traced once, and short texts are quick all the same.

    Args:
        network: see `dltk.models.text_classifier.network.new_text_classifier`.

    Attributes:
        logits: the part that is trained: {TOKENS: int32 (B, T)} to float32 (B, K).
    """

    def __init__(self, network: keras.Model):
        super().__init__()
        self.logits = keras.Model(network.input, network.get_layer(LOGITS).output, name="reads")
        self.built = True

    def call(self, tokens, training=None):
        count = tf.math.count_nonzero(tokens != PADDING, axis=1, dtype=tf.int32)
        longest = tf.maximum(tf.reduce_max(count), 1)
        return self.logits({TOKENS: tokens[:, : -(-longest // _STEP) * _STEP]}, training=training)
