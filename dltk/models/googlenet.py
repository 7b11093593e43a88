"""GoogLeNet, the network of the first DeepDream, in the form that torchvision publishes.

Szegedy et al. 2014, https://arxiv.org/abs/1409.4842. The weights were trained in TensorFlow and are
published by torchvision (BSD-3-Clause). Their network is not quite the paper's: convolutions have
batch normalisation and no bias, there is no local response normalisation, the fourth pooling is of
2x2, and what the paper calls 5x5 has kernels of 3x3 (https://github.com/pytorch/vision/issues/906).
The two auxiliary classifiers, which serve training only, are left out.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from dltk.models.torch_layers import load_torch_weights

# Channels as in Table 1 of the paper: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj
_INCEPTIONS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}
_TORCH_BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}


def build_googlenet(
    inputs, weights: Path | None, *, classifier_activation: str | None = "softmax", **_
) -> keras.Model:
    """Build GoogLeNet on a normalised input of any size from 15 × 15.

    A layer named as a module of torchvision (`conv1`, `maxpool1`, `inception4c`, `fc`) gives what
    that module gives; inside a block the names are the paper's, such as `inception4c_5x5_reduce`.

    Args:
        inputs: symbolic float32 (B, H, W, 3), pixel / 127.5 - 1; the model starts at its source.
        weights: torchvision's `.pth`, or None for random weights.
        classifier_activation: "softmax", or None for logits.
    Returns:
        A model with output (B, 1000).
    Raises:
        WeightsError: the file does not fit the network.
    """
    x = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = _conv(x, 64, 7, "conv1", stride=2, padding="valid")
    x = _halve(x, "maxpool1")
    x = _conv(x, 64, 1, "conv2")
    x = _conv(x, 192, 3, "conv3")
    x = _halve(x, "maxpool2")
    for name, channels in _INCEPTIONS.items():
        if name == "inception4a":
            x = _halve(x, "maxpool3")
        elif name == "inception5a":
            x = layers.MaxPooling2D(2, padding="same", name="maxpool4")(x)
        x = _inception(x, *channels, name=name)
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(1000, activation=classifier_activation, name="fc")(x)
    source = keras.utils.get_source_inputs(inputs)  # from the end, each block has four ways back
    model = keras.Model(source, x, name="googlenet")
    if weights is not None:
        load_torch_weights(model, weights, _torch_name)
    return model


def _conv(x, filters, kernel, name, *, stride=1, padding="same"):
    x = layers.Conv2D(
        filters, kernel, stride, padding=padding, use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=name)(x)


def _halve(x, name):
    """Take the maxima of 3 × 3 places at every second place, as PyTorch does with ceil_mode.

    There windows begin at the first place; those of "same" begin before it if the size is odd. One
    more row and column let the last window of an even size reach over the edge, and an odd size
    never looks at them. Zeros there change no maximum, for all values come from a ReLU.
    """
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


def _inception(x, one, reduce3, three, reduce5, five, proj, *, name):
    a = _conv(x, one, 1, f"{name}_1x1")
    b = _conv(_conv(x, reduce3, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3")
    c = _conv(_conv(x, reduce5, 1, f"{name}_5x5_reduce"), five, 3, f"{name}_5x5")
    d = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    d = _conv(d, proj, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([a, b, c, d])


def _torch_name(name: str) -> str:
    """Return torchvision's name of a layer, such as "inception4c.branch2.1.conv"."""
    if name == "fc":
        return name
    module, kind = name.rsplit("_", 1)  # kind is "conv" or "bn"
    block, _, branch = module.partition("_")
    return ".".join([block, _TORCH_BRANCHES[branch], kind] if branch else [block, kind])
