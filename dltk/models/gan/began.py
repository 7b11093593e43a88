"""A generator and an auto-encoder by Berthelot et al. 2017, "BEGAN: Boundary Equilibrium
Generative Adversarial Networks", Sec. 3.6, https://arxiv.org/abs/1703.10717.

Convolutions of 3 by 3 with ELU, two at each size; nearest neighbours enlarge, strides shrink; no
normalisation, no dropout. As in the paper the generator is built as the auto-encoder's decoder.
"""

from __future__ import annotations

import keras
from keras import layers

from dltk.models.gan.dcgan import Design
from dltk.objects import PIXELS
from dltk.opponents import NOISE

_PER_LEVEL = 2  # convolutions


def new_decoder(design: Design) -> keras.Model:
    """Return a network from noise to pictures.

    Args:
        design: size, channels, noise and width of the network; the rest plays no part.
    Returns:
        A model that takes {NOISE: float32 (B, noise)} and gives float32 (B, size, size, channels),
        about 0-255: the last layer has no activation, so whoever shows its pictures cuts them.
    """
    noise = keras.Input((design.noise,), name=NOISE)
    pictures = layers.Rescaling(127.5, 127.5, name="pixels", dtype="float32")(
        _decoded(noise, design)
    )
    return keras.Model({NOISE: noise}, pictures, name="generator")


def new_autoencoder(design: Design) -> keras.Model:
    """Return a network from pictures to the same, through as many codes as there is noise.

    Returns:
        A model that takes {PIXELS: float32 (B, size, size, channels), 0-255} and gives the like.
    """
    pixels = keras.Input((design.size, design.size, design.channels), name=PIXELS)
    x = layers.Rescaling(1 / 127.5, -1.0, name="centred")(pixels)
    x = _conv(design.width, "first")(x)
    levels = _levels(design)
    for level in range(levels):
        width = design.width * (level + 1)
        for number in range(_PER_LEVEL):
            x = _conv(width, f"seen{level}_{number}")(x)
        if level < levels - 1:
            x = _conv(width, f"coarser{level}", strides=2)(x)
    codes = layers.Dense(design.noise, name="codes")(layers.Flatten(name="seen")(x))
    again = layers.Rescaling(127.5, 127.5, name="pixels_again", dtype="float32")(
        _decoded(codes, design)
    )
    return keras.Model({PIXELS: pixels}, again, name="discriminator")


def _decoded(codes, design: Design):
    """Return pictures, about -1 to 1, made of codes."""
    side = _coarsest(design)
    x = layers.Dense(side**2 * design.width, name="begin")(codes)
    x = layers.Reshape((side, side, design.width), name="map")(x)
    for level in reversed(range(_levels(design))):
        for number in range(_PER_LEVEL):
            x = _conv(design.width, f"made{level}_{number}")(x)
        if level:
            x = layers.UpSampling2D(name=f"finer{level}")(x)
    return layers.Conv2D(design.channels, 3, padding="same", name="paint")(x)


def _levels(design: Design) -> int:
    """Return of how many sizes there are maps."""
    return (design.size // _coarsest(design)).bit_length()


def _coarsest(design: Design) -> int:
    """Return the pixels of the coarsest map's side."""
    return 7 if design.size == 28 else 8


def _conv(width: int, name: str, **options) -> layers.Layer:
    return layers.Conv2D(width, 3, padding="same", activation="elu", name=name, **options)
