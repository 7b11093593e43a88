"""The form of a captioner that learns: pictures with captions in, losses out."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.models.captioner.network import WORDS, Parts
from dltk.text.vocabulary import PADDING
from dltk.training.model import AcrossWorkers

LOSSES = "words", "attention"


class Learner(AcrossWorkers, keras.Model):
    """A captioner with its losses, which trains the layers of the captioner itself.

    Takes {PIXELS: float32 (B, H, W, 3), WORDS: int32 (B, C, T)}, or the backbone's maps instead of
    pixels (see `dltk.models.captioner.network.Parts.look`), and gives losses float32 (B,): "words",
    and "attention" where there is some and λ is not 0. C captions of each picture go from START to
    END, with PADDING behind that; one that is PADDING alone does not count.

    "words" is the sum of the words' cross-entropies, as in both papers, and "attention" is the
    doubly stochastic term of Xu et al. 2015, Eq. 14: λ Σ_i (1 - Σ_t α_ti)². Both are means over a
    picture's captions, and divided by `length`, so that a learning rate means the same however
    long captions are; that is one number for the whole training, and not one for each batch,
    which would let a caption's neighbours decide how much it counts.

    Args:
        captioner: see `dltk.models.captioner.network.build_captioner`.
        length: words of a usual caption, its end counted.
        stochastic: λ.
        sampling: how often the captioner's own word stands for the true one by step `steps`, see
            `dltk.layers.caption_decoder.CaptionDecoder.call`; it rises evenly.
        steps: of the training.
    """

    def __init__(
        self,
        captioner: keras.Model,
        *,
        length: float,
        stochastic: float = 0.0,
        sampling: float = 0.0,
        steps: int = 1,
    ):
        super().__init__()
        self.captioner, self._parts = captioner, Parts.of(captioner)
        self._length, self._stochastic = length, stochastic
        self._sampling, self._steps = sampling, steps
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The losses that `call` gives."""
        return LOSSES if self._attends else LOSSES[:1]

    @property
    def _attends(self) -> bool:
        return self._parts.decoder.attention is not None and self._stochastic > 0

    def call(self, inputs, training=None):
        words = inputs[WORDS]
        batch, captions = tf.shape(words)[0], tf.shape(words)[1]
        places = tf.repeat(self._parts.look(inputs), captions, axis=0)
        words = tf.reshape(words, (batch * captions, -1))
        words = words[:, : tf.reduce_max(tf.math.count_nonzero(words, axis=1, dtype=tf.int32))]
        scores, weights = self._parts.decoder(
            places, words[:, :-1], training=training, sampling=self._own(training)
        )
        losses = {"words": caption_loss(scores, words[:, 1:])}
        if self._attends:
            spread = doubly_stochastic(weights, words[:, 1:])
            losses["attention"] = self._stochastic * spread
        there = tf.reshape(tf.cast(words[:, 0] != PADDING, tf.float32), (batch, captions))
        count = tf.maximum(tf.reduce_sum(there, axis=1), 1.0)
        return {
            name: tf.reduce_sum(tf.reshape(each, (batch, captions)), axis=1) / count / self._length
            for name, each in losses.items()
        }

    def _own(self, training: bool | None) -> tf.Tensor | None:
        """Return how often the captioner's own word is taken in this step; None for never."""
        if not self._sampling or not training:
            return None
        share = tf.cast(self.optimizer.iterations, tf.float32) / self._steps
        return self._sampling * tf.minimum(share, 1.0)


def caption_loss(scores: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
    """Return the sum of the cross-entropies of each caption's words, float32 (N,).

    Args:
        scores: float32 (N, T, V), before softmax.
        words: int (N, T), with PADDING for what does not count.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=words, logits=scores)
    return tf.reduce_sum(tf.where(words == PADDING, 0.0, entropy), axis=1)


def doubly_stochastic(weights: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
    """Return Σ_i (1 - Σ_t α_ti)² of each caption, float32 (N,); 0 of one without words.

    Args:
        weights: α, float32 (N, T, L).
        words: int (N, T), with PADDING for what does not count.
    """
    counts = tf.cast(words != PADDING, tf.float32)
    seen = tf.reduce_sum(weights * counts[..., None], axis=1)
    there = tf.reduce_max(counts, axis=1)
    return there * tf.reduce_sum(tf.square(1.0 - seen), axis=1)
