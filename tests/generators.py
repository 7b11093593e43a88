"""Generators whose pictures can be worked out by hand."""

from __future__ import annotations

import keras
import numpy as np

from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.gan.dcgan import Design, new_generator
from dltk.opponents import CLASSES, NOISE

SIDE = 8


def save_generator(model, path, labels=()):
    """Write a generator as `dltk train gan` does."""
    _, height, width, channels = model.output_shape
    geometry = Geometry(height, width, channels, fit="crop", crop=1.0)
    save_model(model, path, ModelCard("generate", tuple(labels), geometry))
    return path


def save_plain(path, labels=()):
    """Write one that paints a picture in one colour, red, green and blue as the noise says.

    -1 is 0 and 1 is 255. With K classes, class k paints in k/K of these.
    """
    noise = keras.Input((3,), name=NOISE)
    inputs, x = {NOISE: noise}, keras.layers.Rescaling(127.5, 127.5)(noise)
    if labels:
        inputs[CLASSES] = keras.Input((), dtype="int32", name=CLASSES)
        shares = np.arange(len(labels))[:, None] / len(labels)
        table = keras.layers.Embedding(len(labels), 1)
        x = keras.layers.Multiply()([x, table(inputs[CLASSES])])
        table.set_weights([shares])
    x = keras.layers.Reshape((1, 1, 3))(x)
    model = keras.Model(inputs, keras.layers.UpSampling2D(SIDE)(x))
    return save_generator(model, path, labels)


def save_dcgan(path, labels=(), **design):
    """Write a DCGAN that learned nothing, but whose pictures differ."""
    keras.utils.set_random_seed(0)
    design = {"size": 28, "channels": 1, "noise": 10, "width": 4} | design
    model = new_generator(Design(classes=len(labels), **design))
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            variable.assign(8 * variable)
    return save_generator(model, path, labels)


def noise_of(seed, size=3):
    """Return what a seed's picture is made from."""
    return np.random.default_rng(seed).uniform(-1, 1, size)


def colour_of(noise):
    """Return the colour that noise is, as a plain picture has it."""
    return np.rint(np.clip(127.5 * (1 + np.asarray(noise)), 0, 255))
