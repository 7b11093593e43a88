"""What an answerer is made of: its layers, worked by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import Answering, Coordinates, Glimpse, QuestionReader
from dltk.layers.glimpses import BANDS, in_bands, steps
from dltk.text.vocabulary import PADDING


def made(layer, *shapes, spread: float = 1.0):
    """Return a layer, built, with weights of chance."""
    keras.utils.set_random_seed(0)
    layer.build(*shapes)
    random = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(0, spread, weight.shape))
    return layer


def normal(*shape, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Reading


def read_by_hand(words, reader: QuestionReader) -> np.ndarray:
    """Return the output behind the last word, of Hochreiter & Schmidhuber's cell as Keras has it,
    and what is told of the sum of the words."""
    kernel, recurrent, bias = reader.lstm.get_weights()
    units = recurrent.shape[0]
    output = state = np.zeros(units)
    for word in words:
        x = reader.words.get_weights()[0][word]
        gates = np.split(x @ kernel + output @ recurrent + bias, 4)
        enter, forget, leave = (1 / (1 + np.exp(-gates[at])) for at in (0, 1, 3))
        state = forget * state + enter * np.tanh(gates[2])
        output = leave * np.tanh(state)
    total = sum(reader.words.get_weights()[0][word] for word in words)
    return output + total @ reader.of_sum.get_weights()[0]


@pytest.fixture(scope="module")
def reader() -> QuestionReader:
    return made(QuestionReader(9, embedding=4, units=3), (None, None, None), spread=0.7)


def test_a_question_is_read_word_by_word(reader):
    questions = [[4, 5, 6], [7], [4, 4, 8, 5]]
    words = np.full((1, 3, 4), PADDING, np.int32)
    for at, numbers in enumerate(questions):
        words[0, at, : len(numbers)] = numbers
    read = reader(words).numpy()
    assert read.shape == (1, 3, 3) and read.dtype == np.float32
    for at, numbers in enumerate(questions):
        np.testing.assert_allclose(read[0, at], read_by_hand(numbers, reader), atol=1e-6)


def test_padding_changes_nothing(reader):
    words = np.int32([[[4, 5, 6], [8, PADDING, PADDING]], [[7, 7, PADDING], [PADDING] * 3]])
    read = reader(words).numpy()
    wider = np.pad(words, [(0, 0), (0, 2), (0, 5)])
    graph = tf.function(reader, autograph=False)
    for found in (reader(wider).numpy(), graph(wider).numpy()):
        np.testing.assert_allclose(found[:, :2], read, atol=1e-6)
        assert not found[:, 2:].any() and not found[1, 1].any()


# Looking


SHAPES = (None, None, 3), (None, None, 4), (None, None, 5)


def test_a_place_fits_by_the_product_of_its_traits_and_what_is_asked_of_them():
    glimpse, queries, traits = made(Glimpse(), *SHAPES), normal(2, 2, 3), normal(2, 6, 5, seed=3)
    kernel, bias = glimpse.of_query.get_weights()
    found = glimpse.fit(queries, traits).numpy()
    assert found.shape == (2, 2, 6)
    for b, q, at in np.ndindex(found.shape):
        expected = traits[b, at] @ (queries[b, q] @ kernel + bias) / np.sqrt(5)
        assert found[b, q, at] == pytest.approx(expected, abs=1e-4)


def test_a_glimpse_has_a_softmax_and_a_gate_for_every_place():
    glimpse, queries = made(Glimpse(), *SHAPES), normal(2, 3, 3)
    places, traits = normal(2, 6, 4, seed=2), normal(2, 6, 5, seed=3)
    means, weights, gates = (each.numpy() for each in glimpse(queries, places, traits))
    fits = glimpse.fit(queries, traits).numpy()
    raised = np.exp(4 * fits)
    np.testing.assert_allclose(weights, raised / raised.sum(axis=-1, keepdims=True), rtol=1e-3)
    np.testing.assert_allclose(means, weights @ places, rtol=1e-4, atol=1e-5)
    steep, rare = float(glimpse.steep), float(glimpse.rare)
    np.testing.assert_allclose(gates, 1 / (1 + np.exp(-(steep * fits + rare))), atol=1e-5)


def test_two_alike_have_the_mean_of_one_and_count_twice():
    glimpse, queries = made(Glimpse(), *SHAPES), normal(1, 1, 3)
    places, traits = normal(1, 6, 4, seed=2), normal(1, 6, 5, seed=3)
    twice = [np.concatenate([each, each], axis=1) for each in (places, traits)]
    mean, _, gates = glimpse(queries, places, traits)
    again, _, more = glimpse(queries, *twice)
    np.testing.assert_allclose(again, mean, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(more), 2 * tf.reduce_sum(gates), rtol=1e-4)


def test_hardly_a_place_counts_at_first():
    keras.utils.set_random_seed(0)
    traits = np.tanh(normal(1, 196, 64, seed=2))
    _, _, gates = Glimpse()(normal(1, 20, 8), traits, traits)
    assert 0.01 < float(tf.reduce_mean(gates)) < 0.2


def test_places_know_where_they_are():
    found = Coordinates()(np.zeros((3, 2, 4, 5), np.float32)).numpy()
    assert found.shape == (3, 8, 2)
    expected = [(y, x) for y in (-0.5, 0.5) for x in (-0.75, -0.25, 0.25, 0.75)]
    for each in found:
        np.testing.assert_allclose(each, expected)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, [1, 0, 0, 0]), (2, [0, 0, 1, 0]), (1.25, [0, 0.75, 0.25, 0]), (7.5, [0, 0, 0, 1])],
)
def test_counts_become_channels(count, expected):
    np.testing.assert_allclose(steps(tf.constant(count, tf.float32), 3), expected, atol=1e-6)


def test_places_lie_in_bands():
    """The first and the last band are those of the edges."""
    where = np.float32([[[-1, 1], [0, -1], [-5 / 7, 0]]])
    found = in_bands(tf.constant(where)).numpy()
    down, right = np.split(found[0], 2, axis=1)
    assert found.shape == (1, 3, 2 * BANDS) and BANDS == 8
    np.testing.assert_allclose(down[:, :5], [
        [1, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.5], [0, 1, 0, 0, 0]], atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(right[:, [0, 3, 4, 7]], [
        [0, 0, 0, 1], [1, 0, 0, 0], [0, 0.5, 0.5, 0]], atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(found.sum(axis=-1), 2, atol=1e-6)


# Answering


def test_answers_are_told_from_two_glimpses():
    answering = made(
        Answering(7, units=3, attention=5), (None, None, 3), (None, None, 4), (None, None, 2),
        spread=0.5,
    )  # fmt: skip
    queries, places = normal(2, 3, 3), normal(2, 6, 4, seed=2)
    where = tf.constant(normal(2, 6, 2, seed=3))
    scores, weights, gates = (each.numpy() for each in answering(queries, places, where))
    assert scores.shape == (2, 3, 7) and weights.shape == gates.shape == (2, 3, 6)
    kernel, bias = answering.traits.get_weights()
    bands = in_bands(where)
    traits, sought, seen = np.float32(np.tanh(places @ kernel + bias)), queries, []
    for at, glimpse in enumerate(answering.glimpses):
        mean, looked, let = glimpse(sought, places, traits)
        if at == 0:
            np.testing.assert_allclose(weights, looked, atol=1e-5)
            np.testing.assert_allclose(gates, let, atol=1e-5)
        counts = tf.reduce_sum(let, axis=-1)
        seen += [
            answering.means[at](mean), answering.sums[at](tf.matmul(let, places) / 10),
            tf.matmul(looked, bands), tf.matmul(let, bands) / (counts[..., None] + 1e-3),
            counts[..., None] / 10, steps(counts, 10),
        ]  # fmt: skip
        sought = queries + mean.numpy() @ answering.of_mean.get_weights()[0]
    seen = np.concatenate(seen, axis=-1)
    hidden = [
        np.maximum(x @ layer.get_weights()[0] + layer.get_weights()[1], 0)
        for x, layer in ((queries, answering.of_query), (seen, answering.of_seen))
    ]
    kernel, bias = answering.scores.get_weights()
    np.testing.assert_allclose(scores, hidden[0] * hidden[1] @ kernel + bias, rtol=1e-3, atol=1e-4)


def test_layers_are_made_again_from_what_they_say_of_themselves():
    for layer in (
        Answering(7, units=3, attention=5, dropout=0.1, name="a"),
        QuestionReader(9, embedding=4, units=3),
        Glimpse(name="g"), Coordinates(),
    ):  # fmt: skip
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
