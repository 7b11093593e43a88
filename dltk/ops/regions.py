"""The features of regions: RoIAlign and RoI pooling.

Boxes are float32 (R, 4) in pixels of the network's input; a map of features is `stride` times
smaller.
"""

from __future__ import annotations

import tensorflow as tf

_POWERS = 5  # of two: 1 to 16 places, of which two cover bins of up to 32


def roi_align(
    features: tf.Tensor,
    boxes: tf.Tensor,
    owners: tf.Tensor,
    *,
    stride,
    size: int = 7,
    samples: int = 2,
    aligned: bool = True,
) -> tf.Tensor:
    """Return what lies in boxes, interpolated: float32 (R, size, size, C).

    He et al. 2017, "Mask R-CNN", Sec. 3, https://arxiv.org/abs/1703.06870: each of size × size
    bins is the mean of samples × samples points in it, bilinearly interpolated. Up to one place
    outside of the map a point has the value at the edge, beyond that 0, as in Detectron. A box
    without size takes one point many times over.

    Args:
        features: (B, H, W, C).
        owners: int32 (R,), the picture of the batch that each box is in.
        stride: pixels between two places of the map.
        aligned: count pixels from their centres, half a place further up and left, and take
            boxes as small as they are; False as in the first code (torchvision's detectors): as
            from their corners, boxes being one place wide and high at least.
    """
    height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(features)[1:3]))
    boxes = boxes / stride - (0.5 if aligned else 0.0)
    start, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    if not aligned:
        sides = tf.maximum(sides, 1.0)
    # The kernel puts its first and last point on the corners of the box it is given, and knows
    # no value outside of the map: so a place is added at each edge, and boxes go from the
    # first point to the last.
    apart = sides / (size * samples)
    first = start + apart / 2 + 1
    last = first + apart * (size * samples - 1)
    most = tf.stack([width + 1, height + 1])
    corners = tf.concat([first / most, last / most], axis=1)
    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    points = tf.image.crop_and_resize(
        padded, tf.gather(corners, [1, 0, 3, 2], axis=1), owners, [size * samples] * 2
    )
    return tf.nn.avg_pool2d(points, samples, samples, "VALID")


def roi_pool(
    features: tf.Tensor, boxes: tf.Tensor, owners: tf.Tensor, *, stride, size: int = 7
) -> tf.Tensor:
    """Return the largest features in boxes: float32 (R, size, size, C).

    Girshick 2015, "Fast R-CNN", Sec. 2.1, https://arxiv.org/abs/1504.08083: corners are rounded
    to whole places of the map, halves away from 0, both included; and the box is cut into
    size × size bins, which share places where they are smaller than one. A bin outside of the map
    is 0.

    The maximum of any bin is that of four overlapping rectangles whose sides are powers of two,
    looked up in tables of such maxima: bins of all sizes cost the same.

    Args:
        features, owners, stride: see `roi_align`.
    Raises:
        tf.errors.InvalidArgumentError: a bin longer than 32 places: what is in 7 × 7 bins is less
            than 220 places wide.
    """
    height, width = tf.unstack(tf.shape(features)[1:3])
    corners = boxes / stride
    corners = tf.cast(tf.sign(corners) * tf.floor(tf.abs(corners) + 0.5), tf.int32)
    top, rows = _bins(corners[:, 1], corners[:, 3], height, size)
    left, columns = _bins(corners[:, 0], corners[:, 2], width, size)
    longest = tf.maximum(tf.reduce_max(rows), tf.reduce_max(columns))
    tf.debugging.assert_less_equal(longest, 2**_POWERS, "the bins of a region are too long")
    tables = _largest_in_rectangles(features)
    down, across = _power(rows), _power(columns)
    bottom = top + rows - tf.bitwise.left_shift(1, down)
    right = left + columns - tf.bitwise.left_shift(1, across)
    found = [
        _look_up(tables, down, across, owners, tf.clip_by_value(row, 0, height - 1),
                 tf.clip_by_value(column, 0, width - 1))
        for row in (top, bottom)
        for column in (left, right)
    ]  # fmt: skip
    filled = (rows > 0)[:, :, None, None] & (columns > 0)[:, None, :, None]
    return tf.where(filled, tf.reduce_max(tf.stack(found), axis=0), 0.0)


def _bins(first, last, count, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return where the bins of each box begin along a side, and how long they are, (R, size).

    Args:
        first, last: int32 (R,), places that the box goes from and to.
        count: places of the map along this side.
    """
    span = tf.maximum(last - first + 1, 1)[:, None]
    begin = tf.range(size) * span // size
    end = -(-tf.range(1, size + 1) * span // size)
    begin, end = (tf.clip_by_value(edge + first[:, None], 0, count) for edge in (begin, end))
    return begin, end - begin


def _power(lengths: tf.Tensor) -> tf.Tensor:
    """Return the largest n, int32, for which 2**n is not longer; 0 for nothing."""
    bounds = [2**power for power in range(1, _POWERS)]
    return tf.reduce_sum(tf.cast(lengths[..., None] >= bounds, tf.int32), axis=-1)


def _largest_in_rectangles(features: tf.Tensor) -> tf.Tensor:
    """Return the maxima of the 2**m × 2**n places from each place on, (m, n, B, H, W, C).

    Those that reach over the edge go on at the other side, and are not to be looked up.
    """
    down = [features]
    for power in range(_POWERS - 1):
        down.append(tf.maximum(down[-1], tf.roll(down[-1], -(2**power), axis=1)))
    both = [tf.stack(down)]
    for power in range(_POWERS - 1):
        both.append(tf.maximum(both[-1], tf.roll(both[-1], -(2**power), axis=3)))
    return tf.stack(both, axis=1)


def _look_up(tables, down, across, owners, row, column) -> tf.Tensor:
    """Return one entry of the tables for each bin: float32 (R, size, size, C)."""
    indices = (
        down[:, :, None], across[:, None, :], owners[:, None, None],
        row[:, :, None], column[:, None, :],
    )  # fmt: skip
    shape = tf.shape(row[:, :, None] + column[:, None, :])
    return tf.gather_nd(tables, tf.stack([tf.broadcast_to(i, shape) for i in indices], axis=-1))
