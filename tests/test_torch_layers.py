"""Tensors of PyTorch in layers of Keras: the same sums, worked by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import WeightsError
from dltk.models.torch_layers import load_torch_weights, set_torch_weights
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


@pytest.mark.parametrize("kernel", [filled(2, 3), filled(3, 2, 1), None])
def test_a_file_of_another_model_is_refused_in_a_line(tmp_path, kernel):
    tensors = {"x.bias": filled(3)} | ({} if kernel is None else {"x.weight": kernel})
    write_pth(tensors, tmp_path / "a.pth")
    with pytest.raises(
        WeightsError, match=r"a\.pth does not fit small: x is missing or of an"
    ) as e:
        load_torch_weights(small_model(), tmp_path / "a.pth", {"top": "x"}.get)
    assert "\n" not in str(e.value)
