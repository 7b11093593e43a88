"""Guided back-propagation: what passes a ReLU on the way back, and which ReLUs are found."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.explain.evidence import Evidence
from dltk.explain.guided import Guide, guided_relu
from dltk.explain.scores import Scores
from dltk.models.laid_open import SCORES, see_layers

X = np.array([-1, 2, 3, 7, 0], np.float32)
UPSTREAM = np.array([1, 1, -1, 1, 1], np.float32)


@pytest.mark.parametrize(
    ("most", "forward", "backward"),
    [(np.inf, [0, 2, 3, 7, 0], [0, 1, 0, 1, 0]), (6.0, [0, 2, 3, 6, 0], [0, 1, 0, 0, 0])],
)
def test_only_what_is_positive_both_ways_passes(most, forward, backward):
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        y = guided_relu(x, most)
    assert y.numpy().tolist() == forward
    assert tape.gradient(y, x, tf.constant(UPSTREAM)).numpy().tolist() == backward


FORMS = {
    "a layer": lambda x: layers.ReLU()(x),
    "an activation": lambda x: layers.Activation("relu")(x),
    "within a layer": lambda x: layers.Dense(3, "relu", kernel_initializer="identity")(x),
    "an operation": keras.ops.relu,
    "of Keras's functions": keras.activations.relu6,
    "with a cap": lambda x: layers.ReLU(6.0)(x),
}


def network(form) -> keras.Model:
    """ReLU of three numbers of a pixel, then what they count: 1, -1 and 2."""
    inputs = keras.Input((1, 1, 3))
    x = layers.Flatten()(form(inputs))
    dense = layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(x))
    dense.set_weights([np.array([[1, 0], [-1, 0], [2, 0]], np.float32)])
    return model


@pytest.mark.parametrize("form", FORMS)
def test_relus_of_every_form_are_found(form):
    model, guide = network(FORMS[form]), Guide()
    seen = see_layers(model, [SCORES], any_size=False, swap=guide)
    assert guide.count == 1
    with tf.GradientTape() as tape:
        pixels = tf.constant([[[[1.0, 2.0, -3.0]]]])
        tape.watch(pixels)
        score = seen(pixels)[SCORES][0, 0]
    assert float(score) == -1  # as it was: 1 · 1 - 1 · 2
    assert tape.gradient(score, pixels).numpy().ravel().tolist() == [1, 0, 0]


def test_a_relu_that_is_called_twice_is_found_once():
    inputs, relu, guide = keras.Input((4, 4, 3)), layers.ReLU(), Guide()
    x = relu(layers.Conv2D(3, 1)(relu(inputs)))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    pixels = np.ones((1, 4, 4, 3), np.float32)
    own = model(pixels).numpy()
    seen = see_layers(model, [SCORES], any_size=False, swap=guide)
    assert guide.count == 1
    np.testing.assert_allclose(seen(pixels)[SCORES], own, rtol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: layers.LeakyReLU()(x),
        lambda x: layers.ReLU(negative_slope=0.1)(x),
        lambda x: layers.ReLU(threshold=1.0)(x),
        lambda x: layers.Activation("gelu")(x),
        lambda x: layers.MaxPooling2D(1)(x),
    ],
)
def test_what_is_no_plain_relu_stays(other):
    guide = Guide()
    model = network(other)
    pixels = np.array([[[[1.0, 2.0, -3.0]]]], np.float32)
    own = model(pixels).numpy()
    seen = see_layers(model, [SCORES], any_size=False, swap=guide)
    assert guide.count == 0
    np.testing.assert_array_equal(seen(pixels)[SCORES], own)


def test_guided_evidence_is_for_the_class_only():
    model = network(FORMS["a layer"])
    scores = Scores.of(model)
    guided = see_layers(model, [SCORES], any_size=False, swap=Guide())
    pixels = np.array([[[1.0, 2.0, 3.0]]], np.float32)
    assert Evidence(guided, scores).gradient(pixels, 0).tolist() == [[2.0]]
    assert Evidence(guided, scores).gradient(pixels, 1).tolist() == [[0.0]]
