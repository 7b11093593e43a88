"""A detector that learns from made scenes, once for all tests, and what small ones grow from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.data.scene_files import write_scenes
from dltk.data.scenes import scene_data
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.proposals import proposals_to_file, sliding_windows
from recipes.train_detector import TrainedDetector, train_detector

KINDS = ("circle", "star")
SIDE = 96
TINY = {"size": SIDE, "batch_size": 4, "precision": "float32", "devices": "cpu"}


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Path:
    """80 scenes of circles and stars to train on and 24 to measure on, in COCO's layout."""
    return _written(tmp_path_factory.getbasetemp() / "scenes")


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> TrainedDetector:
    """A detector that has learnt from `scenes`."""
    base = tmp_path_factory.getbasetemp()
    return _trained(_written(base / "scenes"), base / "scenes run")


@pytest.fixture(scope="session")
def backbone(tmp_path_factory) -> str:
    """The file of a classifier with five convolutions that has learnt nothing."""
    path = tmp_path_factory.mktemp("backbone") / "tiny.keras"
    random = np.random.default_rng(0)
    pixels = keras.Input((64, 64, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    for number, width in enumerate((8, 12, 16, 24, 32)):
        x = keras.layers.Conv2D(
            width, 3, strides=2, padding="same", activation="relu", name=f"conv{number}"
        )(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(pixels, keras.layers.Dense(2, activation="softmax")(x))
    for weight in network.trainable_weights:
        scale = np.sqrt(2 / max(1, np.prod(weight.shape[:-1])))
        weight.assign(scale * random.standard_normal(weight.shape))
    save_model(network, path, ModelCard("classify", ("a", "b"), Geometry(64, 64)))
    return str(path)


def few_scenes(count: int, **options):
    """Return some scenes of circles and stars, undivided and in memory."""
    return scene_data(count, size=SIDE, **{"kinds": KINDS, "most": 3} | options)


def write_regions(path: Path, data) -> Path:
    """Write windows slid over the pictures of `data`, as regions to look at."""
    windows = sliding_windows((SIDE, SIDE), sides=(0.5, 0.3), shapes=(1.0,), step=0.5)
    names = [name for part in data.splits.values() for name in part.names]
    proposals_to_file(path, dict.fromkeys(names, windows))
    return path


@cache
def _written(folder: Path) -> Path:
    list(write_scenes(folder, 80, val=24, kinds=KINDS, size=SIDE, most=3))
    return folder


@cache
def _trained(folder: Path, run: Path) -> TrainedDetector:
    return train_detector(
        folder, size=SIDE, epochs=5, batch_size=4, proposals=50, augment="none", devices="cpu",
        run_dir=run,
    )  # fmt: skip
