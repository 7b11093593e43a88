"""Evidence for a class, on networks small enough to work it out by hand."""

from __future__ import annotations

from threading import Event

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.errors import InputError, UsageError
from dltk.explain.evidence import Evidence
from dltk.explain.scores import Scores
from dltk.models.laid_open import SCORES, see_layers

SIZE = 6, 5


def evidence_of(model: keras.Model, layer: str | None = None, **options) -> Evidence:
    scores = Scores.of(model)
    network = see_layers(model, [SCORES, *([layer] if layer else [])], any_size=False)
    return Evidence(network, scores, layer=layer, **options)


def score(model: keras.Model, picture: np.ndarray, index: int) -> float:
    """The score before softmax, as it is differentiated."""
    network = see_layers(model, [SCORES], any_size=False)
    return float(Scores.of(model).read(network(picture[None]), index)[0])


def linear(units=3, activation="softmax") -> tuple[keras.Model, np.ndarray]:
    """A linear classifier, and its weights (H, W, C, K)."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((*SIZE, 3))
    dense = layers.Dense(units, activation)
    model = keras.Model(inputs, dense(layers.Flatten()(inputs)))
    return model, np.asarray(dense.kernel).reshape(*SIZE, 3, units)


def squares() -> tuple[keras.Model, np.ndarray]:
    """A network whose first score is the weighted sum of the squares of its pixels."""
    inputs = keras.Input((*SIZE, 3))
    dense = layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(layers.Flatten()(keras.ops.square(inputs))))
    weights = np.random.default_rng(3).normal(size=(*SIZE, 3, 2)).astype(np.float32)
    dense.set_weights([weights.reshape(-1, 2)])
    return model, weights


def convnet(head="avg") -> keras.Model:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((*SIZE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="deep")(x)
    x = layers.GlobalAveragePooling2D()(x) if head == "avg" else layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(3, "softmax", name="head")(x))


def pixels(seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (*SIZE, 3)).astype(np.float32)


def assert_close(one, other, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


# Derivatives


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_the_gradient_of_a_linear_classifier_is_its_weights(activation):
    model, weights = linear(activation=activation)
    evidence = evidence_of(model)
    for index in range(3):
        assert_close(evidence.gradient(pixels(), index), np.abs(weights[..., index]).max(axis=-1))


def test_a_single_sigmoid_counts_for_one_class_and_against_the_other():
    model, weights = linear(1, "sigmoid")
    share = float(model(pixels()[None] / 1000)[0, 0])
    evidence = evidence_of(model)
    assert evidence.classes == 2
    assert_close(evidence.probabilities(pixels() / 1000), [1 - share, share])
    one, other = (evidence.integrated(pixels(), index, samples=2) for index in (1, 0))
    assert_close(one, (weights[..., 0] * pixels()).sum(axis=-1), atol=1e-3)
    assert_close(one, -other)


def test_noise_changes_nothing_in_a_linear_network():
    model, weights = linear()
    found = evidence_of(model).smoothgrad(pixels(), 2, samples=5)
    assert_close(found, np.abs(weights[..., 2]).max(axis=-1))


def test_noisy_gradients_are_averaged_whatever_the_batch():
    model, weights = squares()
    noise = np.random.default_rng(7).normal(0, 0.15 * 255, (5, *SIZE, 3))
    expected = np.abs(2 * weights[..., 1] * (pixels() + noise.mean(axis=0))).max(axis=-1)
    for batch_size in (2, 8):
        evidence = evidence_of(model, batch_size=batch_size)
        assert_close(evidence.smoothgrad(pixels(), 1, samples=5, seed=7), expected, rtol=1e-4)
    assert not np.allclose(evidence.smoothgrad(pixels(), 1, samples=5, seed=8), expected)


# Integrals


def test_integrated_gradients_of_squares_are_the_squares():
    model, weights = squares()
    expected = (weights[..., 0] * pixels() ** 2).sum(axis=-1)
    for samples in (1, 7):  # midpoints are exact for what grows linearly
        found = evidence_of(model, batch_size=3).integrated(pixels(), 0, samples=samples)
        assert_close(found, expected, rtol=1e-3, atol=1)


def test_integrated_gradients_sum_up_to_the_change_of_the_score():
    evidence = evidence_of(convnet("flat"))
    black = np.zeros((*SIZE, 3), np.float32)
    for index in range(3):
        whole, none = (score(convnet("flat"), each, index) for each in (pixels(), black))
        change = whole - none
        found = evidence.integrated(pixels(), index, samples=64)
        assert found.sum() == pytest.approx(change, rel=0.01, abs=1e-4)


# Maps


def test_grad_cam_is_the_class_activation_map_divided_by_the_places():
    model = convnet()
    maps = keras.Model(model.input, model.get_layer("deep").output)(pixels()[None])[0].numpy()
    weights = model.get_layer("head").get_weights()[0]
    evidence = evidence_of(model, "deep")
    for index in range(3):
        cam = np.maximum(maps @ weights[:, index], 0) / (SIZE[0] * SIZE[1])
        assert_close(evidence.grad_cam(pixels(), index), cam)
    assert evidence.grad_cam(pixels(), 0).any()


def test_grad_cam_weighs_channels_by_their_mean_derivative():
    model = convnet("flat")
    maps = keras.Model(model.input, model.get_layer("deep").output)(pixels()[None])[0].numpy()
    weights = model.get_layer("head").get_weights()[0].reshape(*SIZE, 4, 3)
    expected = np.maximum(maps @ weights[..., 1].mean(axis=(0, 1)), 0)
    assert_close(evidence_of(model, "deep").grad_cam(pixels(), 1), expected)


def test_a_certain_probability_leaves_the_evidence_as_it_is():
    def sure(factor):
        model = convnet()
        kernel, bias = model.get_layer("head").get_weights()
        model.get_layer("head").set_weights([kernel * factor, bias])
        return evidence_of(model, "deep")

    sober, certain = sure(1), sure(1e4)
    index = int(certain.probabilities(pixels()).argmax())
    assert certain.probabilities(pixels())[index] == 1  # softmax has no gradient left here
    assert_close(
        certain.grad_cam(pixels(), index), 1e4 * sober.grad_cam(pixels(), index), rtol=1e-4
    )


# Where there is none


def cut(model: keras.Model) -> keras.Model:
    """A classifier like `model`, whose scores have no gradient."""
    x = keras.ops.stop_gradient(model.layers[-2].output)
    return keras.Model(model.inputs, layers.Dense(3, "softmax")(x))


def test_scores_without_a_gradient_are_told():
    evidence = evidence_of(cut(convnet()))
    with pytest.raises(UsageError, match=r'no gradient .* "dltk visualize occlusion" needs none'):
        evidence.gradient(pixels(), 0)
    assert evidence.probabilities(pixels()).sum() == pytest.approx(1)


def test_a_layer_the_score_does_not_depend_on_is_told():
    with pytest.raises(UsageError, match="does not depend on deep; name another --layer"):
        evidence_of(cut(convnet()), "deep").grad_cam(pixels(), 0)


def test_the_mean_of_members_counts_by_its_logarithm():
    keras.utils.set_random_seed(4)
    inputs = keras.Input((*SIZE, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    members = [layers.Dense(3, "softmax")(x) for _ in range(2)]
    model = keras.Model(inputs, layers.Average()(members))
    mean = model(pixels()[None])[0].numpy()
    with tf.GradientTape() as tape:
        batch = tf.constant(pixels()[None])
        tape.watch(batch)
        logarithm = tf.math.log(model(batch)[0, 1])
    slopes = np.abs(tape.gradient(logarithm, batch)[0]).max(axis=-1)
    evidence = evidence_of(model)
    assert_close(evidence.probabilities(pixels()), mean)
    assert_close(evidence.gradient(pixels(), 1), slopes, atol=1e-8)


# Stopping


@pytest.mark.parametrize("method", ["smoothgrad", "integrated", "probabilities_of"])
def test_work_on_a_photo_ends_when_it_is_stopped(method):
    stop = Event()
    evidence = evidence_of(linear()[0], stop=stop)
    stop.set()
    with pytest.raises(InputError, match="stopped"):
        if method == "probabilities_of":
            evidence.probabilities_of(pixels()[None], 0)
        else:
            getattr(evidence, method)(pixels(), 0, samples=4)
