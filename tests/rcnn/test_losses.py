"""What a detector learns from, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.losses.detection import BETA, box_loss, class_loss, objectness_loss
from tests.rcnn import cases, twins
from tests.rcnn.running import assert_same_in_graph

ALL = np.ones((1, 4), bool)


def test_objectness_is_the_mean_cross_entropy_of_what_is_used():
    """Even odds cost log 2; being surer costs less if it is right, and the odds if it is wrong."""
    logits = np.float32([[0, 2, -2, 99]])
    truth, use = np.array([[True, True, True, False]]), np.array([[True, True, True, False]])
    expected = (np.log(2) + np.log1p(np.exp(-2)) + np.log1p(np.exp(2))) / 3
    np.testing.assert_allclose(objectness_loss(logits, truth, use), [expected], rtol=1e-6)


def test_classes_cost_their_mean_cross_entropy_ground_included():
    scores = np.log(np.float32([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [1, 1, 1]]]))
    labels = np.int32([[0, 1, 1, 2]])
    expected = -np.log([0.5, 0.8, 0.2, 1 / 3])
    np.testing.assert_allclose(class_loss(scores, labels, ALL), [expected.mean()], rtol=1e-6)
    use = np.array([[True, False, True, False]])
    np.testing.assert_allclose(class_loss(scores, labels, use), [expected[::2].mean()], rtol=1e-6)


def test_boxes_cost_squares_of_small_differences_and_large_ones_plainly():
    """Over all regions that are used, of which one has an object."""
    deltas = np.float32([[[0.1, -0.1, 1, -2], [9, 9, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9]]])
    has_object = np.array([[True, False, True, False]])
    use = np.array([[True, True, False, True]])
    expected = 2 * 0.01 / (2 * BETA) + (1 - BETA / 2) + (2 - BETA / 2)
    found = box_loss(deltas, np.zeros((1, 4, 4), np.float32), has_object, use)
    np.testing.assert_allclose(found, [expected / 3], rtol=1e-5)


def test_the_cost_of_boxes_has_no_step_and_no_kink():
    truth = np.zeros((3, 1, 4), np.float32)
    at_beta = np.zeros((3, 1, 4), np.float32)
    at_beta[:, 0, 0] = BETA - 1e-4, BETA, BETA + 1e-4
    always = np.ones((3, 1), bool)
    with tf.GradientTape() as tape:
        deltas = tf.Variable(at_beta)
        loss = box_loss(deltas, truth, always, always)
    np.testing.assert_allclose(loss, [BETA / 2 - 1e-4, BETA / 2, BETA / 2 + 1e-4], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, deltas)[:, 0, 0], [1, 1, 1], atol=2e-3)


def test_losses_of_pictures_are_those_of_loops():
    random = cases.random(0)
    scores, deltas, truth = (
        cases.made_map(1, 3, 8, 5),
        cases.made_map(2, 3, 8, 4),
        cases.made_map(3, 3, 8, 4),
    )
    labels = random.randint(0, 5, (3, 8)).astype(np.int32)
    use = random.uniform(size=(3, 8)) < 0.6
    found = class_loss(scores, labels, use), box_loss(deltas, truth, labels > 0, use, beta=0.5)
    logits = objectness_loss(scores[..., 0], labels > 0, use)
    for number in range(3):
        used = np.flatnonzero(use[number])
        classes = [twins.cross_entropy(scores[number, i], labels[number, i]) for i in used]
        np.testing.assert_allclose(found[0][number], np.mean(classes), rtol=1e-5)
        boxes = [
            twins.smooth_l1(deltas[number, i] - truth[number, i], 0.5).sum()
            * (labels[number, i] > 0)
            for i in used
        ]
        np.testing.assert_allclose(found[1][number], np.sum(boxes) / len(used), rtol=1e-5)
        odds = [
            twins.cross_entropy([0, scores[number, i, 0]], int(labels[number, i] > 0)) for i in used
        ]
        np.testing.assert_allclose(logits[number], np.mean(odds), rtol=1e-5)


def test_a_picture_of_which_nothing_is_used_costs_nothing():
    scores, labels, nothing = np.ones((1, 4, 3), np.float32), np.ones((1, 4), np.int32), ~ALL
    assert objectness_loss(scores[..., 0], ALL, nothing) == 0
    assert class_loss(scores, labels, nothing) == 0
    assert (
        box_loss(np.ones((1, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32), ALL, nothing) == 0
    )
    none = np.zeros((2, 0), bool)
    np.testing.assert_array_equal(objectness_loss(np.zeros((2, 0), np.float32), none, none), [0, 0])


@pytest.mark.parametrize("wild", [np.nan, np.inf, 1e30])
def test_what_has_no_box_to_find_has_no_part_in_loss_and_gradient(wild):
    """What padding is to become cannot be said: its sides are divided by 0."""
    truth = np.full((1, 4, 4), wild, np.float32)
    truth[0, 0] = 0
    has_object, use = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    with tf.GradientTape() as tape:
        deltas = tf.Variable(np.ones((1, 4, 4), np.float32))
        loss = box_loss(deltas, truth, has_object, use)
    np.testing.assert_allclose(loss, [4 * (1 - BETA / 2) / 2], rtol=1e-6)
    expected = np.zeros((1, 4, 4))
    expected[0, 0] = 1 / 2
    np.testing.assert_allclose(tape.gradient(loss, deltas), expected)


def test_graphs_of_unknown_shapes_give_the_same():
    deltas, truth, some = (
        cases.made_map(2, 3, 8, 4),
        cases.made_map(3, 3, 8, 4),
        np.ones((3, 8), bool),
    )
    some[1] = False
    assert_same_in_graph(box_loss, deltas, truth, some, some)
    assert_same_in_graph(objectness_loss, deltas[..., 0], some, some)
    assert_same_in_graph(class_loss, deltas, some.astype(np.int32), some)
