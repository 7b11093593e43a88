"""ReLUs in whatever form a network has them: layers, activations of layers, operations."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
from keras import layers

_ACTIVATIONS = {keras.activations.relu: math.inf, keras.activations.relu6: 6.0}
_OPERATIONS = {"Relu": math.inf, "Relu6": 6.0}  # of keras.ops


def cap_of(operation) -> float | None:
    """Return where a ReLU ends, infinity if it does not; None for what neither is nor has one."""
    if isinstance(operation, layers.ReLU):
        plain = not operation.negative_slope and not operation.threshold
        cap = math.inf if operation.max_value is None else operation.max_value
        return cap if plain else None
    if isinstance(operation, layers.Layer):
        return _ACTIVATIONS.get(getattr(operation, "activation", None))
    return _OPERATIONS.get(type(operation).__name__)


def replaced(operation, function: Callable) -> layers.Layer | None:
    """Return a layer that calls `function` in the place of a ReLU; see `see_layers`'s `swap`.

    A layer that has a ReLU in it is changed itself, and None is returned.
    """
    if not isinstance(operation, layers.Layer) or isinstance(
        operation, (layers.ReLU, layers.Activation)
    ):
        return layers.Activation(function, name=operation.name)
    operation.activation = function
    return None
