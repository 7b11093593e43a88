"""What the tests of answerers share: made scenes, an answerer that learnt from them, others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.data.datasets import QuestionData
from dltk.data.examples import Question
from dltk.data.scenes import scene_questions_data
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.answerer.network import new_answerer
from dltk.models.find import find_model
from dltk.text.vocabulary import FIRST
from recipes.train_answerer import TrainedAnswerer, train_answerer
from tests.detectors import KINDS, backbone  # noqa: F401

SIDE = 96
WORDS = (
    "what", "colour", "is", "the", "star", "disc", "how", "many", "are", "there", "where", "red",
)  # fmt: skip
ANSWERS = ("yes", "no", "red", "blue", "0", "1", "2", "top left")
SMALL = {"units": 32, "embedding": 16, "attention": 16}
TINY = SMALL | {
    "size": SIDE, "batch_size": 4, "places": 16, "devices": "cpu", "val_share": 0.0,
    "test_share": 0.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def answerer(tmp_path_factory) -> TrainedAnswerer:
    """An answerer that has learnt from 400 scenes of circles and stars."""
    return _trained(tmp_path_factory.getbasetemp() / "answerer run")


@pytest.fixture(scope="session")
def chance(tmp_path_factory, backbone) -> str:  # noqa: F811
    """The file of an answerer with weights of chance."""
    return save_chance(tmp_path_factory.mktemp("answerer") / "chance.keras", backbone)


def few_questions(count: int, *, val: int = 0, **options) -> QuestionData:
    """Return some scenes with questions, in memory; undivided without any to validate."""
    return scene_questions_data(count, val=val, size=SIDE, kinds=KINDS, **{"most": 2} | options)


def learnt_from() -> QuestionData:
    """Return what `answerer` learnt from."""
    return few_questions(400, val=60)


def question(text: str, *answers: str, kind: str = "") -> Question:
    return Question(text, answers, kind)


def chance_answerer(backbone: str, words: int = len(WORDS), answers: int = len(ANSWERS)):  # noqa: F811
    """Return an answerer with weights of chance, so large that pictures matter to its answers."""
    keras.utils.set_random_seed(0)
    network = new_answerer(
        find_model(backbone), FIRST + words, answers, channels=16, dropout=0.0, **SMALL
    )
    random = np.random.default_rng(0)
    for name in ("places", "reader", "answering"):
        for weight in network.get_layer(name).trainable_weights:
            if len(weight.shape) > 1:
                weight.assign(random.normal(0, 1.5 / np.sqrt(weight.shape[0]), weight.shape))
    scores = network.get_layer("answering").scores
    scores.kernel.assign(scores.kernel / 8)  # so that answers are not all sure
    return network


def save_chance(path: Path, backbone: str, words=WORDS, answers=ANSWERS) -> str:  # noqa: F811
    """Write such an answerer to a model file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    geometry = Geometry(SIDE, SIDE, fit="squash")
    card = ModelCard("answer", tuple(answers), geometry, words=tuple(words))
    save_model(chance_answerer(backbone, len(words), len(answers)), path, card)
    return str(path)


@cache
def _trained(run: Path) -> TrainedAnswerer:
    return train_answerer(
        learnt_from(), size=SIDE, epochs=6, batch_size=8, units=64, embedding=32, attention=64,
        places=64, lr=4e-3, dropout=0.0, devices="cpu", run_dir=run,
    )  # fmt: skip
