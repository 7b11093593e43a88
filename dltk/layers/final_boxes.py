"""From what a network says of each region to the boxes that a detector answers with."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.ops.boxes import areas, clipped, decoded
from dltk.ops.suppression import soft_suppressed, surviving

_LEAST_SIDE = 1e-2  # pixels


@keras.saving.register_keras_serializable("dltk")
class FinalBoxes(keras.layers.Layer):
    """The surest boxes of each class, overlaps of the same class removed.

    Girshick 2015, "Fast R-CNN", Sec. 2.4, https://arxiv.org/abs/1504.08083.

    Maps extents float32 (B, 2), height and width of each picture; regions float32 (B, P, 4), those
    without area being padding; scores float32 (B · P, K + 1), the first for ground, or K without
    it; and deltas (B · P, 4 · that many), or (B · P, 4) for all classes alike, to {"boxes":
    float32 (B, most, 4) in pixels, "labels": int32 (B, most) from 0, "scores": float32 (B, most)},
    the surest first, padded with boxes without area of score 0.

    Args:
        classes: K.
        delta_weights: of the deltas, see `dltk.ops.boxes.encoded`.
        probabilities: "softmax" of K + 1 scores, or "sigmoid" of K.
        score: probability from which boxes count; those of probability 0 never do.
        iou: above which overlap the less sure box of a class goes.
        most: boxes of a picture.
        candidates: how many are looked at before overlaps are removed.
        soft: let overlapping boxes count less instead (Bodla et al. 2017).
        only: the labels that are looked for; none for all.
    """

    def __init__(
        self,
        classes,
        *,
        delta_weights=(10.0, 10.0, 5.0, 5.0),
        probabilities="softmax",
        score=0.05,
        iou=0.5,
        most=100,
        candidates=1000,
        soft=False,
        only=(),
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits
        self.classes, self.probabilities = classes, probabilities
        self.delta_weights = tuple(delta_weights)
        self.score, self.iou, self.most = score, iou, most
        self.candidates, self.soft, self.only = candidates, soft, tuple(only)

    def call(self, extent, regions, scores, deltas):
        batch, count = tf.shape(regions)[0], tf.shape(regions)[1]
        scores = self._probabilities(tf.cast(scores, tf.float32))
        scores = tf.reshape(scores, (batch, count, self.classes))
        present = (areas(regions)[..., None] > 0) & (scores >= self.score) & self._wanted()
        flat = tf.reshape(tf.where(present, scores, 0.0), (batch, -1))
        total = tf.maximum(self.candidates, self.most)
        flat = tf.pad(flat, [[0, 0], [0, tf.maximum(0, total - tf.shape(flat)[1])]])
        scores, places = tf.math.top_k(flat, total)
        places = tf.minimum(places, count * self.classes - 1)
        which, labels = places // self.classes, places % self.classes
        boxes = decoded(
            self._deltas(tf.cast(deltas, tf.float32), batch, count, which, labels),
            tf.gather(regions, which, axis=1, batch_dims=1),
            self.delta_weights,
        )
        boxes = clipped(boxes, extent[:, :1], extent[:, 1:])
        large = tf.reduce_all(boxes[..., 2:] - boxes[..., :2] >= _LEAST_SIDE, axis=-1)
        scores = tf.where(large, scores, 0.0)
        return self._thinned(boxes, labels, scores)

    def _wanted(self) -> tf.Tensor:
        """Return whether each class is looked for, bool (K,)."""
        return tf.constant([not self.only or label in self.only for label in range(self.classes)])

    def _probabilities(self, scores):
        if self.probabilities == "sigmoid":
            return tf.sigmoid(scores)
        return tf.nn.softmax(scores)[:, 1:]

    def _deltas(self, deltas, batch, count, which, labels):
        """Return the deltas of chosen regions for chosen classes, (B, candidates, 4)."""
        each = deltas.shape[-1] // 4
        deltas = tf.reshape(deltas, (batch, count * each, 4))
        ground = each - self.classes  # those of ground come first, where there are any
        place = which if each == 1 else which * each + labels + ground
        return tf.gather(deltas, place, axis=1, batch_dims=1)

    def _thinned(self, boxes, labels, scores):
        if self.soft:
            places, scores = soft_suppressed(boxes, scores, most=self.most, labels=labels)
            scores = tf.where(scores >= self.score, scores, 0.0)
        else:
            stays = surviving(boxes, scores > 0, self.iou, labels)
            scores, places = tf.math.top_k(tf.where(stays, scores, 0.0), self.most)
        boxes = tf.gather(boxes, places, axis=1, batch_dims=1)
        return {
            "boxes": tf.where(scores[..., None] > 0, boxes, 0.0),
            "labels": tf.gather(labels, places, axis=1, batch_dims=1),
            "scores": scores,
        }

    def compute_output_spec(self, extent, regions, scores, deltas):
        shape = (regions.shape[0], self.most)
        return {
            "boxes": keras.KerasTensor((*shape, 4), "float32"),
            "labels": keras.KerasTensor(shape, "int32"),
            "scores": keras.KerasTensor(shape, "float32"),
        }

    def get_config(self):
        names = (
            "classes",
            "probabilities",
            "score",
            "iou",
            "most",
            "candidates",
            "soft",
            "only",
            "delta_weights",
        )
        own = {name: getattr(self, name) for name in names}
        return super().get_config() | own
