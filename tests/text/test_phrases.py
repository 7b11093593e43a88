"""Words that are joined to phrases."""

import numpy as np
import pytest

from dltk.text import phrases
from dltk.text.phrases import count_words, find_pairs, join_pairs
from dltk.text.vocabulary import END, FIRST, UNKNOWN

A, B, C, D = range(4)


def text(words: str) -> np.ndarray:
    """Return the tokens of words a to d; "." is END, "?" UNKNOWN."""
    numbers = {".": END, "?": UNKNOWN} | {name: FIRST + at for at, name in enumerate("abcd")}
    return np.array([numbers[letter] for letter in words], np.int32)


def spelled(numbers: np.ndarray, pairs) -> str:
    names = {END: ".", UNKNOWN: "?"} | {FIRST + at: name for at, name in enumerate("abcd")}
    names |= {FIRST + 4 + at: f"[{'abcd'[a]}{'abcd'[b]}]" for at, (a, b) in enumerate(pairs)}
    return "".join(names[number] for number in numbers.tolist())


def test_scores_are_those_worked_out_by_hand():
    """Of "abab.cabd?" nine tokens are no END; ab is there 3 times, a and b 3 times each:
    (3 - 1) / (3 * 3) * 9 = 2, ba (1 - 1) is 0, bd (1 - 1) is 0."""
    numbers = text("abab.cabd?")
    counts, length = count_words(numbers, 4)
    assert counts.tolist() == [3, 3, 1, 1] and length == 9
    assert find_pairs(numbers, 4, threshold=1.99, discount=1).tolist() == [[A, B]]
    assert find_pairs(numbers, 4, threshold=2.0, discount=1).tolist() == []
    # Without discount: bd is 1 / (3 * 1) * 9 = 3, ca the same, ab 3 / 9 * 9 = 3, ba 1.
    found = find_pairs(numbers, 4, threshold=2.9, discount=0).tolist()
    assert found == [[A, B], [B, D], [C, A]]


def test_pairs_do_not_reach_over_lines_and_unknown_words():
    assert len(find_pairs(text("a.b?a?b.a"), 4, threshold=0, discount=0)) == 0


@pytest.mark.parametrize(
    ("words", "pairs", "joined"),
    [
        ("abc", [[A, B], [B, C]], "[ab]c"),  # from left to right
        ("aaaaa", [[A, A]], "[aa][aa]a"),
        ("cab.ab", [[A, B]], "c[ab].[ab]"),
        ("dabcab", [[A, B], [B, C], [C, A], [D, A]], "[da][bc][ab]"),
        ("abc", [], "abc"),
        ("", [[A, B]], ""),
    ],
)
@pytest.mark.parametrize("at_once", [1, 2, 3, 1 << 22])
def test_phrases_are_joined_wherever_the_text_is_cut(words, pairs, joined, at_once, monkeypatch):
    monkeypatch.setattr(phrases, "_AT_ONCE", at_once)
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    assert spelled(join_pairs(text(words), 4, pairs).numbers(), pairs) == joined


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_pairs_are_counted_alike_wherever_the_text_is_cut(at_once, monkeypatch):
    numbers = np.random.default_rng(0).choice([END, UNKNOWN, 4, 5, 6, 7], 200).astype(np.int32)
    whole = find_pairs(numbers, 4, threshold=0.8, discount=1)
    monkeypatch.setattr(phrases, "_AT_ONCE", at_once)
    assert 0 < len(whole) < 16
    np.testing.assert_array_equal(find_pairs(numbers, 4, threshold=0.8, discount=1), whole)


def test_of_too_many_pairs_the_rare_ones_are_forgotten(monkeypatch):
    monkeypatch.setattr(phrases, "_MOST_PAIRS", 2)
    numbers = text("ab.ab.ab.bc.bc.cd")
    assert find_pairs(numbers, 4, threshold=0, discount=0).tolist() == [[A, B], [B, C]]
