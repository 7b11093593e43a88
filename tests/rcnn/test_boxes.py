"""Boxes: overlaps, edges of pictures, and the code in which they are corrected."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.boxes import areas, clipped, decoded, encoded, pairwise_covered, pairwise_iou
from tests.rcnn import cases, twins
from tests.rcnn.running import assert_same_in_graph

ODD = np.array(
    [[5, 5, 5, 5], [5, 5, 5, 9], [9, 9, 5, 5], [9, 5, 5, 9], [0, 0, 0, 0]], np.float32
)  # a point, a line, swapped both ways, swapped one way, padding


def boxes(*rows) -> tf.Tensor:
    return tf.constant(rows, tf.float32)


def test_areas_are_those_of_half_open_boxes_and_never_negative():
    np.testing.assert_array_equal(areas(boxes([1, 2, 4, 10], [0.5, 0, 1, 1])), [24, 0.5])
    np.testing.assert_array_equal(areas(tf.constant(ODD)), np.zeros(5))


def test_overlaps_worked_by_hand():
    one = boxes([0, 0, 10, 10])
    others = boxes(
        [0, 0, 10, 10],  # the same
        [5, 0, 15, 10],  # half of it beside: 50 of 150
        [2, 2, 7, 7],  # inside: 25 of 100
        [-10, -10, 20, 20],  # around: 100 of 900
        [10, 0, 20, 10],  # beside, half-open, so nothing is shared
        [9, 9, 11, 11],  # a corner: 1 of 103
    )
    expected = [[1, 1 / 3, 1 / 4, 1 / 9, 0, 1 / 103]]
    np.testing.assert_allclose(pairwise_iou(one, others), expected, rtol=1e-6)


def test_what_a_box_covers_of_others_is_a_share_of_theirs():
    ones = boxes([0, 0, 10, 10], [0, 0, 4, 20], [5, 5, 5, 9])
    others = boxes([0, 0, 100, 100], [5, 0, 10, 10], [20, 20, 30, 30], [0, 0, 2, 5])
    expected = [[1, 0.5, 0, 0.1], [1, 0, 0, 1 / 8], [0, 0, 0, 0]]
    np.testing.assert_allclose(pairwise_covered(ones, others), expected, rtol=1e-6)
    assert pairwise_covered(ones, others[:0]).shape == (3, 0)


def test_boxes_without_area_overlap_nothing_not_even_themselves():
    everything = np.concatenate([ODD, [[0, 0, 100, 100]]]).astype(np.float32)
    overlaps = pairwise_iou(everything, everything).numpy()
    assert overlaps[-1, -1] == 1
    overlaps[-1, -1] = 0
    assert not overlaps.any()


def test_overlaps_are_those_of_a_loop_and_the_same_both_ways_anywhere():
    one, other = cases.made_boxes(0, 15), cases.made_boxes(1, 9)
    overlaps = pairwise_iou(one, other).numpy()
    np.testing.assert_allclose(overlaps, twins.ious(one, other), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(overlaps.T, pairwise_iou(other, one))
    np.testing.assert_allclose(pairwise_iou(one * 8, other * 8), overlaps, rtol=1e-6)
    np.testing.assert_allclose(pairwise_iou(one + 64, other + 64), overlaps, atol=1e-4)


def test_overlaps_of_a_batch_are_those_of_each_picture():
    anchors = cases.made_boxes(0, 6)
    objects = np.stack([cases.made_boxes(1, 4), cases.made_boxes(2, 4)])
    overlaps = pairwise_iou(anchors[None], objects)
    for number in range(2):
        np.testing.assert_array_equal(overlaps[number], pairwise_iou(anchors, objects[number]))


def test_no_boxes_have_no_overlaps():
    none, some = np.zeros((0, 4), np.float32), cases.made_boxes(0, 3)
    assert pairwise_iou(none, some).shape == (0, 3)
    assert pairwise_iou(some, none).shape == (3, 0)
    assert encoded(none, none).shape == decoded(tf.constant(none), none).shape == (0, 4)


def test_what_reaches_out_of_a_picture_is_cut_off():
    picture = boxes([-5, 2, 30, 8], [1, 1, 2, 2], [-9, -9, 0, 0], [25, 3, 40, 7], [3, 3, 3, 9])
    cut = clipped(picture, 6, 20)
    expected = [[0, 2, 20, 6], [1, 1, 2, 2], [0, 0, 0, 0], [20, 3, 20, 6], [3, 3, 3, 6]]
    np.testing.assert_array_equal(cut, expected)
    np.testing.assert_array_equal(clipped(cut, 6, 20), cut)
    np.testing.assert_array_equal(areas(cut) > 0, [True, True, False, False, False])


def test_each_picture_has_its_own_edges():
    both = np.stack([cases.made_boxes(0, 5), cases.made_boxes(0, 5)])
    extent = np.array([[40, 90], [100, 30]], np.float32)
    cut = clipped(tf.constant(both), extent[:, :1], extent[:, 1:])
    for number, (height, width) in enumerate(extent):
        np.testing.assert_array_equal(
            cut[number], clipped(tf.constant(both[number]), height, width)
        )


def test_the_code_of_boxes_worked_by_hand():
    anchor = boxes([10, 10, 20, 30])  # 10 wide, 20 high
    np.testing.assert_allclose(encoded(boxes([15, 10, 25, 30]), anchor), [[0.5, 0, 0, 0]])
    np.testing.assert_allclose(encoded(boxes([10, 0, 20, 20]), anchor), [[0, -0.5, 0, 0]])
    grown = encoded(boxes([5, 15, 25, 25]), anchor)  # twice as wide, half as high, same centre
    np.testing.assert_allclose(grown, [[0, 0, np.log(2), -np.log(2)]], atol=1e-7)
    weighted = encoded(boxes([15, 15, 25, 25]), anchor, (10, 10, 5, 5))
    np.testing.assert_allclose(weighted, [[5, 0, 0, -5 * np.log(2)]], atol=1e-6)


@pytest.mark.parametrize("weights", cases.WEIGHTS)
def test_the_code_is_that_of_a_loop_and_is_undone(weights):
    some, anchors = cases.made_boxes(0, 20), tf.constant(cases.made_boxes(1, 20))
    code = encoded(tf.constant(some), anchors, weights)
    expected = [twins.encoded(*pair, weights) for pair in zip(some, anchors.numpy(), strict=True)]
    np.testing.assert_allclose(code, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(decoded(code, anchors, weights), some, atol=2e-4)
    np.testing.assert_allclose(
        encoded(decoded(0.3 * code, anchors, weights), anchors, weights), 0.3 * code, atol=1e-4
    )


def test_nothing_to_correct_leaves_anchors_as_they_are_odd_ones_too():
    anchors = tf.constant(np.concatenate([cases.made_boxes(0, 4), ODD]))
    np.testing.assert_allclose(decoded(tf.zeros_like(anchors), anchors), anchors, atol=1e-5)


def test_sides_grow_to_1000_of_16_pixels_at_most():
    grown = decoded(tf.constant([[0, 0, 80, 1e9]]), boxes([-8, -8, 8, 8]))
    np.testing.assert_allclose(grown, [[-500, -500, 500, 500]], rtol=1e-5)
    shrunk = decoded(tf.constant([[0, 0, -1e9, -80.0]]), boxes([-8, -8, 8, 8]))
    np.testing.assert_allclose(shrunk, np.zeros((1, 4)), atol=1e-30)


def test_gradients_are_finite_for_wild_deltas_and_odd_boxes():
    deltas = tf.constant(np.float32([[0, 0, 500, -500], [1e4, -1e4, 3, 3]] + [[0.1] * 4] * 5))
    anchors = tf.constant(np.concatenate([cases.made_boxes(0, 2), ODD]))
    with tf.GradientTape() as tape:
        tape.watch((deltas, anchors))
        corrected = decoded(deltas, anchors)
        total = tf.reduce_sum(corrected) + tf.reduce_sum(pairwise_iou(corrected, anchors))
    for gradient in tape.gradient(total, (deltas, anchors)):
        assert np.isfinite(gradient).all() and np.any(gradient)


def test_graphs_of_unknown_shapes_give_the_same():
    one, other, deltas = cases.made_boxes(0, 6), cases.made_boxes(1, 6), cases.made_deltas(2, 6, 4)
    assert_same_in_graph(pairwise_iou, one, other)
    assert_same_in_graph(lambda b, a: encoded(b, a, cases.WEIGHTS[1]), one, other)
    assert_same_in_graph(lambda d, a: decoded(d, a, cases.WEIGHTS[1]), deltas, other)
    assert_same_in_graph(lambda b: clipped(b, 50, tf.shape(b)[0] * 10), one)
