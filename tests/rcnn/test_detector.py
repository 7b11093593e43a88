"""A detector put together: in and out of it, apart and together again, saved and loaded."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.models.rcnn.detector import Parts, adjusted, build_detector
from dltk.objects import EXTENT, PIXELS, PROPOSALS
from dltk.strategy import apply_precision
from tests.rcnn.tiny import CLASSES, OUTSIDE, made_batch, of_pictures, tiny_detector, with_proposals

FRESH = """
import sys, numpy as np, keras, dltk.layers
detector = keras.saving.load_model(sys.argv[1])
found = detector(dict(np.load(sys.argv[2])))
np.savez(sys.argv[3], **{name: values.numpy() for name, values in found.items()})
"""


@cache
def detector_of(regions: str):
    """Return a detector for tests that leave it as it is."""
    return tiny_detector(regions)


def pictures(*, outside: bool = False) -> dict[str, np.ndarray]:
    batch = with_proposals(made_batch())
    names = (PIXELS, EXTENT, PROPOSALS) if outside else (PIXELS, EXTENT)
    return {name: batch[name] for name in names}


def assert_same(one: dict, other: dict, atol: float = 0) -> None:
    assert set(one) == set(other) == {"boxes", "labels", "scores"}
    for name in ("boxes", "scores"):
        np.testing.assert_allclose(one[name], other[name], atol=atol)
    shown = np.array(one["scores"]) > 0
    np.testing.assert_array_equal(np.array(one["labels"])[shown], np.array(other["labels"])[shown])


@pytest.mark.parametrize("regions", ["network", "outside"])
def test_every_picture_gets_boxes_of_its_own_the_surest_first(regions):
    inputs = pictures(outside=regions == "outside")
    found = detector_of(regions)(inputs)
    boxes, labels, scores = (np.array(found[name]) for name in ("boxes", "labels", "scores"))
    assert boxes.shape == (4, 20, 4) and labels.shape == scores.shape == (4, 20)
    assert ((scores > 0).sum(1) > 3).all() and (np.diff(scores) <= 0).all()
    assert set(labels[scores > 0]) == set(range(CLASSES))
    height, width = np.hsplit(inputs[EXTENT], 2)
    assert (boxes >= 0).all()
    assert (boxes[..., 2] <= width).all() and (boxes[..., 3] <= height).all()


@pytest.mark.parametrize("regions", ["network", "outside"])
def test_a_picture_gets_the_same_whatever_its_neighbours_and_what_surrounds_it(regions):
    detector, inputs = detector_of(regions), pictures(outside=regions == "outside")
    together = detector(inputs)
    for number in range(4):
        alone = of_pictures(inputs, slice(number, number + 1))
        height, width = alone[EXTENT][0].astype(int)
        alone[PIXELS][0, height:] = 255
        alone[PIXELS][0, :, width:] = np.nan
        own = {name: values[number : number + 1] for name, values in together.items()}
        assert_same(detector(alone), own, atol=2e-4)


def test_one_detector_takes_pictures_of_many_sizes():
    detector = detector_of("network")
    for height, width in ((16, 16), (32, 112), (96, 48)):
        found = detector(
            {
                PIXELS: np.zeros((1, height, width, 3), np.float32),
                EXTENT: np.float32([[height, width]]),
            }
        )
        assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("regions", ["network", "outside"])
def test_a_detector_is_taken_apart_and_put_together_again(regions):
    detector, inputs = detector_of(regions), pictures(outside=regions == "outside")
    parts = Parts.of(detector)
    has_rpn = regions == "network"
    assert (parts.rpn is not None) == (parts.proposals is not None) == has_rpn
    again = build_detector(parts, outside=0 if has_rpn else OUTSIDE)
    assert_same(again(inputs), detector(inputs))
    assert [id(one) for one in again.weights] == [id(one) for one in detector.weights]


def test_what_counts_as_found_is_adjusted_and_all_else_stays():
    detector, inputs = detector_of("outside"), pictures(outside=True)
    found = detector(inputs)
    strict = adjusted(detector, score=0.5, most=7)(inputs)
    sure = np.where(found["scores"] > 0.5, found["scores"], 0)[:, :7]
    np.testing.assert_allclose(strict["scores"], sure, atol=1e-6)
    assert 0 < (sure > 0).sum() < sure.size
    assert_same(detector(inputs), found)


@pytest.mark.parametrize(("regions", "kind"), [("network", "align"), ("outside", "pool")])
def test_a_detectors_file_gives_the_same_boxes(tmp_path, regions, kind):
    detector, inputs = tiny_detector(regions, kind=kind), pictures(outside=regions == "outside")
    path = tmp_path / "detector.keras"
    save_model(detector, path, ModelCard("detect", ("a", "b", "c"), Geometry(64, 64)))
    loaded = load_model(path)
    assert_same(loaded(inputs), detector(inputs))
    assert_same(adjusted(loaded)(inputs), detector(inputs))
    assert Parts.of(loaded).region_features.kind == kind


def test_plain_keras_loads_a_detectors_file_in_a_process_of_its_own(tmp_path):
    detector, inputs = detector_of("network"), pictures()
    detector.save(tmp_path / "detector.keras")
    np.savez(tmp_path / "inputs.npz", **inputs)
    files = ["detector.keras", "inputs.npz", "found.npz"]
    command = [sys.executable, "-W", "ignore", "-c", FRESH, *(str(tmp_path / f) for f in files)]
    subprocess.run(command, check=True, capture_output=True)
    assert_same(dict(np.load(tmp_path / "found.npz")), detector(inputs), atol=1e-4)


def test_regions_keep_all_their_digits_in_a_detector_that_computes_in_half_precision():
    """Boxes that are not corrected are the regions themselves; in bfloat16 63.3 is 63.25."""
    detector, inputs = tiny_detector("outside"), pictures(outside=True)
    head = Parts.of(detector).box_head
    for weight in head.get_layer("bbox_pred").weights:
        weight.assign(tf.zeros_like(weight))
    inputs[PROPOSALS][0, 0] = 1.3, 2.7, 63.3, 50.9
    apply_precision(detector, "bfloat16")
    assert head.get_layer("fc6").compute_dtype == "bfloat16"
    found = detector(inputs)
    boxes = found["boxes"][0].numpy()[found["scores"][0] > 0]
    apart = np.abs(boxes[:, None] - inputs[PROPOSALS][0]).max(axis=2).min(axis=1)
    assert len(boxes) > 3 and apart.max() < 1e-4


def test_shapes_and_dtypes_of_answers_are_known_beforehand():
    output = detector_of("network").output
    assert {name: (values.shape, values.dtype) for name, values in output.items()} == {
        "boxes": ((None, 20, 4), "float32"),
        "labels": ((None, 20), "int32"),
        "scores": ((None, 20), "float32"),
    }
