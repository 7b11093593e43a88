"""What detectors are compared with: torchvision itself, on weights and pictures made by rule."""

import keras
import numpy as np
import pytest

from dltk.models.mobilenet_v3 import build_mobilenet_v3
from dltk.models.torch_layers import load_torch_weights, torch_name
from dltk.pth import read_pth
from tests.torchvision_peer import (
    GOLDEN,
    needs_torchvision,
    run_torchvision,
    save_torchvision,
    stages_of,
    write_weights,
)
from tests.torchvision_rules import published_name, spread

SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"
SIZES = ("120x400", "40x30")


def golden(name):
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """All that the small detector gives for a wide picture and a tiny one."""
    return run_torchvision(SMALL, tmp_path_factory.mktemp("run"), sizes=SIZES)


@pytest.mark.slow
@needs_torchvision
def test_the_golden_file_has_numbers_of_it(answers):
    kept = golden(SMALL)
    assert kept.keys() == answers.keys()
    for key, values in kept.items():
        theirs = spread(answers[key], values.size) if values.ndim == 1 else answers[key]
        assert values.dtype == theirs.dtype
        if values.dtype == np.float32:
            np.testing.assert_allclose(values, theirs, rtol=1e-4, atol=1e-4, err_msg=key)
        else:
            np.testing.assert_array_equal(values, theirs, err_msg=key)


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize("size", SIZES)
def test_its_stages_fit_each_other(answers, size):
    stages = stages_of(answers, size)
    height, width = map(int, size.split("x"))
    rows, columns = stages["size"]
    _, padded_rows, padded_columns, _ = stages["batch"].shape
    assert padded_rows % 32 == padded_columns % 32 == 0 and padded_rows - rows < 32
    assert np.all(stages["batch"][:, rows:] == 0) and np.all(stages["batch"][:, :, columns:] == 0)
    levels = [stages[f"objectness/{level}"].size for level in range(3)]
    assert [stages[f"deltas/{level}"].size for level in range(3)] == [4 * n for n in levels]
    assert len(stages["anchors"]) == sum(levels)
    assert np.all(np.diff(stages["proposal_scores"]) <= 0)
    count = len(stages["proposals"])
    assert count <= 150 and stages["pooled"].shape == (min(count, 100), 7, 7, 256)
    assert stages["hidden"].shape == (count, 1024) and stages["logits"].shape == (count, 91)
    assert np.all(stages["boxes"] >= 0) and np.all(stages["boxes"] <= [width, height] * 2)
    shares = np.exp(stages["logits"])
    shares = shares / shares.sum(axis=1, keepdims=True)
    gaps = np.abs(shares[:, stages["labels"]] - stages["scores"])  # of each answer to each region
    assert gaps.min(axis=0).max() < 1e-5


@pytest.mark.parametrize("name", ["fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", SMALL])
@pytest.mark.parametrize("size", SIZES)
def test_its_answers_are_many_and_unsure(name, size):
    stages = stages_of(golden(name), size)
    assert len(set(stages["labels"])) >= 4 and 0 not in stages["labels"]
    assert len(stages["boxes"]) == len(stages["scores"]) > 20
    assert 0.5 < stages["scores"][0] < 0.99 and 0.05 < stages["scores"][-1] < 0.3
    assert all(np.ptp(stages[f"objectness/{level}"]) > 1 for level in range(3))
    assert all(0.1 < np.std(stages[f"deltas/{level}"]) < 1.5 for level in range(3))


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize(("name", "legacy"), [(SMALL, True), ("mobilenet_v3_large", False)])
def test_a_file_it_saves_is_read_and_has_the_numbers_of_the_rule(name, legacy, tmp_path):
    save_torchvision(name, tmp_path / "theirs.pth", legacy=legacy)
    theirs = read_pth(tmp_path / "theirs.pth")
    write_weights(name, golden(name), tmp_path / "ours.pth")
    ours = read_pth(tmp_path / "ours.pth")
    assert list(ours) == list(theirs)
    assert all(np.array_equal(values, theirs[key]) for key, values in ours.items())
    old = {"backbone.fpn.inner_blocks.0.bias", "rpn.head.conv.weight"}
    assert (old < theirs.keys()) == (name == SMALL)


def test_names_before_version_2_of_pyramids_are_older():
    v1, v2 = "fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2"
    names = {
        "backbone.fpn.inner_blocks.3.0.weight": "backbone.fpn.inner_blocks.3.weight",
        "backbone.fpn.layer_blocks.0.0.bias": "backbone.fpn.layer_blocks.0.bias",
        "rpn.head.conv.0.0.weight": "rpn.head.conv.weight",
        "rpn.head.cls_logits.bias": "rpn.head.cls_logits.bias",
        "backbone.body.layer1.0.conv1.weight": "backbone.body.layer1.0.conv1.weight",
    }
    for new, old in names.items():
        assert published_name(new, v1) == old and published_name(new, v2) == new


@pytest.mark.slow
@needs_torchvision
def test_its_trunk_is_ours(answers, tmp_path):
    write_weights(SMALL, answers, tmp_path / "made.pth")
    network = build_mobilenet_v3(keras.Input((None, None, 3)), epsilon=1e-5, maps=(13, 16))

    def key_of(layer):
        return f"backbone.body.{torch_name(layer).removeprefix('features.')}"

    load_torch_weights(network, tmp_path / "made.pth", key_of)
    stages = stages_of(answers, "40x30")
    for level, ours in enumerate(network(stages["batch"], training=False)):
        theirs = stages[f"body/{level}"]
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-5, err_msg=str(level))
