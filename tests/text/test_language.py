"""What a generator of texts reads and writes."""

import pytest

from dltk.errors import UsageError
from dltk.text.language import Language
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN, Vocabulary

WORDS = Tokenizer("word", lower=False, marks=True, breaks=True)
LETTERS = Tokenizer("character", lower=True)


def test_a_text_begins_behind_the_end_of_another_or_a_line_break():
    letters = Vocabulary((" ", "a", "\n"))
    assert Language(LETTERS, letters, texts=2).begin("A ") == [END, FIRST + 1, FIRST]
    assert Language(LETTERS, letters).begin("ax") == [FIRST + 2, FIRST + 1, UNKNOWN]
    assert Language(LETTERS, Vocabulary((" ", "a"))).begin("") == [FIRST]
    assert Language(LETTERS, letters, texts=2).ends and not Language(LETTERS, letters).ends


def test_what_is_not_known_is_told_once():
    language = Language(WORDS, Vocabulary(("the", ",")))
    assert language.unknown("the cat, the Cat, the cat") == ["cat", "Cat"]


@pytest.mark.parametrize(
    ("prompt", "tokens", "added"),
    [
        ("He said", [",", "it", "'s", "so", "."], ", it's so."),
        ("He said ", ["it"], "it"),
        ("He  SAID (", ["so", ")", "\n", "so"], "so)\nso"),
        ("", ["so"], "so"),
        ("so\n", ["so"], "so"),
        ("it", ["'s", "\n"], "'s\n"),
    ],
)
def test_words_are_added_as_they_are_written(prompt, tokens, added):
    vocabulary = Vocabulary(tuple(dict.fromkeys([",", "it", "'s", "so", ".", ")", "\n"])))
    language = Language(WORDS, vocabulary)
    assert language.continuation(prompt, vocabulary.encode(tokens)) == added


def test_of_a_long_prompt_no_more_is_joined_than_tells_on_what_is_added(monkeypatch):
    joined = []
    join = Tokenizer.join

    def watched(tokenizer, found):
        joined.append(join(tokenizer, found))
        return joined[-1]

    monkeypatch.setattr(Tokenizer, "join", watched)
    vocabulary = Vocabulary(("a", "'s"))
    for tokenizer, added in ((WORDS, "'s a"), (Tokenizer("space"), " 's a"), (LETTERS, "'sa")):
        language = Language(tokenizer, vocabulary)
        assert language.continuation("so\n" * 99 + "it", vocabulary.encode(["'s", "a"])) == added
    assert max(map(len, joined)) < 10


def test_characters_are_added_as_they_are():
    vocabulary = Vocabulary(("a", " ", "\u0301"))
    language = Language(LETTERS, vocabulary)
    assert language.continuation("x ", vocabulary.encode(" a")) == " a"
    assert language.continuation("e\u0301", vocabulary.encode("a")) == "a"


def test_a_model_file_tells_it_all():
    language = Language(WORDS, Vocabulary(("a", "b")), texts=3)
    assert Language.of(("a", "b"), language.to_dict()) == language
    with pytest.raises(UsageError, match=r"makes no sense: .*unexpected keyword"):
        Language.of(("a",), {"unit": "word", "colour": "red"})
