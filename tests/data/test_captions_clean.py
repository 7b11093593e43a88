"""What is done to a caption: one line, words, once."""

import pytest

from dltk.data.captions.assemble import assemble
from dltk.data.captions.captioned import Captioned, GatheredCaptions
from dltk.data.captions.clean import cleaned
from dltk.errors import UsageError


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("a cat", "a cat"),
        (" A cat\n sits.\t\r\n", "A cat sits."),
        ("a\u2028cat\xa0\u3000sits", "a cat sits"),
        ("一只猫。", "一只猫。"),
        ("👨‍👩‍👧 on a bench", "👨‍👩‍👧 on a bench"),
        ("42", "42"),
    ],
)
def test_captions_that_are_fine(text, caption):
    assert cleaned(text) == (caption, [])


@pytest.mark.parametrize(
    ("text", "caption", "fault"),
    [
        ("", None, ("an empty caption", "", "left out")),
        (" \n\t", None, ("an empty caption", "", "left out")),
        ("\0", None, ("an empty caption", "", "left out")),
        ("...", None, ("a caption without words", "'...'", "left out")),
        ("?! 👍", None, ("a caption without words", "'?! 👍'", "left out")),
        (None, None, ("no text", "None", "left out")),
        (["a"], None, ("no text", "['a']", "left out")),
        ("a\ud800", None, ("not UTF-8", r"'a\ud800'", "left out")),
        ("b\udce4r", None, ("not UTF-8", r"'b\udce4r'", "left out")),
        ("a\x07 cat", "a cat", ("control characters", r"'a\x07 cat'", "taken for spaces")),
        ("\x1b[2Jcat", "[2Jcat", ("control characters", r"'\x1b[2Jcat'", "taken for spaces")),
        ("\ufeffa cat", "a cat", ("control characters", r"'\ufeffa cat'", "taken for spaces")),
        ("a b\ufffdr", "a b\ufffdr", ("damaged characters", "'a b\ufffdr'", "kept")),
    ],
)  # fmt: skip
def test_captions_that_are_not(text, caption, fault):
    found, faults = cleaned(text)
    assert found == caption and faults[-1] == fault


def test_a_caption_of_ten_thousand_words_is_kept_and_told():
    text = " ".join(["word"] * 10_000)
    assert cleaned(text) == (
        text, [("a caption of more than 200 words", "10000 words", "kept")]
    )  # fmt: skip
    assert cleaned(" ".join(["word"] * 200))[1] == []


def test_all_of_a_picture_may_be_unusable():
    found = GatheredCaptions("made")
    found.pictures = [
        Captioned(None, "a.png", "a.png", "x", [("line 1", "."), ("line 2", "")]),
        Captioned(None, "b.png", "b.png", "x", [("line 3", "A  cat"), ("line 4", "A cat")]),
        Captioned(None, "c.png", "c.png", "x"),
    ]
    data = assemble(found)
    assert data.splits["all"].captions == (("A cat",),) and not data.divided
    assert data.passed_over == (
        ("a.png", "nothing usable in its 2 captions"),
        ("c.png", "without a caption"),
    )
    assert [what for _, what in data.repairs] == [
        "a caption without words: '.', of a.png, left out",
        "an empty caption: of a.png, left out",
        "a caption twice: 'A cat', of b.png, kept once",
    ]
    found.pictures = found.pictures[:1]
    with pytest.raises(
        UsageError, match=r"^made has no pictures with captions .*; x, line 1: a cap"
    ):
        assemble(found)
