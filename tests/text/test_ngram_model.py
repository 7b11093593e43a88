"""A text foretold by counts: smoothing that adds up, worked by hand, and better than less of it."""

import itertools

import numpy as np
import pytest

from dltk.text.ngram_model import NgramModel, _discounts
from dltk.text.vocabulary import START


@pytest.fixture(scope="module")
def text():
    """A chain of second order over the tokens 4 to 7."""
    random = np.random.default_rng(0)
    table = random.dirichlet([0.3] * 4, (4, 4)).cumsum(axis=-1)
    numbers = [0, 1]
    for chance in random.random(4000):
        after = table[numbers[-2], numbers[-1]]
        numbers.append(int(min(np.searchsorted(after, chance), 3)))
    return np.array(numbers) + 4


@pytest.mark.parametrize("order", [1, 2, 4])
def test_chances_add_up_behind_what_was_seen_and_what_was_not(text, order):
    model = NgramModel(text[:300], order, 8)
    for ahead in [*itertools.product((4, 7), repeat=3), (START, 4, 4), (0, 0, 0), ()]:
        nats = [model.nats(np.array([token]), np.array(ahead, int))[0] for token in range(8)]
        assert np.exp(-np.array(nats)).sum() == pytest.approx(1, abs=1e-9)
        assert np.isfinite(nats).all()


def test_chances_of_two_tokens_are_as_worked_by_hand():
    """The text a b a b a, of V = 6: with so few counts, each discount is 0.5.

    Pairs: (start a) 1, (a b) 2, (b a) 2. So a comes behind two different tokens, b behind one, and
    shares of 0.5 * 2 / 3 are left to 1 / 6 each. Behind a, b has (2 - 0.5) / 2 and 0.5 / 2 of the
    chance of a single b.
    """
    a, b = 4, 5
    model = NgramModel(np.array([a, b, a, b, a]), 2, 6)
    of_a = (2 - 0.5) / 3 + (0.5 * 2 / 3) / 6
    of_b = (1 - 0.5) / 3 + (0.5 * 2 / 3) / 6
    found = np.exp(-model.nats(np.array([b, a, a]), np.array([a])))
    assert found == pytest.approx([0.75 + 0.25 * of_b, 0.75 + 0.25 * of_a, 0.25 * of_a], rel=1e-9)


def test_discounts_are_those_of_chen_and_goodman():
    """Of 8 counts of one, 4 of two, 2 of three and 1 of four: Y = 8 / 16."""
    counts = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 5])
    assert _discounts(counts) == pytest.approx((0.5, 2 - 1.5 * 2 / 4, 3 - 2 * 1 / 2))
    assert _discounts(np.array([1, 2, 3])) == (0.5, 0.5, 0.5)


def test_the_right_order_foretells_best(text):
    train, held = text[:3000], text[3000:]
    means = [NgramModel(train, order, 8).nats(held, train[-10:]).mean() for order in (1, 2, 3, 5)]
    assert means[0] > means[1] > means[2] and means[2] < means[3] < means[2] + 0.05
    whole = NgramModel(train, 3, 8)
    parts = np.concatenate([whole.nats(held[:7], train), whole.nats(held[7:20], held[:7])])
    np.testing.assert_allclose(parts, whole.nats(held[:20], train))
