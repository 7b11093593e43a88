"""Lines of files of any size and kind."""

import io

import pytest

from dltk.errors import InputError
from dltk.text.lines import read_lines, stream_lines


def test_lines_have_their_numbers_and_one_kind_of_break(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\ntwo \xc3\xa9\nthree")
    found = list(read_lines(tmp_path / "a.txt"))
    assert found == [(1, "one\n", None), (2, "\n", None), (3, "two é\n", None), (4, "three", None)]
    (tmp_path / "empty").write_bytes(b"")
    assert not list(read_lines(tmp_path / "empty"))


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
