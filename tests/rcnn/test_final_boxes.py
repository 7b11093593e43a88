"""What a network says of each region, made into the boxes that a detector answers with."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import FinalBoxes
from tests.rcnn import cases
from tests.rcnn.running import assert_same_in_graph

EXTENT = np.float32([[100, 200]])
PLAIN = {"delta_weights": (1, 1, 1, 1), "most": 4, "candidates": 12}


def logs(*probabilities) -> np.ndarray:
    """Return scores whose softmax these are, (1, n)."""
    return np.log(np.float32(probabilities))


def final(regions, scores, deltas=None, classes: int = 2, extent=EXTENT, **options) -> dict:
    """Return the boxes of one picture; deltas (R, 4 · (K + 1)) are 0 unless given."""
    regions, scores = np.array(regions, np.float32)[None], np.array(scores, np.float32)
    if deltas is None:
        deltas = np.zeros((len(scores), 4 * (classes + 1)), np.float32)
    found = FinalBoxes(classes, **(PLAIN | options))(extent, regions, scores, np.float32(deltas))
    return {name: values[0].numpy() for name, values in found.items()}


def test_boxes_of_each_class_come_the_surest_first_and_padded():
    """Of two regions, one shows either class, the other is ground above all."""
    regions = [[10, 20, 30, 40], [50, 50, 90, 80]]
    found = final(regions, logs([0.1, 0.3, 0.6], [0.9, 0.04, 0.06]))
    np.testing.assert_array_equal(found["labels"][:3], [1, 0, 1])
    np.testing.assert_allclose(found["scores"], [0.6, 0.3, 0.06, 0], rtol=1e-5)
    np.testing.assert_array_equal(found["boxes"], [regions[0], regions[0], regions[1], [0] * 4])
    assert [found[name].dtype for name in ("boxes", "labels", "scores")] == ["f4", "i4", "f4"]


def test_each_class_corrects_regions_in_its_own_way():
    """Deltas of ground come first, and do not count."""
    deltas = [[9, 9, 9, 9, 1, 0, 0, 0, 0, -0.5, 0, np.log(2)]]
    found = final([[10, 20, 30, 40]], logs([0.1, 0.5, 0.4]), deltas)
    np.testing.assert_allclose(found["boxes"][:2], [[30, 20, 50, 40], [10, 0, 30, 40]], rtol=1e-6)


def test_deltas_are_divided_by_their_weights():
    deltas = [[0] * 4 + [10, 0, 0, 0] + [0] * 4]
    found = final([[10, 20, 30, 40]], logs([0.1, 0.8, 0.1]), deltas, delta_weights=(10, 10, 5, 5))
    np.testing.assert_allclose(found["boxes"][0], [30, 20, 50, 40], rtol=1e-6)


def test_deltas_for_all_classes_alike_and_classes_each_for_itself():
    """With sigmoids there is no ground, and one region may be sure of two classes."""
    scores = np.float32([[2, -1]])
    found = final([[10, 20, 30, 40]], scores, [[1, 0, 0, 0]], probabilities="sigmoid")
    np.testing.assert_allclose(found["scores"][:3], [1 / (1 + np.exp(-2)), 1 / (1 + np.e), 0])
    np.testing.assert_allclose(found["boxes"][:2], [[30, 20, 50, 40]] * 2)
    own = final([[10, 20, 30, 40]], scores, [[1, 0, 0, 0, -0.5, 0, 0, 0]], probabilities="sigmoid")
    np.testing.assert_allclose(own["boxes"][:2], [[30, 20, 50, 40], [0, 20, 20, 40]])


def test_boxes_end_at_the_edges_of_the_picture_and_those_outside_go():
    regions = [[-10, -10, 30, 40], [150, 90, 300, 300], [210, 0, 260, 50], [20, 101, 30, 120]]
    found = final(regions, logs(*[[0.1, 0.8, 0.1]] * 4), score=0.5)
    np.testing.assert_array_equal(found["boxes"][:2], [[0, 0, 30, 40], [150, 90, 200, 100]])
    np.testing.assert_allclose(found["scores"], [0.8, 0.8, 0, 0], rtol=1e-6)


def test_padding_never_answers_nor_takes_a_place_however_sure_the_network_is_of_it():
    regions = [[0, 0, 0, 0], [5, 5, 20, 20], [7, 7, 7, 9], [30, 30, 20, 20]]
    scores = np.float32([[0, 99, 0], np.log([0.5, 0.3, 0.2]), [0, 0, 99], [0, 99, 0]])
    found = final(regions, scores, most=2, candidates=2)
    np.testing.assert_allclose(found["scores"], [0.3, 0.2], rtol=1e-5)
    nothing = final(np.zeros((3, 4)), np.zeros((3, 3)))
    assert not nothing["scores"].any() and not nothing["boxes"].any()


def test_a_probability_of_the_least_counts_and_one_of_zero_never_does():
    """1 / 2 and sigmoids of ±999 are exact."""
    scores = np.float32([[0, -999], [999, 0]])
    options = {"classes": 2, "deltas": np.zeros((2, 4)), "probabilities": "sigmoid"}
    regions = [[5, 5, 20, 20], [40, 5, 90, 20]]
    for least, expected in ((0.5, [1, 0.5, 0.5]), (0.51, [1]), (1.0, [1]), (0.0, [1, 0.5, 0.5])):
        found = final(regions, scores, score=least, **options)["scores"]
        np.testing.assert_array_equal(found[found > 0], expected)


def test_labels_that_are_not_looked_for_take_no_ones_place():
    regions = [[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]]
    scores = logs([0.1, 0.9, 1e-9], [0.2, 0.8, 1e-9], [0.1, 0.6, 0.3])
    found = final(regions, scores, most=1, candidates=2, only=[1])
    np.testing.assert_allclose(found["scores"], [0.3], rtol=1e-5)
    np.testing.assert_array_equal(found["labels"], [1])
    assert FinalBoxes.from_config(FinalBoxes(2, only=[1]).get_config()).only == (1,)


def test_overlaps_go_within_a_class_and_stay_between_classes():
    regions = [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8]]
    found = final(regions, logs([0.1, 0.9, 1e-9], [0.2, 0.8, 1e-9], [0.3, 1e-9, 0.7]), iou=0.5)
    np.testing.assert_array_equal(found["boxes"], [regions[0], regions[2], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(found["labels"][:2], [0, 1])
    one_class = logs(*[[0.1, 0.9, 1e-9]] * 3)
    assert (final(regions, one_class, iou=0.95)["scores"] > 0).sum() == 3


def test_soft_suppression_lets_overlaps_count_less_until_they_are_below_the_least():
    regions, scores = [[0, 0, 10, 10], [0, 0, 10, 8]], logs([0.1, 0.9, 1e-9], [0.2, 0.8, 1e-9])
    found = final(regions, scores, soft=True)
    less = 0.8 * np.exp(-0.64 / 0.5)
    np.testing.assert_allclose(found["scores"], [0.9, less, 0, 0], rtol=1e-5)
    np.testing.assert_array_equal(found["boxes"][:2], regions)
    assert (final(regions, scores, soft=True, score=less + 0.01)["scores"] > 0).sum() == 1


def test_only_the_surest_candidates_are_looked_at():
    """The third region alone is apart, but only two are looked at."""
    regions = [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]]
    scores = logs([0.1, 0.9, 1e-9], [0.2, 0.8, 1e-9], [0.3, 0.7, 1e-9])
    assert (final(regions, scores, most=2, candidates=3)["scores"] > 0).sum() == 2
    assert (final(regions, scores, most=2, candidates=2)["scores"] > 0).sum() == 1


@pytest.mark.parametrize("soft", [False, True])
def test_answers_depend_neither_on_padding_nor_on_neighbours(soft):
    regions, scores, deltas = cases.head_answers()
    layer = FinalBoxes(4, score=0.1, iou=0.4, most=60, soft=soft)
    extent = np.float32(cases.EXTENTS)
    together = layer(extent, regions, scores, deltas)
    padded = np.concatenate([regions, np.zeros((2, 9, 4), np.float32)], axis=1)
    more = [
        np.concatenate([each.reshape(2, 30, -1), np.full((2, 9, each.shape[-1]), 7)], axis=1)
        for each in (scores, deltas)
    ]
    for number in range(2):
        one, rows = slice(number, number + 1), slice(30 * number, 30 * number + 30)
        alone = layer(extent[one], regions[one], scores[rows], deltas[rows])
        more_alone = layer(extent[one], padded[one], *[np.float32(each[number]) for each in more])
        assert (alone["scores"].numpy() > 0).sum() > 20
        for name in ("boxes", "scores"):
            np.testing.assert_allclose(alone[name][0], together[name][number], atol=1e-4)
            np.testing.assert_allclose(more_alone[name][0], together[name][number], atol=1e-4)


def test_boxes_keep_all_their_digits_where_networks_compute_in_half_precision():
    """In bfloat16 513 is 512, and 1001 is 1000."""
    layer = FinalBoxes(1, most=1, dtype="mixed_bfloat16")
    answers = [tf.constant(each, tf.bfloat16) for each in ([[0.0, 4.0]], [[0.0] * 8])]
    found = layer(np.float32([[2000, 1001]]), np.float32([[[513, 515, 1003, 1005]]]), *answers)
    np.testing.assert_array_equal(found["boxes"], [[[513, 515, 1001, 1005]]])
    assert {each.dtype for each in found.values()} == {tf.float32, tf.int32}


def test_the_layer_is_made_again_from_its_configuration():
    layer = FinalBoxes(
        3, delta_weights=(1, 2, 3, 4), probabilities="sigmoid", score=0.2, iou=0.3, most=4,
        candidates=50, soft=True, name="x",
    )  # fmt: skip
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config() and again.delta_weights == (1, 2, 3, 4)


@pytest.mark.parametrize("soft", [False, True])
def test_graphs_of_unknown_shapes_give_the_same(soft):
    layer = FinalBoxes(4, score=0.1, iou=0.4, most=20, soft=soft)

    def boxes(extent, regions, scores, deltas):
        return layer(extent, regions, scores, tf.ensure_shape(deltas, (None, 20)))

    assert_same_in_graph(boxes, np.float32(cases.EXTENTS), *cases.head_answers())
