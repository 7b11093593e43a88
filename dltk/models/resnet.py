"""ResNet-50 and ResNet-101 as trunks of other networks, in the form that torchvision publishes.

He et al. 2015, https://arxiv.org/abs/1512.03385, bottleneck blocks, in what is called version 1.5:
a block that halves the map does so in its 3x3 convolution, where the paper's has it in the first
1x1. Convolutions have no bias and are padded by hand, alike on all sides. Weights of
`keras.applications`, whose ResNet50 is the paper's, do not fit here, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

# Blocks of each stage and width of their 3x3 convolutions, as in Table 1 of the paper
_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_WIDTHS = (64, 128, 256, 512)


def build_resnet(
    inputs,
    *,
    depth: int = 50,
    epsilon: float = 1e-5,
    dilated: Sequence[bool] = (False, False, False),
    name: str | None = None,
) -> keras.Model:
    """Build ResNet without its classifier, on a normalised input of any size, weights random.

    A layer named as a module of torchvision, with underlines for dots, gives what that module
    gives: `relu`, `maxpool`, `layer1_0`, `layer1_0_conv1`, `layer1_0_downsample_0`. The last block
    of a stage (`layer1_2`) gives what the stage does. `dltk.models.torch_layers.torch_name` returns
    the names of the weights.

    Args:
        inputs: symbolic float32 (B, H, W, 3), (pixel / 255 - mean) / std with the channels' means
            0.485, 0.456, 0.406 and deviations 0.229, 0.224, 0.225; the model starts at its source.
        depth: 50 or 101.
        epsilon: added to variances by batch normalisation. 0.0 for torchvision's published
            `fasterrcnn_resnet50_fpn`, which was trained so; 1e-5 for all its other files.
        dilated: for each of the last three stages, whether to keep the size of the map and
            dilate the convolutions instead, twice as wide as before. FCN has (False, True, True).
        name: of the model; "resnet50" and the like by default.
    Returns:
        A model with the maps of the four stages for outputs: (B, H/4, W/4, 256), (B, H/8, W/8,
        512), (B, H/16, W/16, 1024), (B, H/32, W/32, 2048), sizes rounded up; a dilated stage's is
        as large as that of the stage before.
    """
    (source,) = keras.utils.get_source_inputs(inputs)  # from the end, each block doubles the way
    x = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = layers.Conv2D(64, 7, 2, use_bias=False, name="conv1")(x)
    x = layers.ReLU(name="relu")(_norm(x, epsilon, "bn1"))
    x = layers.ZeroPadding2D(1, name="maxpool_pad")(x)  # no value after a ReLU is below zero
    x = layers.MaxPooling2D(3, 2, name="maxpool")(x)
    stages, dilation = [], 1
    plan = zip(_BLOCKS[depth], _WIDTHS, (False, *dilated), strict=True)
    for number, (blocks, width, keep) in enumerate(plan, start=1):
        stride = 1 if number == 1 or keep else 2
        before, dilation = dilation, dilation * 2 if keep else dilation
        for index in range(blocks):
            x = _block(
                x,
                width,
                stride if index == 0 else 1,
                before if index == 0 else dilation,
                epsilon,
                f"layer{number}_{index}",
                project=index == 0,
            )
        stages.append(x)
    return keras.Model(source, stages, name=name or f"resnet{depth}")


def _block(x, width, stride, dilation, epsilon, name, *, project):
    """Narrow 1x1, filter 3x3, widen 1x1, and add what came in, projected where shapes differ."""
    shortcut = x
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv1")(x)
    x = layers.ReLU(name=f"{name}_relu1")(_norm(x, epsilon, f"{name}_bn1"))
    x = _conv3(x, width, stride, dilation, f"{name}_conv2")
    x = layers.ReLU(name=f"{name}_relu2")(_norm(x, epsilon, f"{name}_bn2"))
    x = layers.Conv2D(4 * width, 1, use_bias=False, name=f"{name}_conv3")(x)
    x = _norm(x, epsilon, f"{name}_bn3")
    if project:
        shortcut = layers.Conv2D(4 * width, 1, stride, use_bias=False, name=f"{name}_downsample_0")(
            shortcut
        )
        shortcut = _norm(shortcut, epsilon, f"{name}_downsample_1")
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_add")([x, shortcut]))


def _conv3(x, filters, stride, dilation, name):
    """Convolve 3x3. Of an even side, "same" would pad a step of two at the far end alone."""
    if stride > 1:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        3,
        stride,
        padding="valid" if stride > 1 else "same",
        dilation_rate=dilation,
        use_bias=False,
        name=name,
    )(x)


def _norm(x, epsilon, name):
    return layers.BatchNormalization(epsilon=epsilon, momentum=0.9, name=name)(x)
