"""EfficientNet-Lite 0 to 4: EfficientNet without squeeze-and-excite, with ReLU6.

Tan & Le 2019, https://arxiv.org/abs/1905.11946; the Lite variants are those of tensorflow/tpu,
models/official/efficientnet/lite. Scaling leaves the stem, the head and the repeats of the first
and last stage as they are.
"""

from __future__ import annotations

import math
from pathlib import Path

import keras
from keras import layers

from dltk.models.torch_layers import load_torch_weights

# (width, depth, dropout) of each variant
_SCALES = ((1.0, 1.0, 0.2), (1.0, 1.1, 0.2), (1.1, 1.2, 0.3), (1.2, 1.4, 0.3), (1.4, 1.8, 0.3))
# (repeats, kernel, stride, expansion, channels) of each stage
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build_efficientnet_lite(
    inputs, weights: Path | None, *, variant: int = 0, classifier_activation: str | None = "softmax"
) -> keras.Model:
    """Build EfficientNet-Lite on a normalised input.

    Args:
        inputs: symbolic float32 (B, H, W, 3), (pixel - 127) / 128; the model starts at its source.
        weights: a `.pth` in the layout of the PyPI package efficientnet-lite-pytorch, or None
            for random weights.
        variant: 0 to 4.
        classifier_activation: "softmax", or None for logits.
    Returns:
        A model with output (B, 1000).
    Raises:
        WeightsError: the file does not fit the network.
    """
    width, depth, dropout = _SCALES[variant]
    x = _conv_bn(inputs, 32, 3, 2, "stem", relu=True)
    for number, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES, start=1):
        if 1 < number < len(_STAGES):
            repeats = math.ceil(repeats * depth)
        for index in range(repeats):
            x = _block(
                x,
                kernel,
                stride if index == 0 else 1,
                expansion,
                _scaled(channels, width),
                f"block{number}{chr(ord('a') + index)}",
            )
    x = _conv_bn(x, 1280, 1, 1, "head", relu=True)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    x = layers.Dense(1000, activation=classifier_activation, name="predictions")(x)
    source = keras.utils.get_source_inputs(inputs)  # from the end, each block doubles the way back
    model = keras.Model(source, x, name=f"efficientnet-lite{variant}")
    if weights is not None:
        blocks = [x.name.split("_")[0] for x in model.layers if x.name.endswith("_project_conv")]
        torch_block = {name: f"_blocks.{index}" for index, name in enumerate(blocks)}
        load_torch_weights(model, weights, lambda name: _torch_name(name, torch_block))
    return model


def _scaled(channels: int, width: float, divisor: int = 8) -> int:
    """Round `channels * width` to a multiple of 8, never down by more than a tenth."""
    wanted = channels * width
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded


def _conv_bn(x, filters, kernel, stride, name, *, relu: bool):
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(
        x
    )
    return _bn(x, name, relu)


def _bn(x, name, relu):
    x = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _block(x, kernel, stride, expansion, channels, name):
    """Inverted residual: widen 1x1, filter each channel, narrow 1x1; add where shapes allow."""
    shortcut = x
    if expansion != 1:
        x = _conv_bn(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand", relu=True)
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _bn(x, f"{name}_depthwise", relu=True)
    x = _conv_bn(x, channels, 1, 1, f"{name}_project", relu=False)
    if stride == 1 and shortcut.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _torch_name(name: str, torch_block: dict[str, str]) -> str:
    """Return the PyTorch package's name of a layer, such as "_blocks.3._bn1"."""
    if name == "predictions":
        return "_fc"
    part, kind = name.rsplit("_", 1)  # kind is "conv" or "bn"
    if part in ("stem", "head"):
        return f"_conv_{part}" if kind == "conv" else {"stem": "_bn0", "head": "_bn1"}[part]
    block, role = part.split("_")
    number = {"expand": 0, "depthwise": 1, "project": 2}[role]
    return f"{torch_block[block]}." + (f"_{role}_conv" if kind == "conv" else f"_bn{number}")
