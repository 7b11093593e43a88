"""Files of word vectors: of word2vec and GloVe, whole and damaged."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from dltk.errors import DltkError, UsageError
from dltk.text.vectors import WordVectors, read_vectors, write_vectors

GOLDEN = Path(__file__).parent.parent / "golden"
# What scripts/make_golden_vectors.py had gensim write.
WORDS = ("the", "café", "東京", "new_york", "\u00a0x")
VALUES = np.arange(15, dtype=np.float32).reshape(5, 3) / 7 - 1


def written(tmp_path, content: bytes | str, name: str = "v.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def binary(*words: bytes, header: bytes = b"2 2\n", end: bytes = b"\n") -> bytes:
    """Return a binary file in which every word has the numbers 1 and -2."""
    return header + b"".join(w + b" " + np.float32([1, -2]).tobytes() + end for w in words)


@pytest.mark.parametrize("name", ["gensim_vectors.bin", "gensim_vectors.txt"])
def test_what_gensim_wrote_is_read(name):
    found = read_vectors(GOLDEN / name)
    assert found.words == WORDS and found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, VALUES)
    np.testing.assert_array_equal(found["東京"], VALUES[2])
    assert len(found) == 5 and "café" in found and "cafe" not in found


@pytest.mark.parametrize("ending", [".bin", ".txt"])
def test_what_is_written_is_read_again_to_the_bit(tmp_path, ending):
    bits = np.random.default_rng(0).integers(0, 2**32, (400, 7), np.uint32)
    values = bits.view(np.float32)  # of any size, the smallest and largest among them
    values = np.where(np.isfinite(values), values, np.float32(0.1))
    words = tuple(f"wörd{at}" for at in range(len(values)))
    write_vectors(tmp_path / f"v{ending}", WordVectors(words, values))
    found = read_vectors(tmp_path / f"v{ending}")
    assert found.words == words
    np.testing.assert_array_equal(found.vectors.view(np.uint32), values.view(np.uint32))
    assert [path.name for path in tmp_path.iterdir()] == [f"v{ending}"]


def test_files_are_byte_by_byte_as_word2vec_writes_them(tmp_path):
    vectors = WordVectors(("a", "é"), np.float32([[1, -2], [0.5, 1e-9]]))
    write_vectors(tmp_path / "v.txt", vectors)
    assert (tmp_path / "v.txt").read_bytes() == "2 2\na 1 -2\né 0.5 9.99999972e-10\n".encode()
    write_vectors(tmp_path / "v.bin", vectors)
    numbers = [row.astype("<f4").tobytes() for row in vectors.vectors]
    expected = b"2 2\na " + numbers[0] + b"\n\xc3\xa9 " + numbers[1] + b"\n"
    assert (tmp_path / "v.bin").read_bytes() == expected


@pytest.mark.parametrize("end", [b"\n", b""])  # of word2vec's code, of gensim
def test_binary_words_are_read_with_and_without_line_breaks(tmp_path, end):
    found = read_vectors(written(tmp_path, binary(b"a", b"b", end=end)))
    assert found.words == ("a", "b") and found.vectors.tolist() == [[1, -2], [1, -2]]


def test_glove_has_no_header_and_may_have_spaces_in_words(tmp_path):
    text = "the 0.1 0.2 0.3\n. . . 1 2 3\nat name@domain.com 4 5 6\n7 7 8 9\nx\u0085y 1 1 1\r\n"
    found = read_vectors(written(tmp_path, text))
    assert found.words == ("the", ". . .", "at name@domain.com", "7", "x\u0085y")
    assert found.vectors[1:4].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert read_vectors(written(tmp_path, text), only={". . .", "7"}).words == (". . .", "7")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf2 2\na 1 -2\nb 1 -2\n",
        b"\xef\xbb\xbfa 1 -2\nb 1 -2\n",
        b"\xef\xbb\xbf" + binary(b"a", b"b"),
        b"2\t2\na\t1\t-2\nb\t1\t-2\t\n",
        b"a\t1 -2\nb\t1 -2\n",
        b"2 2\ra 1 -2\rb 1 -2\r",
    ],
)
def test_marks_in_front_tabs_and_breaks_of_old_macs_are_read_over(tmp_path, content):
    found = read_vectors(written(tmp_path, content))
    assert found.words == ("a", "b") and found.vectors.tolist() == [[1, -2], [1, -2]]


@pytest.mark.parametrize(
    "content",
    [
        "5 2\na 1 -2\nb 1 -2\na 3 4\nb 5 6\nc 7 8\n",
        binary(b"a", b"b", header=b"5 2\n")
        + b"".join(
            word + b" " + np.float32(numbers).tobytes() + b"\n"
            for word, numbers in ((b"a", [3, 4]), (b"b", [5, 6]), (b"c", [7, 8]))
        ),
    ],
)
def test_of_words_that_are_there_again_the_first_vector_is_taken(tmp_path, content):
    path, lines = written(tmp_path, content), []
    found = read_vectors(path, report=lines.append)
    assert found.words == ("a", "b", "c")
    assert found.vectors.tolist() == [[1, -2], [1, -2], [7, 8]]
    assert lines == ["note: 2 vectors passed over, of words that have one already"]
    read_vectors(path, only={"a", "c"}, report=lines.append)
    assert lines[1:] == ["note: 1 vector passed over, of words that have one already"]
    assert read_vectors(path, most=2, report=lines.append).words == ("a", "b") and not lines[2:]


@pytest.mark.parametrize("content", [b"2 2 \na 1 -2 \nb 1 -2 \n", binary(b"a", b"b")])
def test_what_is_packed_is_read_too_whatever_its_name(tmp_path, content):
    found = read_vectors(written(tmp_path, gzip.compress(content), "v.any"))
    assert found.words == ("a", "b") and found.vectors.tolist() == [[1, -2], [1, -2]]


@pytest.mark.parametrize("ending", [".bin", ".txt"])
def test_some_words_are_read_alone(tmp_path, ending):
    write_vectors(tmp_path / f"v{ending}", WordVectors(WORDS[:4], VALUES[:4]))
    found = read_vectors(tmp_path / f"v{ending}", only=["new_york", "unheard", "the"])
    assert found.words == ("the", "new_york")
    np.testing.assert_array_equal(found.vectors, VALUES[[0, 3]])
    assert read_vectors(tmp_path / f"v{ending}", most=2).words == WORDS[:2]
    none = read_vectors(tmp_path / f"v{ending}", only=["unheard"])
    assert none.words == () and none.vectors.shape == (0, 3)


def test_large_binary_files_are_read_in_blocks(tmp_path):
    values = np.random.default_rng(0).normal(size=(900, 400)).astype(np.float32)  # 1.4 MB
    words = tuple(f"{at}" * (at % 5 + 1) for at in range(1000, 1900))
    write_vectors(tmp_path / "v.bin", WordVectors(words, values))
    found = read_vectors(tmp_path / "v.bin")
    assert found.words == words
    np.testing.assert_array_equal(found.vectors, values)


@pytest.mark.parametrize("header", ["2 150000\n", ""])
def test_long_rows_of_text_are_read_whole(tmp_path, header):
    row = " 0.12345" * 150_000  # of more than a mebibyte
    found = read_vectors(written(tmp_path, f"{header}a{row}\nb{row}\n"))
    assert found.words == ("a", "b") and found.vectors.shape == (2, 150_000)
    assert (found.vectors == np.float32(0.12345)).all()


def test_a_row_without_end_is_told(tmp_path):
    path = written(tmp_path, "a" + " 1" * (1 << 23))
    with pytest.raises(DltkError, match=r"v\.txt: line 1 has more than 16 million letters"):
        read_vectors(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it is empty"),
        ("\n\n", "it has no words"),
        ("0 5\n", "line 1: 0 words with 5 numbers each; there is nothing to read"),
        ("2 0\na\n", "line 1: 2 words with 0 numbers each"),
        ("5 9999999\na 1\n", "line 1: 5 words with 9,999,999 numbers each"),
        ("3 2\na 1 2\nb 1 2\n", "it has 2 words, and 3 by its first line; get it again"),
        ("1 2\na 1 2\nb 1 2\n", "it has 2 words, and 1 by its first line"),
        ("2 2\na 1 2\nb 1\n", 'line 3: "b" has 1 number, not 2 as line 1 says'),
        ("2 2\na 1 2\nb 1 2 3\n", 'line 3: "b" has 3 numbers, not 2 as line 1 says'),
        ("a 1 2\nb 1 2 3\n", 'line 2: "b" has 3 numbers, not 2 as in line 1'),
        ("a 1 2\nb\n", 'line 2: "b" has no numbers, not 2 as in line 1'),
        ("lonely\n", 'line 1: "lonely" has no numbers'),
        ("a 1 2\nb 1 x\n", 'line 2: "x" is no number'),
        ("a 1 2\nb 1 nan\n", 'line 2: the vector of "b" has a number that is none'),
        ("a 1 2\nb 1 1e39\n", 'line 2: the vector of "b" has a number that is none'),
        ("a 1 2\nb 1 2\na 3 x\n", 'line 3: "x" is no number'),
        (" 1 2 3\n", "line 1: no word in front of the numbers"),
        (b"2 2\na 1 2\ncaf\xe9 1 2\n", "line 3: not UTF-8: byte 0xe9 at offset 13"),
        ("a 1 2\n".encode("utf-16"), "mine.txt: not UTF-8 but UTF-16"),
        (binary(b"a", header=b"2 2\n"), ": cut short: 1 of 2 words are whole; get it again"),
        (binary(b"a", b"b")[:-3], ": cut short: 1 of 2 words are whole"),
        (binary(b"a", b"b", b"c"), "it goes on behind the 2 words that its first line tells"),
        (binary(b"a", b"caf\xe9"), "word 2: not UTF-8: byte 0xe9"),
        (binary(b"a", b""), "word 2: no word in front of the numbers"),
        (b"2 2\na " + np.float32([1, np.nan]).tobytes() + b"\n",
         'word 1: the vector of "a" has a number that is none'),
        (b"1 2\n\x00\x01" + bytes(1 << 20), "word 1: no space behind it; it is no file of vec"),
        (gzip.compress(binary(b"a", b"b"), mtime=0)[:-12],
         " is damaged or cut short; get it again"),
        (b"\x1f\x8b\x08nothing packed", "cannot read|is damaged"),
    ],
)  # fmt: skip
def test_damage_is_told_with_its_place(tmp_path, content, message):
    with pytest.raises(DltkError, match=message) as error:
        read_vectors(written(tmp_path, content, "mine.txt"))
    assert "mine.txt" in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_not_there_and_folders_are_told(tmp_path):
    with pytest.raises(UsageError, match=r"no such file of vectors: .*none.bin"):
        read_vectors(tmp_path / "none.bin")
    with pytest.raises(DltkError, match=r"cannot read .*: Is a directory"):
        read_vectors(tmp_path)


@pytest.mark.parametrize(
    ("words", "values", "name", "message"),
    [
        (("a",), [[1.0]], "v.vec", "vectors go to a .bin or .txt file, not .*v.vec"),
        (("a", "b"), [[1.0]], "v.txt", r"2 words with vectors \(1, 1\)"),
        (("a b",), [[1.0]], "v.txt", "each there once, without spaces"),
        (("a", "a"), [[1.0], [2.0]], "v.bin", "each there once, without spaces"),
        (("",), [[1.0]], "v.bin", "each there once, without spaces"),
        (("a", "b\ud800"), [[1.0], [2.0]], "v.txt", "each there once, .* half characters"),
        (("\udce9",), [[1.0]], "v.bin", "each there once, .* half characters"),
        (("a",), [[np.inf]], "v.bin", "numbers of vectors are finite"),
    ],
)
def test_what_files_cannot_hold_is_not_written(tmp_path, words, values, name, message):
    with pytest.raises(UsageError, match=message):
        write_vectors(tmp_path / name, WordVectors(words, np.float32(values)))
    assert not list(tmp_path.iterdir())
