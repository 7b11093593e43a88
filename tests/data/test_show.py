"""Sheets of examples: what training sees, and nobody's file lost."""

import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.data.augment import at_least, augment
from dltk.data.pixels import Pixels
from dltk.data.show import example_sheet
from dltk.drawing import thumbnail_sheet
from dltk.geometry import Geometry
from dltk.metadata import software_of
from dltk.samples import FOLDER as SAMPLES


def test_show_draws_pictures_and_views(dltk, make, tmp_path):
    root = make(*(f"{kind}/{n}.png" for kind in "abc" for n in range(3)))
    (root / "a" / "bad.png").write_text("no")
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", root, "-o", out, "--count", 5, "--size", 64)
    assert result.code == 0 and "sheet.png" in result.err
    first = Image.open(out)
    assert first.size == (12 * 64, 3 * 64)
    assert dltk("data", "show", root, "-o", out, "--count", 5, "--size", 64).code == 0
    assert np.array_equal(np.asarray(first), np.asarray(Image.open(out)))
    dltk("data", "show", root, "-o", out, "--augment", "none", "--count", 50, "--size", 64, "-q")
    assert Image.open(out).size == (12 * 64, 2 * 64)  # nine can be read


@pytest.mark.parametrize("strength", ["none", "strong"])
def test_views_are_those_of_training(strength):
    """They come from `Pixels`, which decodes as training does."""
    geometry = Geometry(32, 32)
    paths = [SAMPLES / "cat.jpg", SAMPLES / "pagoda.jpg"]
    data = in_memory(paths, [0, 1], "ab")
    sheet = np.asarray(example_sheet(data, geometry, augmentation=strength, size=100, seed=3))
    random = np.random.default_rng(3)
    for _ in data.classes:  # the order of one picture each
        random.permutation(1)
    load = Pixels(
        data.splits["all"],
        geometry,
        augment=lambda picture, geometry, _: augment(picture, geometry, strength, random),
        at_least=at_least(geometry, strength),
    )
    views = 1 if strength == "none" else 5
    for index in range(2):
        for at in range(views):
            left = 100 * (index * (1 + views) + 1 + at)
            pixels = np.rint(load(np.array([index]))[0]).astype(np.uint8)
            shown = Image.fromarray(pixels).resize((100, 100))
            tile = thumbnail_sheet([shown], [(0, 0)], edge=100)
            np.testing.assert_array_equal(sheet[:100, left : left + 100], np.asarray(tile))


def test_show_replaces_only_its_own(dltk, make, tmp_path, noise):
    root = make("a/1.png", "b/1.png")
    mine = tmp_path / "mine.png"
    noise().save(mine)
    before = mine.read_bytes()
    result = dltk("data", "show", root, "-o", mine)
    assert result.code == 2 and "is there already and no such sheet" in result.err
    assert mine.read_bytes() == before
    assert dltk("data", "show", root, "-o", mine, "--overwrite", "--count", 1).code == 0
    assert software_of(mine) == "examples of dltk data show"
    assert "lies in the data" in dltk("data", "show", root, "-o", root / "new.png").err
    assert "name a picture file" in dltk("data", "show", root, "-o", tmp_path / "x.txt").err
