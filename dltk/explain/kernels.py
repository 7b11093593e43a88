"""The kernels of convolutions as pictures."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from PIL import Image

from dltk.errors import UsageError
from dltk.explain.layers import layer_of
from dltk.models.laid_open import see_layers
from dltk.models.taps import list_taps, tap_name

_LEVELS = 64.0, 192.0  # between which pixels are moved to see which colour goes where


def kernel_layers(model: keras.Model) -> list[str]:
    """Return the names of the layers that have kernels to draw, from input to output."""
    names = [tap.name for tap in list_taps(model)]
    return [name for name in names if _kernel(layer_of(model, name)) is not None]


def kernel_layer(model: keras.Model, name: str | None) -> str:
    """Return the name of the layer that `name` means, the first one with kernels if None.

    Raises:
        UsageError: no such layer, or one without kernels.
    """
    known = kernel_layers(model)
    if not known:
        raise UsageError(f"{model.name} has no convolutions")
    name = known[0] if name is None else tap_name(model, name)
    if name not in known:
        raise UsageError(f"layer {name} has no kernels; take a convolution, such as {known[0]}")
    return name


def kernels_of(model: keras.Model, name: str) -> np.ndarray:
    """Return the kernels of a layer, float32 (h, w, inputs, filters).

    A depthwise convolution has filters of one input each. Where the layer sees the picture
    itself, be it as BGR or scaled colour by colour, the inputs are R, G and B as in the picture,
    and each is scaled as the pixels are. `model` is of no use afterwards.
    """
    return kernel_reader(model, name)()


def kernel_reader(model: keras.Model, name: str) -> Callable[[], np.ndarray]:
    """Return what gives `kernels_of` as the weights of `model` are at the time."""
    layer, colours = layer_of(model, name), None
    if _kernel(layer).shape[2] == model.inputs[0].shape[-1] == 3:
        colours = _colours_at(model, name)

    def read() -> np.ndarray:
        kernel = _kernel(layer)
        return kernel if colours is None else np.einsum("hwcf,ck->hwkf", kernel, colours)

    return read


def kernel_tile(kernel: np.ndarray) -> Image.Image:
    """Return a kernel (h, w) or (h, w, 3) as a picture of its size.

    Middle grey is 0; its largest weight, of either sign, is black or white, or a full colour.
    """
    largest = np.abs(kernel).max(initial=0)
    values = 127.5 + 127.5 * kernel / (largest if largest > 0 else 1)
    return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")


def _kernel(layer) -> np.ndarray | None:
    """Return (h, w, inputs, filters), or None for a layer without kernels in the plane."""
    if isinstance(layer, (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)):
        own = getattr(layer, "depthwise_kernel", None)
        own = layer.kernel if own is None else own
        values = np.asarray(keras.ops.convert_to_numpy(own), np.float32)
        return values.reshape(*values.shape[:2], 1, -1)
    if isinstance(layer, keras.layers.Conv2D):
        return np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)
    return None


def _colours_at(model: keras.Model, name: str) -> np.ndarray | None:
    """Return (C, 3): how each input of a layer changes with R, G and B of the picture.

    None where the layer does not see the picture itself: where its inputs are not the colours in
    some order.
    """
    layer = layer_of(model, name)
    network = see_layers(model, [name])
    seen = layer._inbound_nodes[-1].input_tensors[0]
    side = 32 + 2 * max(layer.kernel_size)
    probes = np.full((4, side, side, 3), _LEVELS[0], np.float32)
    for colour in range(3):
        probes[colour + 1, ..., colour] = _LEVELS[1]
    at = keras.Model(network.input, seen)(probes, training=False)
    middle = np.asarray(at)[:, at.shape[1] // 2, at.shape[2] // 2]
    change = (middle[1:] - middle[0]).T
    share = np.abs(change) / max(np.abs(change).max(), 1e-12)
    each_is_one = ((share > 0.1).sum(axis=0) == 1).all() and ((share > 0.1).sum(axis=1) == 1).all()
    return change / np.abs(change).max() if each_is_one else None
