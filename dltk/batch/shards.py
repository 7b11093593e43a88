"""Vectors in shards: `NAME-00000.npy` and on, appended to, each of the same number of rows.

A row, once written, keeps its place. The shard under way is `NAME-00000.npy.part` and is a valid
array file but for the row count in its header, which is set when it is renamed.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dltk.errors import DltkError, printable, reason
from dltk.files import cannot_write

_HEADER_BYTES = 192  # room for any shape, and a multiple of 64 as numpy aligns


class ShardWriter:
    """Appends rows to the shards in a folder. A context manager.

    Args:
        folder: where the shards are.
        shape: of one row.
        rows: how many rows there are that count; what a killed run wrote beyond them is dropped.
        shard_size: rows in a shard.
    Raises:
        DltkError: the shards there are do not hold `rows` rows of that shape.
    """

    def __init__(
        self,
        folder: Path,
        shape: tuple[int, ...],
        *,
        rows: int,
        shard_size: int,
        name: str = "features",
    ):
        self._folder, self._shape, self._size, self._name = folder, shape, shard_size, name
        self._row_bytes = 4 * int(np.prod(shape, dtype=np.int64))
        self.rows = rows
        self._file = None
        for number in range(rows // shard_size):
            if self._rows_in(self._path(number)) != shard_size:
                if self._rows_in(self._part(number)) < shard_size:
                    raise self._missing(number)
                self._publish(number, shard_size)  # killed between the last row and the renaming
        for number, path in _shards(folder, name, ".npy", ".npy.part"):
            if number > (rows - 1) // shard_size:
                path.unlink()  # beyond the rows that count
        number, left = divmod(rows, shard_size)
        if left and self._rows_in(self._part(number)) >= left:
            self._reopen(number, left)
        elif left and self._rows_in(self._path(number)) < left:
            raise self._missing(number)
        elif left and self._rows_in(self._path(number)) > left:
            self._reopen(number, left)

    def append(self, vector: np.ndarray) -> tuple[str, int]:
        """Write one row; return the name of its shard and its number in it."""
        number, row = divmod(self.rows, self._size)
        try:
            if self._file is None and row:
                self._reopen(number, row)
            elif self._file is None:
                self._file = self._part(number).open("w+b")
                self._file.write(self._header(0))
            self._file.write(np.ascontiguousarray(vector, "<f4").tobytes())
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._part(number), error) from error
        self.rows += 1
        if row + 1 == self._size:
            self._publish(number, self._size)
        return self._path(number).name, row

    def close(self) -> None:
        """Give the shard under way its name, with as many rows as it has."""
        if self._file is not None and self.rows % self._size:
            self._publish(self.rows // self._size, self.rows % self._size)

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            self.close()
        elif self._file is not None:
            self._file.close()

    def _reopen(self, number: int, rows: int) -> None:
        part, path = self._part(number), self._path(number)
        try:
            if self._rows_in(part) < rows:
                shutil.copyfile(path, part)  # the shard stays whole until this one replaces it
            self._file = part.open("r+b")
            self._file.truncate(_HEADER_BYTES + rows * self._row_bytes)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise cannot_write(part, error) from error

    def _publish(self, number: int, rows: int) -> None:
        part = self._part(number)
        try:
            file = self._file or part.open("r+b")
            file.truncate(_HEADER_BYTES + rows * self._row_bytes)
            file.seek(0)
            file.write(self._header(rows))
            file.close()
            os.replace(part, self._path(number))
        except OSError as error:
            raise cannot_write(part, error) from error
        self._file = None

    def _header(self, rows: int) -> bytes:
        buffer = io.BytesIO()
        fields = {"descr": "<f4", "fortran_order": False, "shape": (rows, *self._shape)}
        np.lib.format.write_array_header_2_0(buffer, fields)
        text = buffer.getvalue()[12:].rstrip(b" \n")
        length = _HEADER_BYTES - 12
        return b"\x93NUMPY\x02\x00" + length.to_bytes(4, "little") + text.ljust(length - 1) + b"\n"

    def _rows_in(self, path: Path) -> int:
        try:
            return (path.stat().st_size - _HEADER_BYTES) // self._row_bytes
        except OSError:
            return -1

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:05d}.npy"

    def _part(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:05d}.npy.part"

    def _missing(self, number: int) -> DltkError:
        return DltkError(
            f"{printable(self._path(number))} does not hold the vectors that the record beside it "
            "tells of; use --overwrite to make all again"
        )


def mend_shards(folder: Path, *, rows: int, shard_size: int, name: str = "features") -> None:
    """Give the last shard its name if a killed run did not come to it.

    Raises:
        DltkError: the shards do not hold `rows` rows.
    """
    found = [path for _, path in _shards(folder, name, ".npy", ".npy.part")]
    if rows == 0 and not found:
        return
    shape = _row_shape(found[0]) if found else ()
    ShardWriter(folder, shape, rows=rows, shard_size=shard_size, name=name).close()


def _row_shape(path: Path) -> tuple[int, ...]:
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            return np.lib.format.read_array_header_2_0(file)[0][1:]
    except (OSError, ValueError) as error:
        raise DltkError(f"{printable(path)} is not a shard of vectors: {reason(error)}") from error


def remove_shards(folder: Path, name: str = "features") -> None:
    """Delete all shards of that name."""
    for _, path in _shards(folder, name, ".npy", ".npy.part"):
        path.unlink()


def open_shards(folder: Path, name: str = "features") -> list[np.ndarray]:
    """Return the shards in order, each float32 (rows, ...), as memory maps."""
    return [np.load(path, mmap_mode="r") for _, path in _shards(folder, name, ".npy")]


def _shards(folder: Path, name: str, *endings: str) -> list[tuple[int, Path]]:
    """Return number and path of the shards in `folder`, in order; other files are not ours."""
    form = re.compile(rf"{re.escape(name)}-(\d{{5,}})(\.npy(?:\.part)?)")
    paths = folder.iterdir() if folder.is_dir() else ()
    matches = ((form.fullmatch(path.name), path) for path in paths)
    return sorted((int(m[1]), path) for m, path in matches if m and m[2] in endings)


def write_shards(
    folder: Path,
    blocks: Iterable[np.ndarray],
    *,
    name: str,
    shape: tuple[int, ...],
    shard_size: int,
) -> None:
    """Write all rows of `blocks` as new shards called `name`, in place of those there are."""
    remove_shards(folder, name)
    with ShardWriter(folder, shape, rows=0, shard_size=shard_size, name=name) as writer:
        for block in blocks:
            for row in block:
                writer.append(row)
