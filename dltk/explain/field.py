"""Receptive fields: which pixels a place of a feature map sees."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dltk.models.laid_open import average_pooling, see_layers

Box = tuple[int, int, int, int]  # (left, top, right, bottom) in pixels

_LEFT_OUT = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Softmax,
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
)
_LEFT_OUT_OPERATIONS = {"Relu", "Relu6", "Silu", "Gelu", "HardSwish", "HardSigmoid", "Sigmoid"}
_JOINING = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"}
_BRIGHT = 255.0  # such pixels are above 0 after every normalisation, so nothing is cut off


class Fields:
    """The receptive fields of one layer's places, clipped to the picture.

    They are read off a network of the same shape in which nothing is ever cut off or cancelled:
    its kernels are averages, and so are its poolings and whatever joins branches; normalisation
    and activations are left out. A place sees the pixels on which its gradient is not 0, whatever
    branches lead there.

    Args:
        model: of no use afterwards: its weights are overwritten.
        layer: a layer with a map.
        size: (height, width) of the pictures.
    """

    def __init__(self, model: keras.Model, layer: str, size: tuple[int, int]):
        network = see_layers(model, [layer], any_size=False, swap=_plain)
        for each in network.layers:
            _average(each)
        self._network, self._layer = network, layer
        self._pixels = tf.fill((1, *size, network.input_shape[-1]), _BRIGHT)
        self._slopes = tf.function(self._slopes_of)
        self._known: dict[tuple[int, int], Box] = {}

    def __call__(self, row: int, column: int) -> Box:
        """Return the field of a place, (left, top, right, bottom) in pixels of the input.

        That of a place that sees no pixel, as in padding, is the whole picture.
        """
        if (row, column) not in self._known:
            slopes = self._slopes(tf.constant(row), tf.constant(column)).numpy()
            down, across = (np.flatnonzero(slopes.max(axis=axis)) for axis in (1, 0))
            box = 0, 0, *slopes.shape[::-1]
            if len(down):
                box = int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1
            self._known[row, column] = box
        return self._known[row, column]

    def _slopes_of(self, row, column):
        """Return how much the place depends on each pixel, float32 (H, W)."""
        with tf.GradientTape() as tape:
            tape.watch(self._pixels)
            seen = self._network(self._pixels, training=False)[self._layer]
            value = tf.reduce_sum(seen[0, row, column])
        return tf.reduce_max(tf.abs(tape.gradient(value, self._pixels)[0]), axis=-1)


def _plain(layer):
    """Swap for `see_layers`, see `Fields`."""
    if isinstance(layer, layers.MaxPooling2D):
        return average_pooling(layer)
    if isinstance(layer, layers.GlobalMaxPooling2D):
        return layers.GlobalAveragePooling2D(keepdims=layer.keepdims, name=layer.name)
    if type(layer).__name__ in _JOINING:  # layers and operations alike
        return _mean
    if isinstance(layer, _LEFT_OUT) or type(layer).__name__ in _LEFT_OUT_OPERATIONS:
        return _as_it_comes
    if hasattr(layer, "activation") and callable(layer.activation):
        layer.activation = keras.activations.linear
    return None


def _as_it_comes(x, **_):
    return x


def _mean(*branches, **_):
    """Join branches so that none cancels another, and products of many stay what they are."""
    branches = branches[0] if isinstance(branches[0], (list, tuple)) else branches
    return sum(branches) / len(branches)


def _average(layer) -> None:
    """Make the kernels of a layer averages, and take its offsets away."""
    for variable in layer.weights if not isinstance(layer, layers.Rescaling) else ():
        name = variable.name
        if "kernel" in name:
            depthwise = isinstance(layer, layers.DepthwiseConv2D) or "depthwise" in name
            inputs = variable.shape[:2] if depthwise else variable.shape[:-1]
            variable.assign(np.full(variable.shape, 1 / np.prod(inputs), np.float32))
        elif "bias" in name:
            variable.assign(np.zeros(variable.shape, np.float32))
        elif "gamma" in name:  # of a scale without normalisation, which begins at almost 0
            variable.assign(np.ones(variable.shape, np.float32))
