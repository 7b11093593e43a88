"""How texts become tokens, and texts again."""

import unicodedata

import pytest

from dltk.errors import UsageError
from dltk.text.tokenizer import Tokenizer

TEXT = "In the Beginning, God's\nheaven and café.\n\nAnd—"


@pytest.mark.parametrize(
    ("tokenizer", "found"),
    [
        (Tokenizer(), ["in", "the", "beginning", "god", "'s", "heaven", "and", "café", "and"]),
        (Tokenizer(lower=False, marks=True, breaks=True),
         ["In", "the", "Beginning", ",", "God", "'s", "\n", "heaven", "and", "café", ".", "\n",
          "\n", "And", "—"]),
        (Tokenizer("space"),
         ["in", "the", "beginning,", "god's", "heaven", "and", "café.", "and—"]),
        (Tokenizer("character", lower=False), list(TEXT)),
    ],
)  # fmt: skip
def test_texts_are_taken_apart(tokenizer, found):
    assert tokenizer(unicodedata.normalize("NFD", TEXT)) == found
    assert Tokenizer(**tokenizer.to_dict()) == tokenizer


def test_letters_of_the_plain_text_are_the_characters():
    text = unicodedata.normalize("NFD", "Café İ\n")
    for lower in (False, True):
        tokenizer = Tokenizer("character", lower=lower)
        assert list(tokenizer.plain(text)) == tokenizer(text)
    assert tokenizer.plain("É") == "é"


@pytest.mark.parametrize("text", [TEXT, "", "\n", "\n a\nİ b\x85c ", "don't\n\nsay"])
@pytest.mark.parametrize(
    "tokenizer",
    [
        Tokenizer(),
        Tokenizer(marks=True, breaks=True),
        Tokenizer(lower=False, breaks=True),
        Tokenizer("space"),
        Tokenizer("character"),
        Tokenizer("character", lower=False),
    ],
    ids=repr,
)
def test_spans_are_where_the_tokens_stand(tokenizer, text):
    text = unicodedata.normalize("NFD", text)
    composed = unicodedata.normalize("NFC", text)
    found = [composed[start:end] for start, end in tokenizer.spans(text)]
    if tokenizer == Tokenizer("character") and "İ" in composed:  # which is two tokens at one place
        found = list("\n a\ni\u0307 b\x85c ")
        assert tokenizer.spans(text)[4] == tokenizer.spans(text)[5] == (4, 5)
    found = [word.lower() for word in found] if tokenizer.lower else found
    assert found == tokenizer(text)


def test_what_keeps_all_gives_the_text_back():
    for tokenizer in (Tokenizer("character", lower=False), Tokenizer("word", False, True, True)):
        text = "In the Beginning, God's\nheaven and café.\n\nAnd."
        assert tokenizer.join(tokenizer(text)) == text
    assert Tokenizer("space").join(["a", "b"]) == "a b"


def test_another_unit_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r'not charakter\. Did you mean "character"'):
        Tokenizer("charakter")
