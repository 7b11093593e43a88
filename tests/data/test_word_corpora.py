"""Running text as numbers of words, with phrases."""

import pytest

from dltk.data.word_corpora import check_words, read_words
from dltk.errors import UsageError
from dltk.text.corpus import Corpus
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN

TEXT = "New York is big.\nNew York, new York!\n\nbig is old\n"


def read(*texts: str, **own):
    how = {"tokenizer": Tokenizer(), "min_count": 2} | own
    return read_words(Corpus.of(*texts), **how)


def spelled(data) -> str:
    names = {END: ".", UNKNOWN: "?"}
    return " ".join(
        names.get(number) or data.words[number - FIRST] for number in data.tokens.tolist()
    )


def test_words_are_numbered_by_how_frequent_they_are():
    data = read(TEXT)
    assert data.words == ("new", "york", "big", "is")  # equally frequent ones by alphabet
    assert data.counts.tolist() == [3, 3, 2, 2] and data.length == 11
    assert spelled(data) == "new york is big . new york new york . big is ? ."
    assert data.splits["train"] is data.tokens and data.where == "texts"


def test_fewer_words_and_other_tokens_are_known_if_asked():
    assert read(TEXT, most=2).words == ("new", "york")
    kept = read(TEXT, tokenizer=Tokenizer("space", lower=False), min_count=1)
    assert kept.words == ("New", "is", "York", "York!", "York,", "big", "big.", "new", "old")
    assert kept.counts.tolist() == [2, 2, 1, 1, 1, 1, 1, 1, 1]


def test_phrases_are_words_of_their_own():
    told = []
    how = {"phrases": 1, "threshold": 1.5, "discount": 1, "report": told.append}
    data = read(TEXT, **how)
    assert data.words == ("new_york", "big", "is")
    assert spelled(data) == "new_york is big . new_york new_york . big is ? ."
    assert data.counts.tolist() == [3, 2, 2]
    assert "1 phrase of two parts found, with a score above 1.5" in told


def test_phrases_of_phrases_are_found_the_second_time():
    """Of 16 words, "new york" scores 3 / (3 * 3) * 16 and so does "york times", which comes too
    late; the second time, "new_york times" scores 3 / (3 * 3) * 11."""
    text = "a new york times\nb new york times\nc new york times\nis of\nis of\n"
    once = read(text, phrases=1, threshold=5.0, discount=0)
    assert once.words == ("new_york", "times", "is_of")
    told = []
    twice = read(text, phrases=2, threshold=2.5, discount=0, report=told.append)
    assert twice.words == ("new_york_times", "is_of") and twice.length == 8
    assert told == [
        "3 phrases of two parts found, with a score above 5",
        "1 phrase of two parts found, with a score above 2.5",
    ]


def test_a_phrase_that_is_called_as_a_word_is_that_word():
    text = "new york is big\nnew york is old\nnew_york is new york\nyork\nnew\n"
    how = {"phrases": 1, "threshold": 0.5, "discount": 1, "min_count": 1}
    data = read(text, tokenizer=Tokenizer("space"), **how)
    assert len(set(data.words)) == len(data.words)
    assert data.counts[data.words.index("new_york")] == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one two three", "there are no two words in texts that occur 2 times; take a smaller"),
        ("same same", "there are no two words in texts that occur 2 times"),
        (" \n", "there is no text"),
    ],
)
def test_text_without_words_to_learn_is_told(text, message):
    with pytest.raises(UsageError, match=message):
        read(text)


def test_the_digest_changes_with_the_text():
    first = read(TEXT).digest()
    assert first == read(TEXT).digest() and len(first) == 32
    assert read(TEXT + "is big new york\n").digest() != first
    assert read(TEXT.replace("big is", "is big")).digest() != first


def test_little_text_is_warned_of():
    findings = check_words(read(TEXT), decode=False, threads=1)
    assert findings.errors == () and findings.warnings == (
        "11 words are few; vectors want millions, or at least more --epochs",
    )
