"""Of boxes that overlap the surest stays, or the others count less."""

from __future__ import annotations

import numpy as np
import pytest

from dltk.ops.suppression import soft_suppressed, surviving
from tests.rcnn import cases, twins
from tests.rcnn.running import assert_same_in_graph


def stay(boxes, limit: float, present=None, labels=None) -> np.ndarray:
    """Return the numbers of the boxes of one picture that stay."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    present = np.ones(len(boxes), bool) if present is None else np.array(present)
    labels = None if labels is None else np.array(labels)[None]
    return np.flatnonzero(surviving(boxes[None], present[None], limit, labels)[0])


def row_of_boxes(count: int, apart: float) -> np.ndarray:
    """Return boxes 10 pixels wide, each `apart` to the right of the one before."""
    left = np.arange(count) * apart
    return np.stack([left, left * 0, left + 10, left * 0 + 10], axis=1)


def test_a_box_that_went_takes_no_other_with_it():
    """The second overlaps the first and the third by 1/3, these each other not at all."""
    assert list(stay(row_of_boxes(3, 5), 0.3)) == [0, 2]


def test_of_a_long_chain_every_second_box_stays():
    assert list(stay(row_of_boxes(41, 5), 0.3)) == list(range(0, 41, 2))


def test_an_overlap_of_exactly_the_limit_is_let_be():
    half = [[0, 0, 10, 10], [0, 0, 10, 5]]
    assert list(stay(half, 0.5)) == [0, 1]
    assert list(stay(half, 0.499)) == [0]


def test_boxes_of_different_classes_leave_each_other_alone():
    assert list(stay([[0, 0, 9, 9]] * 4, 0.5, labels=[1, 0, 1, 0])) == [0, 1]


def test_padding_neither_stays_nor_drives_away():
    boxes = [[0, 0, 9, 9]] * 3 + [[0, 0, 0, 0]]
    assert list(stay(boxes, 0.5, present=[False, True, True, False])) == [1]


def test_boxes_without_area_overlap_nothing_and_stay():
    assert list(stay([[5, 5, 5, 5], [0, 0, 9, 9], [5, 5, 5, 5], [9, 9, 0, 0]], 0.0)) == [0, 1, 2, 3]


def test_of_no_boxes_none_stay():
    assert surviving(np.zeros((2, 0, 4), np.float32), np.zeros((2, 0), bool), 0.5).shape == (2, 0)


@pytest.mark.parametrize("limit", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_those_stay_that_a_loop_leaves_in_every_picture_of_a_batch(limit):
    crowd, _, labels = cases.made_crowd()
    pictures = np.stack([crowd, crowd[::-1], cases.made_boxes(0, 80)])
    present = cases.random(1).uniform(size=(3, 80)) < [[1.0], [0.6], [0.8]]
    of_class, of_any = (
        surviving(pictures, present, limit, labels=each)
        for each in (np.stack([labels] * 3), np.zeros((3, 80), int))
    )
    for number, boxes in enumerate(pictures):
        there = present[number]
        assert list(of_class[number]) == twins.surviving(boxes, there, limit, labels)
        expected = twins.surviving(boxes, there, limit, [0] * 80)
        assert list(of_any[number]) == expected
        alone = surviving(boxes[None], there[None], limit)
        assert list(alone[0]) == expected


def test_overlapping_boxes_count_less_worked_by_hand():
    """The second overlaps the first by 0.8, and comes after the third by then."""
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 10, 8], [50, 50, 60, 60]]], np.float32)
    indices, scores = soft_suppressed(boxes, np.array([[0.9, 0.8, 0.5]], np.float32), most=3)
    np.testing.assert_array_equal(indices, [[0, 2, 1]])
    np.testing.assert_allclose(scores, [[0.9, 0.5, 0.8 * np.exp(-0.64 / 0.5)]], rtol=1e-6)


def test_a_small_sigma_removes_and_a_large_one_lets_be():
    boxes = row_of_boxes(3, 5)[None].astype(np.float32)
    scores = np.array([[0.9, 0.8, 0.7]], np.float32)
    _, removed = soft_suppressed(boxes, scores, most=3, sigma=1e-4)
    np.testing.assert_array_equal(removed, np.float32([[0.9, 0.7, 0]]))
    _, kept = soft_suppressed(boxes, scores, most=3, sigma=1e9)
    np.testing.assert_allclose(kept, scores)


@pytest.mark.parametrize("most", [1, 20, 50])
def test_boxes_count_as_little_as_a_loop_lets_them(most):
    crowd, scores, labels = cases.made_crowd()
    crowd, labels = crowd[:40], labels[:40]
    order = cases.random(2).permutation(40)
    both = np.stack([crowd, crowd[order]]), np.stack([scores[:40], scores[order]])
    of_class = np.stack([labels, labels[order]])
    indices, found = soft_suppressed(*both, most=most, sigma=0.3, labels=of_class)
    assert indices.dtype == np.int32 and indices.shape == found.shape == (2, most)
    for number in range(2):
        expected = twins.soft_suppressed(
            both[0][number], both[1][number], most, 0.3, of_class[number]
        )
        taken = len(expected)
        np.testing.assert_array_equal(indices[number, :taken], [index for index, _ in expected])
        np.testing.assert_allclose(found[number, :taken], [s for _, s in expected], rtol=1e-4)
        assert not found[number, taken:].numpy().any()


def test_padding_of_score_0_changes_nothing():
    crowd, scores, labels = (each[None, :20] for each in cases.made_crowd())
    padded = [
        np.concatenate([each, np.zeros_like(each)], axis=1) for each in (crowd, scores, labels)
    ]
    alone = soft_suppressed(crowd, scores, most=25, labels=labels)
    found = soft_suppressed(padded[0], padded[1], most=25, labels=padded[2])
    np.testing.assert_array_equal(found[1], alone[1])
    np.testing.assert_array_equal(found[0][:, :20], alone[0][:, :20])


def test_graphs_of_unknown_shapes_give_the_same():
    crowd, scores, labels = (each[None] for each in cases.made_crowd())
    present = scores > 0.2
    assert_same_in_graph(lambda b, p, c: surviving(b, p, 0.4, c), crowd, present, labels)
    assert_same_in_graph(
        lambda b, s, c: soft_suppressed(b, s, most=9, labels=c), crowd, scores, labels
    )
    assert_same_in_graph(lambda b, p: surviving(b, p, 0.4), crowd[:, :0], present[:, :0])
