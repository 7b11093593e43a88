"""How a classifier's scores are read, and which of them a name means."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import UsageError
from dltk.explain.scores import Scores, class_index
from dltk.models.catalog import Label, imagenet_labels
from dltk.models.laid_open import SCORES, see_layers


def classifier(units: int, activation) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 3))
    x = layers.Dense(units)(layers.GlobalAveragePooling2D()(inputs))
    return keras.Model(inputs, layers.Activation(activation)(x) if activation else x)


@pytest.mark.parametrize(
    ("units", "activation", "expected"),
    [
        (3, "softmax", Scores(3, "softmax")),
        (3, None, Scores(3, "softmax")),
        (2, "sigmoid", Scores(2, "sigmoid")),
        (1, "sigmoid", Scores(1, "sigmoid")),
        (1, None, Scores(1, "sigmoid")),
    ],
)
def test_probabilities_and_scores_are_those_of_the_network(units, activation, expected):
    pixels = np.random.default_rng(0).uniform(0, 3, (5, 4, 4, 3)).astype(np.float32)
    model = classifier(units, activation)
    logits = classifier(units, None)(pixels).numpy()
    scores = Scores.of(model)
    assert scores == expected and scores.classes == max(2, units)
    outputs = see_layers(model, [SCORES], any_size=False)(pixels)
    own = getattr(keras.activations, expected.activation)(logits).numpy()
    found = scores.probabilities(outputs)
    np.testing.assert_allclose(found if units > 1 else found[:, 1:], own, rtol=1e-5)
    for index in range(scores.classes):
        direction = scores.direction(index)
        assert len(direction) == units  # one number for each output
        np.testing.assert_allclose(scores.read(outputs, index), logits @ direction, rtol=1e-5)


def test_the_mean_of_an_ensemble_is_told_from_scores():
    inputs = keras.Input((4, 4, 3))
    pooled = layers.GlobalAveragePooling2D()(inputs)
    members = [layers.Dense(3, "softmax")(pooled) for _ in range(2)]
    assert Scores.of(keras.Model(inputs, layers.Average()(members))) == Scores(3, "softmax", True)


def test_what_gives_maps_or_two_outputs_is_no_classifier():
    inputs = keras.Input((4, 4, 3))
    maps = layers.Conv2D(2, 3)(inputs)
    flat = layers.Flatten()(inputs)
    for outputs in (maps, [flat, flat]):
        with pytest.raises(UsageError, match="trunk is not a classifier"):
            Scores.of(keras.Model(inputs, outputs, name="trunk"))


KNOWN = {"classes": 1000, "model": "net"}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("tabby", 281),
        ("Egyptian cat", 285),
        ("egyptian_CAT", 285),
        ("egyptian-cat", 285),
        ("n02123045", 281),
        ("N02123045", 281),
        ("crane (wading bird)", 134),
        ("crane (lifting device)", 517),
        ("0", 0),
        ("999", 999),
    ],
)
def test_a_class_is_found_by_name_id_or_number(name, number):
    assert class_index(name, imagenet_labels(), **KNOWN) == number


def test_a_name_goes_before_a_number():
    labels = [Label("1"), Label("0")]
    assert class_index("0", labels, classes=2, model="net") == 1


@pytest.mark.parametrize("name", ["tabbi", "1000", "-1", "", "²"])
def test_an_unknown_class_is_told(name):
    with pytest.raises(UsageError, match=f'net has no class "{name}"'):
        class_index(name, imagenet_labels(), **KNOWN)


def test_the_nearest_name_is_suggested():
    with pytest.raises(UsageError, match='Did you mean "tabby"'):
        class_index("tabbi", imagenet_labels(), **KNOWN)
    with pytest.raises(UsageError, match="no names; give a number"):
        class_index("cat", [], classes=2, model="net")
