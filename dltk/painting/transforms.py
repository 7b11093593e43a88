"""Small random changes between a picture and the network, so that no pixel is relied upon.

What excites a network still when it is shifted, scaled and turned a little is a shape rather than
grain: Olah, Mordvintsev & Schubert 2017, "Feature Visualization", section "Transformation
Robustness", https://distill.pub/2017/feature-visualization. The steps and their sizes are those of
the authors' code (lucid, optvis/transform.py): jitter by 8, scale, rotate, jitter by 4. Together
they are one affine map, so that one bilinear look-up does them all. The picture is not padded
first: what moves in from outside is grey.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

GREY = 127.5
_JITTERS = 8, 4  # pixels, before and after scaling and turning
_SCALES = tuple(1 + (i - 5) / 50 for i in range(11))
_DEGREES = (*range(-10, 11), *[0] * 5)
_FULL_SIDE = 128  # pixels: smaller pictures are jittered in proportion


def draw_transform(seed: int, step: int, height: int, width: int) -> np.ndarray:
    """Return a random affine map for a picture of that size, float32 (8,); see `transform`.

    It depends on `seed` and `step` alone.
    """
    random = np.random.default_rng((seed, step))
    share = min(1.0, min(height, width) / _FULL_SIDE)
    before, after = (random.integers(-j // 2, j // 2, 2, endpoint=True) for j in _JITTERS)
    scale = random.choice(_SCALES)
    angle = math.radians(random.choice(_DEGREES))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn /= scale
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = turn @ (np.round(after * share) - centre) + centre + np.round(before * share)
    (a, b), (c, d) = turn
    return np.array([a, b, shift[0], c, d, shift[1], 0, 0], np.float32)


def transform(pixels, affine):
    """Return `pixels` moved by an affine map; their shape stays, and grey comes in from outside.

    Its gradient is looked up by the inverse map, as TensorFlow does it: for maps so near to the
    identity that is the gradient but for interpolation.

    Args:
        pixels: float32 (B, H, W, C), 0-255.
        affine: float32 (8,): the colour at (x, y) of the result is that at (a x + b y + c,
            d x + e y + f), the first six numbers; the last two are 0.
    """
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels - GREY,
        transforms=affine[None],
        output_shape=tf.shape(pixels)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(moved + GREY, pixels.shape)
