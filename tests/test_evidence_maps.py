"""Classifiers made convolutional: maps of scores whose mean is the answer, whatever ends them."""

import keras
import numpy as np
import pytest
from keras import layers

from dltk.engine import load_engine
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.layers import NearestNeighbours
from dltk.modelfile import ModelCard, save_model
from dltk.models.evidence import evidence_of
from dltk.models.find import find_model

SIZE = 24
PIXELS = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)
POOLING = layers.GlobalAveragePooling2D


def trunk(x):
    x = layers.Rescaling(1 / 127.5, -1)(x)
    return layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)


def squeezed(x):
    """A block that squeezes and excites, whose own pooling must stay."""
    x = trunk(x)
    weights = layers.Dense(8, activation="sigmoid")(POOLING()(x))
    return layers.Multiply()([x, layers.Reshape((1, 1, 8))(weights)])


def model(end):
    """Return a maker of classifiers, always with the same weights."""

    def make():
        keras.utils.set_random_seed(2)
        pixels = keras.Input((SIZE, SIZE, 3))
        return keras.Model(pixels, end(pixels))

    return make


def plain(x, units=3, activation="softmax"):
    return layers.Dense(units, activation=activation)(POOLING()(trunk(x)))


def standardised(x):
    scale = layers.BatchNormalization(center=False, scale=False)
    scale.build((None, 8))
    scale.moving_mean.assign(np.linspace(-1, 1, 8))
    return layers.Softmax()(layers.Dense(3)(scale(POOLING()(trunk(x)))))


def convolved(x):
    """As MobileNet ends: pooling that keeps its dimensions, and a 1 × 1 convolution."""
    x = layers.Conv2D(3, 1)(POOLING(keepdims=True)(squeezed(x)))
    return layers.Softmax()(layers.Flatten()(x))


def nested(x):
    features = keras.Input((SIZE, SIZE, 3))
    inner = keras.Model(features, squeezed(features))
    return layers.Dense(3, activation="softmax")(POOLING()(inner(x)))


def pooled_inside(x):
    features = keras.Input((SIZE, SIZE, 3))
    inner = keras.Model(features, POOLING()(squeezed(features)))
    return layers.Dense(3, activation="softmax")(inner(x))


def softmax(scores):
    grown = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("end", [plain, standardised, convolved, nested, pooled_inside])
def test_the_mean_of_the_map_is_the_networks_own_answer_and_any_size_is_taken(end):
    network = evidence_of(model(end))
    maps = network.predict(PIXELS, verbose=0)
    assert maps.shape == (3, 12, 12, 3)
    answers = model(end)().predict(PIXELS, verbose=0)
    np.testing.assert_allclose(softmax(maps.mean(axis=(1, 2))), answers, atol=1e-5)
    assert network.predict(np.zeros((1, 40, 64, 3)), verbose=0).shape == (1, 20, 32, 3)


def test_each_half_of_a_picture_speaks_for_its_own_class():
    weights = np.zeros((1, 1, 3, 2), np.float32)
    weights[0, 0, 0, 0] = weights[0, 0, 2, 1] = 0.1  # red, blue

    def end(x):
        x = layers.Conv2D(2, 1, use_bias=False, name="colours")(x)
        return layers.Softmax()(layers.Dense(2, name="same")(POOLING()(x)))

    def make():
        made = model(end)()
        made.get_layer("colours").set_weights([weights])
        made.get_layer("same").set_weights([np.eye(2), np.zeros(2)])
        return made

    picture = np.zeros((1, 8, 30, 3), np.float32)
    picture[:, :, :10, 0] = picture[:, :, 10:, 2] = 200
    scores = evidence_of(make).predict(picture, verbose=0)[0]
    np.testing.assert_allclose(scores[:, :10], np.tile([20.0, 0.0], (8, 10, 1)), atol=1e-4)
    np.testing.assert_allclose(scores[:, 10:], np.tile([0.0, 20.0], (8, 20, 1)), atol=1e-4)


def test_a_network_that_knows_one_size_only_gives_its_own_answer():
    def end(x):
        return layers.Dense(3, activation="softmax")(layers.Flatten()(trunk(x)))

    network = evidence_of(model(end))
    assert network.output_shape == (None, 3)
    answers = model(end)().predict(PIXELS, verbose=0)
    np.testing.assert_allclose(softmax(network.predict(PIXELS, verbose=0)), answers, atol=1e-5)


def test_a_single_sigmoid_gives_two_scores_and_several_give_one_more_of_none():
    one = evidence_of(model(lambda x: plain(x, 1, "sigmoid"))).predict(PIXELS, verbose=0)
    assert one.shape[-1] == 2 and (one[..., 0] == 0).all() and one[..., 1].any()
    several = evidence_of(model(lambda x: plain(x, 4, "sigmoid"))).predict(PIXELS, verbose=0)
    assert several.shape[-1] == 5 and (several[..., 4] == 0).all() and several[..., 0].any()


def test_votes_of_neighbours_are_asked_for_at_every_place():
    def end(x):
        head = NearestNeighbours(6, 8, 3, 2, "l2")
        votes = head(POOLING()(trunk(x)))
        head.learn(np.random.default_rng(1).uniform(0, 0.5, (6, 8)), [0, 1, 2, 0, 1, 2])
        return votes

    scores = evidence_of(model(end)).predict(PIXELS, verbose=0)
    np.testing.assert_allclose(np.exp(scores).sum(axis=-1), 1, atol=1e-4)


def test_members_of_an_ensemble_are_opened_too():
    def end(x):
        members = [model(plain)() for _ in range(2)]
        for number, member in enumerate(members):
            member.name = f"member{number}"
        return layers.Average()([member(x) for member in members])

    network = evidence_of(model(end))
    assert network.predict(PIXELS, verbose=0).shape == (3, 12, 12, 3)


def test_the_keras_engine_takes_pictures_of_any_size(tmp_path):
    path = tmp_path / "small.keras"
    card = ModelCard("classify", ("ant", "bee", "cat"), Geometry(SIZE, SIZE, fit="squash"))
    save_model(model(plain)(), path, card)
    network = load_engine(find_model(path), output="evidence", engine="keras", batch_size=2)
    assert network.output_shape == (None, None, 3)
    direct = evidence_of(model(plain)).predict(PIXELS, verbose=0)
    np.testing.assert_allclose(network(PIXELS), direct, atol=1e-5)
    assert network(np.zeros((1, 32, 50, 3), np.float32)).shape == (1, 16, 25, 3)


def test_what_is_no_classifier_is_refused():
    with pytest.raises(UsageError, match="is not a classifier"):
        evidence_of(model(trunk))
