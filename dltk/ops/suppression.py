"""Non-maximum suppression: of boxes that overlap, the surest stays.

Girshick et al. 2014, "Rich feature hierarchies", Sec. 2.2, https://arxiv.org/abs/1311.2524; the
soft form is that of Bodla et al. 2017, https://arxiv.org/abs/1704.04503.
"""

from __future__ import annotations

import tensorflow as tf

from dltk.ops.boxes import pairwise_iou


def surviving(boxes: tf.Tensor, present: tf.Tensor, iou: float, labels=None) -> tf.Tensor:
    """Return which boxes greedy suppression leaves, bool (B, N).

    Greedily taken from the surest on, a box stays if it overlaps none that stays by more than
    `iou`. Which do is the fixed point of "no surer box that stays is too near", which is found
    for all boxes at once: the first round is right for the surest, and each round for one more of
    every chain of overlaps. Chains are short, so a few rounds do what a loop over boxes would.

    Args:
        boxes: float32 (B, N, 4), the surest first.
        present: bool (B, N), False for padding.
        iou: above which overlap two boxes do not both stay.
        labels: int (B, N); boxes of different ones leave each other alone. None: of one class.
    """
    near = pairwise_iou(boxes, boxes) > iou
    if labels is not None:
        near &= labels[:, :, None] == labels[:, None, :]
    count = tf.shape(boxes)[1]
    surer = tf.range(count)[:, None] < tf.range(count)[None, :]
    near = tf.cast(near & surer, tf.float32)

    def unrivalled(stays):
        rivals = tf.linalg.matvec(near, tf.cast(stays, tf.float32), transpose_a=True)
        return present & (rivals == 0)

    def changes(before, after):
        return tf.reduce_any(before != after)

    return tf.while_loop(
        changes,
        lambda before, after: (after, unrivalled(after)),
        (present, unrivalled(present)),
        shape_invariants=(present.shape, present.shape),
    )[1]


def soft_suppressed(
    boxes: tf.Tensor, scores: tf.Tensor, *, most: int, sigma: float = 0.5, labels=None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return indices int32 and scores float32 (B, most) of boxes, the surest first.

    Instead of going, a box near a surer one is less sure: its score is multiplied by
    exp(-iou² / sigma) (Bodla et al. 2017, Eq. 2).

    Args:
        boxes: float32 (B, N, 4).
        scores: float32 (B, N), 0 for padding.
        most: how many to return; where there are fewer, the score is 0.
        labels: int (B, N); boxes of different ones leave each other alone.
    """
    shrink = tf.exp(-tf.square(pairwise_iou(boxes, boxes)) / sigma)
    if labels is not None:
        shrink = tf.where(labels[:, :, None] == labels[:, None, :], shrink, 1.0)

    def step(state, _):
        left, _, _ = state
        best = tf.argmax(left, axis=1, output_type=tf.int32)
        score = tf.reduce_max(left, axis=1)
        left = left * tf.gather(shrink, best, axis=1, batch_dims=1)
        taken = tf.one_hot(best, tf.shape(left)[1], on_value=True, off_value=False, dtype=tf.bool)
        return tf.where(taken, 0.0, left), best, score

    zero = tf.zeros(tf.shape(scores)[:1], tf.int32), tf.zeros(tf.shape(scores)[:1], tf.float32)
    _, indices, kept = tf.scan(step, tf.range(most), (scores, *zero))
    return tf.transpose(indices), tf.transpose(kept)
