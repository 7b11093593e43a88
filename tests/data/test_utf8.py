"""The text of files: UTF-8, or the place where it is not."""

import pytest

from dltk.data.utf8 import decoded, forgiving, lines_of
from dltk.errors import UsageError


def test_texts_are_utf8_or_the_place_is_named():
    assert decoded(b"\xef\xbb\xbfB\xc3\xa4r", "x") == "Bär"
    with pytest.raises(
        UsageError, match=r"^cannot read x: it is not UTF-8: byte 0xe4 at offset 4$"
    ):
        decoded(b"\xef\xbb\xbfB\xe4r", "x")
    for content in ("Bär".encode("utf-16"), b"\xfe\xff\0a"):
        for read in (decoded, forgiving):
            with pytest.raises(UsageError, match=r"not UTF-8 but UTF-16; save it as UTF-8$"):
                read(content, "x")


def test_lines_are_those_that_editors_count():
    text, faults = forgiving(b"\xef\xbb\xbfa\r\nb\xe4\xe4\r\xc3\xa4\nd\xff", "x")
    assert list(lines_of(text)) == [(1, "a"), (2, "b\udce4\udce4"), (3, "ä"), (4, "d\udcff")]
    assert faults == {2: "byte 0xe4 at offset 7", 4: "byte 0xff at offset 14"}
    assert list(lines_of("a\u2028b\x0cc\n\nd")) == [(1, "a\u2028b\x0cc"), (2, ""), (3, "d")]
