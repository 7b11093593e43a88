"""The layers of a captioner, against their formulas in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import CaptionDecoder, Places, SoftAttention

BATCH, PLACES, CHANNELS, WORDS, STEPS = 3, 6, 5, 11, 7
UNITS, EMBEDDING, ATTENTION = 8, 4, 9
CELLS = ("lstm", "gru", "plain")


def decoder_of(cell: str = "lstm", attention: int = ATTENTION, dropout: float = 0.0):
    """Return a decoder with weights of chance, biases too."""
    keras.utils.set_random_seed(0)
    decoder = CaptionDecoder(
        WORDS,
        cell=cell,
        units=UNITS,
        embedding=EMBEDDING,
        attention=attention,
        dropout=dropout,
        name="decoder",
    )
    decoder.build((None, PLACES, CHANNELS), (None, None))
    decoder.built = True
    random = np.random.default_rng(0)
    for weight in decoder.trainable_weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return decoder


def inputs_of(seed: int = 0, steps: int = STEPS):
    random = np.random.default_rng(seed)
    places = random.normal(size=(BATCH, PLACES, CHANNELS)).astype(np.float32)
    return tf.constant(places), tf.constant(random.integers(0, WORDS, (BATCH, steps)), tf.int32)


def weights_of(layer) -> list[np.ndarray]:
    return [np.asarray(weight, np.float64) for weight in layer.get_weights()]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def plain_cell(decoder, inputs: np.ndarray, state: np.ndarray) -> np.ndarray:
    """h = tanh(W_i x + W_r h + b)"""
    of_input, of_state, bias = weights_of(decoder.cell)
    return np.tanh(inputs @ of_input + state @ of_state + bias)


# What is worked out


def test_show_and_tell_is_its_formula():
    """The picture's mean is the first input of the cell, words are all others."""
    decoder, (places, words) = decoder_of("plain", attention=0), inputs_of()
    kernel, bias = weights_of(decoder.of_picture)
    (embedding,) = weights_of(decoder.words)
    of_output, bias_of_output = weights_of(decoder.scores)
    first = places.numpy().mean(axis=1) @ kernel + bias
    state = plain_cell(decoder, first, np.zeros((BATCH, UNITS)))
    scores, weights = decoder(places, words)
    for at in range(STEPS):
        state = plain_cell(decoder, embedding[words[:, at]], state)
        np.testing.assert_allclose(scores[:, at], state @ of_output + bias_of_output, atol=1e-4)
    assert scores.shape == (BATCH, STEPS, WORDS) and weights.shape == (BATCH, STEPS, 0)


def test_show_attend_and_tell_is_its_formula():
    """Xu et al. 2015: Eq. 4-7, the gate β of Sec. 4.2.1, and a tanh before the last layer; but that
    the word before is asked for, too."""
    decoder, (places, words) = decoder_of("plain"), inputs_of()
    (embedding,) = weights_of(decoder.words)
    of_places, bias, of_query, fit = weights_of(decoder.attention)
    (begin,) = decoder.begins
    seen_all = places.numpy().astype(np.float64)
    kernel, bias_of_begin = weights_of(begin)
    state = np.tanh(seen_all.mean(axis=1) @ kernel + bias_of_begin)
    scores, weights = decoder(places, words)
    for at in range(STEPS):
        word = embedding[words[:, at]]
        query = np.concatenate([state, word], axis=1) @ of_query
        hidden = np.tanh(seen_all @ of_places + bias + query[:, None])
        alpha = softmax((hidden @ fit)[..., 0])
        np.testing.assert_allclose(weights[:, at], alpha, atol=1e-5)
        kernel, bias_of_gate = weights_of(decoder.gate)
        gate = 1 / (1 + np.exp(-(state @ kernel + bias_of_gate)))
        seen = gate * (alpha[:, :, None] * seen_all).sum(axis=1)
        state = plain_cell(decoder, np.concatenate([word, seen], axis=1), state)
        kernel, bias_of_told = weights_of(decoder.tells)
        of_state, of_seen = kernel[:UNITS], kernel[UNITS:]
        told = np.tanh(word + state @ of_state + seen @ of_seen + bias_of_told)
        kernel, bias_of_scores = weights_of(decoder.scores)
        np.testing.assert_allclose(scores[:, at], told @ kernel + bias_of_scores, atol=1e-4)


@pytest.mark.parametrize("attention", [0, ATTENTION])
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_gives_what_all_at_once_does(cell, attention):
    decoder, (places, words) = decoder_of(cell, attention), inputs_of()
    scores, weights = decoder(places, words)
    state, memory = decoder.begin(places)
    assert len(state) == (2 if cell == "lstm" else 1)
    for at in range(STEPS):
        told, state, seen = decoder.step(words[:, at], state, memory)
        np.testing.assert_allclose(decoder.scores(told), scores[:, at], atol=1e-5)
        np.testing.assert_allclose(seen, weights[:, at], atol=1e-6)
    assert scores.dtype == weights.dtype == tf.float32
    shapes = decoder.compute_output_shape(places.shape, words.shape)
    assert [tuple(shape) for shape in shapes] == [tuple(scores.shape), tuple(weights.shape)]


def test_what_comes_later_changes_nothing_before_it():
    decoder, (places, words) = decoder_of(), inputs_of()
    other = tf.concat([words[:, :4], (words[:, 4:] + 1) % WORDS], axis=1)
    first, second = decoder(places, words)[0], decoder(places, other)[0]
    np.testing.assert_array_equal(first[:, :4], second[:, :4])
    assert np.abs(first[:, 4:] - second[:, 4:]).max() > 0.01


def test_attention_is_shared_out_among_the_places_and_does_not_know_their_order():
    decoder, (places, words) = decoder_of(), inputs_of()
    scores, weights = decoder(places, words)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=-1), 1, atol=1e-5)
    assert (weights.numpy() > 0).all() and weights.numpy().std() > 0.01
    turned, moved = decoder(places[:, ::-1], words)
    np.testing.assert_allclose(turned, scores, atol=1e-4)
    np.testing.assert_allclose(moved, weights[..., ::-1], atol=1e-5)


def test_keys_are_worked_out_once_for_all_queries():
    layer, random = SoftAttention(4), np.random.default_rng(0)
    query, places = random.normal(size=(2, 3)), random.normal(size=(2, 5, 6))
    query, places = query.astype(np.float32), places.astype(np.float32)
    seen, weights = layer(query, places)
    again, same = layer(query, places, layer.keys(places))
    np.testing.assert_array_equal(seen, again)
    np.testing.assert_array_equal(weights, same)
    assert [tuple(each) for each in layer.compute_output_shape((2, 3), (2, 5, 6))] == [
        tuple(seen.shape), tuple(weights.shape)
    ]  # fmt: skip


# What is learnt


@pytest.mark.parametrize("attention", [0, ATTENTION])
@pytest.mark.parametrize("cell", CELLS)
def test_every_weight_learns_and_so_does_the_picture(cell, attention):
    decoder, (places, words) = decoder_of(cell, attention, dropout=0.3), inputs_of()

    @tf.function(autograph=False)
    def slopes():
        with tf.GradientTape() as tape:
            tape.watch(places)
            scores, _ = decoder(places, words[:, :-1], training=True, sampling=0.5)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=words[:, 1:], logits=scores)
            )
        return tape.gradient(loss, [places, *decoder.trainable_variables])

    for slope, variable in zip(slopes(), [None, *decoder.trainable_variables], strict=True):
        assert slope is not None, variable
        slope = tf.convert_to_tensor(slope).numpy()
        assert np.isfinite(slope).all() and np.abs(slope).max() > 0, variable


def test_dropout_is_for_training_alone():
    decoder, (places, words) = decoder_of(dropout=0.9), inputs_of()
    plain = decoder(places, words)[0]
    np.testing.assert_array_equal(decoder(places, words, training=False)[0], plain)
    dropped, weights = decoder(places, words, training=True)
    assert np.abs(dropped - plain).max() > 0.1
    np.testing.assert_allclose(weights, decoder(places, words)[1], atol=1e-6)


def test_words_of_its_own_stand_for_the_true_ones_never_or_always():
    decoder, (places, words) = decoder_of(), inputs_of()
    plain = decoder(places, words)[0]
    np.testing.assert_allclose(decoder(places, words, sampling=0.0)[0], plain, atol=1e-6)
    own = decoder(places, words, sampling=1.0)[0]
    state, memory = decoder.begin(places)
    said = words[:, 0]
    for at in range(STEPS):
        told, state, _ = decoder.step(said, state, memory)
        scores = decoder.scores(told)
        np.testing.assert_allclose(own[:, at], scores, atol=1e-4)
        said = tf.argmax(scores, axis=-1, output_type=tf.int32)
    assert np.abs(own - plain).max() > 0.01


def test_as_many_words_are_its_own_as_is_asked_for():
    decoder = decoder_of("plain", attention=0)
    decoder.cell.set_weights([np.zeros_like(weight) for weight in decoder.cell.get_weights()])
    kernel, bias = decoder.scores.get_weights()
    embedding, recurrent, constant = decoder.cell.get_weights()
    decoder.cell.set_weights([embedding + 1, recurrent, constant])  # h is the word's sum, no more
    places, words = inputs_of(steps=400)[0], tf.fill((BATCH, 400), 5)
    embedded = weights_of(decoder.words)[0].sum(axis=1)
    # It always says 3, and in the other scores what it heard.
    decoder.scores.set_weights([kernel * 0 + 1e-4, bias * 0 + np.eye(WORDS)[3]])
    scores = decoder(places, words, sampling=0.25)[0].numpy()[..., 0] / (UNITS * 1e-4)
    heard = np.abs(scores - np.tanh(embedded[3])) < np.abs(scores - np.tanh(embedded[5]))
    assert heard[:, 1:].mean() == pytest.approx(0.25, abs=0.05)
    assert not heard[:, 0].any()


# What is kept


@pytest.mark.parametrize("attention", [0, ATTENTION])
@pytest.mark.parametrize("cell", CELLS)
def test_a_decoder_is_the_same_from_its_file(cell, attention, tmp_path):
    decoder, (places, words) = decoder_of(cell, attention), inputs_of()
    inputs = keras.Input((PLACES, CHANNELS)), keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, decoder(*inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one, other in zip(model([places, words]), again([places, words]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.get_layer("decoder").get_config() == decoder.get_config()


# Places


def test_places_are_summed_over_maps_that_are_brought_to_one_size():
    layer, random = Places(4, 2), np.random.default_rng(0)
    fine, coarse = random.normal(size=(2, 4, 6, 3)), np.ones((2, 2, 3, 5)) * [1, 2, 3, 4, 5]
    found = layer([fine.astype(np.float32), coarse.astype(np.float32)])
    (kernel, bias), (kernel_of_coarse, bias_of_coarse) = map(weights_of, layer.mixes)
    normal = (fine - fine.mean(axis=-1, keepdims=True)) / np.sqrt(
        fine.var(axis=-1, keepdims=True) + 1e-3
    )
    down, right = np.mgrid[-0.75:1:0.5, -5 / 6 : 1 : 1 / 3]
    places = np.broadcast_to(np.stack([down, right], axis=-1), (2, 4, 6, 2))
    expected = np.concatenate([normal, places], axis=-1) @ kernel + bias
    spread = (np.arange(1, 6) - 3) / np.sqrt(2 + 1e-3)
    expected = expected + (spread @ kernel_of_coarse + bias_of_coarse)
    assert found.shape == layer.compute_output_shape([fine.shape, coarse.shape]) == (2, 24, 4)
    np.testing.assert_allclose(found, expected.reshape(2, 24, 4), atol=1e-4)


def test_pictures_of_any_shape_have_places():
    layer = Places(4, 2)
    for high, wide in ((4, 6), (2, 2), (6, 2)):
        maps = [np.ones((1, high, wide, 3)), np.ones((1, high // 2, wide // 2, 5))]
        assert layer([each.astype(np.float32) for each in maps]).shape == (1, high * wide, 4)
    assert layer.compute_output_shape([(None, None, None, 3), (None, None, None, 5)]) == (
        None, None, 4
    )  # fmt: skip
