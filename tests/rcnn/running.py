"""Ways to run a piece of detection: in a graph of unknown shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def in_graph(function: Callable, *arrays: np.ndarray):
    """Return what `function` gives for arrays of which, when it was traced, no side was known."""
    signature = [tf.TensorSpec([None] * np.ndim(each), np.asarray(each).dtype) for each in arrays]
    return tf.function(function, input_signature=signature)(*arrays)


def assert_same_in_graph(function: Callable, *arrays: np.ndarray) -> None:
    """Compare with what `function` gives eagerly."""
    eager, graph = function(*map(tf.constant, arrays)), in_graph(function, *arrays)
    for one, other in zip(tf.nest.flatten(eager), tf.nest.flatten(graph), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-5)
