"""What comes through a pipe, line by line, and whether there is more of it at once."""

from __future__ import annotations

import os
import select
import time

from dltk.text.lines import PIECE

_CHUNK = 1 << 16  # bytes, as many as a pipe holds on Linux
PAUSE_SECS = 0.05  # without a line: whoever has lines may do something about them


class Pipe:
    """The reading end of a pipe, as a file that `dltk.text.lines.stream_lines` reads.

    Other than Python's own files it can tell whether a line would have to be waited for.

    Args:
        descriptor: of the open pipe; it is not closed.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._held, self._at = b"", 0  # what was read, and how much of it was given out
        self._ended = False

    def readline(self, most: int) -> bytes:
        """Return the next line, or `most` bytes of one that is longer; b"" at the end."""
        while True:
            end = self._held.find(b"\n", self._at, self._at + most) + 1
            if not end and (self._ended or len(self._held) - self._at >= most):
                end = min(len(self._held), self._at + most)
            if end or self._ended:
                line = self._held[self._at : end]
                self._at = end
                return line
            self._read()

    def pauses(self) -> bool:
        """Return whether no line comes for PAUSE_SECS, nor a piece of a very long one.

        False at the end too.
        """
        until = time.monotonic() + PAUSE_SECS
        while not self._ended and self._held.find(b"\n", self._at) < 0:
            if len(self._held) - self._at >= PIECE:
                return False
            if not self._ready(max(0.0, until - time.monotonic())):
                return True
            self._read()
        return False

    def _ready(self, seconds: float) -> bool:
        try:
            return bool(select.select([self._descriptor], [], [], seconds)[0])
        except (OSError, ValueError):  # Windows looks at sockets only
            return False

    def _read(self) -> None:
        read = os.read(self._descriptor, _CHUNK)
        self._ended = not read
        self._held, self._at = self._held[self._at :] + read, 0
