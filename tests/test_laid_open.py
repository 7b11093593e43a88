"""A network seen from its layers: nested or flat, at any size, before softmax, in any precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.errors import UsageError
from dltk.explain.guided import Guide
from dltk.models.classifier import ensemble
from dltk.models.find import find_model
from dltk.models.laid_open import SCORES, average_pooling, load_whole, reach, see_layers
from dltk.models.taps import list_taps, tap
from dltk.painting.redirect import redirected


def trunk(size=(16, 16, 3)) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(size),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(5, 3, padding="same", activation="tanh", name="deep"),
        ],
        name="trunk",
    )


HEADS = {
    "in a dense layer": [layers.Dense, 3, "softmax"],
    "a layer of its own": [layers.Softmax],
    "an activation": [layers.Activation, "softmax"],
    "an operation": [lambda: keras.ops.softmax],
    "sigmoids": [layers.Activation, "sigmoid"],
    "none": [lambda: lambda x: x],
}


def classifier(head="in a dense layer", *, flatten=False, body=trunk) -> keras.Model:
    """A network of which a part is nested, and a head of a kind in HEADS."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, -1.0, name="normalise")(inputs)
    x = body()(x)
    x = layers.Flatten(name="flat")(x) if flatten else layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(3, name="logits")(x)
    make, *arguments = HEADS[head]
    activation = {"activation": arguments.pop()} if make is layers.Dense else {}
    x = make(*arguments, **activation)(x)
    return keras.Model(inputs, x, name="small")


def pixels(height=16, width=16, count=2):
    random = np.random.default_rng(0)
    return tf.constant(random.uniform(0, 255, (count, height, width, 3)), tf.float32)


def assert_close(one, other, rtol=1e-5):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=rtol, atol=1e-6)


def test_layers_of_a_nested_model_give_what_they_give_inside():
    model = classifier()
    names = [name for name in (each.name for each in list_taps(model)) if name != "normalise"]
    assert {"trunk/conv", "trunk/pool", "trunk/deep", "logits"} < set(names)
    own = keras.Model(model.inputs, {name: tap(model, name) for name in names})(pixels())
    own = {name: value.numpy() for name, value in own.items()}
    seen = see_layers(model, names, any_size=False)(pixels())
    assert list(seen) == names
    for name in names[:-1]:  # the last one ends in the softmax that is taken away
        assert_close(seen[name], own[name])


def test_layers_may_be_named_by_their_index():
    model = classifier()
    last_map = [each.name for each in list_taps(model)].index("trunk/deep")
    seen = see_layers(model, [str(last_map), "trunk/deep"])(pixels())
    np.testing.assert_array_equal(seen[str(last_map)], seen["trunk/deep"])


def test_models_in_models_are_laid_open_too():
    def body():
        inputs = keras.Input((16, 16, 3))
        return keras.Model(inputs, layers.ReLU(name="after")(trunk()(inputs)), name="outer")

    model = classifier(body=body)
    own = keras.Model(model.inputs, tap(model, "outer/after"))(pixels()).numpy()
    seen = see_layers(model, ["outer/trunk/deep", "outer/after"])(pixels())
    assert_close(seen["outer/after"], own)
    assert_close(tf.nn.relu(seen["outer/trunk/deep"]), own)


@pytest.mark.parametrize("head", HEADS)
def test_scores_are_those_before_softmax(head):
    model = classifier(head)
    own = model(pixels()).numpy()
    scores = see_layers(model, [SCORES])(pixels())[SCORES]
    last = {"none": tf.identity, "sigmoids": tf.sigmoid}.get(head, tf.nn.softmax)
    assert_close(last(scores), own)
    assert np.abs(scores - own).max() > 1e-2 or head == "none"


def test_scores_are_those_before_the_softmax_of_a_nested_classifier():
    whole = classifier("a layer of its own")
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, layers.Reshape((3,))(whole(inputs)))
    own = model(pixels()).numpy()
    scores = see_layers(model, [SCORES])(pixels())[SCORES]
    assert_close(tf.nn.softmax(scores), own)
    assert np.abs(scores - own).max() > 1e-2


# Sizes


def test_any_size_goes_in_and_maps_grow_with_it():
    seen = see_layers(classifier(), ["trunk/deep", SCORES])(pixels(37, 50))
    assert seen["trunk/deep"].shape == (2, 18, 25, 5) and seen[SCORES].shape == (2, 3)


def test_the_networks_own_size_is_kept_if_asked_for():
    network = see_layers(classifier(), ["trunk/deep"], any_size=False)
    assert network.input_shape == (None, 16, 16, 3)


def test_what_comes_before_a_layer_of_fixed_size_is_seen_at_any_size():
    model = classifier(flatten=True)
    assert see_layers(model, ["trunk/deep"])(pixels(20, 24))["trunk/deep"].shape == (2, 10, 12, 5)


@pytest.mark.parametrize("name", ["logits", SCORES])
def test_what_comes_after_it_only_at_the_networks_own(name):
    message = f"small gives {name} only for pictures of 16 × 16, its own size"
    with pytest.raises(UsageError, match=message):
        see_layers(classifier(flatten=True), [name])
    seen = see_layers(classifier(flatten=True), [name], any_size=False)
    assert seen(pixels())[name].shape == (2, 3)


def test_an_unknown_layer_suggests_the_nearest():
    message = 'small has no layer "trunk/depe". Did you mean "trunk/deep"'
    with pytest.raises(UsageError, match=message):
        see_layers(classifier(), ["trunk/conv", "trunk/depe"])
    with pytest.raises(UsageError, match="layer 99 is out of range"):
        see_layers(classifier(), ["99"])


# Swaps


def test_maxima_become_means():
    model = classifier()
    seen = see_layers(model, ["trunk/conv", "trunk/pool"], swap=average_pooling)(pixels(8, 12))
    four = tf.reshape(seen["trunk/conv"], (2, 4, 2, 6, 2, 4))
    assert_close(seen["trunk/pool"], tf.reduce_mean(four, axis=(2, 4)))
    assert np.abs(seen["trunk/pool"] - tf.reduce_max(four, axis=(2, 4))).max() > 0.01


def test_a_mean_keeps_the_window_the_step_and_the_edge():
    swapped = average_pooling(layers.MaxPooling2D(3, 2, "same", name="pool"))
    found = swapped.pool_size, swapped.strides, swapped.padding, swapped.name
    assert found == ((3, 3), (2, 2), "same", "pool")
    assert average_pooling(layers.Conv2D(4, 3)) is None


# Several networks in one


def ensemble_of_two() -> keras.Model:
    """Two members whose layers have the same names, and the average of their probabilities."""

    def member(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((16, 16, 3))
        x = layers.Rescaling(1 / 255, name="normalise")(inputs)
        x = layers.Conv2D(4, 3, activation="relu6", name="conv")(x)
        x = layers.GlobalAveragePooling2D(name="mean")(x)
        return keras.Model(inputs, layers.Dense(3, "softmax", name="head")(x))

    return ensemble([member(1), member(2)])


@pytest.mark.parametrize("swap", [None, Guide(), redirected], ids=["none", "guided", "redirected"])
def test_members_of_an_ensemble_are_seen_under_their_names(swap):
    model = ensemble_of_two()
    names = ["member1/conv", "member2/conv"]
    own = [keras.Model(model.inputs, tap(model, name))(pixels()).numpy() for name in names]
    expected = model(pixels()).numpy()
    seen = see_layers(model, [*names, SCORES], any_size=False, swap=swap)(pixels())
    for name, values in zip(names, own, strict=True):
        assert_close(seen[name], values)
    assert_close(seen[SCORES], expected)


def test_a_layer_called_scores_is_no_classs_scores():
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D(name="scores")(layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(5, "softmax")(x))
    seen = see_layers(model, ["scores", SCORES])(pixels())
    assert seen["scores"].shape == (2, 2) and seen[SCORES].shape == (2, 5)


# Precision


@pytest.mark.parametrize("head", ["in a dense layer", "a layer of its own", "none"])
def test_normalisation_and_scores_stay_exact_in_bfloat16(head):
    network = see_layers(
        classifier(head), ["normalise", "trunk/deep", SCORES], precision="bfloat16"
    )
    seen = network(pixels())
    kinds = {name: value.dtype.name for name, value in seen.items()}
    assert kinds == {"normalise": "float32", "trunk/deep": "bfloat16", SCORES: "float32"}
    assert_close(seen["normalise"], pixels() / 127.5 - 1)
    assert {weight.dtype for weight in network.weights} == {"float32"}
    exact = see_layers(classifier(head), [SCORES])(pixels())
    assert_close(seen[SCORES], exact[SCORES], rtol=0.1)


# Files


@pytest.mark.parametrize(
    ("pixel_range", "scale", "offset"), [("0..1", 1 / 255, 0), ("-1..1", 1 / 127.5, -1)]
)
def test_a_file_of_plain_keras_takes_raw_pixels(tmp_path, pixel_range, scale, offset):
    keras.utils.set_random_seed(0)
    model = trunk()
    model.save(tmp_path / "trunk.keras")
    source = find_model(tmp_path / "trunk.keras", pixel_range=pixel_range)
    seen = see_layers(load_whole(source), ["trunk/deep"])(pixels())["trunk/deep"]
    assert_close(seen, model(pixels() * scale + offset), rtol=1e-4)


# Fields


@pytest.mark.parametrize("window", [3, 5])
def test_the_reach_is_how_far_a_place_sees(window):
    inputs = keras.Input((None, None, 3))
    x = inputs
    for block in range(2):
        x = layers.Conv2D(4, window, padding="same", name=f"conv{block}")(x)
        x = layers.AveragePooling2D(2)(x)
    network = keras.Model(inputs, {"deep": layers.Conv2D(2, window, padding="same")(x)})
    at = pixels(96, 96, 1)
    with tf.GradientTape() as tape:
        tape.watch(at)
        middle = network(at)["deep"][0, 12, 12, 0]
    seen = np.flatnonzero(np.abs(tape.gradient(middle, at)[0]).max(axis=(1, 2)))
    assert seen[-1] - seen[0] + 1 in (2 * reach(network) - 1, 2 * reach(network))
