"""A network with fixed kernels gives what it gave, and the same gradient."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dltk.models.fixed import fix_kernels


def network(**options) -> keras.Model:
    keras.utils.set_random_seed(0)
    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(256, 3, padding="same", activation="relu", **options)(pixels)
    x = layers.Conv2D(256, 3, padding="same", name="many")(x)
    for different in ({"strides": 2}, {"dilation_rate": 2}, {"groups": 2}, {"padding": "valid"}):
        x = layers.Conv2D(4, 3, **{"padding": "same"} | different)(x)
    return keras.Model(pixels, layers.DepthwiseConv2D(3, padding="same")(x))


def slope(network, pixels):
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        y = network(pixels)
    return y.numpy(), tape.gradient(y, pixels).numpy()


def test_nothing_changes_but_rounding():
    plain, fixed = network(), network()
    fix_kernels(fixed)
    pixels = tf.random.stateless_uniform((1, 24, 27, 3), (0, 1))
    for ours, own in zip(slope(fixed, pixels), slope(plain, pixels), strict=True):
        np.testing.assert_allclose(ours, own, rtol=1e-3, atol=1e-3 * own.std())


def test_kernels_are_taken_once():
    fixed = network()
    fix_kernels(fixed)
    pixels = tf.ones((1, 8, 8, 3))
    before = fixed(pixels).numpy()
    fixed.get_layer("many").kernel.assign(tf.zeros((3, 3, 256, 256)))
    np.testing.assert_array_equal(fixed(pixels), before)


def test_layers_in_bfloat16_stay_as_they_are():
    mixed = network(dtype="mixed_bfloat16")
    fix_kernels(mixed)
    fixed = ["convolution_op" in vars(layer) for layer in mixed.layers]
    assert sum(fixed) == 1 and vars(mixed.get_layer("many"))["convolution_op"]
