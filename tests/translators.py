"""What the tests of translators share: pictures warm and cold, a translator trained on them, one
set by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.gan.cyclegan import new_generator, new_translator
from dltk.objects import PIXELS
from recipes.train_translator import TrainedTranslator, train_translator

TINTS = {"warm": (1.0, 0.7, 0.4), "cold": (0.4, 0.7, 1.0)}
TINY = {"size": 32, "width": 8, "blocks": 1, "devices": "cpu", "precision": "float32"}
DOMAINS = "negative", "dark"


def clouds(number: int, domain: str, size: int = 40) -> np.ndarray:
    """Return clouds in the colours of a domain, uint8 (size, size, 3)."""
    coarse = np.random.default_rng(number).uniform(0, 255, (4, 4)).astype(np.uint8)
    grey = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    return np.rint(np.asarray(grey)[..., None] * np.array(TINTS[domain])).astype(np.uint8)


def write_clouds(folder: Path, counts: dict[str, int]) -> Path:
    """Write clouds below a folder, so many of each domain in a folder called after it."""
    for at, (domain, count) in enumerate(counts.items()):
        (folder / domain).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(clouds(100 * at + number, domain))
            picture.save(folder / domain / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def translator(tmp_path_factory) -> TrainedTranslator:
    """A translator between warm and cold clouds."""
    return _trained(tmp_path_factory.getbasetemp() / "clouds")


@cache
def _trained(folder: Path) -> TrainedTranslator:
    write_clouds(folder / "data", {"warm": 24, "cold": 20})
    data = folder / "data" / "warm", folder / "data" / "cold"
    return train_translator(*data, epochs=12, lr=2e-3, pool=10, run_dir=folder / "run", **TINY)


@pytest.fixture(scope="session")
def plain_translator(tmp_path_factory) -> Path:
    """A file whose ways are set by hand: to the negative 255 - x, to the dark x / 2."""
    path = tmp_path_factory.mktemp("by hand") / "plain.keras"
    generators = [_line("to_first", -1.0, 255.0), _line("to_second", 0.5, 0.0)]
    return saved(new_translator(generators, DOMAINS), path)


@pytest.fixture(scope="session")
def random_translator(tmp_path_factory) -> Path:
    """A file of real networks that have learnt nothing."""
    keras.utils.set_random_seed(0)
    generators = [new_generator(2, 1, name=f"to_{end}") for end in ("first", "second")]
    return saved(
        new_translator(generators, DOMAINS), tmp_path_factory.mktemp("random") / "random.keras"
    )


def saved(model: keras.Model, path: Path) -> Path:
    """Write a model as a translator's file."""
    save_model(model, path, ModelCard("translate", DOMAINS, Geometry(32, 32, crop=1.0)))
    return path


def _line(name: str, slope: float, shift: float) -> keras.Model:
    pixels = keras.Input((None, None, 3), name=PIXELS)
    made = keras.layers.Rescaling(slope, shift, name=f"{name}_line")(pixels)
    return keras.Model({PIXELS: pixels}, made, name=name)
