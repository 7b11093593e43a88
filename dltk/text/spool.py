"""Texts and tokens on disk, for as long as the process runs: texts of any size fit in memory."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from dltk.files import cannot_write


class _OnDisk:
    """A temporary file, which goes when nothing refers to it any more or the process ends."""

    def __init__(self):
        # Closed when it is collected: it lives as long as this.
        self._file = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115

    def flush(self) -> None:
        """Write what is not written yet: reading comes after it. Raises DltkError."""
        self._try(self._file.flush)

    def _try(self, do: Callable, *given) -> None:
        try:
            do(*given)
        except OSError as error:
            raise cannot_write(tempfile.gettempdir(), error) from error


class Spool(_OnDisk, Sequence[bytes]):
    """Byte strings on disk, in order, each of which can be had at any time, by any thread.

    In memory there are eight bytes for each.
    """

    def __init__(self):
        super().__init__()
        self._ends = array("q", [0])

    def append(self, content: bytes) -> None:
        """Add a string. Raises DltkError: the disk is full."""
        self._try(self._file.write, content)
        self._ends.append(self._ends[-1] + len(content))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> bytes:
        index = range(len(self))[index]
        start, end = self._ends[index], self._ends[index + 1]
        return os.pread(self._file.fileno(), end - start, start)


class TokenFile(_OnDisk):
    """Numbers of tokens on disk, one after the other."""

    def append(self, numbers: np.ndarray) -> None:
        """Add numbers (n,). Raises DltkError: the disk is full."""
        self._try(self._file.write, np.ascontiguousarray(numbers, np.int32).data)

    def numbers(self) -> np.ndarray:
        """Return all numbers, int32 (N,), read from disk where they are looked at."""
        self.flush()
        if not os.fstat(self._file.fileno()).st_size:
            return np.zeros(0, np.int32)
        return np.memmap(self._file, np.int32, mode="r")
