"""Convolutions of our own against TensorFlow's: results, gradients, every size of picture."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops import convolution
from dltk.ops.convolution import FixedConvolution, winograd, winograd_taps


def random(*shape, seed=0, spread=1.0):
    return tf.random.stateless_normal(shape, (seed, 1), 0.0, spread)


@pytest.mark.parametrize("height", [1, 2, 4, 5, 11])
@pytest.mark.parametrize("width", [1, 3, 8, 13])
def test_winograds_filtering_is_the_plain_convolution(height, width):
    x, kernel = random(2, height, width, 5), random(3, 3, 5, 7, seed=2)
    np.testing.assert_allclose(
        winograd(x, winograd_taps(kernel)), tf.nn.conv2d(x, kernel, 1, "SAME"), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dilation", [2, 3, 4, 9])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 8), (8, 33), (17, 7), (16, 24)])
def test_winograds_filtering_is_the_plain_convolution_dilated(height, width, dilation):
    x, kernel = random(2, height, width, 5), random(3, 3, 5, 7, seed=2)
    plain = tf.nn.conv2d(x, kernel, 1, "SAME", dilations=dilation)
    ours = winograd(x, winograd_taps(kernel), dilation)
    np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tiles", [1, 5, 12])
def test_winograds_filtering_is_the_same_some_tiles_at_a_time(tiles, monkeypatch):
    """Of 24 that there are on 2 maps: one by one, with some left over, and in halves."""
    x, taps = random(2, 13, 11, 5), winograd_taps(random(3, 3, 5, 7, seed=2))
    at_once = winograd(x, taps)
    monkeypatch.setattr(convolution, "_AT_ONCE", tiles * 36 * 7)
    np.testing.assert_allclose(winograd(x, taps), at_once, rtol=1e-4, atol=1e-4)


def test_winograds_filtering_of_one_pixel_gives_the_kernel_turned():
    pixel = np.zeros((1, 9, 9, 1), np.float32)
    pixel[0, 4, 4] = 1
    kernel = np.arange(1.0, 10, dtype=np.float32).reshape(3, 3, 1, 1)
    seen = winograd(tf.constant(pixel), winograd_taps(tf.constant(kernel))).numpy()[0, :, :, 0]
    expected = np.zeros((9, 9))
    expected[3:6, 3:6] = [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    np.testing.assert_allclose(seen, expected, atol=1e-4)


def test_winograds_filtering_keeps_its_digits_over_many_channels():
    x, kernel = random(1, 40, 40, 256), random(3, 3, 256, 256, seed=3, spread=1 / 48)
    plain = tf.nn.conv2d(x, kernel, 1, "SAME")
    assert np.abs(winograd(x, winograd_taps(kernel)) - plain).max() < 1e-4 * np.std(plain)


@pytest.mark.parametrize("window", [(1, 1), (3, 3), (5, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(
    ("side", "channels", "filters"),
    [pytest.param(9, 4, 6, id="few"), pytest.param(26, 256, 257, id="many")],
)
def test_a_fixed_convolution_and_its_gradient_are_those_of_tensorflow(
    window, dilation, side, channels, filters
):
    x = random(1, side, side, channels)
    kernel = random(*window, channels, filters, seed=1, spread=0.02)
    upstream = random(1, side, side, filters, seed=2)
    plainly = partial(tf.nn.convolution, filters=kernel, padding="SAME", dilations=dilation)
    seen = []
    for convolve in (FixedConvolution(kernel, dilation), plainly):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = convolve(x)
        seen.append((y, tape.gradient(y, x, output_gradients=upstream)))
    for ours, plain in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-3 * np.std(plain))


@pytest.mark.parametrize("shape", [(1, 26, 27), (1, 5, 4)])
def test_many_channels_are_added_up_in_parts(shape):
    """Some of 512 at most, large maps and small ones."""
    x, kernel = random(*shape, 1025), random(3, 3, 1025, 128, seed=1, spread=0.02)
    plain = tf.nn.conv2d(x, kernel, 1, "SAME", dilations=2)
    convolve = FixedConvolution(kernel, dilation=2)
    np.testing.assert_allclose(convolve(x), plain, rtol=1e-3, atol=1e-4 * np.std(plain))


def test_a_graph_takes_pictures_of_any_size():
    kernel = random(3, 3, 256, 256, seed=1, spread=0.02)
    convolve = tf.function(
        FixedConvolution(kernel), input_signature=[tf.TensorSpec((None, None, None, 256))]
    )
    for shape in ((1, 25, 26), (2, 5, 4)):
        x = random(*shape, 256)
        plain = tf.nn.conv2d(x, kernel, 1, "SAME")
        np.testing.assert_allclose(convolve(x), plain, rtol=1e-3, atol=1e-3)
