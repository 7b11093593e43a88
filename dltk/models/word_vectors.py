"""Skip-gram and continuous bag of words, with negative sampling, as products of matrices."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dltk.text.windows import BEFORE, BEHIND, NOISE, WORDS
from dltk.training.model import OwnStep

PRESETS = ("skip-gram", "cbow")
_NOWHERE = 127  # farther off than any window reaches
_LEAST = 1e-37  # of a chance whose logarithm is taken


class Lesson(NamedTuple):
    """What a batch teaches.

    Attributes:
        loss: float (), the sum over all predictions.
        predictions: float (), how many there were.
        words: float (B, M, D), gradients of the vectors that were given.
        outputs: float (B, M', D), those of the output vectors.
    """

    loss: tf.Tensor
    predictions: tf.Tensor
    words: tf.Tensor
    outputs: tf.Tensor


def skip_gram(words: tf.Tensor, outputs: tf.Tensor, near: tf.Tensor, negatives: float) -> Lesson:
    """Let every word predict each word in its window.

    Mikolov et al. 2013, https://arxiv.org/abs/1301.3781, Sec. 3.2, with negative sampling:
    https://arxiv.org/abs/1310.4546, eq. 4. (Their code lets the words of the window predict that in
    its middle, which sees the same pairs.)

    Args:
        words: float (B, L, D), vectors of the words of B blocks.
        outputs: float (B, C + N, D), output vectors of the C words that may be in windows of a
            block, and behind these those of its N words of noise.
        near: float (B, L, C), 1 where a word is in the window of another, else 0.
        negatives: words of noise that count for each prediction. All words of a block have the
            same N of these, which are weighted so that they stand for as many; in the mean, it is
            the same.
    """
    noise = outputs.shape[1] - near.shape[2]
    pairs = tf.reduce_sum(near, axis=2, keepdims=True)
    weights = tf.concat([near, tf.repeat(pairs * (negatives / noise), noise, axis=2)], axis=2)
    wanted = tf.pad(near, [[0, 0], [0, 0], [0, noise]])
    loss, slopes = _regression(tf.matmul(words, outputs, transpose_b=True), weights, wanted)
    return Lesson(
        loss=loss,
        predictions=tf.reduce_sum(pairs),
        words=tf.matmul(slopes, outputs),
        outputs=tf.matmul(slopes, words, transpose_a=True),
    )


def bag_of_words(words: tf.Tensor, outputs: tf.Tensor, near: tf.Tensor, negatives: float) -> Lesson:
    """Let the words in each window together, their vectors' mean, predict the word in its middle.

    Mikolov et al. 2013, https://arxiv.org/abs/1301.3781, Sec. 3.1. A word of a window of n gets the
    n-th part of the mean's gradient. word2vec's code gives it all of it, which is not the gradient
    (İrsoy et al. 2021, https://arxiv.org/abs/2012.15332); so rates are higher here.

    Args:
        words: float (B, C, D), vectors of all words that may be in windows of a block.
        outputs: float (B, L + N, D), output vectors of the L words of a block, and behind these
            those of its noise.
        near, negatives: see `skip_gram`.
    """
    length = near.shape[1]
    middles, noise = outputs[:, :length], outputs[:, length:]
    count = tf.reduce_sum(near, axis=2, keepdims=True)
    any_near = tf.minimum(count, 1)
    shares = near / tf.maximum(count, 1)
    means = tf.matmul(shares, words)
    scores = tf.reduce_sum(means * middles, axis=2, keepdims=True)
    loss, slopes = _regression(scores, any_near, any_near)
    against = tf.matmul(means, noise, transpose_b=True)
    weights = any_near * (negatives / noise.shape[1])
    noise_loss, noise_slopes = _regression(against, weights, 0.0)
    of_means = slopes * middles + tf.matmul(noise_slopes, noise)
    of_noise = tf.matmul(noise_slopes, means, transpose_a=True)
    return Lesson(
        loss=loss + noise_loss,
        predictions=tf.reduce_sum(any_near),
        words=tf.matmul(shares, of_means, transpose_a=True),
        outputs=tf.concat([slopes * means, of_noise], axis=1),
    )


def _regression(scores: tf.Tensor, weights, wanted) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the loss of logistic regression, float (), and its slopes by the scores.

    Args:
        weights: of each score.
        wanted: the weight again where it should be high, 0 where it should be low.
    """
    unlike = tf.sigmoid(-scores)
    # log(1 + exp(s)) is -log(sigmoid(-s)), and the slopes need that sigmoid anyway.
    losses = -weights * tf.math.log(tf.maximum(unlike, _LEAST)) - wanted * scores
    return tf.reduce_sum(losses), weights * (1 - unlike) - wanted


def nearness(before: tf.Tensor, behind: tf.Tensor, window: int) -> tf.Tensor:
    """Return which words are in the window of which, float32 (B, L, L + 2 window).

    Args:
        before, behind: int8 (B, L), how far each window reaches, see `dltk.text.windows`.
    """
    length = before.shape[1]
    offsets = np.arange(length + 2 * window) - window - np.arange(length)[:, None]
    far = np.where((offsets == 0) | (abs(offsets) > window), _NOWHERE, offsets).astype(np.int8)
    inside = (far >= -before[:, :, None]) & (far <= behind[:, :, None])
    return tf.cast(inside, tf.float32)


class WordLearner(OwnStep):
    """Vectors of words in training, on batches of `dltk.data.windows.Windows`.

    Compile it with a `dltk.training.rowwise.RowwiseSGD`. The log "loss" is float32, the mean over
    the predictions of a step and over the epoch so far; at the start it is (1 + negatives) log 2.

    Initial vectors are even over -1/2D to 1/2D and output vectors zero, as in word2vec's code.

    Args:
        words: V, how many there are.
        size: D, numbers of a vector.
        preset: "skip-gram" or "cbow".
        window: words on each side, at most.
        negatives: see `skip_gram`.
        seed: of the initial vectors.
    """

    def __init__(
        self, words: int, size: int, *, preset: str, window: int, negatives: float, seed: int = 0
    ):
        super().__init__()
        even = keras.initializers.RandomUniform(-0.5 / size, 0.5 / size, seed=seed)
        self.vectors = self.add_weight(name="vectors", shape=(words, size), initializer=even)
        self.against = self.add_weight(name="outputs", shape=(words, size), initializer="zeros")
        self._skips, self._window, self._negatives = preset == "skip-gram", window, negatives
        self.built = True

    def compile(self, optimizer: keras.Optimizer):
        """Take the optimizer, and build it."""
        self._begin([(optimizer, [self.vectors, self.against])], ["loss"])

    def call(self, rows, training=None):
        """Return the vectors of words, float32 (..., D), by their rows."""
        return tf.gather(self.vectors, rows)

    def train_step(self, batch):
        """Learn from one replica's share of a batch; return the logs."""
        around, noise = batch[WORDS], batch[NOISE]
        block = around[:, self._window : -self._window]
        near = nearness(batch[BEFORE], batch[BEHIND], self._window)
        if self._skips:
            learn, given, asked = skip_gram, block, around
        else:
            learn, given, asked = bag_of_words, around, block
        asked = tf.concat([asked, noise], axis=1)
        lesson = learn(
            tf.gather(self.vectors, given), tf.gather(self.against, asked), near, self._negatives
        )
        moved = self._rows(given, lesson.words), self._rows(asked, lesson.outputs)
        self.optimizers[0].apply(list(moved), [self.vectors, self.against])
        # Gradients and these are sums over what is predicted, and need no share of replicas.
        told = tf.distribute.get_replica_context().all_reduce(
            tf.distribute.ReduceOp.SUM, [lesson.loss, lesson.predictions]
        )
        return self._told({"loss": told[0] / tf.maximum(told[1], 1)})

    def _rows(self, rows: tf.Tensor, slopes: tf.Tensor) -> tf.IndexedSlices:
        count, size = self.vectors.shape
        flat = tf.reshape(slopes, [-1, size])
        return tf.IndexedSlices(flat, tf.reshape(rows, [-1]), tf.constant([count, size]))
