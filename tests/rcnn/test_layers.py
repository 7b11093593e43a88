"""Layers that cut regions out of maps, and colour what lies outside of pictures."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import FillOutside, RegionFeatures
from dltk.ops.regions import roi_align, roi_pool
from tests.rcnn import cases
from tests.rcnn.running import assert_same_in_graph


def squares(*sides) -> np.ndarray:
    """Return boxes float32 (1, n, 4) at the corner."""
    return np.array([[[0, 0, side, side] for side in sides]], np.float32)


def maps_of_strides(strides, side: int = 512) -> list[np.ndarray]:
    """Return maps all of whose values are how manieth they are."""
    return [
        np.full((1, side // stride, side // stride, 1), number, np.float32)
        for number, stride in enumerate(strides)
    ]


def levels(strides, *sides) -> list[int]:
    """Return which map squares of these sides are cut out of."""
    found = RegionFeatures(strides, size=1)(maps_of_strides(strides), squares(*sides))
    return np.ravel(found).astype(int).tolist()


def test_a_region_belongs_to_the_level_of_its_size():
    """224 pixels belong to level 4, of stride 16, half of that to level 3, and so on."""
    sides = 1, 111.9, 112, 223.9, 224, 447, 448, 512
    assert levels((4, 8, 16, 32), *sides) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert levels((8, 16), *sides) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert levels((32,), *sides) == [0] * 8


def test_where_a_level_is_missing_the_next_finer_one_is_taken():
    assert levels((8, 32), 1, 112, 224, 447, 448) == [0, 0, 0, 0, 1]


def test_of_maps_with_the_same_stride_the_first_is_taken():
    assert levels((32, 32), 1, 224, 500) == [0, 0, 0]
    assert levels((8, 8, 16, 16), 1, 224) == [0, 2]


def test_padding_and_boxes_without_area_are_cut_out_of_the_finest_map():
    layer = RegionFeatures((8, 16), size=2)
    boxes = np.float32([[[0, 0, 0, 0], [300, 300, 300, 500], [90, 90, 20, 20], [9, 9, 250, 250]]])
    found = layer(maps_of_strides((8, 16)), boxes).numpy()
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, 0, 0, 0], [0, 0, 0, 1])


@pytest.mark.parametrize("kind", ["align", "legacy", "pool"])
def test_every_region_keeps_its_place_whatever_its_level_and_its_picture(kind):
    maps, boxes = cases.pyramid_of_maps(), cases.boxes_of_all_sizes()[:, 1:]
    found = RegionFeatures(cases.STRIDES, size=2, kind=kind)(maps, boxes)
    assert found.shape == (22, 2, 2, 2)
    assert RegionFeatures(cases.STRIDES, size=2).compute_output_shape(
        [each.shape for each in maps], boxes.shape
    ) == (None, 2, 2, 2)
    sides = (boxes[..., 2] - boxes[..., 0]).round(3)
    for number, (picture, place) in enumerate(np.ndindex(2, 11)):
        level = int(np.clip(np.searchsorted([112, 224, 448], sides[picture, place], "right"), 0, 3))
        each, stride = maps[level][picture : picture + 1], cases.STRIDES[level]
        arguments = each, boxes[picture, place : place + 1], np.zeros(1, np.int32)
        if kind == "pool":
            expected = roi_pool(*arguments, stride=stride, size=2)
        else:
            expected = roi_align(*arguments, stride=stride, size=2, aligned=kind == "align")
        np.testing.assert_allclose(found[number], expected[0], atol=1e-5)


def test_no_regions_and_no_pictures_have_no_features():
    maps = maps_of_strides((8, 16))
    assert RegionFeatures((8, 16))(maps, np.zeros((1, 0, 4), np.float32)).shape == (0, 7, 7, 1)
    none = [each[:0] for each in maps]
    assert RegionFeatures((8, 16))(none, np.zeros((0, 3, 4), np.float32)).shape == (0, 7, 7, 1)


def test_every_level_gets_its_gradient():
    maps = [tf.Variable(each) for each in cases.pyramid_of_maps()[1:3]]
    layer = RegionFeatures((8, 16), size=2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer([tf.identity(m) for m in maps], cases.boxes_of_all_sizes()))
    for gradient in tape.gradient(total, maps):
        assert np.isfinite(gradient).all() and np.any(gradient)


def test_a_kind_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match=r"'align', 'pool', 'legacy'.*kind='aling'"):
        RegionFeatures((8,), kind="aling")


def test_what_a_picture_does_not_reach_gets_the_colour_whatever_was_there():
    pixels = cases.made_map(0, 2, 4, 6, 3)
    extent = np.array([[4, 6], [3, 2]], np.float32)
    layer = FillOutside((1, 2, 3.5))
    filled = layer(pixels, extent).numpy()
    np.testing.assert_array_equal(filled[0], pixels[0])
    np.testing.assert_array_equal(filled[1, :3, :2], pixels[1, :3, :2])
    for part in (filled[1, 3:], filled[1, :, 2:]):
        np.testing.assert_array_equal(part, np.broadcast_to([1, 2, 3.5], part.shape))
    pixels[1, 3:], pixels[1, :, 2:] = np.nan, 1e9
    np.testing.assert_array_equal(layer(pixels, extent), filled)
    assert layer(np.zeros((1, 2, 2, 3), np.uint8), np.ones((1, 2), np.float32)).dtype == tf.float32


@pytest.mark.parametrize(
    "layer",
    [FillOutside((1, 2, 3.5)), RegionFeatures((4, 8), size=3, kind="legacy", samples=1, name="x")],
)
def test_layers_are_made_again_from_their_configuration(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


def test_boxes_keep_all_their_digits_where_networks_compute_in_half_precision():
    """In bfloat16 513 is 512, and 1001 is 1000."""
    maps = [cases.made_map(5, 1, 80, 80, 2)]
    boxes = np.float32([[[513, 515, 1001, 1003]]])
    exact = RegionFeatures((16,))(maps, boxes)
    mixed = RegionFeatures((16,), dtype="mixed_bfloat16")(maps, boxes)
    np.testing.assert_array_equal(mixed, exact)
    pixels = np.full((1, 1, 515, 3), 123.675, np.float32)
    extent = np.float32([[1, 513]])
    filled = FillOutside((0, 0, 0), dtype="mixed_bfloat16")(pixels, extent)
    np.testing.assert_array_equal(filled, FillOutside((0, 0, 0))(pixels, extent))


def test_graphs_of_unknown_shapes_give_the_same():
    layer = RegionFeatures((4, 8, 16, 32), size=2)

    def features(*arrays):
        maps = [tf.ensure_shape(each, (None, None, None, 2)) for each in arrays[:-1]]
        return layer(maps, arrays[-1])

    assert_same_in_graph(features, *cases.pyramid_of_maps(), cases.boxes_of_all_sizes())
