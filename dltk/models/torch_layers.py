"""Copy the tensors of PyTorch's weight files into the layers of a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
from keras import layers

from dltk.errors import WeightsError, printable
from dltk.pth import read_pth

_NORMALISATION = ("weight", "bias", "running_mean", "running_var")  # in Keras's order
# How the axes of PyTorch's kernel become those of Keras's: OIHW to HWIO, C1HW to HWC1, OI to IO
_KERNEL_AXES = {
    layers.Conv2D: (2, 3, 1, 0),
    layers.DepthwiseConv2D: (2, 3, 0, 1),
    layers.Dense: (1, 0),
}


def load_torch_weights(
    model: keras.Model,
    path: Path,
    key_of: Callable[[str], str],
    *,
    renamed: Callable[[str], str] = str,
    flattened: Mapping[str, tuple[int, int, int]] = MappingProxyType({}),
) -> None:
    """Set all weights of `model` from a PyTorch file; tensors that it has no layer for are left.

    Args:
        path: a `.pth` file, see `dltk.pth.read_pth`.
        key_of: gives PyTorch's name of the layer with a name, such as "features.3.conv".
        renamed: gives the name to know a tensor by, from that in the file, where files of several
            ages differ.
        flattened: the shape (H, W, C) of the map in front of a dense layer, by the layer's name,
            if it is flattened: PyTorch counts channel by channel there, Keras place by place.
    Raises:
        WeightsError: the file cannot be read, or a tensor is missing or of another shape.
    """
    tensors = {renamed(name): values for name, values in read_pth(path).items()}
    for layer in model.layers:
        if not layer.weights:
            continue
        key = key_of(layer.name)
        try:
            set_torch_weights(layer, tensors, key, flattened=flattened.get(layer.name))
        except (KeyError, ValueError) as error:
            raise WeightsError(
                f"{printable(path)} does not fit {model.name}: {key} is missing or of another "
                "shape; delete the file, and install or fetch it again"
            ) from error


def set_torch_weights(
    layer: keras.Layer,
    tensors: Mapping[str, np.ndarray],
    key: str,
    *,
    flattened: tuple[int, int, int] | None = None,
) -> None:
    """Set the weights of one built layer from the tensors "`key`.weight", "`key`.bias" and so on.

    Args:
        layer: a convolution, plain or depthwise, a dense layer or a batch normalisation. What
            PyTorch calls frozen batch normalisation is the same to it.
        flattened: for a dense layer, the shape (H, W, C) of the map that it is given flattened.
    Raises:
        KeyError: a tensor is missing.
        ValueError: a tensor is of another shape.
    """
    if isinstance(layer, layers.BatchNormalization):
        layer.set_weights([tensors[f"{key}.{part}"] for part in _NORMALISATION])
        return
    kernel = tensors[f"{key}.weight"]
    if flattened is not None:
        height, width, channels = flattened
        places = kernel.reshape(len(kernel), channels, height, width).transpose(0, 2, 3, 1)
        kernel = places.reshape(len(kernel), -1)
    values = [kernel.transpose(_KERNEL_AXES[type(layer)])]
    if layer.use_bias:
        values.append(tensors[f"{key}.bias"])
    layer.set_weights(values)


def torch_name(name: str) -> str:
    """Return PyTorch's name of a layer that is called like it, with underlines for dots."""
    return name.replace("_", ".")
