"""The form of an answerer that learns: pictures with questions and answers in, losses out."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.models.answerer.network import WORDS, Parts
from dltk.text.vocabulary import PADDING
from dltk.training.model import AcrossWorkers

TRUTH = "truth"
LOSS = "answers"


class Learner(AcrossWorkers, keras.Model):
    """An answerer with its loss, which trains the layers of the answerer itself.

    Takes {PIXELS: float32 (B, H, W, 3), WORDS: int32 (B, Q, T), TRUTH: float32 (B, Q, V)}, or the
    backbone's maps instead of pixels (see `dltk.models.sight.Sight.maps`), and gives {LOSS: float32
    (B,)}, the mean of `answer_loss` over a picture's questions; those of PADDING alone do not
    count.

    Args:
        answerer: see `dltk.models.answerer.network.build_answerer`.
    """

    def __init__(self, answerer: keras.Model):
        super().__init__()
        self.answerer, self._parts = answerer, Parts.of(answerer)
        self.built = True

    def call(self, inputs, training=None):
        words = inputs[WORDS]
        words = words[..., : tf.reduce_max(tf.math.count_nonzero(words, axis=2, dtype=tf.int32))]
        scores, _, _ = self._parts.answer({**inputs, WORDS: words}, training=training)
        there = tf.cast(inputs[WORDS][..., 0] != PADDING, tf.float32)
        count = tf.maximum(tf.reduce_sum(there, axis=1), 1.0)
        losses = there * answer_loss(scores, inputs[TRUTH])
        return {LOSS: tf.reduce_sum(losses, axis=1) / count}


def answer_loss(scores: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Return the sum of all answers' binary cross-entropies, float32 (B, Q).

    Teney et al. 2017, Sec. 3.5: each answer's score is learnt by itself, as several can be right,
    and one that some people give is right in part: a softmax would have them compete. A question
    with no answer among those known teaches that none of them is right.

    Args:
        scores: float32 (B, Q, V), before the sigmoid.
        truth: float32 (B, Q, V), 0-1: how right each answer is, see
            `dltk.metrics.answers.vqa_accuracy`.
    """
    entropies = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=scores)
    return tf.reduce_sum(entropies, axis=-1)
