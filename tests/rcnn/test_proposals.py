"""What a region proposal network says, made into regions."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import RegionProposals
from dltk.ops.boxes import pairwise_iou
from tests.rcnn import cases
from tests.rcnn.running import assert_same_in_graph

SURE = {"before": 10, "after": 6, "iou": 0.5}


def proposed(logits, *, extent=(64, 64), deltas=None, sizes=([20],), **options) -> np.ndarray:
    """Return the regions of one picture of 64 × 64, from maps (h, w) of logits of square anchors.

    Deltas (h, w, 4) are 0 unless given.
    """
    logits = [np.array(each, np.float32)[None, :, :, None] for each in logits]
    if deltas is None:
        deltas = [np.zeros((*each.shape[:3], 4), np.float32) for each in logits]
    layer = RegionProposals(sizes, [1.0], **(SURE | options))
    return layer(np.zeros((1, 64, 64, 3), np.float32), np.float32([extent]), logits, deltas)[
        0
    ].numpy()


def four_places(first=5.0, second=4.0, third=3.0, fourth=2.0) -> list:
    """Return logits of a level of 2 × 2 places, 32 pixels apart."""
    return [[[first, second], [third, fourth]]]


def test_anchors_come_sure_ones_first_cut_off_and_padded():
    expected = [[22, 0, 42, 10], [0, 0, 10, 10], [22, 22, 42, 42], [0, 22, 10, 42]]
    regions = proposed(four_places(first=4.5, second=5, third=-9, fourth=0))
    np.testing.assert_array_equal(regions[:4], expected)
    assert regions.dtype == np.float32 and not regions[4:].any()


def test_anchors_lie_as_far_apart_as_places_do_on_each_side():
    layer = RegionProposals([[2], [4]], [1.0])
    maps = [np.zeros((1, 4, 3, 1)), np.zeros((1, 2, 1, 1))]
    fine, coarse = layer.anchors(np.zeros((1, 64, 32, 3)), maps)
    np.testing.assert_array_equal(fine[:4, :2] + 1, [[0, 0], [10, 0], [20, 0], [0, 16]])
    np.testing.assert_array_equal(coarse[:, :2] + 2, [[0, 0], [0, 32]])


def test_anchors_are_moved_and_resized_as_the_network_says():
    deltas = np.zeros((1, 2, 2, 4), np.float32)
    deltas[0, 0, 0] = 1.5, 1, 0, np.log(0.5)  # of the anchor around (0, 0), 20 pixels wide
    regions = proposed(four_places(), deltas=[deltas])
    np.testing.assert_allclose(regions[0], [20, 15, 40, 25], rtol=1e-6)


def test_what_lies_outside_of_the_picture_is_not_proposed():
    np.testing.assert_array_equal(
        proposed(four_places(), extent=(20, 20))[:2], [[0, 0, 10, 10], [0] * 4]
    )


def test_of_regions_that_overlap_the_surest_is_proposed():
    deltas = np.zeros((1, 2, 2, 4), np.float32)
    deltas[0, :, :, :2] = [[[1.6, 0], [0, 0]], [[0, -1.6], [-1.6, -1.6]]]  # in pairs, 32 further
    regions = proposed(four_places(1, 2, 3, 4), deltas=[deltas])
    np.testing.assert_array_equal(regions[:, 0], [0, 22, 0, 0, 0, 0])
    assert not regions[2:].any()
    assert (proposed(four_places(1, 2, 3, 4), deltas=[deltas], iou=1.0)[:4] > 0).any(1).all()


def test_levels_are_thinned_out_each_for_itself():
    """The same anchor on two levels: both stay, however much they overlap."""
    one = [[5.0, -9], [-9, -9]]
    regions = proposed([one, one], sizes=([20], [20]), least_score=0.5)
    np.testing.assert_array_equal(regions[:3], [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0]])


def test_only_the_surest_of_each_level_are_looked_at_and_of_all_the_surest_taken():
    fine, coarse = [[5, 4], [3, 2.0]], [[4.5, 1], [1, 1.0]]
    regions = proposed([fine, coarse], sizes=([20], [24]), before=2, after=3)
    np.testing.assert_array_equal(regions, [[0, 0, 10, 10], [0, 0, 12, 12], [22, 0, 42, 10]])


def test_unsure_and_tiny_regions_are_not_proposed():
    logits = four_places(0.1, 0, -0.1, -9)
    assert (proposed(logits, least_score=0.5).any(1)).sum() == 2
    assert (proposed(logits, least_side=11).any(1)).sum() == 1  # those at the edge are 10 high
    deltas = np.zeros((1, 2, 2, 4), np.float32)
    deltas[0, :, :, 2] = -100
    assert not proposed(logits, deltas=[deltas]).any()


def test_proposals_of_a_picture_do_not_depend_on_its_neighbours():
    layer = RegionProposals(cases.SIZES, cases.RATIOS, before=30, after=25)
    logits, deltas = cases.rpn_answers()
    extent = np.array(cases.EXTENTS, np.float32)
    pixels = np.zeros((2, 64, 96, 3), np.float32)
    together = layer(pixels, extent, logits, deltas).numpy()
    for number, (height, width) in enumerate(cases.EXTENTS):
        one = slice(number, number + 1)
        alone = layer(pixels[one], extent[one], [x[one] for x in logits], [x[one] for x in deltas])
        np.testing.assert_array_equal(alone[0], together[number])
        boxes = together[number][together[number].any(1)]
        assert boxes.min() >= 0 and boxes[:, 2].max() <= width and boxes[:, 3].max() <= height


def test_no_two_proposals_of_a_level_overlap_more_than_allowed():
    layer = RegionProposals(cases.SIZES[:1], cases.RATIOS, before=200, after=200, iou=0.3)
    logits, deltas = (each[:1] for each in cases.rpn_answers())
    found = layer(np.zeros((2, 64, 96, 3)), np.float32(cases.EXTENTS), logits, deltas)
    overlaps = pairwise_iou(found, found).numpy()
    for each in overlaps:
        np.fill_diagonal(each, 0)
    assert 0.2 < overlaps.max() <= 0.3


def test_nothing_is_learnt_through_proposals():
    logits, deltas = ([tf.Variable(each) for each in part] for part in cases.rpn_answers())
    layer = RegionProposals(cases.SIZES, cases.RATIOS, after=20)
    with tf.GradientTape() as tape:
        maps = [[tf.identity(each) for each in part] for part in (logits, deltas)]
        found = tf.reduce_sum(layer(np.zeros((2, 64, 96, 3)), np.float32(cases.EXTENTS), *maps))
    assert tape.gradient(found, [*logits, *deltas]) == [None] * 4


def test_edges_keep_all_their_digits_where_networks_compute_in_half_precision():
    """In bfloat16 513 is 512."""
    layer = RegionProposals([[2000]], [1.0], after=1, dtype="mixed_bfloat16")
    maps = np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 4), np.float32)
    low = [[tf.cast(each, tf.bfloat16)] for each in maps]
    found = layer(np.zeros((1, 544, 544, 3)), np.float32([[513, 515]]), *low)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, [[[0, 0, 515, 513]]])


def test_the_layer_is_made_again_from_its_configuration():
    layer = RegionProposals(
        cases.SIZES, cases.RATIOS, before=3, after=2, iou=0.1, least_score=0.2, least_side=4
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("after", [10, 400])
def test_graphs_of_unknown_shapes_give_the_same(after):
    layer = RegionProposals(cases.SIZES, cases.RATIOS, before=30, after=after)
    (fine, coarse), (fine_deltas, coarse_deltas) = cases.rpn_answers()

    def regions(pixels, extent, *maps):
        return layer(pixels, extent, maps[:2], maps[2:])

    pixels = np.zeros((2, 64, 96, 3), np.float32)
    arrays = fine, coarse, fine_deltas, coarse_deltas
    assert_same_in_graph(regions, pixels, np.float32(cases.EXTENTS), *arrays)
