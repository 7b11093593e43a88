"""ReLUs of every form: where they end, and that they can be replaced."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import layers

from dltk.painting.relu import cap_of, replaced


def operation(function):
    """The operation that a function of keras.ops is in a graph."""
    return function(keras.Input((3,)))._keras_history.operation


CAPS = {
    "a layer": (lambda: layers.ReLU(), math.inf),
    "with a cap": (lambda: layers.ReLU(2.5), 2.5),
    "capped at 0": (lambda: layers.ReLU(0.0), 0.0),
    "an activation": (lambda: layers.Activation("relu"), math.inf),
    "within a layer": (lambda: layers.Dense(3, "relu6"), 6.0),
    "an operation": (lambda: operation(keras.ops.relu), math.inf),
    "an operation with a cap": (lambda: operation(keras.ops.relu6), 6.0),
    "sloped": (lambda: layers.ReLU(negative_slope=0.1), None),
    "raised": (lambda: layers.ReLU(threshold=1.0), None),
    "another": (lambda: layers.Dense(3, "gelu"), None),
    "none": (lambda: operation(keras.ops.tanh), None),
}


@pytest.mark.parametrize("form", CAPS)
def test_the_cap_is_where_a_relu_ends(form):
    make, cap = CAPS[form]
    assert cap_of(make()) == cap


@pytest.mark.parametrize("form", [form for form, (_, cap) in CAPS.items() if cap is not None])
def test_what_is_put_in_its_place_is_called_instead(form):
    own = CAPS[form][0]()
    dense = isinstance(own, layers.Dense)
    x = np.array([[-1, 0.5, 9]], np.float32)
    if dense:
        own.build((None, 3))
        own.set_weights([np.eye(3), np.zeros(3)])
    new = replaced(own, lambda x: 2 * x)
    assert (new is None) == dense
    assert np.asarray((new or own)(x)).tolist() == [[-2, 1, 18]]
