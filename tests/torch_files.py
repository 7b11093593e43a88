"""PyTorch weight files made by rule, for tests that compare a network with torchvision's.

Only NumPy is needed here: the scripts that run torchvision itself use it too.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def made_tensors(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return a tensor for each name and shape of a state dictionary; the numbers hang on both.

    Convolutions and dense layers keep the size of what goes through them; variances and scales of
    batch normalisations are positive. RandomState, whose numbers never change with NumPy.
    """
    return {name: _made(name, tuple(shape)) for name, shape in shapes.items()}


def _made(name: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(random.randint(1000), np.int64)
    if len(shape) > 1:
        values = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif name.endswith(("weight", "running_var")):
        values = random.uniform(0.5, 1.5, shape)
    else:
        values = random.uniform(-0.3, 0.3, shape)
    return values.astype(np.float32)


def made_pixels(height: int, width: int) -> np.ndarray:
    """Return a picture, float32 (1, H, W, 3), 0-255: waves that are no period of a stride."""
    index = np.arange(height * width * 3, dtype=np.float64).reshape(1, height, width, 3)
    waves = 0.7 * np.sin(0.0131 * index) + 0.3 * np.sin(0.71 * index + 1)
    return (127.5 + 127.5 * waves).astype(np.float32)


def write_pth(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Write a state dictionary as `torch.save` does since PyTorch 1.6, without PyTorch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("made/data.pkl", "w") as file:
            _Pickler(file, protocol=2).dump(OrderedDict(tensors))
        archive.writestr("made/byteorder", "little")
        archive.writestr("made/version", "3\n")
        for name, values in tensors.items():
            archive.writestr(f"made/data/{name}", values.tobytes())


class _Name:
    """Something of PyTorch's that a pickle names; called, it would make a tensor."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self):
        raise NotImplementedError


class _Pickler(pickle._Pickler):
    """Writes arrays as PyTorch's tensors, each with its own data. `dump` takes a dictionary."""

    dispatch = pickle._Pickler.dispatch.copy()

    def dump(self, tensors):
        self._key_of = {id(values): name for name, values in tensors.items()}
        super().dump(tensors)

    def persistent_id(self, value):
        if not isinstance(value, _Storage):
            return None
        kind = {"f4": "FloatStorage", "i8": "LongStorage"}[value.values.dtype.str[1:]]
        key = self._key_of[id(value.values)]
        return "storage", _Name("torch", kind), key, "cpu", value.values.size

    def save_name(self, value):
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def save_array(self, values):
        strides = tuple(stride // values.itemsize for stride in values.strides)
        arguments = _Storage(values), 0, values.shape, strides, False, OrderedDict()
        self.save_reduce(_Name("torch._utils", "_rebuild_tensor_v2"), arguments, obj=values)

    dispatch[_Name] = save_name
    dispatch[np.ndarray] = save_array


class _Storage:
    def __init__(self, values: np.ndarray):
        self.values = values
