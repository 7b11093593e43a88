"""The style pictures: drawn anew they are the same, and full of texture of several sizes."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltk.images import decode
from dltk.samples import STYLES, style_files

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "make_styles.py"))
PICTURES = SCRIPT["PICTURES"]


def drawn(name: str, seed: int = 0, size=(96, 64)) -> np.ndarray:
    return np.asarray(PICTURES[name][0](*size, seed))


def details(picture: Image.Image) -> list[float]:
    """Return the contrast of details of 2, 4, 8, 16 and 32 pixels."""
    found = []
    for _ in range(5):
        smaller = picture.reduce(2)
        pixels = (np.asarray(image, float) for image in (picture, smaller.resize(picture.size, 0)))
        one, other = pixels
        found.append(np.abs(one - other).mean())
        picture = smaller
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_a_seed_gives_the_same_picture(name):
    once = drawn(name)
    assert once.shape == (64, 96, 3)
    np.testing.assert_array_equal(once, drawn(name))
    assert np.abs(once.astype(int) - drawn(name, seed=1)).mean() > 10


def test_there_is_a_picture_of_each():
    assert [p.stem for p in style_files() if p.suffix == ".jpg"] == sorted(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_styles_have_texture_of_every_size(name):
    path = STYLES / f"{name}.jpg"
    picture = decode(path)
    assert picture.size == (768, 768) and path.stat().st_size < 400_000
    assert min(details(picture)) > 5
