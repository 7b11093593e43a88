"""A made text with analogies in it."""

import re
from collections import Counter
from itertools import chain

from dltk.text.grammar_analogies import FAMILIES, questions, sentences


def test_sentences_depend_on_the_seed_alone():
    first = list(sentences(50, seed=3))
    assert first == list(sentences(50, seed=3)) and first != list(sentences(50, seed=4))
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)+", sentence) for sentence in first)


def test_no_word_has_two_parts_to_play():
    parts = [word for family in FAMILIES for pair in family.pairs for word in pair]
    parts += [word for family in FAMILIES for word in family.first + family.second]
    assert [word for word, count in Counter(parts).items() if count > 1] == []


def test_a_sentence_is_of_one_pair_and_says_what_is_said_of_one_side():
    sides = {
        pair[side]: (set(pair[2:]), set((family.first, family.second)[side]))
        for family in FAMILIES for pair in family.pairs for side in (0, 1)
    }  # fmt: skip
    every = set(chain.from_iterable(things | said for things, said in sides.values()))
    seen = set()
    for sentence in sentences(3000):
        words = sentence.split()
        (it,) = (word for word in words if word in sides)
        things, said = sides[it]
        assert set(words) & every <= things | said
        assert set(words) & things and set(words) & said
        seen.add(it)
    assert seen == set(sides)


def test_all_pairs_of_pairs_are_asked():
    asked = questions()
    assert [len(section) for section in asked.values()] == [132, 132, 132]
    assert ("paris", "france", "rome", "italy") in asked["capital-countries"]
    assert ("cat", "cats", "child", "children") in asked["gram-plural"]
    assert all(len(set(question)) == 4 for section in asked.values() for question in section)
