"""Pictures that a unit of a network likes best: activation maximisation.

Two ways. "fourier": Olah, Mordvintsev & Schubert 2017, "Feature Visualization": Adam on Fourier
coefficients with decorrelated colours, through small random transforms. "simonyan": Simonyan,
Vedaldi & Zisserman 2013, "Deep Inside Convolutional Networks", Sec. 2,
https://arxiv.org/abs/1312.6034: pixels themselves, and a penalty on their squares.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dltk.errors import UsageError
from dltk.models.fixed import fix_kernels
from dltk.models.laid_open import NO_GRADIENT
from dltk.painting.fourier import FourierPicture
from dltk.painting.transforms import GREY, draw_transform, transform
from dltk.painting.watch import PaintingStoppedError, Watch

METHODS = ("fourier", "simonyan")
L2 = {"fourier": 0.0, "simonyan": 10.0}  # by default
_FOURIER_RATE = 0.05
_PIXEL_STEP = 1.0  # levels of 255 that a pixel moves on average in a step
_GRAIN = 2.0  # levels of 255: the first picture is grey but for it
_SHOWN = 99.5  # percent of the values that stay within 0-255 when contrast is raised


class Exciter:
    """Paints pictures for the units of one layer.

    Args:
        network: from `dltk.models.laid_open.see_layers`, which gives `layer`. Its weights are
            fixed from now on.
        layer: name of a layer, or SCORES.
        size: (height, width) of the pictures, in pixels.
        method: "fourier" or "simonyan".
        l2: weight of the mean square of pixels, which run from -1 to 1 for it.
    """

    def __init__(
        self, network: keras.Model, layer: str, *, size: tuple[int, int], method: str, l2: float
    ):
        if method not in METHODS:
            raise UsageError(f'method "{method}" is none of {", ".join(METHODS)}')
        fix_kernels(network)
        self._network, self._layer, self._l2 = network, layer, l2
        self._shape = (1, *size, network.input_shape[-1])
        self._picture = FourierPicture(*self._shape[1:]) if method == "fourier" else None
        self._on_pixels = tf.function(self._descend_pixels)
        self._on_coefficients = tf.function(self._descend_coefficients)

    def paint(self, direction, *, steps: int, seed: int, watch: Watch):
        """Return the picture that was found, float32 (1, H, W, C), 0-255.

        Args:
            direction: float32 (D,), what each unit of the layer counts; the mean over all places
                is what is maximised.
            watch: told of every step, whose terms are to be small: "minus_activation", "l2".
        Raises:
            UsageError: what is maximised has no gradient.
            PaintingStoppedError: see `Watch`; or nothing that was seen on the way excites the
                unit, which may be dead.
        """
        watch.plan(steps)
        direction = tf.constant(direction, tf.float32)
        paint = self._paint_pixels if self._picture is None else self._paint_fourier
        pixels, moved = paint(direction, steps, seed, watch)
        if not moved:
            raise PaintingStoppedError("nothing excites it: its gradient is 0 at every step")
        return watch.finished(pixels)

    def shown(self, pixels):
        """Return the picture as it is looked at: that of "simonyan", which is faint, with its
        distances from grey raised until 0.5 % of them are too large."""
        if self._picture is not None:
            return pixels
        away = np.asarray(pixels) - GREY
        most = np.percentile(np.abs(away), _SHOWN)
        return np.clip(GREY + away * (GREY / most if most > 0 else 1), 0, 255)

    def _paint_pixels(self, direction, steps: int, seed: int, watch: Watch):
        pixels = GREY + tf.random.stateless_normal(self._shape, (seed, 0), stddev=_GRAIN)
        moved = False
        for _ in range(steps):
            terms, gradient, moves = _checked(self._on_pixels(pixels, direction))
            watch.step(terms, pixels)
            moved = moved or bool(moves)
            size = tf.maximum(tf.reduce_mean(tf.abs(gradient)), 1e-12)
            pixels = tf.clip_by_value(pixels - _PIXEL_STEP * gradient / size, 0.0, 255.0)
        return pixels, moved

    def _paint_fourier(self, direction, steps: int, seed: int, watch: Watch):
        coefficients = tf.Variable(self._picture.start(seed))
        optimizer, moved = keras.optimizers.Adam(_FOURIER_RATE), False
        for step in range(steps):
            affine = draw_transform(seed, step, *self._shape[1:3])
            terms, pixels, gradient, moves = _checked(
                self._on_coefficients(coefficients.value(), tf.constant(affine), direction)
            )
            watch.step(terms, pixels)
            moved = moved or bool(moves)
            optimizer.apply([gradient], [coefficients])
        return self._picture(coefficients.value()), moved

    def _terms(self, seen, pixels, direction) -> dict:
        """Return what to minimise, of what the network sees of `pixels`."""
        units = tf.cast(self._network(seen, training=False)[self._layer], tf.float32)
        means = tf.reduce_mean(units, axis=tf.range(tf.rank(units) - 1))
        terms = {"minus_activation": -tf.reduce_sum(means * direction)}
        if self._l2:
            terms["l2"] = self._l2 * tf.reduce_mean(tf.square((pixels - GREY) / GREY))
        return terms

    def _descend_pixels(self, pixels, direction):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(pixels)
            terms = self._terms(pixels, pixels, direction)
        return terms, *_slope(tape, terms, pixels)

    def _descend_coefficients(self, coefficients, affine, direction):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(coefficients)
            pixels = self._picture(coefficients)
            terms = self._terms(transform(pixels, affine), pixels, direction)
        return terms, pixels, *_slope(tape, terms, coefficients)


def _slope(tape, terms: dict, variable):
    """Return the gradient of all terms, and whether that of the activation is not 0.

    None and False where the activation has none: the penalty alone would paint grey.
    """
    slope = tape.gradient(terms["minus_activation"], variable)
    if slope is None:
        return None, False
    moves = tf.reduce_any(tf.not_equal(slope, 0))
    return slope + tape.gradient(terms["l2"], variable) if "l2" in terms else slope, moves


def _checked(results: tuple) -> tuple:
    """Return what a step gave. Raises UsageError if its gradient, the last but one, is None."""
    if results[-2] is None:
        raise UsageError(f"{NO_GRADIENT}: there is no way to a picture that excites them")
    return results
