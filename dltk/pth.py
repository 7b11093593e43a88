"""Read PyTorch weight files (.pth) without PyTorch, and without trusting them.

A .pth file is a pickle, and a pickle is a program. This reader runs the few instructions that
rebuild tensors and refuses all others, so that a hostile file can do no more than fail. Both
layouts are read: the zip archive (PyTorch 1.6 and later) and the stream of pickles before it.
The layouts are those of `torch/serialization.py`; the oldest one, a tar archive, is refused.
"""

from __future__ import annotations

import io
import lzma
import math
import os
import pickle
import struct
import sys
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from dltk.errors import WeightsError, printable, reason

_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = pickle.dumps(_MAGIC, protocol=2)
_ZIP_START = b"PK\x03\x04"
_MAX_TENSORS = 100_000
_MAX_GROWTH = 8  # tensors may share their data, as tied weights do
_MAX_ITEMS = 2**40  # elements in one tensor; no published weight file comes near

_DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def read_pth(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the tensors of a state dictionary, by name, in the file's order.

    Dtypes are the file's; bfloat16 becomes float32. Nested dictionaries are flattened with dots
    between the names; values that are not tensors are left out.

    Raises:
        WeightsError: not such a file, cut short, or asking for anything but tensors.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(_LEGACY_START))
            file.seek(0)
            if start.startswith(_ZIP_START):
                tree = _read_zip(file)
            elif start == _LEGACY_START:
                tree = _read_legacy(file)
            else:
                raise _RefusedError("it does not begin like one")
            size = file.seek(0, os.SEEK_END)
        return _arrays(tree, size)
    except _RefusedError as error:
        raise WeightsError(f"{printable(path)} is not a weight file dltk reads: {error}") from error
    except OSError as error:
        raise WeightsError(f"cannot read {printable(path)}: {reason(error)}") from error
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        struct.error,
        EOFError,
        MemoryError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        UnicodeDecodeError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
        RecursionError,
        OverflowError,
    ) as error:
        why = f"damaged or cut short ({reason(error)})"
        raise WeightsError(f"{printable(path)} is {why}; fetch it again") from error


class _RefusedError(Exception):
    """The file is not of a kind that this reader takes."""


@dataclass(eq=False, slots=True)
class _Storage:
    """A run of numbers that tensors are views of; filled after the pickle that names it."""

    dtype: np.dtype
    bfloat16: bool
    count: int
    values: np.ndarray | None = None

    def __setstate__(self, state):  # a pickle could set what was checked already
        raise _RefusedError("it tampers with a tensor's data")

    def fill(self, raw: bytes) -> None:
        if len(raw) != self.count * self.dtype.itemsize:
            raise EOFError("a tensor's data ends early")
        values = np.frombuffer(raw, self.dtype)
        if self.bfloat16:  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        self.values = values


@dataclass(eq=False, slots=True)
class _Tensor:
    """A tensor whose storage may not have been read yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __setstate__(self, state):
        raise _RefusedError("it tampers with a tensor")

    def array(self) -> np.ndarray:
        count = math.prod(self.shape)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if count and not 0 <= self.offset <= last < self.storage.count:
            raise ValueError("a tensor reaches beyond its data")
        values = self.storage.values
        strides = [stride * values.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, strides, writeable=False
        )
        return view.astype(view.dtype.newbyteorder("="))  # a copy: the view must not outlive it


class _StateDict(OrderedDict):
    """An ordered dictionary that drops the attributes (`_metadata`) a pickle sets on it."""

    def __setstate__(self, state):
        pass


def _rebuild_tensor(storage, offset, shape, strides, *_):
    shape, strides = tuple(shape), tuple(strides)
    sane = all(type(n) is int and n >= 0 for n in (offset, *shape, *strides))
    if not isinstance(storage, _Storage) or not sane or len(shape) != len(strides):
        raise _RefusedError("a tensor in it has no proper shape")
    if math.prod(shape) > storage.count:
        raise _RefusedError(f"a tensor in it claims the shape {shape} over {storage.count} numbers")
    return _Tensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor, *_):
    return tensor


class _Unpickler(pickle._Unpickler):
    """Knows dictionaries and tensors. Anything else that a pickle names is refused.

    The one written in Python: that in C makes room for as many values as a file claims to have.
    """

    def __init__(self, file, storage_of, **options):
        super().__init__(file, **options)
        self._storage_of = storage_of

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return _StateDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if (module, name) == ("torch", "Size"):
            return tuple
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return name
        asked = printable(f"{module}.{name}")
        raise _RefusedError(f"it asks for {asked}, which is not a tensor")

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise _RefusedError("it refers to something that is not a tensor's data")
        if len(pid) > 5 and pid[5] is not None:
            raise _RefusedError("it is of a very old kind, with views of views")
        _, kind, key, _, count = pid[:5]
        if kind not in _DTYPES or type(count) is not int or not 0 <= count <= _MAX_ITEMS:
            raise _RefusedError(f"a tensor in it claims {printable(count)} elements")
        return self._storage_of(str(key), kind, count)


def _storages(order: str):
    """Return a function that gives each key its one storage, and the dictionary it fills."""
    made: dict[str, _Storage] = {}

    def storage_of(key: str, kind: str, count: int) -> _Storage:
        if key not in made:
            dtype = np.dtype(_DTYPES[kind]).newbyteorder(order)
            made[key] = _Storage(dtype, kind == "BFloat16Storage", count)
        return made[key]

    return storage_of, made


def _read_legacy(file) -> object:
    def load():
        return _Unpickler(file, storage_of, encoding="utf-8").load()

    storage_of, made = _storages("<")
    if load() != _MAGIC or load() != 1001:
        raise _RefusedError("its format version is unknown")
    system = load()
    if not system.get("little_endian", True):
        raise _RefusedError("it was written on a big-endian machine")
    tree = load()
    size = os.fstat(file.fileno()).st_size
    for key in load():
        storage = made[str(key)]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count or count * storage.dtype.itemsize > size - file.tell():
            raise EOFError("a tensor's data ends early")
        storage.fill(file.read(count * storage.dtype.itemsize))
    return tree


def _read_zip(file) -> object:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise _RefusedError("it is a zip archive without one data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        if archive.getinfo(pickles[0]).compress_type != zipfile.ZIP_STORED:
            raise _RefusedError("its index is compressed, which PyTorch never does")
        if f"{folder}constants.pkl" in names:
            raise _RefusedError("it holds a TorchScript program, not weights")
        order = sys.byteorder if f"{folder}byteorder" not in names else None
        order = order or archive.read(f"{folder}byteorder").decode()
        storage_of, made = _storages("<" if order == "little" else ">")
        tree = _Unpickler(io.BytesIO(archive.read(pickles[0])), storage_of, encoding="utf-8").load()
        for key, storage in made.items():
            member = archive.getinfo(f"{folder}data/{key}")
            if member.compress_type != zipfile.ZIP_STORED:
                raise _RefusedError("its tensors are compressed, which PyTorch never does")
            if member.file_size != storage.count * storage.dtype.itemsize:
                raise EOFError("a tensor's data ends early")
            storage.fill(archive.read(member))
    return tree


def _arrays(tree, file_size: int) -> dict[str, np.ndarray]:
    """Return the tensors in nested dictionaries, which may not add up to more than the file."""
    tensors = dict(islice(_flatten(tree), _MAX_TENSORS + 1))
    if len(tensors) > _MAX_TENSORS:  # a few dictionaries in each other make millions
        raise _RefusedError(f"it claims more than {_MAX_TENSORS} tensors")
    total = sum(math.prod(t.shape) * t.storage.dtype.itemsize for t in tensors.values())
    if total > _MAX_GROWTH * file_size:
        raise _RefusedError(f"its tensors claim {total} bytes, out of a file of {file_size}")
    return {name: tensor.array() for name, tensor in tensors.items()}


def _flatten(tree, prefix: str = ""):
    if not isinstance(tree, dict):
        raise _RefusedError("it does not hold a dictionary of tensors")
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, _Tensor):
            yield f"{prefix}{name}", value
