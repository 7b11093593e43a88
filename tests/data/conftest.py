"""What the tests of labelled pictures share: a folder of pictures, and what a reader refuses."""

import zlib

import pytest

from dltk.data import read_data
from dltk.errors import UsageError


@pytest.fixture
def make(tmp_path, noise):
    """Write pictures, each different, to the paths given: make("a/1.png", …) -> the root."""
    root = tmp_path / "data"

    def write(*names):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(zlib.crc32(name.encode()), (12, 8)).save(path)
        return root

    return write


@pytest.fixture
def said():
    """Return the message, of one line, with which reading data is refused: said(where, kind)."""

    def refused(where, kind=UsageError):
        with pytest.raises(kind) as error:
            read_data(where)
        message = str(error.value)
        assert "\n" not in message
        return message

    return refused
