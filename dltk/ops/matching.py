"""Which object each region is to find, and which regions are learnt from.

Ren et al. 2015, "Faster R-CNN", Sec. 3.1.2, https://arxiv.org/abs/1506.01497; Girshick 2015, "Fast
R-CNN", Sec. 2.3, https://arxiv.org/abs/1504.08083.
"""

from __future__ import annotations

import tensorflow as tf

GROUND, NEITHER = -1, -2  # in place of an object's index
INSIDE = 0.5  # share of a region from which on it belongs to what is ignored
_TIE = 1e-6  # by how much, of themselves, overlaps differ that are equal but for rounding


def matched(
    overlaps: tf.Tensor,
    present: tf.Tensor,
    inside: tf.Tensor,
    *,
    positive: float,
    negative: float,
    keep_best: bool = False,
) -> tf.Tensor:
    """Return for each region the index of the object it is to find, int32 (B, R).

    That is the object it overlaps most, if by `positive` at least. Below `negative` the region is
    GROUND, unless half of it lies in a place that is ignored, such as a crowd, whose members are
    not annotated one by one. Then, and in between, it is NEITHER: nothing is learnt from it.

    Args:
        overlaps: float32 (B, R, N), intersection over union of R regions and N objects.
        present: bool (B, N), False for padding and what is ignored. In a picture without objects
            all is GROUND.
        inside: float32 (B, R), the share of a region that lies in what is ignored.
        keep_best: match also the regions that overlap an object as much as none does more, so
            that every object that is overlapped at all is found by one; each is matched with
            what it itself overlaps most, as torchvision does.
    """
    # One object more, which nothing overlaps, so that there is one even where there are none.
    overlaps = tf.pad(tf.where(present[:, None, :], overlaps, 0.0), [[0, 0], [0, 0], [0, 1]])
    best = tf.reduce_max(overlaps, axis=2)
    chosen = tf.argmax(overlaps, axis=2, output_type=tf.int32)
    result = tf.where((best < negative) & (inside < INSIDE), GROUND, NEITHER)
    taken = best >= positive
    if keep_best:
        most = tf.reduce_max(overlaps, axis=1, keepdims=True)
        taken |= tf.reduce_any((most > 0) & (overlaps >= most * (1 - _TIE)), axis=2)
    return tf.where(taken, chosen, result)


def sampled(
    matches: tf.Tensor, noise: tf.Tensor, *, count: int, positives: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return `count` regions of each picture to learn from: indices int32 and use bool (B, count).

    At most `positives` of them have an object, and come first; ground fills the rest up. Where
    regions are too few the places left are not to be used.

    Args:
        matches: int32 (B, R), see `matched`.
        noise: float32 (B, R), uniform in [0, 1), which decides who is taken.
    """
    regions = tf.shape(matches)[1]
    has_object = matches >= 0
    rank = _rank(tf.where(has_object, noise, -1.0))
    key = tf.where(matches == GROUND, noise, -1.0)
    key = tf.where(has_object & (rank < positives), 1.0 + noise, key)
    key = tf.pad(key, [[0, 0], [0, tf.maximum(0, count - regions)]], constant_values=-1.0)
    values, indices = tf.math.top_k(key, count)
    return tf.clip_by_value(indices, 0, tf.maximum(0, regions - 1)), values >= 0


def noise_of(seeds: tf.Tensor, count) -> tf.Tensor:
    """Return float32 (B, count), uniform in [0, 1): each row from a seed of its own alone.

    So what is drawn for a picture does not depend on the batch or the replica it is in.

    Args:
        seeds: int32 (B, 2).
    """
    return tf.map_fn(
        lambda seed: tf.random.stateless_uniform([count], seed),
        seeds,
        fn_output_signature=tf.TensorSpec([None], tf.float32),
    )


def _rank(values: tf.Tensor) -> tf.Tensor:
    """Return the place of each value in the descending order of its row, int32 (B, R)."""
    order = tf.argsort(values, axis=1, direction="DESCENDING", stable=True)
    return tf.argsort(order, axis=1)
