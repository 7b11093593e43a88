"""Anchors: boxes of some sizes and shapes at every place of feature maps.

Ren et al. 2015, "Faster R-CNN", Sec. 3.1.1, https://arxiv.org/abs/1506.01497; one size a level
as in Lin et al. 2016, "Feature Pyramid Networks", Sec. 4.1, https://arxiv.org/abs/1612.03144.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def base_anchors(sizes: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """Return the anchors of one place, around (0, 0): float32 (len(ratios) · len(sizes), 4).

    All sizes of the first ratio come first. Edges are rounded to whole pixels, halves to the even
    one, as torchvision does.

    Args:
        sizes: square roots of areas, in pixels.
        ratios: of height to width.
    """
    tall = np.sqrt(np.asarray(ratios, np.float32))
    heights = (tall[:, None] * np.asarray(sizes, np.float32)).ravel()
    widths = ((1 / tall)[:, None] * np.asarray(sizes, np.float32)).ravel()
    return np.round(np.stack([-widths, -heights, widths, heights], axis=1) / 2)


def grid_anchors(base: np.ndarray, rows, columns, stride_down, stride_across) -> tf.Tensor:
    """Return `base` (A, 4) at each place of a map: float32 (rows · columns · A, 4).

    Places come row by row; the first lies at (0, 0), not half a stride in.
    """
    down = tf.cast(tf.range(rows) * stride_down, tf.float32)
    across = tf.cast(tf.range(columns) * stride_across, tf.float32)
    y, x = tf.meshgrid(down, across, indexing="ij")
    places = tf.stack([x, y, x, y], axis=-1)
    return tf.reshape(places[:, :, None] + base, (-1, 4))
