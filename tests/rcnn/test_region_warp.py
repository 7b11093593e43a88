"""Regions of the picture itself, warped to squares; and the region that is the whole picture."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dltk.layers import RegionWarp, WholePicture
from tests.rcnn import cases
from tests.rcnn.running import assert_same_in_graph

COLOUR = (100.0, 110.0, 120.0)


def warped(pixels, *boxes, size: int, context: int = 0) -> np.ndarray:
    """Return squares of one picture."""
    layer = RegionWarp(size, context=context, colour=COLOUR)
    return layer([np.float32(pixels)[None]], np.float32(boxes)[None]).numpy()


def places(height: int, width: int) -> np.ndarray:
    """Return a picture whose values are the middles of its pixels: x, y and 7."""
    y, x = np.indices((height, width)) + 0.5
    return np.stack([x, y, np.full_like(x, 7)], axis=-1)


def test_a_region_as_large_as_its_square_is_cut_out_as_it_is():
    pixels = cases.made_map(0, 20, 30, 3)
    first, second = warped(pixels, [3, 5, 7, 9], [26, 0, 30, 4], size=4)
    np.testing.assert_allclose(first, pixels[5:9, 3:7], atol=1e-4)
    np.testing.assert_allclose(second, pixels[:4, 26:], atol=1e-4)


def test_whatever_its_shape_a_region_fills_the_square():
    (square,) = warped(places(40, 60), [10, 4, 50, 8], size=8)
    np.testing.assert_allclose(square[0, :, 0], 10 + 5 * (np.arange(8) + 0.5), rtol=1e-5)
    np.testing.assert_allclose(square[:, 0, 1], 4 + 0.5 * (np.arange(8) + 0.5), rtol=1e-5)


def test_a_margin_of_the_square_shows_what_is_around():
    """Of 8 pixels 4 are the region's: it is 20 wide, so 40 are seen."""
    (square,) = warped(places(60, 60), [20, 24, 40, 32], size=8, context=2)
    np.testing.assert_allclose(square[0, :, 0], 10 + 5 * (np.arange(8) + 0.5), rtol=1e-5)
    np.testing.assert_allclose(square[:, 0, 1], 20 + 2 * (np.arange(8) + 0.5), rtol=1e-5)


def test_outside_of_the_picture_there_is_the_colour():
    (square,) = warped(places(20, 20), [0, 0, 20, 20], size=8, context=2)
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    assert (square[inside, 2] == 7).all()
    np.testing.assert_array_equal(square[~inside], np.broadcast_to(COLOUR, (48, 3)))


def test_regions_of_a_batch_come_out_of_their_own_pictures_one_after_another():
    pixels = cases.made_map(0, 2, 24, 24, 3)
    boxes = np.float32([[[1, 2, 9, 20], [0, 0, 0, 0]], [[5, 5, 5, 9], [3, 3, 12, 4]]])
    layer = RegionWarp(6, context=1, colour=COLOUR)
    found = layer([pixels], boxes).numpy()
    assert found.shape == (4, 6, 6, 3) and np.isfinite(found).all()
    for number, (picture, place) in enumerate(np.ndindex(2, 2)):
        alone = warped(pixels[picture], boxes[picture, place], size=6, context=1)
        np.testing.assert_allclose(found[number], alone[0], atol=1e-4)
    assert layer([pixels], boxes[:, :0]).shape == (0, 6, 6, 3)


def test_the_whole_picture_is_a_region_without_what_surrounds_it():
    found = WholePicture()(np.float32([[48, 60], [513, 1001]]))
    np.testing.assert_array_equal(found, [[[0, 0, 60, 48]], [[0, 0, 1001, 513]]])
    mixed = WholePicture(dtype="mixed_bfloat16")(np.float32([[513, 1001]]))
    np.testing.assert_array_equal(mixed, [[[0, 0, 1001, 513]]])


def test_layers_are_made_again_and_give_the_same_in_graphs():
    layer = RegionWarp(6, context=1, colour=COLOUR)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    boxes = cases.made_boxes(1, 8, 30, 20).reshape(2, 4, 4)
    assert_same_in_graph(
        lambda pixels, boxes: again([tf.ensure_shape(pixels, (None, None, None, 3))], boxes),
        cases.made_map(0, 2, 30, 20, 3),
        boxes,
    )
