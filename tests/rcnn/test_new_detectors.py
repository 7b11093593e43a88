"""New detectors on a network of the catalog or a file: which maps they take, and what they give."""

from __future__ import annotations

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import UsageError
from dltk.modelfile import ModelCard, save_model
from dltk.models.backbones import build_backbone, surrounding_colour
from dltk.models.build import PIXELS as KINDS
from dltk.models.build import normalised
from dltk.models.catalog import lookup
from dltk.models.find import find_model
from dltk.models.rcnn.detector import Parts, backbone_of
from dltk.models.rcnn.load import load_rcnn
from dltk.models.rcnn.presets import DESIGNS, Design, new_detector, regrown_detector
from dltk.objects import EXTENT, PIXELS, PROPOSALS
from tests.rcnn.cases import made_boxes


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """The file of a small classifier of 96 × 96 pixels; names of layers say their strides."""
    path = tmp_path_factory.mktemp("classifier") / "small.keras"
    _save(path, 3)
    return find_model(path)


def _save(path, channels: int) -> None:
    inputs = x = keras.Input((96, 96, channels))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    for stride in (2, 4, 8, 16, 32):
        x = layers.Conv2D(4, 3, 2, padding="same", name=f"early{stride}")(x)
        x = layers.ReLU(name=f"last{stride}")(x)
    x = layers.GlobalAveragePooling2D()(x)
    keras.Model(inputs, layers.Dense(3, activation="softmax")(x)).save(path)


def test_the_last_map_of_each_stride_is_taken(classifier):
    backbone = build_backbone(classifier, (4, 8, 32))
    whole = keras.saving.load_model(classifier.path)
    names = ["last4", "last8", "last32"]
    expected = keras.Model(whole.input, [whole.get_layer(name).output for name in names])
    pixels = np.random.RandomState(0).uniform(0, 255, (1, 96, 96, 3)).astype(np.float32)
    for found, wanted in zip(backbone(pixels), expected(pixels), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert [each.shape[1:3] for each in backbone(np.zeros((1, 64, 160, 3)))] == [
        (16, 40), (8, 20), (2, 5),
    ]  # fmt: skip


def test_a_network_without_a_map_that_is_needed_is_refused(classifier, tmp_path):
    with pytest.raises(UsageError, match=r"small\.keras has no map with every 64th pixel"):
        build_backbone(classifier, (32, 64))
    _save(tmp_path / "grey.keras", 1)
    with pytest.raises(UsageError, match=r"grey\.keras takes grey pictures; one that takes colo"):
        build_backbone(find_model(tmp_path / "grey.keras"), (8,))


@pytest.mark.parametrize("kind", KINDS)
def test_what_surrounds_pictures_is_0_after_normalisation(kind, classifier):
    entry = replace(lookup("resnet50"), pixels=kind)
    colour = surrounding_colour(replace(classifier, entry=entry))
    assert all(100 < value < 140 for value in colour)
    if KINDS[kind] is not None:
        pixels = keras.Input((1, 1, 3))
        network = keras.Model(pixels, normalised(pixels, kind))
        found = network(np.float32(colour).reshape(1, 1, 1, 3))
        np.testing.assert_allclose(found, np.zeros((1, 1, 1, 3)), atol=1e-5)


def test_anchors_of_a_level_are_three_places_wide_and_fill_the_octave():
    sizes = Design(strides=(8, 16), scales=2).anchor_sizes
    np.testing.assert_allclose(sizes, [[24, 33.94], [48, 67.88], [96, 135.76]], atol=0.01)


def small(name: str) -> Design:
    """Return a design with little in it."""
    design = DESIGNS[name]
    return replace(design, width=6, hidden=8, warped=64, proposals=min(7, design.proposals))


def pictures(detector: keras.Model) -> dict[str, np.ndarray]:
    """Return two pictures of different sizes, with 7 regions each if the detector takes any."""
    inputs = {
        PIXELS: np.full((2, 64, 96, 3), 200, np.float32),
        EXTENT: np.float32([[64, 96], [50, 70]]),
        PROPOSALS: np.stack([made_boxes(n, 7, 50, 70).clip(0, 70) for n in range(2)]),
    }
    return {name: inputs[name] for name in detector.input}


@pytest.mark.parametrize("name", DESIGNS)
def test_each_design_gives_boxes_in_pictures_of_any_size(name, classifier):
    detector = new_detector(classifier, 5, small(name))
    inputs = pictures(detector)
    assert (PROPOSALS in inputs) == (small(name).regions == "outside")
    found = {key: values.numpy() for key, values in detector(inputs).items()}
    most = 1 if name == "localize" else 100
    assert found["boxes"].shape == (2, most, 4) and found["labels"].max() <= 4
    assert (found["scores"] > 0).any(1).all()
    assert (found["boxes"][..., 2:] <= inputs[EXTENT][:, None, ::-1]).all()
    assert (found["boxes"] >= 0).all()
    parts = Parts.of(detector)
    assert (parts.rpn is not None) == (name == "faster-rcnn")
    assert (parts.backbone is None) == (name == "rcnn")
    last = 16 if name == "fast-rcnn" else 32
    assert backbone_of(detector).get_layer(f"last{last}")


@pytest.mark.parametrize("name", DESIGNS)
def test_a_file_of_each_design_is_loaded_and_may_learn_other_classes(name, classifier, tmp_path):
    detector = new_detector(classifier, 5, small(name))
    card = ModelCard("detect", tuple("abcde"), classifier.geometry)
    save_model(detector, tmp_path / "detector.keras", card)
    source, inputs = find_model(tmp_path / "detector.keras"), pictures(detector)
    found, before = load_rcnn(source)(inputs), detector(inputs)
    for key in ("boxes", "scores"):
        np.testing.assert_allclose(found[key], before[key], atol=1e-4)
    other = regrown_detector(source, 2)
    assert other.input.keys() == detector.input.keys()
    assert Parts.of(other).box_head.get_layer("cls_score").units == 3
    assert other(inputs)["labels"].numpy().max() <= 1
    kept = dict(zip([w.path for w in detector.weights], detector.get_weights(), strict=True))
    for weight in other.weights:
        if not re.search("cls_score|bbox_pred", weight.path):
            np.testing.assert_array_equal(weight, kept[weight.path])
