"""Enlarging scores: bilinear at first, and what is learnt of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import Enlarged, LearntUpsampling
from dltk.layers.upsampling import bilinear_kernel

MAPS = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("factor", [2, 8, 32])
def test_it_begins_as_bilinear_interpolation_up_to_the_border(factor):
    expected = tf.image.resize(MAPS, (5 * factor, 3 * factor))
    np.testing.assert_allclose(LearntUpsampling(factor)(MAPS), expected, atol=1e-5)


def test_its_kernel_is_the_papers_bilinear_one():
    """Of factor 2, across a cell from left to right: 3 : 1, then 1 : 3 (in quarters)."""
    assert bilinear_kernel(2).reshape(2, 2, 2, 2)[0, :, 0].tolist() == [
        [0.75 * 0.75, 0.75 * 0.25],
        [0.75 * 0.25, 0.75 * 0.75],
    ]
    np.testing.assert_allclose(bilinear_kernel(16).sum(axis=0), 1, atol=1e-6)


def test_it_is_a_convolution_backwards():
    """With any kernel, in the middle, where the repeated edge does not matter."""
    layer = LearntUpsampling(4)
    layer.build((None, 5, 3, 4))
    kernel = np.random.default_rng(1).normal(size=(4, 16)).astype(np.float32)
    layer.kernel.assign(kernel)
    # A place's own 8 × 8 pixels: it is the lower right corner of the cell above to the left.
    corners = kernel.reshape(2, 2, 4, 4)
    whole = np.block([[corners[1, 1], corners[1, 0]], [corners[0, 1], corners[0, 0]]])
    padded = np.pad(MAPS, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    backwards = tf.nn.conv2d_transpose(
        np.moveaxis(padded, 3, 1).reshape(8, 7, 5, 1),
        whole[:, :, None, None], (8, 28, 20, 1), 4,
    )  # fmt: skip
    expected = np.moveaxis(backwards.numpy().reshape(2, 4, 28, 20), 1, 3)[:, 4:-4, 4:-4]
    np.testing.assert_allclose(layer(MAPS), expected, atol=1e-5)


def test_it_is_cut_to_what_it_is_to_be_like():
    whole = LearntUpsampling(2)(MAPS)
    cut = LearntUpsampling(2)(MAPS, np.zeros((2, 9, 5, 7)))
    np.testing.assert_array_equal(cut, whole[:, :9, :5])
    inputs = [keras.Input((None, None, 4)), keras.Input((None, None, 7))]
    assert LearntUpsampling(2)(*inputs).shape == (None, None, None, 4)
    assert LearntUpsampling(4)(keras.Input((5, 3, 4))).shape == (None, 20, 12, 4)


def test_it_learns_a_shift():
    """Maps that lie half a place too far to the left, as those of padded strides may."""
    random = np.random.default_rng(2)
    fine = tf.image.resize(random.normal(size=(4, 6, 6, 2)).astype(np.float32), (48, 48))
    coarse = tf.nn.avg_pool2d(fine, 8, 8, "VALID")
    shifted = tf.roll(fine, 4, axis=2)[:, :, 8:-8]
    model = keras.Sequential([LearntUpsampling(8)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.build((None, 6, 6, 2))
    before = float(tf.reduce_mean(tf.square(model(coarse)[:, :, 8:-8] - shifted)))
    for _ in range(80):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(coarse)[:, :, 8:-8] - shifted))
        model.optimizer.apply(
            tape.gradient(loss, model.trainable_variables), model.trainable_variables
        )
    assert float(loss) < 0.3 * before


def test_enlarged_maps_are_bilinear_and_float32():
    """Between two places, in halves of pixels, as torchvision interpolates."""
    maps = np.array([[[[0.0], [4.0]]]], np.float32)
    large = Enlarged()(maps, np.zeros((1, 1, 4, 3)))
    assert large.numpy().ravel().tolist() == [0, 1, 3, 4]
    half = Enlarged(dtype="mixed_bfloat16")(tf.cast(MAPS, tf.bfloat16), np.zeros((2, 10, 6, 3)))
    assert half.dtype == tf.float32


def test_an_odd_factor_is_refused():
    with pytest.raises(ValueError, match=r"factor is even and 2 or more\. Received: factor=3"):
        LearntUpsampling(3)
