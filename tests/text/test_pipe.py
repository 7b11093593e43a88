"""Lines that come through a pipe, and the pauses between them."""

import os
import threading

import pytest

from dltk.text.lines import PIECE, stream_lines
from dltk.text.pipe import PAUSE_SECS, Pipe


@pytest.fixture
def ends():
    """Both ends of a pipe; a test closes the one that is written to."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def test_lines_are_given_as_they_come_and_pauses_are_told(ends):
    reading, writing = ends
    pipe = Pipe(reading)
    os.write(writing, b"one\ntwo\nthr")
    assert pipe.readline(100) == b"one\n" and not pipe.pauses()
    assert pipe.readline(100) == b"two\n" and pipe.pauses()  # a line that is not whole is none
    os.write(writing, b"ee\n")
    assert not pipe.pauses() and pipe.readline(100) == b"three\n"
    os.write(writing, b"four")
    os.close(writing)
    assert not pipe.pauses() and pipe.readline(100) == b"four"
    assert not pipe.pauses() and pipe.readline(100) == b"" == pipe.readline(100)


def test_a_line_that_never_ends_does_not_hold_up_those_before_it(ends):
    reading, writing = ends
    done = threading.Event()

    def trickle():
        for _ in range(1000):
            os.write(writing, b"x")
            if done.wait(PAUSE_SECS / 5):
                break
        os.close(writing)

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert Pipe(reading).pauses()  # and not False, at the end
    finally:
        done.set()
        thread.join()


def test_a_line_that_never_ends_is_read_as_far_as_its_piece(ends):
    reading, writing = ends
    enough = threading.Event()
    written = []

    def pour():
        while not enough.is_set() and len(written) < 512:  # 32 MiB
            written.append(os.write(writing, bytes(1 << 16)))
        os.close(writing)

    thread = threading.Thread(target=pour)
    thread.start()
    pipe = Pipe(reading)
    pauses, taken = pipe.pauses(), sum(written)
    enough.set()
    assert pipe.readline(PIECE) == bytes(PIECE) and not pauses
    while pipe.readline(PIECE):
        pass
    thread.join()
    assert taken < 4 * PIECE


def test_long_lines_come_in_pieces(ends):
    reading, writing = ends
    content = b"ab " * 100_000 + b"\nend"
    thread = threading.Thread(target=lambda: (os.write(writing, content), os.close(writing)))
    thread.start()
    pipe = Pipe(reading)
    pieces = [pipe.readline(1 << 16)]
    while piece := pipe.readline(1 << 16):
        pieces.append(piece)
    thread.join()
    assert b"".join(pieces) == content and max(map(len, pieces)) == 1 << 16
    assert pieces[-1] == b"end"


def test_it_is_read_as_files_are(ends):
    reading, writing = ends
    os.write(writing, b"\xef\xbb\xbfone\r\ncaf\xe9\n")
    os.close(writing)
    found = list(stream_lines(Pipe(reading)))
    assert found == [(1, "one\n", None), (2, "", "not UTF-8: byte 0xe9 at offset 11")]
