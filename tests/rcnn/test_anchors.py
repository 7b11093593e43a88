"""Anchors at every place of maps: by hand, and beside those of the paper's own code."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dltk.ops.anchors import base_anchors, grid_anchors
from dltk.ops.boxes import pairwise_iou
from tests.rcnn.running import assert_same_in_graph

RATIOS = (0.5, 1.0, 2.0)
# rbgirshick/py-faster-rcnn, generate_anchors.py: base 16, scales 8, 16 and 32. Pixels are counted
# from 1, both edges included.
PAPER = np.array(
    [
        [-83, -39, 100, 56], [-175, -87, 192, 104], [-359, -183, 376, 200],
        [-55, -55, 72, 72], [-119, -119, 136, 136], [-247, -247, 264, 264],
        [-35, -79, 52, 96], [-79, -167, 96, 184], [-167, -343, 184, 360],
    ],
    np.float32,
)  # fmt: skip


def test_anchors_of_one_size_worked_by_hand():
    """32 / √2 is 22.63, and 32 · √2 is 45.25; their halves are 11.31 and 22.63."""
    anchors = base_anchors([32], RATIOS)
    assert anchors.dtype == np.float32
    expected = [[-23, -11, 23, 11], [-16, -16, 16, 16], [-11, -23, 11, 23]]
    np.testing.assert_array_equal(anchors, expected)


def test_all_sizes_of_a_ratio_come_before_the_next_ratio():
    anchors = base_anchors([8, 64], [1, 4])
    expected = [[-4, -4, 4, 4], [-32, -32, 32, 32], [-2, -8, 2, 8], [-16, -64, 16, 64]]
    np.testing.assert_array_equal(anchors, expected)


def test_halves_are_rounded_to_even_pixels():
    anchors = base_anchors([33, 35], [1])
    np.testing.assert_array_equal(anchors, [[-16, -16, 16, 16], [-18, -18, 18, 18]])


def test_the_papers_anchors_are_ours_but_for_its_rounding_and_half_a_place():
    """Half-open and from 0 they lie around (8, 8), the middle of the first place, not around its
    corner; and shapes are rounded at 16 pixels, before they are enlarged: only squares agree."""
    half_open = PAPER - np.array([1, 1, 0, 0], np.float32) - 8
    np.testing.assert_array_equal(half_open[:, :2], -half_open[:, 2:])
    ours = base_anchors([128, 256, 512], RATIOS)
    np.testing.assert_array_equal(ours[3:6], half_open[3:6])
    overlaps = pairwise_iou(ours, half_open).numpy()
    assert (np.diag(overlaps) > 0.92).all()
    np.testing.assert_array_equal(overlaps.argmax(1), np.arange(9))


def test_places_go_row_by_row_from_the_corner_and_anchors_stay_together():
    base = np.array([[-1, -2, 1, 2], [-3, -3, 3, 3]], np.float32)
    anchors = grid_anchors(base, 2, 3, 16, 8).numpy()
    assert anchors.shape == (12, 4) and anchors.dtype == np.float32
    corners = [[0, 0], [8, 0], [16, 0], [0, 16], [8, 16], [16, 16]]
    for number, (x, y) in enumerate(corners):
        expected = base + np.array([x, y, x, y])
        np.testing.assert_array_equal(anchors[2 * number : 2 * number + 2], expected)


def test_a_map_without_places_has_no_anchors():
    assert grid_anchors(base_anchors([32], RATIOS), 0, 5, 8, 8).shape == (0, 4)


def test_graphs_of_unknown_shapes_give_the_same():
    def anchors(pixels, features):
        height, width = tf.unstack(tf.shape(pixels))
        rows, columns = tf.unstack(tf.shape(features))
        return grid_anchors(
            base_anchors([32], RATIOS), rows, columns, height // rows, width // columns
        )

    assert_same_in_graph(anchors, np.zeros((64, 96), np.float32), np.zeros((4, 12), np.float32))
