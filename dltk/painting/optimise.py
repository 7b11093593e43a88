"""Ways down a slope: Adam, L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import keras
import numpy as np
import tensorflow as tf

from dltk.painting.watch import PaintingStoppedError

Descent = Callable[[object], tuple[dict, object]]
OnStep = Callable[[dict, object], None]

_MEMORY = 10  # pairs of steps that L-BFGS remembers; each takes as much room as 4 pictures


def adam(descent: Descent, pixels, *, steps: int, rate: float, on_step: OnStep):
    """Return `pixels` after `steps` steps of Adam, kept within 0-255.

    Kingma & Ba 2014, https://arxiv.org/abs/1412.6980. The rate falls along a cosine to a
    twentieth, so that the last steps settle what the first ones stirred up.

    Args:
        descent: from pixels to the terms of the loss and its gradient, such as a
            `dltk.painting.slope.Slope` with its targets.
        pixels: float32 (1, H, W, C), 0-255.
        rate: of the first step: about how many levels of 255 a pixel moves in it.
        on_step: called with the terms and the pixels they belong to, before each step; may raise
            to end it.
    """
    variable = tf.Variable(pixels)
    rates = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.05)
    optimizer = keras.optimizers.Adam(rates)
    for _ in range(steps):
        terms, gradient = descent(variable.value())
        on_step(terms, variable.value())
        optimizer.apply([gradient], [variable])
        variable.assign(tf.clip_by_value(variable, 0.0, 255.0))
    return variable.value()


def lbfgs(descent: Descent, pixels, *, steps: int, on_step: OnStep):
    """Return the best of `steps` evaluations, at most, by SciPy's L-BFGS, clipped to 0-255.

    Liu & Nocedal 1989; what Gatys et al. used. It needs fewer evaluations than Adam and, as it
    works in double precision outside of TensorFlow, more time and memory between them.

    Args: see `adam`; but `on_step` is called with the terms of each evaluation, good or bad, and
        the best pixels so far.
    Raises:
        PaintingStoppedError: the gradient is not finite. `on_step` has seen the last good pixels.
    """
    from scipy.optimize import minimize

    shape, losses, best = pixels.shape, [], pixels

    def evaluate(values):
        nonlocal best
        if len(losses) == steps:  # SciPy itself looks at their number only between iterations
            raise _SpentError
        at = tf.constant(values.reshape(shape), tf.float32)
        terms, gradient = descent(at)
        loss = sum(float(value) for value in terms.values())
        if loss < min(losses, default=math.inf):
            best = at
        on_step(terms, best)
        gradient = gradient.numpy().astype(np.float64).ravel()
        if not np.isfinite(gradient).all():
            raise PaintingStoppedError(
                f"the gradient is not finite at step {len(losses) + 1} of {steps}; "
                "the picture is as it was before"
            )
        losses.append(loss)
        return loss, gradient

    with suppress(_SpentError):
        minimize(
            evaluate,
            pixels.numpy().astype(np.float64).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxfun": steps, "maxiter": steps, "maxcor": _MEMORY, "ftol": 0, "gtol": 0},
        )
    return tf.clip_by_value(best, 0.0, 255.0)


class _SpentError(Exception):
    """All evaluations are spent."""
