"""`detect` with real detectors: one from a model file, and the default, regions of a classifier."""

from __future__ import annotations

import json
from collections import Counter

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.canvas import fit_within
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.metrics.iou import overlaps
from dltk.modelfile import ModelCard, save_model
from dltk.models.rcnn.detector import adjusted
from dltk.objects import EXTENT, PIXELS
from dltk.samples import FOLDER
from recipes.detect import detect
from tests.rcnn.tiny import CLASSES, SIDE, tiny_detector

NAMES = tuple("abc"[:CLASSES])


SIZES = [(160, 100), (64, 64), (30, 200)]


@pytest.fixture(scope="module")
def detector():
    """A detector with weights by rule."""
    return tiny_detector()


@pytest.fixture(scope="module")
def path(detector, tmp_path_factory):
    """The model file it is in."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    save_model(detector, path, ModelCard("detect", NAMES, Geometry(SIDE, SIDE, fit="within")))
    return str(path)


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (high, wide, 3), np.uint8) for wide, high in SIZES]


@pytest.fixture(scope="module")
def found(path, pictures):
    """All that is found in the pictures."""
    return [result.objects for result in detect(pictures, model=path, score=0.1)]


def test_a_detector_in_a_file_gives_the_boxes_of_its_network(detector, pictures, found):
    network = adjusted(detector, score=0.1, most=100)
    for pixels, objects in zip(pictures, found, strict=True):
        canvas = fit_within(Image.fromarray(pixels), SIDE, SIDE)
        inputs = {PIXELS: canvas.pixels[None], EXTENT: np.float32([canvas.size])}
        outputs = {name: np.asarray(value)[0] for name, value in network(inputs).items()}
        there = outputs["scores"] > 0.1
        assert there.any()
        assert [each.box for each in objects] == [
            pytest.approx(box, abs=0.02) for box in canvas.original(outputs["boxes"][there])
        ]
        numbers = outputs["labels"][there].tolist()
        assert [(each.number, each.name) for each in objects] == [(n, NAMES[n]) for n in numbers]
        assert [each.score for each in objects] == pytest.approx(outputs["scores"][there], abs=1e-4)


def test_classes_score_and_max_choose_among_what_it_finds(path, pictures, found):
    names = Counter(each.name for objects in found for each in objects)
    (name, count), *others = names.most_common()
    assert others
    score = sorted(each.score for objects in found for each in objects if each.name == name)[1]
    options = {"classes": name, "most": 2, "score": score - 1e-4}
    chosen = [result.objects for result in detect(pictures, model=path, **options)]
    assert 0 < sum(map(len, chosen)) < count
    assert chosen == [
        [each for each in objects if each.name == name and each.score >= score][:2]
        for objects in found
    ]


def test_of_the_classes_asked_for_none_is_crowded_out_by_others(path, pictures, found):
    """The surest of the rarest class is found alone, however many others are surer."""
    for pixels, objects in zip(pictures, found, strict=True):
        for name in {each.name for each in objects}:
            first = next(each for each in objects if each.name == name)
            (result,) = detect(pixels, model=path, score=0.1, classes=name, most=1)
            assert result.objects == [first]


def test_overlapping_boxes_may_count_less_instead_of_going(path, pictures):
    every, none, soft = (
        next(detect(pictures[0], model=path, score=0.1, **options)).objects
        for options in ({"nms": 1.0}, {"nms": 0.0}, {"soft": True})
    )
    assert len(none) < len(soft) <= len(every)
    full = {(each.name, each.box): each.score for each in every}
    assert all(each.score <= full[each.name, each.box] for each in soft)
    assert soft[0] == every[0] and len({each.score for each in soft}) > len(none)


def test_it_looks_at_tiles_too(path, pictures, found):
    results = list(detect(pictures[:2], model=path, score=0.1, tile=SIDE))
    large, small = (result.objects for result in results)
    assert small == found[1]  # no larger than a tile
    assert len(large) > len(found[0]) > 0
    assert all(each.box[2] <= 160 and each.box[3] <= 100 for each in large)
    assert max(each.box[0] for each in large) > 96  # in the last tile


def test_files_that_are_no_detectors_are_refused(path, tmp_path, noise):
    with pytest.raises(UsageError, match="leave --engine out"):
        next(detect(noise(), model=path, engine="litert"))
    text = tmp_path / "notes.keras"
    text.write_text("no archive")
    with pytest.raises(DltkError, match="is not a Keras model file"):
        next(detect(noise(), model=str(text)))
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    for task, message in (("segment", "is a model to segment"), ("detect", "has not its layers")):
        save_model(network, tmp_path / "other.keras", ModelCard(task, NAMES, Geometry(8, 8)))
        with pytest.raises(DltkError, match=message):
            next(detect(noise(), model=str(tmp_path / "other.keras")))


@pytest.mark.slow
def test_without_a_trained_detector_regions_are_labelled(dltk, tmp_path):
    out = tmp_path / "out"
    result = dltk("detect", FOLDER / "espresso.jpg", "-o", out, "--crops", out, "-v")
    assert result.code == 0, result.err
    assert "efficientnet-lite0 on LiteRT" in result.err and "labelled by a classifier" in result.err
    row = json.loads((out / "results.jsonl").read_text().splitlines()[1])
    best = row["objects"][0]
    assert (best["label"], best["id"]) == ("espresso", "n07920052")
    cup = [172, 17, 411, 311]  # drawn by hand
    assert overlaps([best["box"]], [cup])[0, 0] > 0.5
    assert (out / "espresso/espresso-1.jpg").exists()
