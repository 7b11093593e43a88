"""A network made faster gives what it gave; with fixed kernels, the same gradient too."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.models.fixed import fix_kernels, fixed


def network(**options) -> keras.Model:
    keras.utils.set_random_seed(0)
    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(256, 3, padding="same", activation="relu", **options)(pixels)
    x = layers.Conv2D(256, 3, padding="same", name="many")(x)
    x = layers.Conv2D(256, 3, padding="same", dilation_rate=2, name="dilated")(x)
    uneven = {"dilation_rate": (1, 2)}
    for different in ({"strides": 2}, uneven, {"groups": 2}, {"padding": "valid"}):
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
    fixed = [layer.name for layer in mixed.layers if "convolution_op" in vars(layer)]
    assert fixed == ["many", "dilated"]


def normalised(**options) -> keras.Model:
    """Convolutions with normalisation behind each, which differs in every channel."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((9, 8, 3))
    x = layers.Conv2D(6, 3, use_bias=False, name="first")(pixels)
    x = layers.BatchNormalization(name="of_first", **options)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(layers.ReLU()(x))
    x = layers.BatchNormalization(name="of_deep", **options)(x)
    block = keras.Model(pixels, x, name="block")
    y = layers.BatchNormalization(name="first_of_all")(pixels)
    network = keras.Model(pixels, layers.Conv2D(2, 1, activation="relu", name="last")(block(y)))
    random = np.random.RandomState(2)
    network.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in network.weights])
    return network


def pixels_of(network, count: int = 2):
    return np.random.RandomState(3).normal(size=(count, *network.input_shape[1:]))


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}])
def test_normalisation_becomes_part_of_the_convolution_before_it(options):
    network = normalised(**options)
    faster = fixed(network)
    names = [layer.name for layer in faster.get_layer("block").layers]
    assert {"first", "deep"} < set(names) and not {"of_first", "of_deep"} & set(names)
    assert "first_of_all" in [layer.name for layer in faster.layers]
    pixels = pixels_of(network)
    np.testing.assert_allclose(faster(pixels), network(pixels), rtol=1e-4)


def test_what_others_look_at_stays_as_it_is():
    pixels = keras.Input((4, 4, 3))
    shared, activated = layers.Conv2D(3, 1), layers.Conv2D(3, 1, activation="relu")
    normalise = layers.BatchNormalization
    seen = layers.Conv2D(3, 1)(pixels)
    outputs = [
        normalise()(shared(pixels)), shared(normalise()(pixels)),  # called twice
        seen, normalise()(seen),  # also given as it is
        normalise()(activated(pixels)),  # not linear
    ]  # fmt: skip
    network = keras.Model(pixels, outputs)
    random = np.random.RandomState(2)
    network.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in network.weights])
    faster = fixed(network)
    count = sum(isinstance(layer, normalise) for layer in faster.layers)
    assert count == sum(isinstance(layer, normalise) for layer in network.layers) == 4
    given = pixels_of(network)
    for ours, own in zip(faster(given), network(given), strict=True):
        np.testing.assert_allclose(ours, own, rtol=1e-5)


@pytest.mark.parametrize("units", [257, 512])
@pytest.mark.parametrize("options", [{"activation": "relu"}, {"use_bias": False}])
def test_large_dense_layers_are_computed_by_columns(options, units):
    inputs = keras.Input((4100,))
    network = keras.Model(inputs, layers.Dense(units, name="large", **options)(inputs))
    faster = fixed(network)
    assert type(faster.get_layer("large")) is not layers.Dense
    assert faster.output_shape == network.output_shape
    given = pixels_of(network, 3)
    np.testing.assert_allclose(faster(given), network(given), rtol=1e-4, atol=1e-4)


def test_the_network_itself_stays_as_it_is():
    network = normalised()
    before = [weight.numpy() for weight in network.weights]
    fixed(network)
    assert [layer.name for layer in network.get_layer("block").layers][-1] == "of_deep"
    for weight, value in zip(network.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
