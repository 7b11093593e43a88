"""MobileNetV3-Large as a trunk of other networks, in the form that torchvision publishes.

Howard et al. 2019, https://arxiv.org/abs/1905.02244, Table 1. As torchvision has it, convolutions
are padded by hand, alike on all sides, and squeeze-and-excite has a quarter of the expanded
channels, rounded to a multiple of 8. Weights of `keras.applications`, whose MobileNetV3Large
pads the far end first, do not fit here, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import keras
from keras import layers

# Kernel, channels: expanded, given, and squeezed for squeeze-and-excite if any; activation; stride
_BLOCKS = (
    (3, 16, 16, 0, "relu", 1),
    (3, 64, 24, 0, "relu", 2),
    (3, 72, 24, 0, "relu", 1),
    (5, 72, 40, 24, "relu", 2),
    (5, 120, 40, 32, "relu", 1),
    (5, 120, 40, 32, "relu", 1),
    (3, 240, 80, 0, "hard_silu", 2),
    (3, 200, 80, 0, "hard_silu", 1),
    (3, 184, 80, 0, "hard_silu", 1),
    (3, 184, 80, 0, "hard_silu", 1),
    (3, 480, 112, 120, "hard_silu", 1),
    (3, 672, 112, 168, "hard_silu", 1),
    (5, 672, 160, 168, "hard_silu", 2),
    (5, 960, 160, 240, "hard_silu", 1),
    (5, 960, 160, 240, "hard_silu", 1),
)
_LAST = len(_BLOCKS) + 1


def build_mobilenet_v3(
    inputs,
    *,
    epsilon: float = 1e-3,
    maps: Sequence[int] = (0, 2, 4, 7, 13, 16),
    name: str = "mobilenet_v3_large",
) -> keras.Model:
    """Build MobileNetV3-Large without its classifier, on a normalised input, weights random.

    Layers are called as modules of torchvision's classifier, with underlines for dots, such as
    `features_4_block_2_fc1`. `dltk.models.torch_layers.torch_name` returns the names of weights.

    Args:
        inputs: symbolic float32 (B, H, W, 3), normalised as for `dltk.models.resnet.build_resnet`;
            the model starts at its source.
        epsilon: added to variances by batch normalisation: 1e-3 for torchvision's published
            classifiers, 1e-5 for its detectors.
        maps: which modules of torchvision's `features` to give the maps of, from 0 (the first
            convolution) over the 15 blocks to 16 (the last convolution). By default the first of
            each size, and the last: strides 2, 4, 8, 16, 32 and 32, with 16, 24, 40, 80, 160 and
            960 channels. The pyramid of torchvision's detectors is built on 13 and 16.
        name: of the model.
    Returns:
        A model with these maps for outputs, (B, H/stride, W/stride, C), sizes rounded up. Layers
        behind the last of them are left out.
    """
    (source,) = keras.utils.get_source_inputs(inputs)  # from the end, each block doubles the way
    found = [_conv(inputs, 16, 3, epsilon, "features_0", stride=2, activation="hard_silu")]
    for index, block in enumerate(_BLOCKS, start=1):
        found.append(_block(found[-1], *block, epsilon, f"features_{index}"))
    found.append(_conv(found[-1], 960, 1, epsilon, f"features_{_LAST}", activation="hard_silu"))
    outputs = [found[index] for index in maps]
    return keras.Model(source, outputs, name=name)


def _block(x, kernel, expanded, channels, squeezed, activation, stride, epsilon, name):
    """Inverted residual: widen 1x1, filter each channel, weigh channels, narrow 1x1; add.

    Torchvision numbers the parts that a block has.
    """
    shortcut = x
    part = (f"{name}_block_{number}" for number in count())
    if expanded != x.shape[-1]:
        x = _conv(x, expanded, 1, epsilon, next(part), activation=activation)
    x = _conv(x, None, kernel, epsilon, next(part), stride=stride, activation=activation)
    if squeezed:
        x = _squeeze_excite(x, squeezed, next(part))
    x = _conv(x, channels, 1, epsilon, next(part))
    if stride == 1 and shortcut.shape[-1] == channels:
        x = layers.Add(name=name)([shortcut, x])
    return x


def _conv(x, filters, kernel, epsilon, name, *, stride=1, activation=None):
    """Convolve, or filter each channel if `filters` is None; normalise; activate."""
    padding = "same"
    if stride > 1:  # of an even side, "same" would pad more at the far end
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        padding = "valid"
    common = {"padding": padding, "use_bias": False, "name": f"{name}_0"}
    if filters is None:
        x = layers.DepthwiseConv2D(kernel, stride, **common)(x)
    else:
        x = layers.Conv2D(filters, kernel, stride, **common)(x)
    x = layers.BatchNormalization(epsilon=epsilon, momentum=0.99, name=f"{name}_1")(x)
    return layers.Activation(activation, name=f"{name}_2")(x) if activation else x


def _squeeze_excite(x, squeezed, name):
    """Weigh each channel by what all channels have on average over the map."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avgpool")(x)
    weights = layers.Conv2D(squeezed, 1, activation="relu", name=f"{name}_fc1")(weights)
    weights = layers.Conv2D(channels, 1, activation="hard_sigmoid", name=f"{name}_fc2")(weights)
    return layers.Multiply(name=name)([x, weights])
