"""The features of regions, RoIAlign and RoI pooling: by hand, by loops, and their gradients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.regions import roi_align, roi_pool
from tests.rcnn import cases, twins
from tests.rcnn.running import assert_same_in_graph

EITHER = pytest.mark.parametrize("cut", [roi_align, partial(roi_align, aligned=False), roi_pool])
FIRST = np.zeros(1, np.int32)


def owners(boxes) -> np.ndarray:
    """Let boxes belong to two pictures by turns."""
    return np.arange(len(boxes), dtype=np.int32) % 2


def box(*edges) -> np.ndarray:
    return np.array([edges], np.float32)


def middles(rows: int, columns: int, stride: int) -> np.ndarray:
    """Return a map (1, rows, columns, 2) whose values say where its places are: x and y of the
    middle of each, in pixels."""
    y, x = (np.indices((rows, columns)) + 0.5) * stride
    return np.stack([x, y], axis=-1)[None].astype(np.float32)


def test_aligned_bins_of_a_map_that_says_where_it_is_give_their_own_middles():
    found = roi_align(middles(8, 10, 16), box(20, 30, 62, 100), FIRST, stride=16, size=7)
    across, down = 20 + (np.arange(7) + 0.5) * 6, 30 + (np.arange(7) + 0.5) * 10
    np.testing.assert_allclose(found[0, :, :, 0], np.tile(across, (7, 1)), rtol=1e-5)
    np.testing.assert_allclose(found[0, :, :, 1], np.tile(down[:, None], 7), rtol=1e-5)


def test_legacy_bins_are_half_a_place_off():
    found = roi_align(
        middles(8, 10, 16), box(20, 30, 62, 100), FIRST, stride=16, size=1, aligned=False
    )
    np.testing.assert_allclose(found, [[[[41 + 8, 65 + 8]]]], rtol=1e-5)


def test_a_legacy_box_is_a_place_wide_at_least_and_an_aligned_one_as_small_as_it_is():
    maps, tiny = middles(8, 10, 16), box(40, 48, 41, 48)
    legacy = roi_align(maps, tiny, FIRST, stride=16, size=2, aligned=False)
    np.testing.assert_allclose(legacy[0, 0, :, 0], [40 + 8 + 4, 40 + 8 + 12], rtol=1e-5)
    aligned = roi_align(maps, tiny, FIRST, stride=16, size=2)
    np.testing.assert_allclose(aligned[0, :, :, 0], [[40.25, 40.75]] * 2, rtol=1e-5)
    np.testing.assert_allclose(aligned[0, :, :, 1], [[48, 48]] * 2, rtol=1e-5)


def test_near_the_edge_values_go_on_and_farther_out_there_is_nothing():
    """Points at -0.5, -1 and -1.5 places along a row of values that begins with 5."""
    maps = np.array([5, 7, 9], np.float32).reshape(1, 1, 3, 1)
    points = np.float32([[-0.5, 0, -0.5, 0], [-1, 0, -1, 0], [-1.5, 0, -1.5, 0], [3.4, 0, 3.4, 0]])
    found = roi_align(maps, points + 0.5, np.zeros(4, np.int32), stride=1, size=1, samples=1)
    np.testing.assert_allclose(np.ravel(found), [5, 5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize(
    ("stride", "size", "samples"), [(8, 1, 1), (8, 3, 2), (16, 2, 3), (5, 7, 2)]
)
def test_aligned_regions_are_those_of_a_loop(stride, size, samples, aligned):
    maps, boxes = cases.made_map(5, 2, 9, 13, 2), cases.odd_boxes()
    options = {"stride": stride, "size": size, "samples": samples}
    found = roi_align(maps, boxes, owners(boxes), **options, aligned=aligned).numpy()
    assert found.shape == (len(boxes), size, size, 2)
    for number, each in enumerate(boxes):
        expected = twins.aligned(maps[number % 2], each, stride, size, samples, aligned)
        np.testing.assert_allclose(found[number], expected, atol=3e-5)


def test_pooled_bins_worked_by_hand():
    """Corners count as places that belong to the box; bins share what they cannot halve."""
    maps = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    whole = roi_pool(maps, box(0, 0, 3, 3), FIRST, stride=1, size=2)
    np.testing.assert_array_equal(whole[0, :, :, 0], [[5, 7], [13, 15]])
    three = roi_pool(maps, box(0, 0, 2, 2), FIRST, stride=1, size=2)
    np.testing.assert_array_equal(three[0, :, :, 0], [[5, 6], [9, 10]])
    rounded = roi_pool(maps, box(4, 3.9, 11.9, 12), FIRST, stride=8, size=1)  # 1, 0 to 1, 2
    np.testing.assert_array_equal(np.ravel(rounded), [9])
    small = roi_pool(maps, box(2, 1, 2, 1), FIRST, stride=1, size=3)
    np.testing.assert_array_equal(small[0, :, :, 0], np.full((3, 3), 6))


def test_pooled_bins_outside_of_the_map_are_0_and_not_the_largest_below():
    maps = np.full((1, 4, 4, 1), -3, np.float32)
    found = roi_pool(maps, box(-4, 0, 3, 3), FIRST, stride=1, size=2)
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, -3], [0, -3]])
    assert not np.any(roi_pool(maps, box(9, 9, 12, 12), FIRST, stride=1, size=2))


@pytest.mark.parametrize(("stride", "size"), [(8, 1), (8, 2), (4, 7), (16, 3), (5, 7)])
def test_pooled_regions_are_those_of_a_loop(stride, size):
    maps, boxes = cases.made_map(5, 2, 9, 13, 2), cases.odd_boxes()
    found = roi_pool(maps, boxes, owners(boxes), stride=stride, size=size)
    for number, each in enumerate(boxes):
        expected = twins.pooled(maps[number % 2], each, stride, size)
        np.testing.assert_array_equal(found[number], expected)


def test_pooled_bins_have_any_length_up_to_32_places_and_no_more():
    """All lengths, so all ways to cover a bin with rectangles."""
    maps = cases.made_map(6, 1, 33, 70, 1)
    ends = np.arange(32, dtype=np.float32)
    boxes = np.stack([0 * ends + 1, 0 * ends + 1, ends + 1, ends[::-1] + 1], axis=1)
    found = roi_pool(maps, boxes, np.zeros(32, np.int32), stride=1, size=1)
    for number, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        assert found[number] == maps[0, top : bottom + 1, left : right + 1].max()
    with pytest.raises(tf.errors.InvalidArgumentError, match="bins of a region are too long"):
        roi_pool(maps, box(0, 0, 32, 3), FIRST, stride=1, size=1)


@EITHER
def test_a_region_sees_its_own_picture_alone(cut):
    maps, boxes = cases.made_map(5, 2, 9, 13, 2), cases.odd_boxes()
    together = cut(maps, boxes, owners(boxes), stride=8, size=3).numpy()
    for number in range(2):
        own = boxes[number::2]
        alone = cut(maps[number : number + 1], own, np.zeros(len(own), np.int32), stride=8, size=3)
        np.testing.assert_allclose(alone, together[number::2], atol=1e-6)


@EITHER
def test_a_box_moved_with_its_map_has_the_same_features(cut):
    maps = np.zeros((1, 20, 20, 2), np.float32)
    maps[:, 4:12, 5:13] = cases.made_map(5, 1, 8, 8, 2)
    moved = np.roll(maps, (3, 2), axis=(1, 2))
    first = cut(maps, box(41, 35, 90, 77), FIRST, stride=8, size=3)
    second = cut(moved, box(41 + 16, 35 + 24, 90 + 16, 77 + 24), FIRST, stride=8, size=3)
    np.testing.assert_allclose(first, second, atol=1e-5)


@EITHER
def test_no_regions_have_no_features_and_no_gradient(cut):
    maps = tf.constant(cases.made_map(5, 2, 9, 13, 2))
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        found = cut(maps, *none, stride=8, size=3)
    assert found.shape == (0, 3, 3, 2)
    assert not np.any(tape.gradient(found, maps))


@EITHER
def test_gradients_are_those_of_finite_differences(cut):
    """Values of the map lie far enough apart for small changes to leave the largest the largest."""
    values = cases.random(8).permutation(2 * 5 * 6) / 10
    maps = values.reshape(2, 5, 6, 1).astype(np.float32)
    boxes = np.float32([[3, 5, 30, 29], [-9, 8, 20, 60], [17, 17, 17, 17], [90, 90, 99, 99]])
    weights = cases.made_map(9, 4, 2, 2, 1)

    @tf.function(input_signature=[tf.TensorSpec(maps.shape)])
    def total(maps):
        return tf.reduce_sum(weights * cut(maps, boxes, owners(boxes), stride=8, size=2))

    step = np.eye(maps.size, dtype=np.float32).reshape(-1, *maps.shape) / 64
    numeric = [32 * (total(maps + each) - total(maps - each)) for each in step]
    with tf.GradientTape() as tape:
        variable = tf.Variable(maps)
        found = total(variable)
    analytic = tape.gradient(found, variable)
    np.testing.assert_allclose(np.ravel(analytic), numeric, atol=2e-3)
    assert np.abs(analytic).max() > 0.2


def test_what_flows_back_from_a_pooled_bin_is_shared_out_whole_even_among_equals():
    maps = tf.ones((1, 9, 9, 1))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = tf.reduce_sum(roi_pool(maps, box(-40, 0, 71, 71), FIRST, stride=8, size=5))
    filled = 20  # the column on the left lies outside
    assert float(tf.reduce_sum(tape.gradient(total, maps))) == pytest.approx(filled)


@EITHER
def test_graphs_of_unknown_shapes_give_the_same(cut):
    maps, boxes = cases.made_map(5, 2, 9, 13, 2), cases.odd_boxes()

    def features(maps, boxes, owners):
        return cut(tf.ensure_shape(maps, (None, None, None, 2)), boxes, owners, stride=8, size=3)

    assert_same_in_graph(features, maps, boxes, owners(boxes))
