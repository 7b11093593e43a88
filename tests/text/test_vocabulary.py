"""Words and their numbers."""

from __future__ import annotations

import pytest

from dltk.errors import UsageError
from dltk.text.tokens import joined, tokens
from dltk.text.vocabulary import END, FIRST, PADDING, START, UNKNOWN, Vocabulary
from tests.text.test_tokens import SENTENCES


def test_the_most_frequent_words_come_first_and_equally_frequent_ones_by_alphabet():
    texts = [tokens(text) for text in ("a cat and a dog", "a dog", "zebra and cat", "bird")]
    assert Vocabulary.of(texts).words == ("a", "and", "cat", "dog", "bird", "zebra")
    assert Vocabulary.of(texts, least=2).words == ("a", "and", "cat", "dog")
    assert Vocabulary.of(texts, least=2, most=3).words == ("a", "and", "cat")
    assert Vocabulary.of(texts, least=4).words == () == Vocabulary.of([]).words
    assert Vocabulary.of(reversed(texts)) == Vocabulary.of(texts)


def test_numbers_of_words_begin_behind_those_that_stand_for_none():
    known = Vocabulary(("a", "cat"))
    assert (PADDING, START, END, UNKNOWN, FIRST) == (0, 1, 2, 3, 4)
    assert len(known) == 6 and known.encode(["cat", "a", "dog"]) == [5, 4, UNKNOWN]
    assert "cat" in known and "dog" not in known and "…" not in known


def test_numbers_are_read_up_to_the_end():
    known = Vocabulary(("a", "cat"))
    assert known.decode([START, 4, UNKNOWN, 5, PADDING, 4, END, 5]) == ["a", "…", "cat", "a"]
    assert known.decode([END]) == known.decode([]) == []


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_texts_in_any_script_come_back(text):
    words = tokens(text, marks=True)
    known = Vocabulary.of([words])
    numbers = known.encode(words)
    assert min(numbers) >= FIRST and max(numbers) < len(known)
    assert joined(known.decode([START, *numbers, END, PADDING])) == joined(words)


def test_no_word_is_there_twice():
    with pytest.raises(UsageError, match="has every word once"):
        Vocabulary(("a", "cat", "a"))
