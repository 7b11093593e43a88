"""Layers that cut regions out of feature maps, and what is around them."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dltk.ops.boxes import areas
from dltk.ops.regions import roi_align, roi_pool

KINDS = ("align", "pool", "legacy")
_CANONICAL = 224  # pixels: the side of a region that belongs to level 4 (Lin et al. 2016, Eq. 1)


@keras.saving.register_keras_serializable("dltk")
class FillOutside(keras.layers.Layer):
    """Pixels with a colour wherever a batch's picture does not reach.

    Maps float32 pixels (B, H, W, 3), 0-255, and extents float32 (B, 2), height and width of
    each picture at the top left, to pixels of the same shape.

    Args:
        colour: (red, green, blue), 0-255: that which the network's normalisation turns into 0.
    """

    def __init__(self, colour, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits
        self.colour = tuple(map(float, colour))

    def call(self, pixels, extent):
        height, width = tf.shape(pixels)[1], tf.shape(pixels)[2]
        rows = tf.cast(tf.range(height), tf.float32) < extent[:, :1]
        columns = tf.cast(tf.range(width), tf.float32) < extent[:, 1:]
        inside = rows[:, :, None, None] & columns[:, None, :, None]
        return tf.where(inside, tf.cast(pixels, tf.float32), self.colour)

    def compute_output_shape(self, pixels_shape, extent_shape):
        return pixels_shape

    def get_config(self):
        return super().get_config() | {"colour": self.colour}


@keras.saving.register_keras_serializable("dltk")
class RegionFeatures(keras.layers.Layer):
    """The features of regions, from the level of a pyramid that fits their size.

    Maps a list of maps (B, H, W, C), the finest first, and boxes float32 (B, P, 4) in pixels to
    (B · P, size, size, C). A region of area a belongs to level 4 + log2(√a / 224), rounded down,
    the level of stride 2ⁿ being n (Lin et al. 2016, "Feature Pyramid Networks", Eq. 1); where there
    is no such map, to the next finer one, or else to the finest.

    Args:
        strides: pixels between places of each map, powers of two, rising. Of several maps with
            the same stride the first is taken.
        size: bins along a side.
        kind: "align" (RoIAlign), "pool" (RoI pooling), or "legacy": RoIAlign as in the first
            Detectron and torchvision, see `dltk.ops.regions.roi_align`.
        samples: points along a side of a bin, for RoIAlign.
    Raises:
        ValueError: unknown kind.
    """

    def __init__(self, strides, *, size=7, kind="align", samples=2, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits
        if kind not in KINDS:
            raise ValueError(f"kind is one of {KINDS}. Received: kind={kind!r}")
        self.strides = [int(stride) for stride in strides]
        self.size, self.kind, self.samples = size, kind, samples

    def call(self, maps, boxes):
        count = tf.shape(boxes)[1]
        owners = tf.repeat(tf.range(tf.shape(boxes)[0]), count)
        boxes = tf.reshape(tf.cast(boxes, tf.float32), (-1, 4))
        features = [tf.cast(each, tf.float32) for each in maps]
        if len(features) == 1:
            return self._cut(features[0], boxes, owners, self.strides[0])
        fitting = self._fitting(boxes)
        parts, places = [], []
        for stride in sorted(set(self.strides)):
            each = features[self.strides.index(stride)]
            place = tf.where(fitting == stride)[:, 0]
            parts.append(self._cut(each, tf.gather(boxes, place), tf.gather(owners, place), stride))
            places.append(place)
        order = tf.argsort(tf.concat(places, axis=0))
        found = tf.gather(tf.concat(parts, axis=0), order)
        return tf.ensure_shape(found, (None, self.size, self.size, maps[0].shape[-1]))

    def _fitting(self, boxes):
        """Return the stride of the map that each box belongs to, int32 (R,)."""
        side = tf.sqrt(areas(boxes)) / _CANONICAL
        level = tf.floor(4 + tf.math.log(side) / tf.math.log(2.0) + 1e-6)
        reached = level[:, None] >= np.log2(self.strides)
        return tf.reduce_max(tf.where(reached, self.strides, self.strides[0]), axis=1)

    def _cut(self, features, boxes, owners, stride):
        if self.kind == "pool":
            return roi_pool(features, boxes, owners, stride=stride, size=self.size)
        return roi_align(
            features,
            boxes,
            owners,
            stride=stride,
            size=self.size,
            samples=self.samples,
            aligned=self.kind == "align",
        )

    def compute_output_shape(self, maps_shape, boxes_shape):
        return (None, self.size, self.size, maps_shape[0][-1])

    def get_config(self):
        names = ("strides", "size", "kind", "samples")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("dltk")
class RegionWarp(keras.layers.Layer):
    """Regions of the picture itself, each warped to a square of pixels.

    Maps a list of pixels (B, H, W, 3) alone and boxes float32 (B, P, 4) to (B · P, size, size, 3):
    Girshick et al. 2014, "Rich feature hierarchies", Sec. 2.1 and App. A,
    https://arxiv.org/abs/1311.2524: whatever its shape, a region fills the square but for a margin
    of what is around it. Bilinear, without smoothing.

    Args:
        size: pixels of the square; 227 in the paper.
        context: pixels of the square on each side that show what is around; 16 in the paper.
        colour: (red, green, blue) of what lies outside of the batch's pictures.
    """

    strides = (1,)

    def __init__(self, size, *, context, colour, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits
        self.size, self.context, self.colour = size, context, tuple(map(float, colour))

    def call(self, maps, boxes):
        (pixels,) = maps
        owners = tf.repeat(tf.range(tf.shape(boxes)[0]), tf.shape(boxes)[1])
        boxes = tf.reshape(tf.cast(boxes, tf.float32), (-1, 4))
        sides = boxes[:, 2:] - boxes[:, :2]
        around = sides * self.context / (self.size - 2 * self.context)
        first, last = boxes[:, :2] - around, boxes[:, 2:] + around
        # The kernel counts from pixel to pixel, from centre to centre.
        apart = (last - first) / self.size
        last_place = tf.cast(tf.shape(pixels)[2:0:-1] - 1, tf.float32)
        corners = [(edge - 0.5) / last_place for edge in (first + apart / 2, last - apart / 2)]
        crops = tf.image.crop_and_resize(
            pixels - self.colour,
            tf.gather(tf.concat(corners, axis=1), [1, 0, 3, 2], axis=1),
            owners,
            [self.size, self.size],
        )
        return crops + self.colour

    def compute_output_shape(self, maps_shape, boxes_shape):
        return (None, self.size, self.size, 3)

    def get_config(self):
        names = ("size", "context", "colour")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("dltk")
class WholePicture(keras.layers.Layer):
    """The one region that is the whole picture: extents (B, 2), height and width, to (B, 1, 4)."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes need all digits

    def call(self, extent):
        zeros = tf.zeros_like(extent)
        return tf.concat([zeros, extent[:, ::-1]], axis=1)[:, None]

    def compute_output_shape(self, extent_shape):
        return (extent_shape[0], 1, 4)
