"""Small segmenters: one that tells plain colours and is always right, and one of chance."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.geometry import Geometry
from dltk.layers import Enlarged, FillOutside, LearntUpsampling
from dltk.modelfile import ModelCard, save_model
from dltk.models.fcn.segmenter import Parts, build_segmenter
from dltk.objects import EXTENT, PIXELS

GROUND, RED, GREEN = 0, 1, 2
CLASSES = ("background", "red one", "green")
NAMES = tuple("abcd")
SIDE = 64  # of the first one's canvas: pictures of this size are looked at as they are
CHANCE_SIDE = 128
RED_BOX, GREEN_BOX = (8, 8, 24, 40), (32, 4, 60, 28)
_KERNEL = np.array([[0, 8, -4], [0, -4, 8], [0, -4, -4]])  # from red, green and blue to scores
_BIAS = np.array([2, 0, 0])


def colour_scores(pixels: np.ndarray) -> np.ndarray:
    """Return what the first gives for pixels (…, 3), 0-255, before softmax, (…, 3).

    2, 0, 0 for grey ones, which are of the ground; 2, 8, -4 for red ones.
    """
    return pixels / 255 @ _KERNEL + _BIAS


def colour_segmenter() -> keras.Model:
    """Return a segmenter that looks at each pixel on its own."""
    pixels, maps = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    score = keras.layers.Conv2D(len(CLASSES), 1, name="score")
    parts = Parts(
        fill_outside=FillOutside((0, 0, 0), name="fill_outside"),
        backbone=keras.Model(pixels, [keras.layers.Rescaling(1 / 255)(pixels)], name="backbone"),
        head=keras.Model([maps], score(maps), name="head"),
        enlarge=Enlarged(name="enlarge"),
    )
    score.set_weights([_KERNEL[None, None], _BIAS])
    return build_segmenter(parts)


def save_colours(path: Path, classes=CLASSES, **card) -> str:
    """Write the segmenter to a model file, with other names of classes perhaps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    geometry = Geometry(SIDE, SIDE, fit="within")
    save_model(colour_segmenter(), path, ModelCard("segment", tuple(classes), geometry, **card))
    return str(path)


@pytest.fixture(scope="session")
def colours(tmp_path_factory) -> str:
    """The file of a segmenter of plain colours."""
    return save_colours(tmp_path_factory.mktemp("model") / "colours.keras")


def chance_segmenter() -> keras.Model:
    """Return a segmenter that sees a dozen pixels around each, with weights of chance."""
    random = np.random.default_rng(0)
    pixels, maps = keras.Input((None, None, 3)), keras.Input((None, None, 16))
    x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    for width in (8, 12, 16):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    score = keras.layers.Conv2D(len(NAMES), 1, name="score")
    parts = Parts(
        fill_outside=FillOutside((127.5, 127.5, 127.5), name="fill_outside"),
        backbone=keras.Model(pixels, [x], name="backbone"),
        head=keras.Model([maps], score(maps), name="head"),
        enlarge=LearntUpsampling(8, name="enlarge"),
    )
    for layer in (*parts.backbone.layers, score):
        if layer.weights:
            kernel, bias = layer.get_weights()
            deviation = np.sqrt(2 / np.prod(kernel.shape[:-1]))
            layer.set_weights([random.normal(0, deviation, kernel.shape), bias])
    segmenter = build_segmenter(parts)
    noise = np.float32(random.integers(0, 256, (1, 8, 8, 3))).repeat(16, 1).repeat(16, 2)
    scores = segmenter({PIXELS: noise, EXTENT: np.float32([noise.shape[1:3]])}).numpy()
    kernel, _ = score.get_weights()  # so that no class is all there is
    mean, spread = scores.mean(axis=(0, 1, 2)), scores.std()
    score.set_weights([kernel / spread, -mean / spread])
    return segmenter


@pytest.fixture(scope="session")
def chance(tmp_path_factory) -> str:
    """The file of a segmenter with weights of chance."""
    path = tmp_path_factory.mktemp("model") / "chance.keras"
    geometry = Geometry(CHANCE_SIDE, CHANCE_SIDE, fit="within")
    save_model(chance_segmenter(), path, ModelCard("segment", NAMES, geometry))
    return str(path)


def painted(size=(SIDE, 48), *, red=(), green=()) -> Image.Image:
    """Return a grey picture with red and green rectangles at those boxes, the green ones on top."""
    picture = Image.new("RGB", size, (128, 128, 128))
    for colour, boxes in (((255, 0, 0), red), ((0, 255, 0), green)):
        for box in boxes:
            picture.paste(colour, box)
    return picture


def truth_of(picture: Image.Image) -> np.ndarray:
    """Return the label map of a picture in such colours."""
    return colour_scores(np.asarray(picture)).argmax(axis=-1).astype(np.uint8)
