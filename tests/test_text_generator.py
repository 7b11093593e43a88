"""A generator of texts: its network, what it carries on, how it reads and how it writes."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from dltk.data.passages import Passages
from dltk.engine import reader
from dltk.engine.reader import Reader
from dltk.engine.writer import Style, Writer, chances_of
from dltk.metrics.language import LanguageReport, unigram_report
from dltk.models.text_generator.learning import Learner, nats
from dltk.models.text_generator.network import CELLS, LOGITS, Parts, new_text_generator
from dltk.strategy import place
from dltk.text.vocabulary import END, FIRST, PADDING, START, TOKENS, UNKNOWN

KNOWN, UNITS = 12, 6
NEVER_WRITTEN = {PADDING, START, END, UNKNOWN}


@pytest.fixture(scope="module", params=CELLS)
def network(request) -> keras.Model:
    return chance_network(request.param)


def chance_network(cell: str = "lstm") -> keras.Model:
    """Return a network with large weights, so that what it says depends on what it has read."""
    keras.utils.set_random_seed(1)
    network = new_text_generator(KNOWN, cell=cell, units=UNITS, embedding=5)
    for weight in network.weights:
        weight.assign(weight * 2.5)
    return network


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(FIRST, KNOWN, shape).astype(np.int32)


def scores_of(network, tokens, states=None) -> dict[str, tf.Tensor]:
    """Return what a network as a whole gives, from a state or from the beginning."""
    parts = Parts.of(network)
    states = states or dict(zip(parts.states, parts.begin(len(tokens)), strict=True))
    return compiled(network)(
        {TOKENS: tf.constant(tokens)} | {name: states[name] for name in parts.states}
    )


@cache
def compiled(network):
    return tf.function(network, reduce_retracing=True, autograph=False)


# The network


def test_a_text_may_come_in_pieces_of_any_length(network):
    tokens = drawn(3, 20)
    whole = scores_of(network, tokens)
    states, found = None, []
    for start, end in ((0, 1), (1, 8), (8, 20)):
        states = scores_of(network, tokens[:, start:end], states)
        found.append(states[LOGITS])
    np.testing.assert_allclose(tf.concat(found, axis=1), whole[LOGITS], atol=1e-5)
    for name in Parts.of(network).states:
        np.testing.assert_allclose(states[name], whole[name], atol=1e-5)
    assert len(Parts.of(network).states) == (4 if "cell0" in network.input else 2)


def test_other_ways_to_run_it_are_the_same(network):
    tokens, parts = tf.constant(drawn(3, 9)), Parts.of(network)
    whole = scores_of(network, tokens)
    scores, states = parts.read(tokens, parts.begin(3))
    np.testing.assert_allclose(scores, whole[LOGITS], atol=1e-5)
    stepped = parts.begin(3)
    for at in range(9):
        scores, stepped = parts.step(tokens[:, at], stepped)
        np.testing.assert_allclose(scores, whole[LOGITS][:, at], atol=1e-5)
    for name, one, other in zip(parts.states, states, stepped, strict=True):
        np.testing.assert_allclose(one, whole[name], atol=1e-5)
        np.testing.assert_allclose(other, whole[name], atol=1e-5)


def test_it_is_of_keras_alone_and_loads_there(network, tmp_path):
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)
    network.save(tmp_path / "plain.keras")
    again = keras.saving.load_model(tmp_path / "plain.keras")
    tokens = drawn(2, 4)
    np.testing.assert_allclose(
        scores_of(again, tokens)[LOGITS], scores_of(network, tokens)[LOGITS], atol=1e-6
    )


@pytest.mark.parametrize("cell", CELLS)
def test_one_who_knows_nothing_finds_all_tokens_alike(cell):
    keras.utils.set_random_seed(0)
    network = new_text_generator(80, cell=cell, units=64, embedding=64)
    tokens = np.random.default_rng(0).integers(80, size=(20, 31))
    scores = scores_of(network, tokens[:, :-1].astype(np.int32))[LOGITS]
    assert float(tf.reduce_mean(nats(scores, tokens[:, 1:]))) == pytest.approx(np.log(80), rel=0.05)


def test_dropout_is_between_layers_and_in_training_only():
    network = new_text_generator(KNOWN, units=UNITS, dropout=0.5)
    parts, tokens = Parts.of(network), tf.constant(drawn(2, 5))
    plain, states = parts.read(tokens, parts.begin(2))
    varied, others = parts.read(tokens, parts.begin(2), training=True)
    assert np.abs(plain - varied).max() > 1e-3
    np.testing.assert_allclose(states[0], others[0], atol=1e-6)  # the first layer reads all of it
    assert np.abs(states[2] - others[2]).max() > 1e-3


# How it learns


def learner_of(cell: str, devices: str, *, lanes: int = 4, rate: float = 0.1):
    """Return a learner of plain gradient descent, compiled under a strategy, and that."""
    strategy = place("cpu:2", "auto").strategy if devices == "two" else place("cpu").strategy
    with strategy.scope():
        keras.utils.set_random_seed(0)
        network = new_text_generator(KNOWN, cell=cell, units=UNITS, embedding=5)
        learner = Learner(network, lanes=lanes)
        optimizer = keras.optimizers.SGD(rate)
        optimizer.build(learner.trainable_variables)
        learner.compile(optimizer)
    return learner, strategy


def fitted(learner, strategy, steps: int, first: int = 0, lanes: int = 4) -> float:
    batches = Passages(drawn(200), length=8, batch_size=lanes)
    fit = learner.fit(
        batches.dataset(strategy, first), steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return fit.history["loss"][-1]


def carried(learner) -> list[np.ndarray]:
    return [np.asarray(state) for state in learner._carried]


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_is_carried_on_within_an_epoch_and_not_beyond(cell):
    """Weights stand still. Then what is carried is what was read from the epoch's beginning on."""
    learner, strategy = learner_of(cell, "one", rate=0.0)
    batches = Passages(drawn(200), length=8, batch_size=4)
    assert batches.steps_per_epoch == 6
    for steps in (1, 3, 8):  # the last two steps in the second epoch
        fitted(learner, strategy, steps)
        epoch = (steps - 1) // 6
        read = [batches.share(step, 0, 1)[0][0] for step in range(6 * epoch, steps)]
        tokens = np.concatenate([tokens[:, :-1] for tokens in read], axis=1)
        whole = scores_of(learner.network, tokens)
        for name, state in zip(Parts.of(learner.network).states, carried(learner), strict=True):
            np.testing.assert_allclose(state, whole[name], atol=1e-5)


def test_the_loss_is_of_a_text_read_as_a_whole():
    learner, strategy = learner_of("lstm", "one", rate=0.0)
    batches = Passages(drawn(200), length=8, batch_size=4)
    read = [batches.share(step, 0, 1)[0][0] for step in range(5)]
    tokens = np.concatenate([*(each[:, :-1] for each in read), read[-1][:, -1:]], axis=1)
    scores = scores_of(learner.network, tokens[:, :-1])[LOGITS]
    expected = float(tf.reduce_mean(nats(scores, tokens[:, 1:])))
    assert fitted(learner, strategy, 5) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_two_replicas_learn_and_carry_on_as_one(cell):
    one, two = learner_of(cell, "one"), learner_of(cell, "two")
    losses = [fitted(*each, 8) for each in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for first, second in zip(one[0].get_weights(), two[0].get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
    assert np.abs(carried(one[0])[0]).max() > 0.01
    for state in two[0]._carried:  # every replica knows what all have read
        copies = two[1].experimental_local_results(state.value)
        np.testing.assert_array_equal(*(copy.numpy() for copy in copies))


# How it reads


def nats_of(network, tokens: np.ndarray) -> np.ndarray:
    scores = scores_of(network, tokens[None, :-1])[LOGITS]
    return nats(scores, tokens[None, 1:]).numpy()[0]


def test_every_token_is_counted_once_with_all_that_stands_before_it(monkeypatch):
    """With one place to read at, there is nothing that is not read."""
    monkeypatch.setattr(reader, "_LANES", 1)
    network, reads = chance_network(), Reader(chance_network())
    for ahead in (0, 1, 37, 100, 250):
        for count in (2, 99, 100, 101, 480):
            text = drawn(ahead + count)
            report = reads.measure(text[ahead:], "character", ahead=text[:ahead])
            counted = nats_of(network, text)[-count:]
            assert report.tokens == len(counted) == (count if ahead else count - 1)
            assert report.nats == pytest.approx(float(counted.mean()), rel=1e-4)


@pytest.mark.parametrize("ahead", [0, 3, 60])
def test_reading_in_many_places_counts_the_same(ahead, monkeypatch):
    """What lies further back than 40 tokens hardly matters to a network that forgets."""
    monkeypatch.setattr(reader, "_LEAD", 40)
    monkeypatch.setattr(reader, "_WINDOW", 8)
    network, text = chance_network("rnn"), drawn(ahead + 455)
    for weight in network.weights:
        weight.assign(weight / 2.5)
    report = Reader(network).measure(text[ahead:], "character", ahead=text[:ahead])
    counted = nats_of(network, text)[-455:]
    assert report.tokens == len(counted) == (455 if ahead else 454)
    assert report.nats == pytest.approx(float(counted.mean()), rel=1e-6)


def test_figures_are_those_of_a_coin():
    """A token with a chance of a half is a bit; one of an eighth, three."""
    report = LanguageReport("character", 2, np.log(2 * 8) / 2, 0.25)
    assert report.bits == pytest.approx(2.0) and report.perplexity == pytest.approx(4.0)
    assert report.to_dict() == {
        "unit": "character", "tokens": 2, "bits_per_character": 2.0, "perplexity": 4.0,
        "unknown": 0.25,
    }  # fmt: skip
    scores = np.log([[[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]]).astype(np.float32)
    np.testing.assert_allclose(nats(scores, np.array([[0, 2]])), [np.log([2, 8])], rtol=1e-5)


def test_how_frequent_tokens_are_is_what_a_network_is_to_be_better_than():
    """Counts of 0, 3 and 0, and one more of each: chances of 1, 4 and 1 in 6."""
    report = unigram_report(np.array([0, 3, 0]), np.array([0, 1, 1]), unit="word", unknown=2)
    assert report.perplexity == pytest.approx(np.sqrt((6 / 4) * (6 / 1)))
    assert report.tokens == 2 and report.unknown == 0.5


# How it writes


def writer_of(network, *, ends: bool = False, batch_size: int = 4, **style) -> Writer:
    how = Style(**{"length": 12} | style)
    return Writer(network, place("cpu").strategy, how, batch_size=batch_size, ends=ends)


def allowed(scores: np.ndarray) -> np.ndarray:
    """Return probabilities of what may be written."""
    chances = np.exp(np.float64(scores - scores.max()))
    chances[list(NEVER_WRITTEN)] = 0
    return chances / chances.sum()


def by_hand(network, beginning: list[int], length: int, choose) -> list[int]:
    """Write as anybody would: read the whole text anew for each token."""
    text = list(beginning)
    for at in range(length):
        scores = scores_of(network, np.array([text], np.int32))[LOGITS][0, -1].numpy()
        text.append(int(choose(allowed(scores), at)))
    return text[len(beginning) :]


def test_temperature_zero_takes_the_likeliest_every_time(network):
    beginning = drawn(6).tolist()
    (first, second) = writer_of(network, temperature=0.0)(beginning, [0, 1], seed=3)
    expected = by_hand(network, beginning, 12, lambda chances, at: chances.argmax())
    assert list(first.numbers) == list(second.numbers) == expected and not first.ended


def test_chance_chooses_as_step_by_step():
    network, beginning = chance_network(), drawn(3).tolist()
    (written,) = writer_of(network)(beginning, [7], seed=5)
    draws = chances_of(5, 7, 12)

    def choose(chances, at):
        return np.searchsorted(chances.cumsum(), draws[at], side="right")

    assert list(written.numbers) == by_hand(network, beginning, 12, choose)


def test_a_text_is_the_same_whatever_is_written_beside_it():
    network, beginning = chance_network(), drawn(2).tolist()
    single, three = (writer_of(network, batch_size=size) for size in (1, 3))
    alone = [single(beginning, [at], seed=1)[0] for at in range(5)]
    assert alone == three(beginning, range(5), seed=1)
    assert len({each.numbers for each in alone}) > 1
    assert three(beginning, range(5), seed=2) != alone


def test_two_replicas_write_as_one():
    two = place("cpu:2", "auto").strategy
    with two.scope():
        network = chance_network()
    shared = Writer(network, two, Style(9), batch_size=4, ends=False)([FIRST], range(5))
    assert shared == writer_of(chance_network(), length=9)([FIRST], range(5))


def test_long_beginnings_are_read_in_pieces_and_nothing_is_cut(network, monkeypatch):
    numbers, writer = drawn(12).tolist(), writer_of(network)
    whole = writer.state_behind(numbers)
    monkeypatch.setattr("dltk.engine.writer._PIECE", 5)
    for one, other in zip(writer.state_behind(numbers), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.abs(writer.state_behind(numbers[9:])[0] - whole[0]).max() > 1e-3


def first_tokens(network, count: int, **style) -> np.ndarray:
    """Return how often each token was written first, int (KNOWN,)."""
    writer = writer_of(network, length=1, batch_size=count, **style)
    written = writer([FIRST + 1], range(count), seed=11)
    return np.bincount([each.numbers[0] for each in written], minlength=KNOWN)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_the_softmax_says(network, temperature):
    scores = scores_of(network, np.array([[FIRST + 1]], np.int32))[LOGITS][0, -1].numpy()
    expected = 3000 * allowed(scores / temperature)
    counts = first_tokens(network, 3000, temperature=temperature)
    assert not counts[list(NEVER_WRITTEN)].any()
    likely = expected > 5
    rest = [counts[~likely].sum()], [expected[~likely].sum()]
    found, wanted = (np.append(each[likely], others) for each, others in
                     zip((counts, expected), rest, strict=True))  # fmt: skip
    some = wanted > 0
    assert stats.chisquare(found[some], wanted[some]).pvalue > 1e-3


def test_only_the_likeliest_come_where_others_are_excluded(network):
    scores = scores_of(network, np.array([[FIRST + 1]], np.int32))[LOGITS][0, -1].numpy()
    chances = allowed(scores)
    order = np.argsort(-chances)
    three = first_tokens(network, 400, top_k=3)
    assert set(np.flatnonzero(three)) <= set(order[:3]) and three[order[0]] < 400
    assert (first_tokens(network, 50, top_k=1)[order[0]]) == 50
    nucleus = order[: 1 + np.searchsorted(chances[order].cumsum(), 0.6)]
    assert set(np.flatnonzero(first_tokens(network, 400, top_p=0.6))) <= set(nucleus)


def test_texts_that_may_end_do_and_nothing_comes_behind():
    network = chance_network()
    bias = network.get_layer(LOGITS).bias
    bias.assign(tf.tensor_scatter_nd_update(bias.value, [[END]], [3.0]))
    ended = writer_of(network, ends=True, length=30)([FIRST], range(20))
    assert all(each.ended and len(each.numbers) < 30 for each in ended)
    assert len({len(each.numbers) for each in ended}) > 1
    assert not any(set(each.numbers) & NEVER_WRITTEN for each in ended)
    endless = writer_of(network, length=30)([FIRST], range(3))
    assert all(len(each.numbers) == 30 and not each.ended for each in endless)
