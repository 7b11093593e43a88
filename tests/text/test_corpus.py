"""Running text: the files that it is in, and its tokens on disk."""

import os
import re
import time

import numpy as np
import pytest

from dltk.errors import UsageError
from dltk.text import corpus as module
from dltk.text.corpus import Corpus, count_tokens, encode_files, text_files
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN, Vocabulary

LETTERS = Tokenizer("character", lower=False)
WORDS = Tokenizer("word", lower=False, marks=True, breaks=True)
SENTENCES = Tokenizer("word")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Files of several kinds in folders, in which the test stands."""
    root = tmp_path / "library"
    for name in ("b.txt", "a/2.TEXT", "a/1.md", "a/picture.jpg", "a/.hidden.txt", ".git/x.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return root


def names(found, root) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_folders_are_searched_to_the_bottom_for_texts(tree):
    os.symlink(tree, tree / "a" / "loop")  # which leads back
    assert names(text_files(tree), tree) == ["a/1.md", "a/2.TEXT", "b.txt"]


def test_every_file_comes_once_and_in_order_whatever_its_name(tree):
    sources = [tree / "a" / "picture.jpg", "library/b.txt", tree, "library/b.txt"]
    found = ["a/picture.jpg", "b.txt", "a/1.md", "a/2.TEXT"]
    assert names(text_files(sources), tree) == found


def test_patterns_and_lists_are_followed(tree):
    (tree / "list").write_bytes(b"library/b.txt\r\nlibrary/a\n\n")
    assert names(text_files("@library/list"), tree) == ["b.txt", "a/1.md", "a/2.TEXT"]
    assert names(text_files("library/**/*.txt"), tree) == ["b.txt"]
    (tree / "[b].txt").write_text("brackets in its name")
    assert names(text_files(tree / "[b].txt"), tree) == ["[b].txt"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("library/none.txt", "no such file or folder: library/none.txt"),
        ("library/*.pdf", r"no such file or folder: library/\*.pdf"),
        ("@none", "cannot read the list none: No such file"),
        ("library/a/../empty", "no text found in library/a/../empty: looked for .txt, .text, .md"),
    ],
)
def test_what_is_not_there_is_told(tree, source, message):
    (tree / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        text_files(source)


def test_pipes_are_refused_since_text_is_read_more_than_once(tree):
    os.mkfifo(tree / "pipe")
    with pytest.raises(UsageError, match="library/pipe is no file, and text to learn from is read"):
        text_files("library/pipe")


@pytest.mark.parametrize("line", ["@library/list", "library/a/*.md", "library/none.txt"])
def test_lists_name_files_and_folders_only(tree, line):
    (tree / "list").write_text(f"library/b.txt\n{line}\n")
    message = f"no such file or folder: {line}, which the list library/list names"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        text_files("@library/list")


def test_characters_are_code_points_in_composed_form():
    texts = ["Ae\u0301 𝄞\r\n", "ß𝄞"]
    counts = count_tokens(Corpus.of(*texts).sources, LETTERS)
    assert counts == {"A": 1, "é": 1, " ": 1, "𝄞": 2, "\n": 1, "ß": 1}
    vocabulary = Vocabulary(("𝄞", "é", "\n"))
    numbers = encode_files(Corpus.of(*texts).sources, LETTERS, vocabulary, ends=False).numbers()
    a, e, line = FIRST, FIRST + 1, FIRST + 2
    assert numbers.tolist() == [UNKNOWN, e, UNKNOWN, a, line, END, UNKNOWN, a]


def test_characters_of_many_short_texts_are_counted_at_once():
    sources = Corpus.of(*["hello world"] * 3000).sources
    begun = time.process_time()
    assert count_tokens(sources, LETTERS)["l"] == 9000
    assert time.process_time() - begun < 2  # five, were all code points gone through for each


def test_words_are_joined_to_what_was_there(tmp_path):
    text = "In the beginning, God\ncreated (it).\n\nAnd it was so.\n"
    (tmp_path / "a.txt").write_text(text)
    files = text_files(tmp_path)
    counts = count_tokens(files, WORDS)
    assert counts["\n"] == 4 and counts["it"] == 2 and counts[","] == 1
    vocabulary = Vocabulary.of_counts(counts)
    numbers = encode_files(files, WORDS, vocabulary, ends=False).numbers()
    assert WORDS.join(vocabulary.decode(numbers)) == text


def test_lines_with_words_have_an_end_each():
    sources = Corpus.of("one two\n\n ,\nthree", "two\n").sources
    counts = count_tokens(sources, SENTENCES)
    assert counts == {"one": 1, "two": 2, "three": 1}
    vocabulary = Vocabulary(("one", "two", "three"))
    numbers = encode_files(sources, SENTENCES, vocabulary, ends=True).numbers()
    one, two, three = range(FIRST, FIRST + 3)
    assert numbers.tolist() == [one, two, END, three, END, two, END]


def test_blocks_and_long_lines_change_nothing(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    letters = np.array(list("abc é\n"))
    text = "".join(letters[random.integers(len(letters), size=5000)])
    path = tmp_path / "long.txt"
    path.write_text(text)
    for tokenizer in (LETTERS, WORDS):
        vocabulary = Vocabulary.of_counts(count_tokens([path], tokenizer))
        whole = encode_files([path], tokenizer, vocabulary, ends=False).numbers()
        assert tokenizer.join(vocabulary.decode(whole)) == tokenizer.join(tokenizer(text))
        monkeypatch.setattr(module, "_BLOCK", 7)
        assert count_tokens([path], tokenizer) == count_tokens([text.encode()], tokenizer)
        parts = encode_files([path], tokenizer, vocabulary, ends=False).numbers()
        np.testing.assert_array_equal(parts, whole)
        monkeypatch.undo()


def test_a_line_in_pieces_ends_once(tmp_path):
    path = tmp_path / "one line.txt"
    path.write_text("word " * 300_000 + "\nlast")  # of more than a mebibyte
    numbers = encode_files([path], SENTENCES, Vocabulary(("word",)), ends=True).numbers()
    assert np.flatnonzero(numbers == END).tolist() == [300_000, 300_002]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fine\nbad \xff", "line 2 is not UTF-8: byte 0xff at offset 9"),
        (b"fine\nbad \0", "not a text: byte 0x00 at offset 9"),
        ("fein".encode("utf-16"), "not UTF-8 but UTF-16; save it as UTF-8"),
        (b"", "there is no text in"),
    ],
)
def test_what_is_no_text_is_told_with_its_place(tmp_path, content, message):
    path = tmp_path / "bad\n.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        count_tokens([path], LETTERS)
    assert "bad\\n.txt" in str(caught.value) and "\n" not in str(caught.value)


def test_empty_files_are_noted_and_several_without_text_are_too_little(tmp_path):
    lines = []
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "full.txt").write_text("a")
    files = text_files(tmp_path)
    assert count_tokens(files, LETTERS, lines.append) == {"a": 1}
    assert lines == [f"note: {tmp_path / 'empty.txt'} is empty"]
    with pytest.raises(UsageError, match="there is no text in any of 2 files"):
        count_tokens([files[0]] * 2, LETTERS)
    with pytest.raises(UsageError, match="there is no text in what is given"):
        count_tokens(Corpus.of("").sources, LETTERS)


def test_files_in_folders_that_are_no_texts_are_passed_over(tree):
    (tree / "a/latin.txt").write_bytes(b"fine\ncaf\xe9")
    (tree / "a/picture.txt").write_bytes(b"GIF89a\0")
    lines = []
    found = text_files([tree], lines.append)
    assert names(found, tree) == ["a/1.md", "a/2.TEXT", "b.txt"]
    assert [line.replace(f"{tree}/", "") for line in lines] == [
        "passed over: a/latin.txt: line 2 is not UTF-8: byte 0xe9 at offset 8",
        "passed over: a/picture.txt: not a text: byte 0x00 at offset 6",
    ]
    again = []
    assert Corpus.found(tree, again.append).sources == tuple(found) and again == lines
    named = text_files(tree / "a/latin.txt")  # which is not found but meant
    with pytest.raises(UsageError, match="line 2 is not UTF-8"):
        count_tokens(named, LETTERS)
    for path in found:
        path.unlink()
    with pytest.raises(UsageError, match="no text found in"):
        text_files(tree)


def test_files_that_are_more_than_text_are_noted(tmp_path):
    paths, lines = [tmp_path / name for name in ("a.txt", "b.CSV", "c.html")], []
    for path in paths:
        path.write_text("a,b")
    count_tokens(paths, LETTERS, lines.append)
    count_tokens([*paths[:2], b"x.csv"], LETTERS, lines.append)
    note = f"note: taken as running text, every comma and tag in it included: {paths[1]}"
    assert lines == [f"{note} and 1 more file", note]
    count_tokens(paths[:1], LETTERS, lines.append)
    assert len(lines) == 2


def test_a_corpus_says_where_it_comes_from(tree):
    assert Corpus.found("library").where == "library"
    found = Corpus.found([tree / "b.txt", tree])
    assert found.where == f"{tree / 'b.txt'} and 2 more"
    with pytest.raises(UsageError, match="not a text: surrogates not allowed at 1"):
        Corpus.of("a\ud800")
