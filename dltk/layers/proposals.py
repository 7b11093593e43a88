"""From what a region proposal network says of every anchor to the regions worth looking at."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dltk.ops.anchors import base_anchors, grid_anchors
from dltk.ops.boxes import clipped, decoded
from dltk.ops.suppression import surviving


@keras.saving.register_keras_serializable("dltk")
class RegionProposals(keras.layers.Layer):
    """The surest regions of a region proposal network, most of their overlaps removed.

    Ren et al. 2015, "Faster R-CNN", Sec. 3.1 and 3.3, https://arxiv.org/abs/1506.01497. On each
    level of the pyramid the surest anchors are moved and resized as the network says, cut off at
    the picture's edges, and thinned out; of all levels the surest remain.

    Maps pixels (B, H, W, 3), of which only the shape counts; extents float32 (B, 2), height and
    width of each picture; and for each level logits (B, h, w, A) and deltas (B, h, w, 4 · A), to
    boxes float32 (B, P, 4) in pixels, padded with boxes without area.

    Args:
        sizes: for each level, the sides of its anchors (square roots of areas) in pixels.
        ratios: of height to width, the same on all levels.
        strides: pixels from one anchor to the next, for each level; None for the whole pixels that
            torchvision takes: the side of the picture by that of the map, rounded down. That is
            less than the map's own stride where this does not divide the picture.
        before: anchors of each level that are looked at.
        after: P.
        iou: above which overlap the less sure region goes.
        least_score: probability below which regions go.
        least_side: pixels below which regions go.
    """

    def __init__(
        self,
        sizes,
        ratios,
        *,
        strides=None,
        before=1000,
        after=1000,
        iou=0.7,
        least_score=0.0,
        least_side=1e-3,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits
        self.sizes, self.ratios = [list(level) for level in sizes], list(ratios)
        self.strides = None if strides is None else list(strides)
        self.before, self.after, self.iou = before, after, iou
        self.least_score, self.least_side = least_score, least_side

    def anchors(self, pixels, maps) -> list[tf.Tensor]:
        """Return the anchors of each level, float32 (h · w · A, 4), in pixels."""
        height, width = tf.unstack(tf.shape(pixels)[1:3])
        anchors = []
        for level, (sizes, each) in enumerate(zip(self.sizes, maps, strict=True)):
            rows, columns = tf.unstack(tf.shape(each)[1:3])
            steps = height // rows, width // columns
            if self.strides is not None:
                steps = self.strides[level], self.strides[level]
            anchors.append(grid_anchors(base_anchors(sizes, self.ratios), rows, columns, *steps))
        return anchors

    def call(self, pixels, extent, logits, deltas):
        boxes, scores = [], []
        for anchors, level_logits, level_deltas in zip(
            self.anchors(pixels, logits), logits, deltas, strict=True
        ):
            found, score = self._of_level(anchors, level_logits, level_deltas, extent)
            boxes.append(found)
            scores.append(score)
        boxes, scores = tf.concat(boxes, axis=1), tf.concat(scores, axis=1)
        missing = tf.maximum(0, self.after - tf.shape(scores)[1])
        scores = tf.pad(scores, [[0, 0], [0, missing]], constant_values=-np.inf)
        boxes = tf.pad(boxes, [[0, 0], [0, missing], [0, 0]])
        scores, places = tf.math.top_k(scores, self.after)
        boxes = tf.gather(boxes, places, axis=1, batch_dims=1)
        return tf.stop_gradient(tf.where(scores[..., None] > -np.inf, boxes, 0.0))

    def _of_level(self, anchors, logits, deltas, extent):
        """Return boxes (B, n, 4) and scores (B, n), -inf for those that went."""
        batch = tf.shape(logits)[0]
        logits = tf.reshape(tf.cast(logits, tf.float32), (batch, -1))
        deltas = tf.reshape(tf.cast(deltas, tf.float32), (batch, -1, 4))
        scores, places = tf.math.top_k(logits, tf.minimum(self.before, tf.shape(logits)[1]))
        boxes = decoded(tf.gather(deltas, places, axis=1, batch_dims=1), tf.gather(anchors, places))
        boxes = clipped(boxes, extent[:, :1], extent[:, 1:])
        present = tf.reduce_all(boxes[..., 2:] - boxes[..., :2] >= self.least_side, axis=-1)
        present &= tf.sigmoid(scores) >= self.least_score
        stays = surviving(boxes, present, self.iou)
        return boxes, tf.where(stays, scores, -np.inf)

    def compute_output_shape(self, pixels_shape, extent_shape, logits_shape, deltas_shape):
        return (pixels_shape[0], self.after, 4)

    def get_config(self):
        names = (
            "sizes",
            "ratios",
            "strides",
            "before",
            "after",
            "iou",
            "least_score",
            "least_side",
        )
        return super().get_config() | {name: getattr(self, name) for name in names}
