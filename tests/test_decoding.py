"""Beam search, sampling and their rules, against every text there is and against chance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.decoding import (
    NEVER,
    Rules,
    beam_search,
    chosen_by,
    length_penalty,
    likely,
    sample,
)

WORDS, LONGEST, START, END = 7, 4, 1, 2
BANNED = (0, START)
RULES = {
    "none": Rules(END, BANNED, LONGEST),
    "banned": Rules(END, (*BANNED, 3), LONGEST),
    "shortest": Rules(END, BANNED, LONGEST, shortest=2),
    "as long as may be": Rules(END, BANNED, LONGEST, shortest=LONGEST),
    "no word twice": Rules(END, BANNED, LONGEST, no_repeat=1),
    "no pair twice": Rules(END, BANNED, LONGEST, no_repeat=2),
    "longer than any": Rules(END, BANNED, LONGEST, no_repeat=9),
    "prefix": Rules(END, BANNED, LONGEST, prefix=(4, 5)),
    "prefix of all": Rules(END, BANNED, LONGEST, prefix=(4, 5, 4, 6)),
    "all": Rules(END, (*BANNED, 3), LONGEST, shortest=3, no_repeat=1, prefix=(5,)),
}


def chances_of(seed: int) -> np.ndarray:
    """Return the chance of each word by the word before it and its place, (V, T, V)."""
    random = np.random.default_rng(seed)
    return random.dirichlet(np.full(WORDS, 0.5), (WORDS, LONGEST + 1))


TABLE = np.log(chances_of(0)).astype(np.float32)


def step_of(tables: np.ndarray):
    """Return a network that reads its scores from tables (N, V, T, V).

    Its state is the number of its table, and the place in the text, int32 (N, 2).
    """
    tables = tf.constant(tables)

    def step(words, state):
        at = tf.stack([state[:, 0], words, tf.minimum(state[:, 1], LONGEST)], axis=1)
        return tf.gather_nd(tables, at), state + tf.constant([0, 1])

    return step


def state_of(*numbers: int) -> tf.Tensor:
    return tf.constant([[number, 0] for number in numbers])


def search(rules: Rules, *, tables=TABLE[None], numbers=(0,), **options):
    """Return what beam search finds, in a compiled graph."""
    first = tf.fill((len(numbers),), START)
    run = tf.function(
        lambda state: beam_search(step_of(tables), first, state, rules, **options),
        autograph=False,
    )
    return run(state_of(*numbers))


def drawn(rules: Rules, *, tables=TABLE[None], numbers=(0,), chances=None, **options):
    """Return what sampling gives, in a compiled graph."""
    first = tf.fill((len(numbers),), START)
    run = tf.function(
        lambda state, chances: sample(
            step_of(tables), first, state, rules, chances=chances, **options
        ),
        autograph=False,
    )
    return run(state_of(*numbers), chances)


def allowed(words: tuple[int, ...], rules: Rules) -> bool:
    if len(words) < rules.shortest or words[: len(rules.prefix)] != rules.prefix:
        return False
    size = rules.no_repeat
    rows = [words[at : at + size] for at in range(len(words) - size + 1)] if size else []
    return len(set(rows)) == len(rows)


def total_of(words, table: np.ndarray = TABLE) -> float:
    """Return the logarithm of the chance of some words."""
    pairs = zip((START, *words), words, strict=False)
    return sum(float(table[before, at, word]) for at, (before, word) in enumerate(pairs))


def every_text(rules: Rules, penalty: float = 0.0) -> list[tuple[float, tuple[int, ...]]]:
    """Return all texts that end, with what they are rated by, the best first."""
    words = [word for word in range(WORDS) if word not in rules.banned and word != END]
    texts = itertools.chain.from_iterable(
        itertools.product(words, repeat=length) for length in range(rules.longest + 1)
    )
    return sorted(
        (
            (total_of((*text, END)) / ((6 + len(text)) / 6) ** penalty, text)
            for text in texts
            if allowed(text, rules)
        ),
        reverse=True,
    )


def text_of(numbers) -> tuple[int, ...]:
    """Return words up to the end, behind which there is nothing but the end."""
    numbers = [int(number) for number in numbers]
    at = numbers.index(END)
    assert set(numbers[at:]) == {END}
    return tuple(numbers[:at])


# Beam search


@pytest.mark.parametrize("penalty", [0.0, 0.7])
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_wide_beam_finds_the_best_of_all_texts(rules, penalty):
    found = search(rules, beams=300, penalty=penalty)
    expected = every_text(rules, penalty)[:20]
    assert [text_of(words) for words in found.words[0, : len(expected)]] == [
        text for _, text in expected
    ]
    scores = [score for score, _ in expected]
    np.testing.assert_allclose(found.scores[0, : len(scores)], scores, atol=1e-4)
    assert found.ended[0, : len(scores)].numpy().all()
    assert found.words.dtype == tf.int32 and found.words.shape == (1, 300, LONGEST + 1)


@pytest.mark.parametrize("beams", [2, 3, 5])
def test_a_narrow_beam_tells_the_true_scores_of_what_it_finds(beams):
    for seed in range(5):
        table = np.log(chances_of(seed)).astype(np.float32)
        found = search(RULES["none"], tables=table[None], beams=beams, penalty=0.5)
        texts = [text_of(words) for words in found.words[0]]
        assert len(set(texts)) == beams and found.ended.numpy().all()
        for text, score in zip(texts, found.scores[0].numpy(), strict=True):
            penalty = ((6 + len(text)) / 6) ** 0.5
            assert score == pytest.approx(total_of((*text, END), table) / penalty, abs=1e-4)
        assert (np.diff(found.scores[0]) <= 0).all()


def test_a_search_finds_nothing_worse_than_the_likeliest_word_every_time():
    for seed in range(5):
        table = np.log(chances_of(seed)).astype(np.float32)
        for rules in (RULES["none"], RULES["no word twice"]):
            greedy = drawn(rules, tables=table[None])
            words, last = text_of(greedy.words[0, 0]), START
            if not rules.no_repeat:
                for at, word in enumerate((*words, END)[:LONGEST]):
                    assert word == table[last, at, 2:].argmax() + 2
                    last = word
            assert greedy.words.shape == (1, 1, LONGEST + 1)
            found = search(rules, tables=table[None], beams=1)
            assert found.ended[0, 0]
            assert not greedy.ended[0, 0] or found.scores[0, 0] >= greedy.scores[0, 0] - 1e-5


def test_a_longer_text_wins_where_length_is_paid_for():
    """ "a" ends with 0.4, and goes on with 0.6 to what ends surely: 0.4 against 0.36."""
    table = np.full((WORDS, LONGEST + 1, WORDS), NEVER, np.float32)
    table[START, 0, 4] = 0.0
    table[4, 1, [END, 5]] = np.log([0.4, 0.6])
    table[5, 2, 6] = np.log(0.6)
    table[6, 3, END] = 0.0
    plain = search(RULES["none"], tables=table[None], beams=3)
    paid = search(RULES["none"], tables=table[None], beams=3, penalty=1.0)
    assert text_of(plain.words[0, 0]) == (4,)
    assert float(plain.scores[0, 0]) == pytest.approx(math.log(0.4))
    assert text_of(paid.words[0, 0]) == (4, 5, 6)
    assert float(paid.scores[0, 0]) == pytest.approx(math.log(0.36) / (9 / 6))
    assert float(paid.scores[0, 1]) == pytest.approx(math.log(0.4) / (7 / 6))


def test_the_penalty_of_a_length_is_that_of_the_paper():
    lengths = tf.constant([1, 7, 13])
    np.testing.assert_allclose(length_penalty(lengths, 0.0), [1, 1, 1])
    np.testing.assert_allclose(length_penalty(lengths, 1.0), [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(length_penalty(lengths, 0.5), np.sqrt([1, 2, 3]), rtol=1e-6)


def test_texts_that_never_end_are_cut_off_and_come_last():
    table = np.full((WORDS, LONGEST + 1, WORDS), NEVER, np.float32)
    table[START, 0, [4, 5]] = np.log([0.9, 0.1])
    table[4, :, 4] = 0.0  # for ever
    table[5, 1, [END, 5]] = np.log([0.001, 0.999])
    table[5, 2:, 5] = 0.0
    found = search(RULES["none"], tables=table[None], beams=3)
    assert found.ended[0].numpy().tolist() == [True, False, False]
    assert [text_of(words) for words in found.words[0]] == [(5,), (4,) * LONGEST, (5,) * LONGEST]
    np.testing.assert_allclose(found.scores[0], np.log([0.0001, 0.9, 0.0999]), rtol=1e-4)
    greedy = drawn(RULES["none"], tables=table[None])
    assert text_of(greedy.words[0, 0]) == (4,) * LONGEST and not greedy.ended.numpy().any()
    assert float(greedy.scores[0, 0]) == pytest.approx(math.log(0.9))


@pytest.mark.parametrize("beams", [1, 3])
def test_what_is_found_does_not_depend_on_the_others_of_a_batch(beams):
    tables = np.log(np.stack([chances_of(seed) for seed in range(4)])).astype(np.float32)
    together = search(RULES["none"], tables=tables, numbers=range(4), beams=beams)
    for at in range(4):
        alone = search(RULES["none"], tables=tables, numbers=[at], beams=beams)
        for each, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(each[0], all_of_them[at])


def test_a_graph_gives_what_single_operations_do():
    for rules in (RULES["all"], RULES["no pair twice"]):
        compiled = search(rules, beams=3)
        plain = beam_search(step_of(TABLE[None]), tf.constant([START]), state_of(0), rules, beams=3)
        for each, other in zip(compiled, plain, strict=True):
            np.testing.assert_array_equal(each, other)
    chances = tf.constant(np.random.default_rng(0).random((1, LONGEST + 1), np.float32))
    compiled = drawn(RULES["all"], chances=chances)
    plain = sample(
        step_of(TABLE[None]), tf.constant([START]), state_of(0), RULES["all"], chances=chances
    )
    np.testing.assert_array_equal(compiled.words, plain.words)


# Rules


def test_no_row_of_words_comes_twice_however_likely():
    """The network says 4 5 6 4 5 6 for ever."""
    longest = 12
    table = np.full((WORDS, LONGEST + 1, WORDS), -9.0, np.float32)
    for before, after in ((START, 4), (4, 5), (5, 6), (6, 4)):
        table[before, :, after] = 0.0
    for size in (1, 2, 3, 4):
        rules = Rules(END, BANNED, longest, shortest=longest if size > 1 else 0, no_repeat=size)
        for found in (
            search(rules, tables=table[None], beams=2),
            drawn(rules, tables=table[None]),
            drawn(rules, tables=table[None], chances=tf.fill((1, longest + 1), 0.5)),
        ):
            words = text_of(found.words[0, 0])
            assert allowed(words, rules)
            if found.words.shape[1] == 1 and size > 1:
                assert words[:size] == (4, 5, 6, 4)[:size]


TIGHT = {
    "as long as may be": RULES["as long as may be"],
    "short": Rules(END, BANNED, 3, shortest=1),
    "prefix": Rules(END, BANNED, 3, prefix=(4, 5, 6)),
    "prefix and one more": Rules(END, BANNED, 4, prefix=(4, 5, 6)),
    "one word is left": Rules(END, (*BANNED, 3, 5, 6), 3, shortest=3),
}


@pytest.mark.parametrize("penalty", [0.0, 4.0])
@pytest.mark.parametrize("rules", TIGHT.values(), ids=TIGHT)
def test_no_text_comes_twice_or_against_the_rules(rules, penalty):
    """However few there are: what fills up the beams tells by its score that it is none."""
    random = np.random.default_rng(1)
    tables = np.log(random.dirichlet(np.full(WORDS, 0.5), (40, WORDS, LONGEST + 1)))
    found = search(
        rules, tables=tables.astype(np.float32), numbers=range(40), beams=3, penalty=penalty
    )
    for words, scores in zip(found.words, found.scores.numpy(), strict=True):
        texts = [text_of(each) for each, score in zip(words, scores, strict=True) if score > -1e6]
        assert texts and len(set(texts)) == len(texts)
        for text in texts:
            assert allowed(text, rules) and not {*rules.banned, END} & set(text)


def test_a_text_that_no_word_may_go_on_with_ends():
    """Two words, each of them once, but four are asked for."""
    rules = Rules(END, (*BANNED, 3, 4), LONGEST, shortest=LONGEST, no_repeat=1)
    for found in (search(rules, beams=2), drawn(rules)):
        assert sorted(text_of(found.words[0, 0])) == [5, 6] and found.ended[0, 0]
        assert found.scores[0, 0] > -100


def test_a_prefix_comes_whatever_the_rules():
    rules = Rules(END, (*BANNED, 6), LONGEST, no_repeat=1, prefix=(6, 6))
    for found in (search(rules, beams=3), drawn(rules)):
        for words in found.words[0]:
            assert text_of(words)[:2] == (6, 6) and 6 not in text_of(words)[2:]


# Chance


@pytest.fixture(scope="module")
def many():
    """Ten thousand texts by chance, and what chose their words."""
    chances = np.random.default_rng(1).random((10_000, LONGEST + 1), np.float32)
    numbers = [0] * len(chances)
    return drawn(RULES["none"], numbers=numbers, chances=tf.constant(chances)), chances


def table_of(place: int, before: int) -> np.ndarray:
    """Return how often each word ought to come, those that are banned left out."""
    shares = np.exp(TABLE[before, place].astype(np.float64))
    shares[list(BANNED)] = 0
    return shares / shares.sum()


def test_words_come_as_often_as_the_network_says(many):
    words = many[0].words[:, 0].numpy()
    often = np.bincount(words[:, 0], minlength=WORDS) / len(words)
    np.testing.assert_allclose(often, table_of(0, START), atol=0.02)
    before = int(often.argsort()[-1]) if often.argmax() != END else int(often.argsort()[-2])
    after = words[words[:, 0] == before][:, 1]
    often = np.bincount(after, minlength=WORDS) / len(after)
    np.testing.assert_allclose(often, table_of(1, before), atol=0.03)


def test_scores_of_chance_are_those_of_the_network_whatever_the_temperature(many):
    hot = drawn(RULES["none"], numbers=[0] * 50, chances=tf.constant(many[1][:50]), temperature=3.0)
    for found in (many[0], hot):
        for words, score, ended in zip(
            found.words[:50, 0], found.scores[:50, 0].numpy(), found.ended[:50, 0], strict=True
        ):
            text = text_of(words)
            assert score == pytest.approx(total_of((*text, END) if ended else text), abs=1e-4)


def test_temperature_makes_likely_words_likelier(many):
    chances = tf.constant(many[1])
    for temperature in (0.5, 2.0):
        found = drawn(
            RULES["none"], numbers=[0] * len(many[1]), chances=chances, temperature=temperature
        )
        powers = table_of(0, START) ** (1 / temperature)
        often = np.bincount(found.words[:, 0, 0], minlength=WORDS) / len(many[1])
        np.testing.assert_allclose(often, powers / powers.sum(), atol=0.02)
    cold = drawn(RULES["none"], numbers=[0] * 20, chances=chances[:20], temperature=1e-3)
    np.testing.assert_array_equal(cold.words, np.repeat(drawn(RULES["none"]).words, 20, axis=0))


def test_a_text_depends_on_its_own_chances_alone(many):
    alone = drawn(RULES["none"], chances=tf.constant(many[1][3:4]))
    np.testing.assert_array_equal(alone.words[0], many[0].words[3])


def test_only_the_likeliest_words_are_left():
    shares = np.log(np.float32([[0.05, 0.4, 0.3, 0.15, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]]))

    def left(**options) -> list[list[int]]:
        kept = likely(tf.constant(shares), **options).numpy()
        np.testing.assert_array_equal(kept[kept > NEVER], shares[kept > NEVER])
        return [np.flatnonzero(row > NEVER).tolist() for row in kept]

    everything = [0, 1, 2, 3, 4]
    assert left() == left(top_k=9) == left(top_k=5, top_p=1.0) == [everything, everything]
    assert left(top_k=2)[0] == [1, 2] and left(top_k=1)[0] == [1]
    assert left(top_p=0.69)[0] == [1, 2]  # 0.4 + 0.3 is the first that reaches it
    assert left(top_p=0.71)[0] == [1, 2, 3]
    assert left(top_p=0.4)[0] == [1] and left(top_p=1e-6)[0] == [1]
    assert left(top_k=3, top_p=0.5)[0] == [1, 2]  # of what top_k leaves, 0.85: 0.4 is not half


def test_a_chance_chooses_where_the_probabilities_add_up_to_it():
    scores = tf.constant(np.log(np.float32([[0.2, 0.5, 0.3]] * 6)))
    chances = tf.constant([0.0, 0.19, 0.21, 0.69, 0.71, 1.0])
    assert chosen_by(scores, chances).numpy().tolist() == [0, 0, 1, 1, 2, 2]
    barred = tf.constant(np.float32([[NEVER, 0.0, NEVER]] * 3))
    assert chosen_by(barred, tf.constant([0.0, 0.5, 1.0])).numpy().tolist() == [1, 1, 1]
