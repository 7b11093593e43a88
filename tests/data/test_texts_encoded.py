"""Texts as numbers, and the folds that they are dealt to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltk.data import in_memory
from dltk.data.folds import fold_numbers
from dltk.data.texts import texts_in_memory
from dltk.data.texts.encoded import EncodedTexts, tokens_in
from dltk.text.encoder import Encoder, padded
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import PADDING, UNKNOWN, Vocabulary

SAID = ["one two three", "Two two!", "?", "four one"]


@pytest.fixture
def part():
    return texts_in_memory(SAID, [0, 1, 0, 1], ["a", "b"]).splits["all"]


def test_texts_are_encoded_and_padded(part):
    encoder = Encoder(Tokenizer(), Vocabulary(("two", "one")), 2)  # which are 4 and 5
    read = encoder("One, two three")
    assert read.numbers.tolist() == [5, 4] and read[1:] == (2, 0, True)
    assert encoder("three two")[1:] == (2, 1, False)
    assert encoder("three").numbers.tolist() == [UNKNOWN] and encoder("three")[1:] == (1, 1, False)
    for nothing in ("...", ""):
        assert encoder(nothing).numbers.tolist() == [UNKNOWN]
        assert encoder(nothing)[1:] == (0, 0, False)
    assert encoder.to_dict() == Tokenizer().to_dict() | {"length": 2}
    texts = EncodedTexts(part, encoder)
    assert texts(np.array([3, 0, 2])).tolist() == [[UNKNOWN, 5], [5, 4], [UNKNOWN, PADDING]]
    assert texts(np.array([2]), 1).tolist() == [[UNKNOWN]]
    assert texts.lengths.tolist() == [2, 2, 1, 2] and len(texts) == 4
    assert texts(np.array([0])).dtype == np.int32
    assert padded([np.array([7, 8])], 4).tolist() == [[7, 8, 0, 0]]


def test_tokens_are_counted_as_they_are(part):
    counted = tokens_in(part, Tokenizer(marks=True))
    assert counted.tokens == {"one": 2, "two": 3, "three": 1, "four": 1, "!": 1, "?": 1}
    assert counted.lengths.tolist() == [3, 3, 1, 2]


def test_words_of_other_texts_alone_are_unknown(part):
    encoder = Encoder(Tokenizer(), Vocabulary(("two", "one", "three", "four")), 9)
    texts = EncodedTexts(part, encoder)
    assert texts.seen_in(np.array([1, 3]), 8, 1).tolist() == [0, 3, 3, 3, 4, 5, 3, 7]
    shorter = EncodedTexts(part, replace(encoder, length=1))  # of which no more is looked at
    assert shorter.seen_in(np.array([1, 3]), 8, 1).tolist() == [0, 3, 3, 3, 4, 3, 3, 7]
    assert texts.seen_in(np.array([1, 3]), 8, 2).tolist() == [0, 3, 3, 3, 4, 3, 3, 3]


def test_folds_have_all_classes_and_copies_stay_together():
    said = [f"text {at}" for at in range(40)] + ["text 3"] * 3
    labels = [int(at % 4 == 0) for at in range(40)] + [0] * 3
    part = texts_in_memory(said, labels, ["a", "b"]).splits["all"]
    numbers = fold_numbers(part, 5, seed=1)
    assert len(set(numbers[[3, 40, 41, 42]])) == 1
    counts = np.array([np.bincount(part.labels[numbers == fold]) for fold in range(5)])
    assert counts[:, 1].tolist() == [2] * 5 and sorted(counts[:, 0]) == [6, 6, 7, 7, 7]
    assert (numbers == fold_numbers(part, 5, seed=1)).all()
    assert (numbers != fold_numbers(part, 5, seed=2)).any()
    tiny = texts_in_memory(["a", "b", "c"], [0, 1, 1], ["x", "y"]).splits["all"]
    assert sorted(fold_numbers(tiny, 3)) == [0, 1, 2]


def test_pictures_are_dealt_to_folds_as_well():
    pictures = [np.full((2, 2), at, np.uint8) for at in (1, 2, 1, 3)]
    numbers = fold_numbers(in_memory(pictures, [0, 0, 0, 1], "ab").splits["all"], 2)
    assert numbers[0] == numbers[2] != numbers[1]
