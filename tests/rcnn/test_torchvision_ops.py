"""The pieces of detection against what torchvision's answer, which is on record."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import FinalBoxes, RegionFeatures, RegionProposals
from dltk.losses.detection import box_loss, class_loss
from dltk.ops.boxes import clipped, decoded, encoded, pairwise_iou
from dltk.ops.matching import matched
from dltk.ops.regions import roi_align, roi_pool
from dltk.ops.suppression import surviving
from tests.rcnn import cases
from tests.torchvision_peer import GOLDEN, ROOT, needs_torchvision

PYTHON = "/usr/bin/python3"
RECORDED = GOLDEN / "rcnn_ops.npz"


@pytest.fixture(scope="module")
def theirs():
    """What torchvision answered to all cases."""
    with np.load(RECORDED) as arrays:
        return dict(arrays)


@needs_torchvision
def test_what_was_recorded_is_what_torchvision_says(theirs, tmp_path):
    command = [PYTHON, "-W", "ignore", "-m", "tests.rcnn.torchvision_ops", tmp_path / "ops.npz"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "ops.npz") as arrays:
        assert set(arrays) == set(theirs)
        for name, values in arrays.items():
            np.testing.assert_allclose(theirs[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


def test_boxes_overlap_and_are_cut_off_alike(theirs):
    boxes, others = cases.made_boxes(0, 30), cases.made_boxes(1, 30)
    np.testing.assert_allclose(pairwise_iou(boxes, others), theirs["iou"], atol=1e-6)
    np.testing.assert_array_equal(clipped(tf.constant(boxes), 70, 90), theirs["clipped"])


@pytest.mark.parametrize("number", [0, 1])
def test_boxes_are_coded_alike(theirs, number):
    boxes, others = cases.made_boxes(0, 30), cases.made_boxes(1, 30)
    codes = encoded(tf.constant(boxes), tf.constant(others), cases.WEIGHTS[number])
    np.testing.assert_allclose(codes, theirs[f"encoded/{number}"], rtol=1e-5, atol=1e-5)
    deltas = tf.constant(cases.made_deltas(2, 30, 4))
    back = decoded(deltas, tf.constant(others), cases.WEIGHTS[number])
    np.testing.assert_allclose(back, theirs[f"decoded/{number}"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("number", [0, 1])
def test_regions_are_matched_alike_ties_included(theirs, number):
    positive, negative, keep_best = cases.MATCHERS[number]
    overlaps = cases.made_overlaps()[None]
    there, nowhere = np.ones((1, overlaps.shape[2]), bool), np.zeros((1, 40), np.float32)
    matches = matched(
        overlaps, there, nowhere, positive=positive, negative=negative, keep_best=keep_best
    )
    expected = theirs[f"matched/{number}"]
    assert set(expected) >= {-1, 0, 2, 3, 4} | ({-2, 1} if keep_best else set())
    np.testing.assert_array_equal(matches[0], expected)


@pytest.mark.parametrize("name", ["nms", "batched_nms"])
def test_the_same_boxes_survive(theirs, name):
    boxes, _, labels = cases.made_crowd()
    labels = labels[None] if name == "batched_nms" else None
    stays = surviving(boxes[None], np.ones((1, len(boxes)), bool), 0.4, labels)
    np.testing.assert_array_equal(np.flatnonzero(stays[0]), theirs[name])


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize(("stride", "size", "samples"), cases.ALIGNED)
def test_regions_are_aligned_alike_in_and_around_the_map(theirs, stride, size, samples, aligned):
    maps, boxes = cases.made_map(5, 2, 9, 13, 3), cases.odd_boxes()
    found = roi_align(
        maps, boxes, np.arange(len(boxes), dtype=np.int32) % 2,
        stride=stride, size=size, samples=samples, aligned=aligned,
    )  # fmt: skip
    expected = theirs[f"align/{stride}/{size}/{samples}/{aligned}"]
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(("stride", "size"), cases.POOLED)
def test_regions_are_pooled_alike_in_and_around_the_map(theirs, stride, size):
    maps, boxes = cases.made_map(5, 2, 9, 13, 3), cases.odd_boxes()
    found = roi_pool(
        maps, boxes, np.arange(len(boxes), dtype=np.int32) % 2, stride=stride, size=size
    )
    np.testing.assert_array_equal(found, theirs[f"pool/{stride}/{size}"])


def test_regions_come_from_the_same_level_of_the_pyramid(theirs):
    layer = RegionFeatures(cases.STRIDES, size=3, kind="legacy")
    found = layer(cases.pyramid_of_maps(), cases.boxes_of_all_sizes())
    np.testing.assert_allclose(found, theirs["pyramid"], atol=2e-5)


def test_the_same_regions_are_proposed(theirs):
    layer = RegionProposals(
        cases.SIZES, cases.RATIOS, before=60, after=80, iou=0.6, least_score=0.3
    )
    logits, deltas = cases.rpn_answers()
    pixels = np.zeros((2, 64, 96, 3), np.float32)
    anchors = np.concatenate(layer.anchors(pixels, logits))
    np.testing.assert_array_equal(anchors, theirs["anchors"])
    found = layer(pixels, np.array(cases.EXTENTS, np.float32), logits, deltas).numpy()
    for number, boxes in enumerate(found):
        expected = theirs[f"proposals/{number}"]
        np.testing.assert_allclose(boxes[: len(expected)], expected, atol=1e-3)
        assert not boxes[len(expected) :].any()
    assert len(expected) < 80


def test_the_same_boxes_are_found_in_the_end(theirs):
    regions, scores, deltas = cases.head_answers()
    layer = FinalBoxes(4, score=0.1, iou=0.4, most=50)
    found = layer(np.array(cases.EXTENTS, np.float32), regions, scores, deltas)
    for number in range(2):
        count = len(theirs[f"boxes/{number}"])
        np.testing.assert_array_equal(
            found["labels"][number, :count] + 1, theirs[f"labels/{number}"]
        )
        for name, error in (("scores", 1e-6), ("boxes", 1e-3)):
            expected = theirs[f"{name}/{number}"]
            np.testing.assert_allclose(found[name][number, :count], expected, atol=error)
            assert not found[name][number, count:].numpy().any()
    assert count < 50


def test_the_losses_of_a_picture_are_the_same(theirs):
    _, scores, deltas = cases.head_answers()
    labels, truth = cases.head_truth()
    use = np.ones((1, 60), bool)
    classes = class_loss(scores[None], labels[None], use)
    np.testing.assert_allclose(classes[0], theirs["class_loss"], rtol=1e-5)
    own = deltas.reshape(60, 5, 4)[np.arange(60), labels]
    boxes = box_loss(own[None], truth[None], labels[None] > 0, use)
    np.testing.assert_allclose(boxes[0], theirs["box_loss"], rtol=1e-5)
