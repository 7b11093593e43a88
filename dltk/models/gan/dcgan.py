"""A generator and a discriminator by the guidelines of Radford et al. 2015, Sec. 3."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import initializers, layers

from dltk.layers.spectral import Spectral
from dltk.objects import PIXELS
from dltk.opponents import CLASSES, NOISE

SIZES = (28, 32, 64, 128, 256)
"""Pixels of a side: 4 times a power of two, or the 28 of handwritten digits."""
UPSAMPLINGS = ("transposed", "nearest")
"""How a generator goes from coarse maps to fine ones, see `Design`."""
_KERNEL, _LEAK = 5, 0.2
_KERNEL_BEHIND = 3  # of convolutions behind enlarging
_SPREAD = 0.02  # standard deviation of weights at first
_MOST = 16  # channels are doubled from level to level, up to so many times the width
_CLASS_CHANNELS = 50  # of what stands for a class beside the noise
_HELD = "held_"  # what names of spectrally normalised layers begin with


def exact(network: keras.Model) -> list[str]:
    """Return the layers that compute in float32, whatever the others do: those that pixels go
    through as they are, those that give scores, and those that find norms."""
    own = {"centred", "tanh", "pixels", "pixels_again", "score", "fit", "real", "scores"}
    names = [layer.name for layer in network.layers]
    return [name for name in names if name in own or name.startswith(_HELD)]


@dataclass(frozen=True)
class Design:
    """What a pair of networks is like.

    Attributes:
        size: pixels of a picture's side, of SIZES.
        channels: 1 for grey, 3 for colour.
        noise: numbers from which a picture is made.
        width: channels of the finest hidden layer; 128 in the paper.
        classes: how many there are to choose from; 0 for none.
        spectral: hold the discriminator in by spectral normalisation in place of batch
            normalisation: Miyato et al. 2018, https://arxiv.org/abs/1802.05957.
        upsampling: of the generator's maps: "transposed" convolutions as in the paper; or
            "nearest", which repeats each place and convolves by 3 by 3 then, and so leaves no
            checkerboard: Odena et al. 2016, "Deconvolution and Checkerboard Artifacts",
            https://doi.org/10.23915/distill.00003.
        batch_norm: of the discriminator. Penalties on its gradients, which look at each picture by
            itself, want none: its layers are normalised picture by picture then (Gulrajani et al.
            2017, Sec. 4).
    """

    size: int = 64
    channels: int = 3
    noise: int = 100
    width: int = 64
    classes: int = 0
    spectral: bool = False
    upsampling: str = "transposed"
    batch_norm: bool = True

    @property
    def start(self) -> int:
        """Pixels of the coarsest map's side."""
        return 7 if self.size == 28 else 4

    @property
    def widths(self) -> list[int]:
        """Channels of the hidden maps, from the coarsest to the finest."""
        levels = (self.size // self.start).bit_length() - 1
        return [self.width * min(_MOST, 2**level) for level in reversed(range(levels))]


def new_generator(design: Design) -> keras.Model:
    """Return a network from noise to pictures.

    No pooling and no hidden dense layers; fractionally strided convolutions of 5 by 5 (or see
    `Design.upsampling`), batch normalisation and ReLU everywhere but at the output, which is a tanh
    brought to 0-255. Noise is taken by a product and reshaped, as there.

    Returns:
        A model that takes {NOISE: float32 (B, noise)}, and {CLASSES: int32 (B,)} if there are any,
        and gives float32 (B, size, size, channels), 0-255.
    """
    noise = keras.Input((design.noise,), name=NOISE)
    inputs, x = {NOISE: noise}, noise
    if design.classes:
        inputs[CLASSES] = keras.Input((), dtype="int32", name=CLASSES)
        told = layers.Embedding(design.classes, _CLASS_CHANNELS, name="class")(inputs[CLASSES])
        x = layers.Concatenate(name="known")([noise, told])
    first, *others = design.widths
    x = layers.Dense(
        design.start**2 * first, use_bias=False, kernel_initializer=_normal(), name="begin"
    )(x)
    x = layers.Reshape((design.start, design.start, first), name="map")(x)
    for level, width in enumerate([*others, None]):
        x = layers.ReLU(name=f"relu{level}")(_batch_norm(f"norm{level}")(x))
        last = width is None
        how = {"padding": "same", "use_bias": last, "kernel_initializer": _normal()}
        how["name"] = "paint" if last else f"finer{level}"
        channels = design.channels if last else width
        if design.upsampling == "transposed":
            x = layers.Conv2DTranspose(channels, _KERNEL, strides=2, **how)(x)
        else:
            x = layers.UpSampling2D(2, interpolation="nearest", name=f"larger{level}")(x)
            x = layers.Conv2D(channels, _KERNEL_BEHIND, **how)(x)
    pictures = layers.Activation("tanh", name="tanh", dtype="float32")(x)
    pictures = layers.Rescaling(127.5, 127.5, name="pixels", dtype="float32")(pictures)
    return keras.Model(inputs, pictures, name="generator")


def new_discriminator(design: Design) -> keras.Model:
    """Return a network from pictures to how real they are.

    The mirror of the generator: strided convolutions, LeakyReLU of slope 0.2, batch normalisation
    but at the input and the output. With classes, a score tells also how well the picture fits its
    class: Miyato & Koyama 2018, "cGANs with Projection Discriminator", Eq. 4,
    https://arxiv.org/abs/1802.05637.

    Returns:
        A model that takes {PIXELS: float32 (B, size, size, channels), 0-255}, and {CLASSES: int32
        (B,)} if there are any, and gives scores float32 (B,), before any sigmoid.
    """
    pixels = keras.Input((design.size, design.size, design.channels), name=PIXELS)
    inputs = {PIXELS: pixels}
    x = layers.Rescaling(1 / 127.5, -1.0, name="centred")(pixels)
    for level, width in enumerate(reversed(design.widths)):
        normed = level > 0 and not design.spectral
        x = _held(
            layers.Conv2D(
                width,
                _KERNEL,
                strides=2,
                padding="same",
                use_bias=not normed,
                kernel_initializer=_normal(),
                name=f"coarser{level}",
            ),
            design,
        )(x)
        if normed and design.batch_norm:
            x = _batch_norm(f"norm{level}")(x)
        elif normed:
            x = layers.LayerNormalization(axis=(1, 2, 3), name=f"norm{level}")(x)
        x = layers.LeakyReLU(_LEAK, name=f"leaky{level}")(x)
    seen = layers.Flatten(name="seen")(x)
    scores = _held(layers.Dense(1, kernel_initializer=_normal(), name="score"), design)(seen)
    if design.classes:
        inputs[CLASSES] = keras.Input((), dtype="int32", name=CLASSES)
        meant = _held(
            layers.Embedding(
                design.classes, seen.shape[-1], embeddings_initializer=_normal(), name="class"
            ),
            design,
        )(inputs[CLASSES])
        fit = layers.Dot(axes=1, name="fit")([meant, seen])
        scores = layers.Add(name="real")([scores, fit])
    scores = layers.Reshape((), name="scores", dtype="float32")(scores)
    return keras.Model(inputs, scores, name="discriminator")


def _normal() -> keras.Initializer:
    return initializers.RandomNormal(stddev=_SPREAD)


def _batch_norm(name: str) -> layers.Layer:
    scale = initializers.RandomNormal(mean=1.0, stddev=_SPREAD)
    return layers.BatchNormalization(gamma_initializer=scale, epsilon=1e-5, name=name)


def _held(layer: layers.Layer, design: Design) -> layers.Layer:
    """Return a layer of the discriminator, spectrally normalised if that is asked for."""
    if not design.spectral:
        return layer
    return Spectral(layer, name=_HELD + layer.name)
