"""The form of a masker that learns: pairs of patches in, losses out."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.masks import MASK
from dltk.models.masker.network import Parts
from dltk.objects import PIXELS
from dltk.training.model import AcrossWorkers

LOSSES = "mask", "score"
SHARE = 1 / 32
"""λ of Eq. 1: how much the score counts beside the mask."""


class Learner(AcrossWorkers, keras.Model):
    """A masker with its losses, which trains the layers of the masker itself.

    Takes {PIXELS: float32 (B, 2, S, S, 3), of each pair the patch with an object in its middle and
    one without, MASK: uint8 (B, m, m), 1 where that object is}, and gives LOSSES, float32 (B,).

    Batch normalisation keeps the statistics it has. Dropout is on.
    """

    def __init__(self, masker: keras.Model):
        super().__init__()
        self.masker, self._parts = masker, Parts.of(masker)
        self.built = True

    def call(self, inputs, training=None):
        pairs, masks = inputs[PIXELS], inputs[MASK]
        both = tf.concat([pairs[:, 0], pairs[:, 1]], axis=0)
        features = self._parts.features(both)
        with_object = tf.split(features, 2)[0]
        logits = self._parts.mask_head(with_object, training=training)
        scores = tf.split(self._parts.score_head(features, training=training), 2)
        return {
            "mask": mask_loss(tf.cast(tf.reshape(logits, tf.shape(masks)), tf.float32), masks),
            "score": SHARE
            * score_loss(*(tf.cast(each[:, 0, 0, 0], tf.float32) for each in scores)),
        }


def mask_loss(logits: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
    """Return the first term of Eq. 1 for patches with an object, float32 (B,).

    That is the mean over pixels of log(1 + exp(-m f)), m being 1 in the object and -1 elsewhere.

    Args:
        logits: f, float32 (B, m, m).
        masks: uint8 (B, m, m), 1 in the object and 0 elsewhere.
    """
    signs = 2 * tf.cast(masks, tf.float32) - 1
    return tf.reduce_mean(tf.math.softplus(-signs * logits), axis=(1, 2))


def score_loss(with_object: tf.Tensor, without: tf.Tensor) -> tf.Tensor:
    """Return the second term of Eq. 1, without λ: the mean of both patches of a pair, float32 (B,).

    Args:
        with_object, without: logits float32 (B,).
    """
    return (tf.math.softplus(-with_object) + tf.math.softplus(without)) / 2
