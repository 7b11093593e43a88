"""Texts taken apart into words, and put together again."""

from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest

from dltk.text.tokens import joined, token_spans, tokens

SENTENCES = {
    "English": "a man who isn't old rides the dog's bike, doesn't he?",
    "French": "l'été, une fille aux yeux bleus mange une pêche. c'est aujourd'hui dimanche!",
    "Chinese": "一只猫在桌子上，一只狗在桌子下。",
    "Japanese": "赤い「コーヒーカップ」がテーブルの上にある。",
    "Hindi": "एक बिल्ली मेज़ पर है और कुत्ता नीचे।",
    "Thai": "แมวสองตัวนั่งอยู่บนโต๊ะ",
    "Arabic": "قطة على الطاولة، وكلب تحتها؟",
    "of years": "a 1990's car and its 5's.",
    "German": "zwei große bären; einer schläft.",
    "Persian": "گربه‌ها روی میز می‌خوابند",
}


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_what_is_taken_apart_is_put_together_as_it_was(text):
    words = tokens(text, marks=True)
    assert joined(words) == unicodedata.normalize("NFC", text)
    without = [word for word in words if any(map(str.isalnum, word))]
    assert tokens(text) == without and tokens(joined(without)) == without


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Cat, a DOG.", "a cat a dog"),
        ("It's John's; they don't, can't and won't.",
         "it 's john 's they do n't ca n't and wo n't"),
        ("We're sure I'd've said I'm off: she'll go.",
         "we 're sure i'd 've said i 'm off she 'll go"),
        ("don’t", "do n't"),
        ("n't 's", "n't s"),
        ("the 2.5-litre T-shirt of Dr.Who", "the 2.5-litre t-shirt of dr.who"),
        ("rock 'n' roll", "rock n roll"),
        ("l'été aujourd'hui", "l'été aujourd'hui"),
        ("a_b", "a_b"),
        ("", ""),
        (" … !? ", ""),
    ],
)  # fmt: skip
def test_english_is_taken_apart_as_the_penn_treebank_does(text, words):
    assert tokens(text) == words.split()


def test_scripts_without_spaces_are_taken_sign_by_sign_with_their_marks():
    assert tokens("猫が上") == ["猫", "が", "上"]
    assert tokens("コーヒー") == ["コー", "ヒー"]
    assert tokens("โต๊ะ") == ["โ", "ต๊", "ะ"]
    assert tokens("iPhoneの写真") == ["iphone", "の", "写", "真"]
    assert tokens("မြန်မာ")[0] == "မြ"


def test_words_keep_the_marks_on_their_letters():
    assert tokens("बिल्ली मेज़") == ["बिल्ली", "मेज़"]
    assert tokens("قِطَّة") == ["قِطَّة"]
    assert tokens("می‌خوابند") == ["می‌خوابند"]


def test_composed_and_decomposed_letters_are_the_same():
    assert tokens(unicodedata.normalize("NFD", "Été à Zürich")) == ["été", "à", "zürich"]


def test_marks_are_tokens_only_if_that_is_asked_for():
    text = "Well (a “cat”), $5 — 50%!"
    assert tokens(text) == ["well", "a", "cat", "5", "50"]
    words = tokens(text, marks=True)
    assert words == ["well", "(", "a", "“", "cat", "”", ")", ",", "$", "5", "—", "50", "%", "!"]
    assert joined(words) == "well (a “cat”), $ 5 — 50%!"


def test_nothing_is_joined_to_nothing():
    assert joined([]) == "" and joined(["a"]) == "a" and joined(["'s"]) == "'s"


def test_only_the_token_before_tells_whether_there_is_a_space():
    assert joined(["x国", "国"]) == "x国国" and joined(["国", "ー", "国"]) == "国 ー 国"
    begun = time.process_time()
    assert joined("国" for _ in range(30_000)) == "国" * 30_000
    assert time.process_time() - begun < 5  # with all text before looked at, it is a minute


def test_ascii_is_taken_apart_as_any_other_text():
    random = np.random.default_rng(0)
    letters = list("aB9_ '.-,!?()\n\t'sn't")
    for _ in range(2000):
        text = "".join(random.choice(letters, size=12))
        for marks in (False, True):
            whole = tokens(f"{text} é", marks=marks)  # which is not ASCII
            assert tokens(text, marks=marks) == whole[:-1], text


def test_case_may_stay():
    found = tokens("The Dog's HE'LL.", lower=False, marks=True)
    assert found == ["The", "Dog", "'s", "HE", "'LL", "."]
    assert joined(tokens("He'll see McDonald.", lower=False, marks=True)) == "He'll see McDonald."


@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_spans_are_where_the_tokens_stand(text, lower, marks):
    text = f"{text}\n  It’s THE {unicodedata.normalize('NFD', 'Été')}; I'd've…"
    composed = unicodedata.normalize("NFC", text)
    spans = token_spans(text, marks=marks, lower=lower)
    found = [composed[start:end].replace("’", "'") for start, end in spans]
    found = [word.lower() for word in found] if lower else found
    assert found == tokens(text, marks=marks, lower=lower)
    assert spans == sorted(spans) and all(start < end for start, end in spans)


def test_spans_are_those_of_the_text_and_not_of_its_lower_case():
    text = "İstanbul’s İĞDIR"  # of which the first letter is two in lower case
    assert tokens(text) == ["i̇stanbul", "'s", "i̇ğdir"]
    assert [text[start:end] for start, end in token_spans(text)] == ["İstanbul", "’s", "İĞDIR"]
    assert token_spans("") == token_spans(" … ") == []
