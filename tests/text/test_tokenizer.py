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


def test_what_keeps_all_gives_the_text_back():
    for tokenizer in (Tokenizer("character", lower=False), Tokenizer("word", False, True, True)):
        text = "In the Beginning, God's\nheaven and café.\n\nAnd."
        assert tokenizer.join(tokenizer(text)) == text
    assert Tokenizer("space").join(["a", "b"]) == "a b"


def test_another_unit_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r'not charakter\. Did you mean "character"'):
        Tokenizer("charakter")
