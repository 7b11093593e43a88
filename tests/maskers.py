"""What the tests of maskers share: made scenes, a masker set by hand, one trained on the scenes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.data.datasets import ObjectData
from dltk.data.instances import read_instances
from dltk.data.scene_files import write_scenes
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.masker.network import CELL, STRIDE, Parts, build_masker
from recipes.train_masker import TrainedMasker, train_masker
from tests.detectors import KINDS, backbone  # noqa: F401

SIDE = 96
PATCH = 64
TINY = {"patch": PATCH, "batch_size": 4, "precision": "float32", "devices": "cpu"}
_BRIGHT = 128.0


@pytest.fixture(scope="session")
def mask_objects(tmp_path_factory) -> Path:
    """48 scenes of circles and stars to train on and 12 to measure on, in COCO's layout."""
    return _written(tmp_path_factory.getbasetemp() / "masks of objects")


@pytest.fixture(scope="session")
def masker(tmp_path_factory) -> TrainedMasker:
    """A masker that has learnt from `mask_objects`, and was tested on its validation pictures."""
    base = tmp_path_factory.getbasetemp()
    return _trained(_written(base / "masks of objects"), base / "masker run")


@pytest.fixture(scope="session")
def bright_masker(tmp_path_factory) -> Path:
    """The file of `seeing_brightness`."""
    path = tmp_path_factory.mktemp("bright") / "bright.keras"
    card = ModelCard("mask", (), Geometry(PATCH, PATCH, fit="within"))
    save_model(seeing_brightness(), path, card)
    return path


def seeing_brightness() -> keras.Model:
    """Return a masker whose weights are set by hand: bright things are objects.

    Its map is the mean of each 16 × 16 pixels. A mask's cell says how much brighter than 128 its
    place is, and a score how much brighter the four places in the middle are than the outer ones.
    """
    count, cells = PATCH // STRIDE, PATCH // CELL
    pixels = keras.Input((None, None, 3))
    pooled = keras.layers.AveragePooling2D(STRIDE)(pixels)
    features = keras.Input((None, None, 3))
    masks = keras.layers.Conv2D(cells**2, count, name="pixels")
    scores = keras.layers.Conv2D(1, count, name="score")
    parts = Parts(
        backbone=keras.Model(pixels, pooled, name="backbone"),
        inside=keras.layers.Cropping2D(1, name="inside"),
        mask_head=keras.Model(features, masks(features), name="mask_head"),
        score_head=keras.Model(features, scores(features), name="score_head"),
    )
    kernel = np.zeros((count, count, 3, cells, cells), np.float32)
    each = cells // count
    for y, x in np.ndindex(count, count):
        kernel[y, x, :, y * each : (y + 1) * each, x * each : (x + 1) * each] = 0.1 / 3
    masks.set_weights([kernel.reshape(count, count, 3, -1), np.full(cells**2, -0.1 * _BRIGHT)])
    middle = np.full((count, count, 3, 1), -0.05 / 36, np.float32)
    middle[1:-1, 1:-1] = 0.05 / 12
    scores.set_weights([middle, np.full(1, -3.0)])
    return build_masker(parts)


def few_objects(folder: Path, **counts: int) -> ObjectData:
    """Return the first few pictures of `mask_objects` for each split by name."""
    data = read_instances(folder)
    splits = {
        split: data.splits["train" if split == "train" else "val"].take(range(count))
        for split, count in counts.items()
    }
    return ObjectData(data.where, data.classes, splits)


@cache
def _written(folder: Path) -> Path:
    list(write_scenes(folder, 48, val=12, kinds=KINDS, size=SIDE, most=2))
    return folder


@cache
def _trained(folder: Path, run: Path) -> TrainedMasker:
    data = few_objects(folder, train=48, test=12)
    return train_masker(
        data, epochs=4, lr=3e-3, backbone_lr=1e-3, val_share=0.0, run_dir=run, **TINY
    )
