"""What the tests of captioners share: made scenes, a captioner that learnt from them, others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.data.datasets import CaptionData
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import scene_captions_data
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.captioner.network import new_captioner
from dltk.models.find import find_model
from dltk.text.vocabulary import END, FIRST
from recipes.train_captioner import TrainedCaptioner, train_captioner
from tests.detectors import KINDS, backbone  # noqa: F401

SIDE = 96
WORDS = (
    "a", "red", "green", "blue", "disc", "star", "and", "there", "is", "are", "on", "the", "left",
    "right", "of", "two",
)  # fmt: skip
SMALL = {"units": 32, "embedding": 16, "attention": 16}
TINY = SMALL | {
    "size": SIDE, "batch_size": 4, "places": 16, "devices": "cpu", "min_count": 1,
    "val_share": 0.0, "test_share": 0.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def caption_scenes(tmp_path_factory) -> Path:
    """80 scenes of circles and stars to train on and 12 to measure on, in COCO's layout."""
    return _written(tmp_path_factory.getbasetemp() / "caption scenes")


@pytest.fixture(scope="session")
def captioner(tmp_path_factory) -> TrainedCaptioner:
    """A captioner that has learnt from `caption_scenes`."""
    base = tmp_path_factory.getbasetemp()
    return _trained(_written(base / "caption scenes"), base / "caption run")


@pytest.fixture(scope="session")
def chance(tmp_path_factory, backbone) -> str:  # noqa: F811
    """The file of a captioner with weights of chance, which attends to places."""
    return save_chance(tmp_path_factory.mktemp("captioner") / "chance.keras", backbone)


@pytest.fixture(scope="session")
def chance_without(tmp_path_factory, backbone) -> str:  # noqa: F811
    """The same of one that attends to nothing."""
    path = tmp_path_factory.mktemp("captioner") / "without.keras"
    return save_chance(path, backbone, attention=0)


def few_captions(count: int, *, val: int = 0, **options) -> CaptionData:
    """Return some scenes with captions, in memory; undivided without any to validate."""
    return scene_captions_data(count, val=val, size=SIDE, kinds=KINDS, **{"most": 2} | options)


def chance_captioner(backbone: str, words: int = len(WORDS), **decoder) -> keras.Model:  # noqa: F811
    """Return a captioner with weights of chance, so large that pictures matter to what it says."""
    keras.utils.set_random_seed(0)
    network = new_captioner(
        find_model(backbone), FIRST + words, channels=16, **SMALL | {"dropout": 0.0} | decoder
    )
    random = np.random.default_rng(0)
    for layer in (network.get_layer("places"), network.get_layer("decoder")):
        for weight in layer.trainable_weights:
            if len(weight.shape) > 1:
                weight.assign(random.normal(0, 3 / np.sqrt(weight.shape[0]), weight.shape))
    kernel, bias = network.get_layer("decoder").scores.get_weights()
    bias[END] = 3.0  # captions end, but not at once
    network.get_layer("decoder").scores.set_weights([kernel / 2, bias])
    return network


def save_chance(path: Path, backbone: str, words=WORDS, **decoder) -> str:  # noqa: F811
    """Write such a captioner to a model file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    card = ModelCard("caption", tuple(words), Geometry(SIDE, SIDE, fit="squash"))
    save_model(chance_captioner(backbone, len(words), **decoder), path, card)
    return str(path)


@cache
def _written(folder: Path) -> Path:
    list(write_scenes(folder, 80, val=12, kinds=KINDS, size=SIDE, most=2))
    return folder


@cache
def _trained(folder: Path, run: Path) -> TrainedCaptioner:
    return train_captioner(
        folder, size=SIDE, epochs=10, batch_size=12, units=64, embedding=32, attention=32,
        places=32, lr=1e-2, dropout=0.0, min_count=1, devices="cpu", run_dir=run,
    )  # fmt: skip
