"""Kernels as pictures: found in any network, in the colours of the photo."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import UsageError
from dltk.explain.kernels import (
    kernel_layer,
    kernel_layers,
    kernel_reader,
    kernel_tile,
    kernels_of,
)

BGR_MEAN = [103.939, 116.779, 123.68]


def network(front=None, first=None, size=(16, 16, 3)) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input(size)
    x = front(inputs) if front else inputs
    x = (first or layers.Conv2D(4, 3, name="first"))(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.SeparableConv2D(5, 3, name="separable")(x)
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)), name="net")


def own_kernel(model) -> np.ndarray:
    return np.asarray(model.get_layer("first").kernel)


def test_layers_with_kernels_are_found_inside_nested_models_too():
    model = keras.Sequential([keras.Input((16, 16, 3)), network(), layers.Softmax()])
    found = kernel_layers(model)
    assert found == ["net/first", "net/depthwise", "net/separable"]
    assert kernel_layer(model, None) == "net/first"
    assert kernel_layer(model, "net/separable") == "net/separable"


def test_what_has_no_kernels_is_told():
    model = network()
    dense = [layer.name for layer in model.layers][-1]
    with pytest.raises(UsageError, match=f"layer {dense} has no kernels; .* such as first"):
        kernel_layer(model, dense)
    with pytest.raises(UsageError, match=r'no layer "frist".*Did you mean "first"'):
        kernel_layer(model, "frist")
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="flat")
    with pytest.raises(UsageError, match="flat has no convolutions"):
        kernel_layer(flat, None)


def test_filters_of_a_depthwise_convolution_have_one_input_each():
    model = network()
    assert kernels_of(model, "depthwise").shape == (3, 3, 1, 8)
    own = np.asarray(model.get_layer("depthwise").kernel)
    np.testing.assert_array_equal(kernels_of(model, "depthwise")[:, :, 0, 3], own[:, :, 1, 1])
    assert kernels_of(model, "separable").shape == (3, 3, 1, 8)


def test_kernels_are_read_as_they_are_at_the_time():
    def bgr(x):
        return layers.Rescaling(1.0, BGR_MEAN)(keras.ops.flip(x, axis=-1))

    model = network(front=bgr)
    read, (own, bias) = kernel_reader(model, "first"), model.get_layer("first").get_weights()
    before = read()
    np.testing.assert_allclose(before, own[:, :, ::-1], rtol=1e-4, atol=1e-6)
    model.get_layer("first").set_weights([own * 2, bias])
    np.testing.assert_allclose(read(), 2 * before, rtol=1e-6)


def test_kernels_that_see_pixels_stay_as_they_are():
    model = network()
    np.testing.assert_allclose(kernels_of(model, "first"), own_kernel(model), rtol=1e-5)


def test_kernels_that_see_bgr_are_turned_round():
    def front(x):
        return layers.Rescaling(1.0, [-mean for mean in BGR_MEAN])(keras.ops.flip(x, axis=-1))

    model = network(front)
    np.testing.assert_allclose(kernels_of(model, "first"), own_kernel(model)[:, :, ::-1], rtol=1e-4)


def test_colours_scaled_each_by_itself_count_as_much_as_they_do():
    scale = np.array([1.0, 0.5, 0.25])
    model = network(layers.Rescaling((scale / 255).tolist(), -0.5))
    expected = own_kernel(model) * scale[:, None]
    np.testing.assert_allclose(kernels_of(model, "first"), expected, rtol=1e-3, atol=1e-6)


def test_mixed_colours_leave_the_kernels_alone():
    def front(x):
        return layers.Conv2D(3, 1, name="mix", kernel_initializer="ones")(x)

    model = network(front)
    np.testing.assert_array_equal(kernels_of(model, "first"), own_kernel(model))


def test_grey_networks_have_kernels_of_one_input():
    assert kernels_of(network(size=(16, 16, 1)), "first").shape == (3, 3, 1, 4)


def test_middle_grey_is_zero_and_the_largest_weight_full():
    tile = kernel_tile(np.array([[0.0, 2.0], [-1.0, -2.0]]))
    assert tile.mode == "RGB" and np.asarray(tile)[..., 0].tolist() == [[128, 255], [64, 0]]
    colour = np.zeros((1, 2, 3))
    colour[0, 0] = [1, -1, 0.5]
    assert np.asarray(kernel_tile(colour)).tolist() == [[[255, 0, 191], [128, 128, 128]]]
    assert (np.asarray(kernel_tile(np.zeros((2, 2)))) == 128).all()
