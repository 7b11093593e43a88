"""Tensors of PyTorch in layers of Keras: the same sums, worked by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import WeightsError
from dltk.models.torch_layers import load_torch_weights, set_torch_weights, torch_name
from tests.torch_files import write_pth


def filled(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_a_convolution_sums_over_channels_rows_and_columns():
    kernel, bias = filled(2, 3, 2, 2), np.array([0.5, -1], np.float32)  # (out, in, rows, columns)
    picture = filled(1, 2, 2, 3) / 7
    layer = layers.Conv2D(2, 2)
    layer.build(picture.shape)
    set_torch_weights(layer, {"a.weight": kernel, "a.bias": bias}, "a")
    expected = np.einsum("oirc,rci->o", kernel, picture[0]) + bias
    np.testing.assert_allclose(layer(picture).numpy().ravel(), expected, rtol=1e-6)


def test_a_depthwise_convolution_keeps_channels_apart():
    kernel, picture = filled(3, 1, 2, 2), filled(1, 2, 2, 3) / 7
    layer = layers.DepthwiseConv2D(2, use_bias=False)
    layer.build(picture.shape)
    set_torch_weights(layer, {"a.weight": kernel}, "a")
    expected = np.einsum("crs,rsc->c", kernel[:, 0], picture[0])
    np.testing.assert_allclose(layer(picture).numpy().ravel(), expected, rtol=1e-6)


def test_a_normalisation_has_scale_offset_mean_and_variance():
    layer = layers.BatchNormalization(epsilon=0.0)
    layer.build((None, 1))
    values = {"weight": 3, "bias": 1, "running_mean": 5, "running_var": 4}
    set_torch_weights(layer, {f"a.{k}": np.array([v], np.float32) for k, v in values.items()}, "a")
    assert layer(np.array([[9.0]]), training=False).numpy() == pytest.approx(3 * (9 - 5) / 2 + 1)


def small_model():
    return keras.Sequential([keras.Input((2,)), layers.Dense(3, name="top")], name="small")


def test_a_file_fills_a_model_and_may_hold_more(tmp_path):
    kernel, bias = filled(3, 2), filled(3)
    write_pth({"x.weight": kernel, "x.bias": bias, "more": filled(4)}, tmp_path / "a.pth")
    model = small_model()
    load_torch_weights(model, tmp_path / "a.pth", {"top": "x"}.get)
    vector = np.array([[1.0, 10.0]], np.float32)
    np.testing.assert_allclose(model(vector).numpy(), vector @ kernel.T + bias)


def test_a_dense_layer_behind_a_flattened_map_weighs_the_same_places():
    kernel, picture = filled(5, 2 * 3 * 4), filled(3, 4, 2) / 7  # rows, columns, channels
    layer = layers.Dense(5, use_bias=False)
    layer.build((None, 24))
    set_torch_weights(layer, {"a.weight": kernel}, "a", flattened=(3, 4, 2))
    expected = kernel @ picture.transpose(2, 0, 1).ravel()  # PyTorch has channels first
    np.testing.assert_allclose(layer(picture.reshape(1, -1))[0], expected, rtol=1e-5)


def test_a_file_may_have_other_names_and_flattened_maps(tmp_path):
    kernel = filled(3, 4)
    write_pth({"old.weight": kernel, "old.bias": filled(3)}, tmp_path / "a.pth")
    model = keras.Sequential([keras.Input((1, 2, 2)), layers.Flatten(), layers.Dense(3, name="x")])
    load_torch_weights(
        model,
        tmp_path / "a.pth",
        {"x": "new"}.get,
        renamed=lambda name: name.replace("old", "new"),
        flattened={"x": (1, 2, 2)},
    )
    picture = np.array([[[[1, 10], [100, 1000]]]], np.float32)
    expected = kernel @ [1, 100, 10, 1000] + filled(3)
    np.testing.assert_allclose(model(picture)[0], expected)


@pytest.mark.parametrize("kernel", [filled(2, 3), filled(3, 2, 1), None])
def test_a_file_of_another_model_is_refused_in_a_line(tmp_path, kernel):
    tensors = {"x.bias": filled(3)} | ({} if kernel is None else {"x.weight": kernel})
    write_pth(tensors, tmp_path / "a.pth")
    with pytest.raises(
        WeightsError, match=r"a\.pth does not fit small: x is missing or of an"
    ) as e:
        load_torch_weights(small_model(), tmp_path / "a.pth", {"top": "x"}.get)
    assert "\n" not in str(e.value)


def test_underlines_in_the_names_of_layers_are_dots_in_pytorchs():
    assert torch_name("layer1_0_downsample_1") == "layer1.0.downsample.1"
