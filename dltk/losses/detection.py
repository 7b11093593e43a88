"""What a detector learns from, picture by picture: is there an object, which, and where exactly.

All losses are float32 (B,), one for each picture, so that a batch may be shared out over replicas.
A picture without objects has no loss of boxes.
"""

from __future__ import annotations

import tensorflow as tf

BETA = 1 / 9  # where smooth L1 turns from square to straight, as in Detectron


def objectness_loss(logits: tf.Tensor, is_object: tf.Tensor, use: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of some anchors (Ren et al. 2015, Sec. 3.1.2, Eq. 1).

    Args:
        logits: float32 (B, n), of being an object.
        is_object, use: bool (B, n); anchors that are not to be used do not count.
    """
    truth = tf.cast(is_object, tf.float32)
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=logits)
    return _mean(loss, use)


def class_loss(scores: tf.Tensor, labels: tf.Tensor, use: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of some regions (Girshick 2015, Sec. 2.3).

    Args:
        scores: float32 (B, n, K + 1), before softmax, of ground first.
        labels: int32 (B, n), 0 for ground.
        use: bool (B, n).
    """
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    return _mean(loss, use)


def box_loss(
    deltas: tf.Tensor, truth: tf.Tensor, has_object: tf.Tensor, use: tf.Tensor, beta: float = BETA
) -> tf.Tensor:
    """Return the smooth L1 distance of deltas where there is an object, over all that are used.

    Girshick 2015, Sec. 2.3, Eq. 2 and 3: ½ d² / β below β, |d| - β / 2 above, summed over the four
    sides. Divided by the number of all regions that are used, those of ground included, so that
    a picture with one small object does not shout.

    Args:
        deltas, truth: float32 (B, n, 4).
        has_object: bool (B, n), which regions have a box to find.
        use: bool (B, n).
    """
    counts = has_object & use
    apart = tf.abs(deltas - tf.where(counts[..., None], truth, 0.0))
    smooth = tf.where(apart < beta, 0.5 * tf.square(apart) / beta, apart - 0.5 * beta)
    total = tf.reduce_sum(tf.where(counts, tf.reduce_sum(smooth, axis=-1), 0.0), axis=1)
    return total / _count(use)


def _mean(loss, use):
    return tf.reduce_sum(tf.where(use, loss, 0.0), axis=1) / _count(use)


def _count(use):
    return tf.maximum(1.0, tf.reduce_sum(tf.cast(use, tf.float32), axis=1))
