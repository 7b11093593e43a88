"""Boxes: overlaps, and the code in which networks correct them.

Boxes are float32 (..., 4): left, top, right, bottom in pixels, half-open, so that a box is
`right - left` wide. A box without area, such as padding, overlaps nothing.
"""

from __future__ import annotations

import math

import tensorflow as tf

MAX_LOG_SCALE = math.log(1000 / 16)  # of a side: from 16 to 1000 pixels at most, as in Detectron


def areas(boxes: tf.Tensor) -> tf.Tensor:
    """Return the areas of `boxes` (..., 4), in square pixels, (...); of none that is negative."""
    return tf.reduce_prod(tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)


def pairwise_iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return intersection over union of each of `boxes` (..., N, 4) with each of `others`
    (..., M, 4): (..., N, M) in [0, 1]; 0 where both are without area."""
    shared = _shared(boxes, others)
    union = areas(boxes)[..., :, None] + areas(others)[..., None, :] - shared
    return tf.math.divide_no_nan(shared, union)


def pairwise_covered(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return what share of each of `boxes` (..., N, 4) lies in each of `others` (..., M, 4):
    (..., N, M) in [0, 1]; 0 where a box is without area."""
    return tf.math.divide_no_nan(_shared(boxes, others), areas(boxes)[..., :, None])


def _shared(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return the area that each of `boxes` has in common with each of `others`, (..., N, M)."""
    # Side by side, not as pairs of coordinates: a last axis of two would take 2 to 5 times as long.
    left, top, right, bottom = tf.unstack(boxes[..., :, None, :], 4, axis=-1)
    left2, top2, right2, bottom2 = tf.unstack(others[..., None, :, :], 4, axis=-1)
    width = tf.minimum(right, right2) - tf.maximum(left, left2)
    height = tf.minimum(bottom, bottom2) - tf.maximum(top, top2)
    return tf.maximum(width, 0.0) * tf.maximum(height, 0.0)


def clipped(boxes: tf.Tensor, height, width) -> tf.Tensor:
    """Return `boxes` (..., 4) cut off at the edges of a picture; those outside have no area.

    Args:
        height, width: pixels, scalars or of a shape that broadcasts against (...).
    """
    height, width = (tf.cast(side, boxes.dtype) for side in (height, width))
    most = tf.stack([width, height, width, height], axis=-1)
    return tf.clip_by_value(boxes, tf.zeros_like(most), most)


def encoded(boxes: tf.Tensor, anchors: tf.Tensor, weights=(1.0, 1.0, 1.0, 1.0)) -> tf.Tensor:
    """Return what turns `anchors` (..., 4) into `boxes` (..., 4), (..., 4): Girshick et al. 2014,
    "Rich feature hierarchies", App. C, Eq. 6 to 9, https://arxiv.org/abs/1311.2524.

    Shifts of the centre in sides of the anchor, and logs of the ratios of sides, multiplied by
    `weights` as Fast R-CNN's code does, to have them of variance 1. Boxes and anchors have area.
    """
    sides, centre = _sides_and_centre(boxes)
    anchor_sides, anchor_centre = _sides_and_centre(anchors)
    shift = (centre - anchor_centre) / anchor_sides
    return tf.concat([shift, tf.math.log(sides / anchor_sides)], axis=-1) * weights


def decoded(deltas: tf.Tensor, anchors: tf.Tensor, weights=(1.0, 1.0, 1.0, 1.0)) -> tf.Tensor:
    """Return the boxes (..., 4) that `deltas` (..., 4) make of `anchors` (..., 4), see `encoded`.

    Sides grow by 1000 / 16 at most, so that an untrained network gives no infinite box.
    """
    deltas = deltas / tf.constant(weights, deltas.dtype)
    sides, centre = _sides_and_centre(anchors)
    centre += deltas[..., :2] * sides
    half = 0.5 * tf.exp(tf.minimum(deltas[..., 2:], MAX_LOG_SCALE)) * sides
    return tf.concat([centre - half, centre + half], axis=-1)


def _sides_and_centre(boxes):
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides, boxes[..., :2] + 0.5 * sides
