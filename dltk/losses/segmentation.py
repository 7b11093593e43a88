"""What a segmenter learns from, picture by picture: which class each pixel belongs to.

All losses are float32 (B,), one for each picture, so that a batch may be shared out over replicas.
Pixels of 255 in a label map do not count, and a picture of nothing else has no loss. With 150
classes the scores of a batch are by far the largest thing in memory: label maps are never spread
out over the classes beside them.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dltk.errors import UsageError
from dltk.masks import IGNORE

GAMMA = 2.0  # what Lin et al. 2017 found best
WEIGHTINGS = ("none", "balanced", "median", "log")
MOST_WEIGHT = 50.0
"""How many times as much as another class one can weigh at most."""

_ENET = 1.02  # Paszke et al. 2016: so that weights lie between 1 and 50
_LEAST_DOUBT = 1e-7  # 0 has no gradient under a power below 1


def pixel_cross_entropy(
    scores: tf.Tensor, mask: tf.Tensor, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the mean cross-entropy of the pixels that count, float32 (B,).

    With weights it is Σ w·ce / Σ w, over the pixels of one picture: the loss stays as large as
    without them, so that a learning rate means the same, however large the weights are and
    whatever classes a picture has. What it comes to is how much the classes of a picture count
    beside each other; where there is but one, weights change nothing.

    Args:
        scores: float32 (B, H, W, K), before softmax.
        mask: uint8 or another kind of int (B, H, W), label maps.
        weights: float32 (K,), of classes, 0 or more; None for 1.
    """
    labels, counts = _labels(mask)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    return _mean(entropy, labels, counts, weights)


def focal_loss(
    scores: tf.Tensor, mask: tf.Tensor, gamma: float = GAMMA, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the mean of (1 - p)^γ · ce, p being what the true class is given, float32 (B,).

    Lin et al. 2017, "Focal Loss for Dense Object Detection", Sec. 3.2, with softmax for several
    classes in place of a sigmoid: pixels that are all but decided hardly count. It is divided by
    the number of pixels, not by that of objects, of which pixels know nothing.

    Args:
        scores, mask, weights: see `pixel_cross_entropy`; the weights are the α of Sec. 3.1.
        gamma: 0 or more; 0 is the cross-entropy.
    """
    labels, counts = _labels(mask)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    doubt = tf.maximum(-tf.math.expm1(-entropy), _LEAST_DOUBT)
    return _mean(tf.pow(doubt, gamma) * entropy, labels, counts, weights)


def dice_loss(scores: tf.Tensor, mask: tf.Tensor, smooth: float = 1.0) -> tf.Tensor:
    """Return 1 less the mean soft Dice of the classes in each picture, float32 (B,), 0-1.

    Milletari, Navab & Ahmadi 2016, "V-Net", Sec. 3, whose denominator has squares:
    (2 Σ p g + s) / (Σ p² + Σ g² + s), over the pixels of a picture, for each class; the paper has
    no s.

    Only classes that the picture's label map has take part. The Dice of the others has nothing
    to rise to: it falls from 1 to about 0 with the first few pixels' worth of probability, and
    of 150 classes these would be most of the mean. What absent classes are given is missing from
    those that are there, so it costs all the same.

    Args:
        scores, mask: see `pixel_cross_entropy`.
        smooth: s, in pixels. More forgives more errors of classes with few pixels.
    """
    labels, counts = _labels(mask)
    shape = tf.shape(scores)
    pictures, classes = shape[0], shape[3]
    counts = tf.cast(counts, tf.float32)
    given = tf.nn.softmax(scores) * counts[..., None]
    own = tf.gather(given, labels, axis=3, batch_dims=3)
    places = labels + classes * tf.range(pictures)[:, None, None]

    def summed(values):
        sums = tf.math.unsorted_segment_sum(values, places, pictures * classes)
        return tf.reshape(sums, (pictures, classes))

    shared, true = summed(own), summed(counts)
    all_given = tf.reduce_sum(tf.square(given), axis=(1, 2))
    dice = (2 * shared + smooth) / tf.maximum(all_given + true + smooth, 1e-7)
    there = true > 0
    missing = tf.reduce_sum(tf.where(there, 1 - dice, 0.0), axis=1)
    return missing / tf.maximum(1.0, tf.reduce_sum(tf.cast(there, tf.float32), axis=1))


def class_weights(counts: np.ndarray, how: str) -> np.ndarray:
    """Return how much classes are to count in a loss, float32 (K,).

    No class counts more than 50 times as much as another: what occurs in a handful of pixels would
    leave nothing to the others, and they are as likely as not a mistake of whoever labelled them.
    50 is as far as ENet's weights go.

    Args:
        counts: int64 (K,), pixels of each class; or (N, K), of each class in each picture.
        how: one of `WEIGHTINGS`:
            "none": 1 for every class.
            "balanced": the inverse of the pixels, then scaled to a mean of 1.
            "median": Eigen & Fergus 2015, "Predicting Depth, Surface Normals and Semantic Labels",
            Sec. 6.3: the median of all classes' frequencies, divided by that of the class, which
            is its share of the pixels of the pictures that have it. Of (K,), all is one picture.
            "log": ENet (Paszke et al. 2016, Sec. 5.2): 1 / ln(1.02 + p), p being the share of all
            pixels.
    Returns:
        0 for classes that never occur, but with "none". They have no part in means and medians.
    Raises:
        UsageError: another way.
    """
    if how not in WEIGHTINGS:
        raise UsageError(f"classes are weighted by {', '.join(WEIGHTINGS)}, not by {how}")
    counts = np.atleast_2d(np.asarray(counts, np.float64))
    pixels = counts.sum(axis=0)
    if how == "none":
        return np.ones(len(pixels), np.float32)
    weights, occur = np.zeros(len(pixels)), pixels > 0
    if not occur.any():
        return weights.astype(np.float32)
    if how == "log":
        raw = 1 / np.log(_ENET + pixels[occur] / pixels.sum())
    elif how == "median":
        around = ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0)
        frequencies = pixels[occur] / around[occur]
        raw = np.median(frequencies) / frequencies
    else:
        raw = 1 / pixels[occur]
    raw = np.minimum(raw, MOST_WEIGHT * raw.min())
    weights[occur] = raw / raw.mean() if how == "balanced" else raw
    return weights.astype(np.float32)


def _labels(mask):
    """Return classes that can be looked up, int32, and which of the pixels count, bool."""
    mask = tf.cast(mask, tf.int32)
    counts = tf.not_equal(mask, IGNORE)
    return tf.where(counts, mask, 0), counts


def _mean(loss, labels, counts, weights):
    """Return the mean of pixels (B, H, W) for each picture (B,), or 0 if none counts."""
    shares = tf.cast(counts, tf.float32)
    if weights is not None:
        shares *= tf.gather(tf.cast(weights, tf.float32), labels)
    total = tf.reduce_sum(shares * loss, axis=(1, 2))
    return tf.math.divide_no_nan(total, tf.reduce_sum(shares, axis=(1, 2)))
