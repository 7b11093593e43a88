"""Lines of files of any size and kind."""

import io

import pytest

from dltk.errors import InputError
from dltk.text.lines import PIECE, Line, problem_of, read_lines, stream_lines, whole_lines


def test_lines_have_their_numbers_and_one_kind_of_break(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\ntwo \xc3\xa9\nthree")
    found = list(read_lines(tmp_path / "a.txt"))
    assert found == [(1, "one\n", None), (2, "\n", None), (3, "two é\n", None), (4, "three", None)]
    (tmp_path / "empty").write_bytes(b"")
    assert not list(read_lines(tmp_path / "empty"))


def texts_of(content: bytes) -> list[tuple[int, str]]:
    return [line[:2] for line in stream_lines(io.BytesIO(content))]


def test_lines_of_old_macs_end_with_returns():
    assert texts_of(b"\xef\xbb\xbfone\r\rtwo \xc3\xa9\rthree") == [
        (1, "one\n"), (2, "\n"), (3, "two é\n"), (4, "three")
    ]  # fmt: skip
    assert texts_of(b"one\r") == [(1, "one\n")]
    assert texts_of(b"one\rtwo\nthree\r") == [(1, "one\rtwo\n"), (2, "three\r")]  # of no Mac
    [_, line] = stream_lines(io.BytesIO(b"fine\rcaf\xe9\r"))
    assert line == (2, "", "not UTF-8: byte 0xe9 at offset 8")


@pytest.mark.parametrize("word", ["word", "some words"])
def test_lines_of_old_macs_are_whole_wherever_pieces_end(word):
    lines = [f"{word} {number}" for number in range(200_000)]  # of more than a mebibyte
    pieces = list(stream_lines(io.BytesIO("\r".join(lines).encode())))
    assert "".join(piece.text for piece in pieces).split("\n") == lines
    assert [line.text for line in whole_lines(pieces, 1 << 10)] == [
        *(f"{line}\n" for line in lines[:-1]), lines[-1]
    ]  # fmt: skip
    assert pieces[-1].number == 200_000


def test_bytes_that_are_no_text_are_told_before_any_line_if_they_are_near(tmp_path):
    (tmp_path / "a").write_bytes(b"fine\n\0")
    with pytest.raises(InputError, match="not a text: byte 0x00 at offset 5"):
        next(read_lines(tmp_path / "a"))


def test_files_are_looked_over_as_a_whole(tmp_path):
    path = tmp_path / "a"
    for content, problem in (
        ("é" * PIECE, None),
        ("", None),
        (b"fine\ncaf\xe9", "line 2 is not UTF-8: byte 0xe9 at offset 8"),
        (b"cut \xc3", "line 1 is not UTF-8: byte 0xc3 at offset 4"),
        (b"long " * PIECE + b"\0", f"not a text: byte 0x00 at offset {5 * PIECE}"),
        ("a".encode("utf-16"), "not UTF-8 but UTF-16; save it as UTF-8"),
    ):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        assert problem_of(path) == problem
    assert problem_of(tmp_path / "gone") == "cannot be read: No such file or directory"


def test_what_is_not_utf_8_is_named_with_the_byte_and_the_rest_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"fine\ncaf\xe9 au lait\nfine\n")
    found = list(read_lines(tmp_path / "a.txt"))
    assert [line.text for line in found] == ["fine\n", "", "fine\n"]
    assert found[1].problem == "not UTF-8: byte 0xe9 at offset 8"
    escaped = list(read_lines(tmp_path / "a.txt", escaped=True))
    assert escaped == [found[0], (2, "caf\udce9 au lait\n", found[1].problem), found[2]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text".encode("utf-16"), "not UTF-8 but UTF-16; save it as UTF-8"),
        (b"GIF89a\x01\x00\x02", "not a text: byte 0x00 at offset 7"),
    ],
)
def test_files_that_are_no_texts_are_refused(tmp_path, content, why):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=why):
        list(read_lines(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(read_lines(tmp_path / "gone.txt"))


@pytest.mark.parametrize("text", ["é" * 700_000, "ab é" * 700_000, "€" * 1_000_001 + "\nrest"])
def test_long_lines_come_in_pieces_that_are_whole_letters(text):
    pieces = list(stream_lines(io.BytesIO(text.encode())))
    assert "".join(piece.text for piece in pieces) == text and len(pieces) > 1
    assert not any(piece.problem for piece in pieces)
    assert [piece.number for piece in pieces][:2] == [1, 1]
    if " " in text:
        assert pieces[0].text.endswith(" ")


@pytest.mark.parametrize("size", [PIECE, PIECE + 1])
def test_the_end_of_a_long_line_is_looked_over_as_its_beginning(size):
    content = b"a" * 999 + b" " + b"\0" * (size - 1000)
    with pytest.raises(InputError, match="not a text: byte 0x00 at offset 1000"):
        list(stream_lines(io.BytesIO(content)))


@pytest.mark.parametrize("end", ["a", "é", " ", " a"])
@pytest.mark.parametrize("short", range(4))
def test_line_breaks_are_whole_wherever_pieces_end(end, short):
    line = "a" * (PIECE - short - len(end.encode())) + end
    pieces = list(stream_lines(io.BytesIO(f"{line}\r\nnext\r\n".encode())))
    assert "".join(piece.text for piece in pieces) == f"{line}\nnext\n"
    assert [piece.number for piece in pieces if piece.text.endswith("\n")] == [1, 2]


def test_what_is_no_letter_comes_in_pieces_too():
    pieces = list(stream_lines(io.BytesIO(b"\xc3" + b"\x80" * (3 * PIECE))))
    assert len(pieces) > 2 and all(piece.problem for piece in pieces)


def test_whole_lines_have_what_is_wrong_with_any_piece():
    content = b"caf\xe9 " + b"au lait " * PIECE + b"\nnext\nlast"
    lines = list(whole_lines(stream_lines(io.BytesIO(content), escaped=True), 1 << 24))
    assert [line.number for line in lines] == [1, 2, 3]
    assert lines[0].text.encode(errors="surrogateescape") + b"next\nlast" == content
    assert lines[0].problem == "not UTF-8: byte 0xe9 at offset 3"
    assert lines[1:] == [Line(2, "next\n"), Line(3, "last")]
    with pytest.raises(InputError, match="line 1 has more than 4 million letters"):
        list(whole_lines(stream_lines(io.BytesIO(content), escaped=True), 1 << 22))
