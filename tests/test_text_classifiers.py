"""Networks of texts: that padding changes nothing, and each part against values worked by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import AttentionOverTime, BagOfTokens, MaxOverTime, Present, TokenVectors
from dltk.models.text_classifier.learning import Learner
from dltk.models.text_classifier.network import (
    ATTENTION,
    EMBEDDINGS,
    LOGITS,
    PRESETS,
    Design,
    new_text_classifier,
)
from dltk.strategy import place
from dltk.text.vocabulary import TOKENS

SMALL = {"classes": 3, "vocabulary": 20, "size": 6, "units": 5, "maps": 4, "dropout": 0.0}
TEXTS = np.array([[4, 5, 6, 7, 8], [9, 4, 0, 0, 0], [5, 0, 0, 0, 0]], np.int32)
NETWORKS = [(preset, "random") for preset in PRESETS] + [
    ("textcnn", embedding) for embedding in EMBEDDINGS[1:]
]


def made(preset: str, embedding: str = "random", **other) -> keras.Model:
    """Return a small network, with weights everywhere."""
    random = np.random.default_rng(0)
    vectors = None if embedding == "random" else random.normal(size=(20, 6)).astype(np.float32)
    network = new_text_classifier(Design(preset, embedding=embedding, **SMALL | other), vectors)
    last = network.get_layer(LOGITS)
    last.set_weights([random.normal(size=w.shape) for w in last.get_weights()])
    return network


def run(network: keras.Model, tokens) -> np.ndarray:
    return np.asarray(network({TOKENS: np.asarray(tokens, np.int32)}))


@pytest.mark.parametrize(("preset", "embedding"), NETWORKS)
def test_padding_changes_nothing(preset, embedding):
    network = made(preset, embedding)
    found = run(network, TEXTS)
    np.testing.assert_array_equal(found, run(network, np.pad(TEXTS, ((0, 0), (0, 40)))))
    alone = [run(network, text[None, : np.count_nonzero(text)])[0] for text in TEXTS]
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert np.ptp(found, axis=0).min() > 1e-3  # texts do differ
    assert np.isfinite(run(network, np.zeros((2, 3)))).all()


@pytest.mark.parametrize(("preset", "embedding"), NETWORKS)
def test_plain_keras_loads_it(preset, embedding, tmp_path):
    network = made(preset, embedding)
    network.save(tmp_path / "a.keras")
    again = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(run(again, TEXTS), run(network, TEXTS))
    assert again.inputs[0].shape == (None, None) and again.inputs[0].dtype == "int32"


@pytest.mark.parametrize(("preset", "embedding"), NETWORKS)
def test_all_classes_are_equally_likely_at_first_and_all_weights_learn(preset, embedding):
    vectors = None if embedding == "random" else np.zeros((20, 6), np.float32)
    network = new_text_classifier(Design(preset, embedding=embedding, **SMALL), vectors)
    np.testing.assert_array_equal(run(network, TEXTS), np.full((3, 3), np.float32(1 / 3)))
    learner, labels = Learner(made(preset, embedding)), np.eye(3, dtype=np.float32)
    with tf.GradientTape() as tape:
        logits = learner(TEXTS, training=True)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)(labels, logits)
    slopes = tape.gradient(loss, [each.value for each in learner.trainable_variables])
    for variable, slope in zip(learner.trainable_variables, slopes, strict=True):
        assert np.abs(tf.convert_to_tensor(slope)).max() > 0, variable.path
    stays = [each.path for each in learner.non_trainable_variables if "seed" not in each.path]
    assert stays == (["static/embeddings"] if embedding in ("static", "both") else [])


def test_windows_reach_over_both_ends_of_a_text():
    """Two tokens and a window of three: four windows, of which one token is in the outer ones."""
    network = made("textcnn", windows=(3,), maps=1)
    vectors = network.get_layer("words").get_weights()[0]
    kernel, bias = network.get_layer("window-3").get_weights()
    one, two = vectors[4], vectors[5]
    zero = np.zeros(6)
    rows = [(zero, zero, one), (zero, one, two), (one, two, zero), (two, zero, zero)]
    found = [sum(part @ kernel[at, :, 0] for at, part in enumerate(row)) + bias[0] for row in rows]
    weights, last = network.get_layer(LOGITS).get_weights()
    logits = max(0, *found) * weights[0] + last
    want = np.exp(logits) / np.exp(logits).sum()
    for padding in (0, 3):
        np.testing.assert_allclose(run(network, [[4, 5, *[0] * padding]])[0], want, rtol=1e-5)


def test_the_largest_is_of_windows_that_hold_a_token():
    maps = np.array([[[1.0], [-2.0], [-1.0], [9.0]], [[-3.0], [-4.0], [8.0], [9.0]]], np.float32)
    there = np.array([[True, True, False], [True, False, False]])
    found = MaxOverTime(2)(maps, there)
    assert found.numpy().tolist() == [[1.0], [-3.0]]
    assert MaxOverTime(1)(maps[:, :3], there).numpy().tolist() == [[1.0], [-3.0]]


def test_the_first_token_is_always_there():
    assert Present()(np.array([[4, 5, 0], [0, 0, 0]])).numpy().tolist() == [
        [True, True, False], [True, False, False],
    ]  # fmt: skip
    vectors = TokenVectors(6, 2)(np.array([[4, 0]]))
    assert vectors[0, 1].numpy().tolist() == [0, 0] and np.abs(vectors[0, 0]).min() > 0


def test_attention_is_as_worked_by_hand():
    layer = AttentionOverTime(1)
    states = np.array([[[1.0], [2.0], [7.0]]], np.float32)
    layer(states, np.array([[True, True, False]]))
    layer.set_weights([np.array([[0.5]]), np.array([0.0]), np.array([[2.0]])])
    mean, weights = layer(states, np.array([[True, True, False]]))
    scores = np.exp(2 * np.tanh([0.5, 1.0]))
    want = scores / scores.sum()
    np.testing.assert_allclose(weights[0], [*want, 0], rtol=1e-6)
    np.testing.assert_allclose(mean[0], want @ [[1.0], [2.0]], rtol=1e-6)


def test_a_bag_counts_tokens():
    layer = BagOfTokens(8, 2)
    layer(TEXTS[2:])
    weights = np.arange(16, dtype=np.float32).reshape(8, 2)
    layer.set_weights([weights, np.array([0.5, -1])])
    counts = np.array([[0, 0, 0, 0, 2, 0, 1, 0]])
    found = layer(np.array([[4, 6, 4, 0, 0]]))
    np.testing.assert_allclose(found, counts @ weights + [0.5, -1])
    np.testing.assert_allclose(found, layer(np.array([[6, 4, 4]])))


def test_a_plain_recurrent_network_is_as_worked_by_hand():
    network = made("rnn")
    inner, recurrent, bias = network.get_layer("reader").get_weights()
    state = np.zeros(5)
    for token in (9, 4):
        state = np.tanh(network.get_layer("words").get_weights()[0][token] @ inner
                        + state @ recurrent + bias)  # fmt: skip
    weights, last = network.get_layer(LOGITS).get_weights()
    logits = np.exp(state @ weights + last)
    np.testing.assert_allclose(run(network, TEXTS[1:2])[0], logits / logits.sum(), rtol=1e-5)


def test_what_attention_looks_at_decides():
    network = made("bilstm")
    _, weights = network.get_layer(ATTENTION).output
    weights = keras.Model(network.input, weights)({TOKENS: TEXTS})
    np.testing.assert_allclose(weights.numpy().sum(axis=1), 1, rtol=1e-6)
    assert (weights.numpy() == 0).tolist() == (TEXTS == 0).tolist()
    states, there = network.get_layer(ATTENTION).input
    told = keras.Model(network.input, [states, network.get_layer(LOGITS).output])
    mean = np.einsum("btc,bt->bc", told({TOKENS: TEXTS})[0], weights)
    kernel, bias = network.get_layer(LOGITS).get_weights()
    np.testing.assert_allclose(told({TOKENS: TEXTS})[1], mean @ kernel + bias, rtol=1e-4, atol=1e-6)
    assert there.dtype == "bool"


@pytest.mark.parametrize("embedding", EMBEDDINGS[1:])
def test_words_without_a_vector_begin_at_random(embedding):
    vectors = np.full((20, 6), 2.0, np.float32)
    vectors[7] = np.nan
    design = Design("textcnn", embedding=embedding, **SMALL)
    network = new_text_classifier(design, vectors)
    layers = [layer for layer in network.layers if isinstance(layer, TokenVectors)]
    assert len(layers) == 1 + (embedding == "both")
    first = layers[0].get_weights()[0]
    assert (first[[0, 6, 8]] == 2).all() and 0 < np.abs(first[7]).max() <= 0.25
    for layer in layers:
        np.testing.assert_array_equal(layer.get_weights()[0], first)


def test_the_weights_of_a_class_are_bound():
    kernel = made("textcnn").get_layer(LOGITS).kernel
    found = np.asarray(kernel.constraint(np.array([[3.0, 1.0], [4.0, 1.0]], np.float32)))
    np.testing.assert_allclose(found, [[1.8, 1.0], [2.4, 1.0]], rtol=1e-5)
    assert made("textcnn", max_norm=0.0).get_layer(LOGITS).kernel.constraint is None
    assert made("lstm").get_layer(LOGITS).kernel.constraint is None


def test_a_learner_drops_what_is_padding_in_all_texts():
    network = made("bilstm")
    learner, wide = Learner(network), np.pad(TEXTS, ((0, 0), (0, 60)))
    logits = keras.Model(network.input, network.get_layer(LOGITS).output)
    np.testing.assert_array_equal(learner(wide), logits({TOKENS: wide}))
    seen = []
    learner.logits = lambda inputs, training: seen.append(inputs[TOKENS].shape) or inputs[TOKENS]
    for tokens, wanted in ((wide, 8), (TEXTS, 5), (np.ones((2, 9)), 9), (wide * 0, 8)):
        learner(tokens.astype(np.int32))
        assert seen.pop()[1] == wanted


@pytest.mark.parametrize("preset", ["textcnn", "gru"])
def test_two_replicas_take_the_same_steps(preset):
    found = []
    for devices in ("cpu", "cpu:2"):
        strategy = place(devices, "auto").strategy
        keras.utils.set_random_seed(0)
        with strategy.scope():
            learner = Learner(new_text_classifier(Design(preset, max_norm=0.01, **SMALL)))
            learner.compile(keras.optimizers.SGD(1.0), keras.losses.CategoricalCrossentropy(True),
                            jit_compile=False)  # fmt: skip
        tokens = np.tile(TEXTS, (2, 1))[:4]
        data = tf.data.Dataset.from_tensors((tokens, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]))
        data = data.unbatch().batch(4, drop_remainder=True).repeat()
        learner.fit(data, steps_per_epoch=3, verbose=0, shuffle=False)
        found.append(learner.get_weights())
        norms = np.linalg.norm(learner.logits.get_layer(LOGITS).get_weights()[0], axis=0)
        assert preset != "textcnn" or norms == pytest.approx([0.01] * 3, rel=1e-3)
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
