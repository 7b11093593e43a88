"""Auto-encoders: networks that bring pictures down to a few numbers, their codes, and back.

Hinton & Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks",
https://doi.org/10.1126/science.1127647. They trained each layer by itself first, as a restricted
Boltzmann machine, since gradients died away in deep stacks of logistic units. Here there is no
such pretraining: with rectified-linear units, initial weights of the variance that these want
(He et al. 2015, Eq. 10) and Adam, gradients reach all layers from the first step on. Codes are
linear units, and pixels logistic ones, as there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np
from keras import layers

from dltk.objects import PIXELS

PRESETS = "deep", "conv"
CODES = "codes"
LOGITS = "logits"
"""The layer that gives pixels before the logistic function, (B, H, W, C): what losses look at."""

LARGEST = {"deep": 128, "conv": 256}  # pixels of a side
SMALLEST = 8
_PAPERS_SIDE, _PAPERS_WIDTH = 28, 1000  # of handwritten digits
_WIDEST = 2000  # the paper's widest layer, in front of faces
_COARSEST = 8  # pixels of the side of the last map, at most
_FIRST_CHANNELS, _MOST_CHANNELS = 32, 256
_KERNEL = 4
_BEHIND_MAPS = 500, 250  # the paper's inner layers
_DARKEST = 0.02  # what pixels that are always black begin at, for the logistic function has no 0


@dataclass(frozen=True)
class Design:
    """What an auto-encoder is like.

    Attributes:
        preset: "deep", the paper's stack of dense layers; or "conv", convolutions of stride 2.
        size: pixels of a picture's side, from SMALLEST to LARGEST; for "conv" a multiple of `step`.
        channels: 1 for grey, 3 for colour.
        codes: numbers for each picture.
    """

    preset: str = "deep"
    size: int = 28
    channels: int = 1
    codes: int = 2

    def of_codes(self, codes: int) -> Design:
        """Return the same design with another number of codes."""
        return replace(self, codes=codes)

    @property
    def numbers(self) -> int:
        """Numbers that a picture has: its pixels, times their channels."""
        return self.size**2 * self.channels

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the dense layers between pixels, or the last map, and codes.

        1000, 500 and 250 for 28 by 28 pixels, as in the paper; for others in proportion to the
        side, and not wider than 2000, 1000 and 500. For "conv" 500 and 250.
        """
        if self.preset == "conv":
            return _BEHIND_MAPS
        widest = min(_WIDEST, round(_PAPERS_WIDTH * self.size / _PAPERS_SIDE))
        return widest, widest // 2, widest // 4

    @property
    def step(self) -> int:
        """What the side must be a multiple of, for "conv".

        Maps are halved until theirs is 8 at most; each half must be whole.
        """
        step = 2
        while self.size > _COARSEST * step:
            step *= 2
        return step

    @property
    def maps(self) -> tuple[int, ...]:
        """Channels of the maps in front of dense layers, for "conv": doubled as maps are halved."""
        if self.preset != "conv":
            return ()
        levels = self.step.bit_length() - 1
        return tuple(min(_MOST_CHANNELS, _FIRST_CHANNELS * 2**level) for level in range(levels))


def new_autoencoder(design: Design, mean: np.ndarray | None = None) -> keras.Model:
    """Return an auto-encoder with weights by chance.

    Args:
        mean: of the pictures that it is to learn, float32 (size, size, channels), 0-255: biases of
            pixels begin there, so that no steps are spent on finding it. None for mid-grey.
    Returns:
        A model from float32 (B, size, size, channels), 0-255, to {CODES: float32 (B, codes),
        PIXELS: float32 (B, size, size, channels), 0-255}.
    """
    shape = design.size, design.size, design.channels
    pixels = keras.Input(shape, name=PIXELS)
    x = layers.Rescaling(1 / 255, name="normalise")(pixels)
    codes = layers.Dense(design.codes, name=CODES)(_encoded(x, design))
    logits = _decoded(codes, design)
    shares = layers.Activation("sigmoid", name="logistic")(logits)
    restored = layers.Rescaling(255.0, name="restored")(shares)
    network = keras.Model(pixels, {CODES: codes, PIXELS: restored}, name="autoencoder")
    if mean is not None:
        _begin_at(mean, [layer for layer in network.layers if layer.weights][-1])
    return network


def decoder_of(network: keras.Model) -> keras.Model:
    """Return the part of an auto-encoder behind its codes: float32 (B, codes) to pixels, 0-255."""
    codes = network.get_layer(CODES).output
    return keras.Model(codes, network.get_layer("restored").output, name="decoder")


def _encoded(x, design: Design):
    """Return what codes are a linear function of."""
    for level, channels in enumerate(design.maps, 1):
        x = _convolution(layers.Conv2D, channels, f"encode{level}")(x)
    x = layers.Flatten(name="flat")(x)
    for level, width in enumerate(design.widths, len(design.maps) + 1):
        x = _units(width, f"encode{level}")(x)
    return x


def _decoded(codes, design: Design):
    """Return pixels before the logistic function: the encoder's mirror image."""
    x, maps = codes, design.maps
    for level, width in reversed(list(enumerate(design.widths, len(maps) + 1))):
        x = _units(width, f"decode{level}")(x)
    if not maps:
        x = layers.Dense(design.numbers, name="flat_logits")(x)
        return layers.Reshape((design.size, design.size, design.channels), name=LOGITS)(x)
    side = design.size // design.step
    x = _units(side**2 * maps[-1], "decode_flat")(x)
    x = layers.Reshape((side, side, maps[-1]), name="map")(x)
    for level, channels in reversed(list(enumerate(maps[:-1], 2))):
        x = _convolution(layers.Conv2DTranspose, channels, f"decode{level}")(x)
    how = {"strides": 2, "padding": "same", "name": LOGITS}
    return layers.Conv2DTranspose(design.channels, _KERNEL, **how)(x)


def _begin_at(mean: np.ndarray, last: layers.Layer) -> None:
    """Let the biases of pixels, or of channels if there are no others, be such that pixels are as
    in `mean`."""
    shares = mean.reshape(-1, mean.shape[-1]) / 255
    if last.bias.shape[0] == mean.shape[-1]:
        shares = shares.mean(axis=0)
    shares = np.clip(shares, _DARKEST, 1 - _DARKEST)
    last.bias.assign(np.log(shares / (1 - shares)).ravel().astype(np.float32))


def _units(width: int, name: str) -> layers.Layer:
    return layers.Dense(width, activation="relu", kernel_initializer="he_normal", name=name)


def _convolution(kind: type, channels: int, name: str) -> layers.Layer:
    return kind(
        channels, _KERNEL, strides=2, padding="same",
        activation="relu", kernel_initializer="he_normal", name=name,
    )  # fmt: skip
