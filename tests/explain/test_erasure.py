"""What words are worth, by what is said of a text without them."""

import numpy as np
import pytest

from dltk.explain.erasure import MOST, log_odds, worths
from dltk.text.vocabulary import UNKNOWN

WEIGHTS = np.zeros((10, 2))
WEIGHTS[:, 1] = [0, 0, 0, 0.5, 2, -1, 0.25, 30, -3, 0]


def linear(texts):
    """Return float32 (N, 2): the softmax of the sum of the words' weights."""
    sums = np.stack([WEIGHTS[text].sum(axis=0) for text in texts])
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def text(*numbers):
    return np.array(numbers, np.int32)


def test_log_odds_are_of_a_probability_over_the_others():
    found = log_odds(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32), [0, 1])
    np.testing.assert_allclose(found, np.log([1, 4]), atol=1e-6)


def test_log_odds_have_their_digits_where_a_network_is_sure():
    sure = np.array([[1e-12, 1, 1e-12]], np.float32)
    np.testing.assert_allclose(log_odds(sure, [1]), -np.log(2e-12), rtol=1e-6)
    assert np.isfinite(log_odds(np.array([[0, 1]], np.float32), [0])).all()


def test_in_a_linear_network_each_word_is_worth_its_weight():
    texts = [text(4, 5, 6), text(8, 4, 4), text(7, 5)]
    found = worths(texts, [1, 0, 1], linear(texts), linear)
    np.testing.assert_allclose(found[0], [2, -1, 0.25], atol=1e-5)
    np.testing.assert_allclose(found[1], [3, -2, -2], atol=1e-5)
    np.testing.assert_allclose(found[2], [30, -1], rtol=1e-3)  # of which 1 - p is 0 in float32


def test_of_one_word_what_is_left_is_unknown():
    seen = []

    def watched(texts):
        seen.extend(texts)
        return linear(texts)

    found = worths([text(4)], [1], linear([text(4)]), watched)
    assert [each.tolist() for each in seen] == [[UNKNOWN]]
    np.testing.assert_allclose(found[0], [2 - 0.5], atol=1e-5)


@pytest.mark.parametrize("length", [MOST, MOST + 1, 3 * MOST + 7])
def test_a_long_text_is_looked_at_so_often_and_no_more(length):
    given = []

    def watched(texts):
        given.extend(map(len, texts))
        return linear(texts)

    long = np.full(length, 9, np.int32)  # words that are worth nothing
    long[:4] = 4
    found = worths([long, text(6)], [1, 1], linear([long, text(6)]), watched)
    assert len(given) == MOST + 1 and max(given) < length
    assert found[0].shape == (length,) and found[0].sum() == pytest.approx(8, abs=1e-3)
    if length > 2 * MOST:  # runs of several, of which each has its share
        assert found[0][0] == found[0][1] == pytest.approx(2, abs=1e-3)


def test_many_texts_are_given_to_the_network_in_parts():
    sizes = []

    def watched(texts):
        sizes.append(len(texts))
        return linear(texts)

    texts = [text(*[4, 5] * 10)] * 100
    found = worths(texts, [1] * 100, linear(texts), watched)
    assert sum(sizes) == 2000 and max(sizes) <= 1024
    assert all(np.allclose(each, [2, -1] * 10, atol=1e-4) for each in found)
