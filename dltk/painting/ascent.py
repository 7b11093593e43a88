"""Steps uphill as DeepDream takes them: all of one size, the picture shifted under each."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dltk.painting.optimise import Descent, OnStep
from dltk.painting.smoothing import laplacian_normalised
from dltk.painting.watch import PaintingStoppedError

GRADIENTS: dict[str, Callable] = {
    "normalised": lambda gradient: gradient,
    "laplacian": laplacian_normalised,
}


def ascend(
    descent: Descent,
    pixels,
    *,
    steps: int,
    step: float,
    jitter: int,
    gradient: str,
    mask=None,
    random: np.random.Generator,
    on_step: OnStep,
):
    """Return `pixels` after `steps` steps against the gradient of `descent`, within 0-255.

    For each step the picture is rolled by a few pixels, so that no pattern forms at the places of
    the network's grid, or at the borders of tiles.

    Args:
        descent: from pixels to the terms of the loss and its gradient.
        pixels: float32 (1, H, W, 3), 0-255.
        step: how many levels of 255 the pixels move in each step on average, over the mask.
        jitter: pixels that the picture is shifted by, at most, each way.
        gradient: a key of GRADIENTS: the way of the gradient itself, or "laplacian".
        mask: float32 (H, W) in [0, 1], the share of a step that each pixel takes; None for all.
        random: where shifts come from.
        on_step: called with the terms and the pixels they belong to, before each step; may raise
            to end it.
    Raises:
        PaintingStoppedError: the gradient is not finite. `on_step` has seen the last good pixels.
    """
    share = 1.0 if mask is None else tf.convert_to_tensor(mask, tf.float32)[None, :, :, None]
    for number in range(1, steps + 1):
        down, right = (int(shift) for shift in random.integers(-jitter, jitter + 1, 2))
        terms, slope = descent(tf.roll(pixels, (down, right), (1, 2)))
        on_step(terms, pixels)
        pixels = _stepped(
            pixels, tf.roll(slope, (-down, -right), (1, 2)), step, GRADIENTS[gradient], share
        )
        if pixels is None:
            raise PaintingStoppedError(
                f"the gradient is not finite at step {number} of {steps} at this size, "
                f"{slope.shape[2]} × {slope.shape[1]} pixels; the picture is as it was before; "
                "another layer or float32 may help"
            )
    return pixels


def _stepped(pixels, slope, step: float, way: Callable, share):
    """Return pixels one step on, or None where there is no telling which way."""
    if not math.isfinite(float(tf.reduce_mean(tf.abs(slope)))):
        return None
    way = -way(slope) * share
    size = tf.math.divide_no_nan(tf.reduce_mean(tf.abs(way)), tf.reduce_mean(share))
    return tf.clip_by_value(pixels + step * tf.math.divide_no_nan(way, size), 0.0, 255.0)
