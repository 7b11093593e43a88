"""The reader of PyTorch's files: what it reads, and all that it refuses."""

import io
import os
import pickle
import struct
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from dltk.errors import WeightsError
from dltk.models.catalog import lookup
from dltk.pth import read_pth
from dltk.weights import sha256

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<i8": "LongStorage", "|b1": "BoolStorage",
         "<u2": "BFloat16Storage", "<f8": "DoubleStorage", "|u1": "ByteStorage"}  # fmt: skip


class Storage:
    """Stands for a torch storage while a file is made."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.kind = KINDS[self.values.dtype.str]


class Rebuild:
    """Pickles as a call of torch._utils.`name`."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments

    def __reduce__(self):
        return getattr(sys.modules["torch._utils"], self.name), self.arguments


@pytest.fixture(autouse=True)
def fake_torch(monkeypatch):
    """Modules with the names that PyTorch's pickles refer to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in [*KINDS.values(), "StrangeStorage"]:
        made = type(kind, (), {"__module__": "torch"})
        setattr(torch, kind, made)
    for name in ("_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_parameter", "_rebuild_evil"):

        def function():
            pass

        function.__module__, function.__qualname__, function.__name__ = "torch._utils", name, name
        setattr(utils, name, function)
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def tensor(storage, shape, offset=0, strides=None):
    if strides is None:
        strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    return Rebuild("_rebuild_tensor_v2", storage, offset, shape, strides, False, OrderedDict())


def dump(tree, count=None):
    """Pickle `tree` as torch does; return the bytes and the storages by key."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                storages.setdefault(str(id(value)), value)
                kind = getattr(sys.modules["torch"], value.kind)
                numel = len(value.values) if count is None else count
                return ("storage", kind, str(id(value)), "cpu", numel, None)
            return None

    file = io.BytesIO()
    Pickler(file, protocol=2).dump(tree)
    return file.getvalue(), storages


def legacy(tree, *, count=None, written=None):
    content, storages = dump(tree, count)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}}
    out = b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, system)) + content
    out += pickle.dumps(sorted(storages), 2)
    for key in sorted(storages):
        values = storages[key].values
        out += struct.pack("<q", len(values) if written is None else written) + values.tobytes()
    return out


def zipped(tree, *, count=None, compression=zipfile.ZIP_STORED, extra=()):
    content, storages = dump(tree, count)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("model/data.pkl", content)
        archive.writestr("model/byteorder", "little")
        for key, storage in storages.items():
            archive.writestr(f"model/data/{key}", storage.values.tobytes())
        for name in extra:
            archive.writestr(name, b"")
    return file.getvalue()


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "weights.pth").write_bytes(content)
        return read_pth(tmp_path / "weights.pth")

    return read


FORMATS = pytest.mark.parametrize("form", [legacy, zipped])


def tree():
    shared = Storage(np.arange(12, dtype=np.float32))
    state = OrderedDict(
        plain=tensor(shared, (3, 4)),
        turned=tensor(shared, (4, 3), strides=(1, 4)),
        part=tensor(shared, (2,), offset=5),
        scalar=tensor(Storage(np.array([7], np.int64)), ()),
        half=tensor(Storage(np.array([1.5, -2], np.float16)), (2,)),
        brain=tensor(Storage(np.array([0x3FC0, 0xC000], np.uint16)), (2,)),
        flags=tensor(Storage(np.array([True, False])), (2,)),
        number=3,
    )
    state["inner"] = {"weight": Rebuild("_rebuild_parameter", tensor(shared, (1,)), True, None)}
    return state


@FORMATS
def test_tensors_come_back_as_they_were(read, form):
    tensors = read(form(tree()))
    assert list(tensors) == ["plain", "turned", "part", "scalar", "half", "brain", "flags",
                             "inner.weight"]  # fmt: skip
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert (tensors["plain"] == plain).all() and tensors["plain"].dtype == np.float32
    assert (tensors["turned"] == plain.T).all()
    assert tensors["part"].tolist() == [5, 6]
    assert tensors["scalar"] == 7 and tensors["scalar"].shape == ()
    assert tensors["half"].dtype == np.float16 and tensors["half"].tolist() == [1.5, -2]
    assert tensors["brain"].dtype == np.float32 and tensors["brain"].tolist() == [1.5, -2]
    assert tensors["flags"].tolist() == [True, False]
    assert tensors["inner.weight"].tolist() == [0]


@FORMATS
def test_metadata_of_a_state_dictionary_is_passed_over(read, form):
    state = OrderedDict(x=tensor(Storage(np.ones(2, np.float32)), (2,)))
    state._metadata = OrderedDict(version=1)
    assert read(form(state))["x"].tolist() == [1, 1]


@FORMATS
def test_code_is_refused_and_does_not_run(read, form, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    with pytest.raises(WeightsError, match=r"asks for posix\.mkdir, which is not a tensor"):
        read(form({"x": Evil()}))
    assert not (tmp_path / "ran").exists()


@FORMATS
@pytest.mark.parametrize("name", ["_rebuild_evil"])
def test_other_functions_of_torch_are_refused(read, form, name):
    with pytest.raises(WeightsError, match=rf"torch\._utils\.{name}, which is not a tensor"):
        read(form({"x": Rebuild(name, 1)}))


@FORMATS
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_file_cut_short_is_said_to_be(read, form, share):
    content = form(tree())
    with pytest.raises(WeightsError, match=r"cut short|does not begin like one"):
        read(content[: int(len(content) * share)])


@FORMATS
def test_every_cut_of_a_file_is_an_error_in_words(read, form):
    content = form(OrderedDict(x=tensor(Storage(np.ones(3, np.float32)), (3,))))
    for length in range(len(content)):
        with pytest.raises(WeightsError) as caught:
            read(content[:length])
        assert "\n" not in str(caught.value) and "weights.pth" in str(caught.value)


@FORMATS
@pytest.mark.parametrize("count", [2**62, -1, 4])
def test_a_storage_of_absurd_or_wrong_size_is_refused(read, form, count):
    state = {"x": tensor(Storage(np.ones(3, np.float32)), (3,))}
    with pytest.raises(WeightsError, match=r"claims -?\d+ elements|cut short"):
        read(form(state, count=count))


def test_a_count_before_the_data_that_disagrees_is_refused(read):
    state = {"x": tensor(Storage(np.ones(3, np.float32)), (3,))}
    with pytest.raises(WeightsError, match="cut short"):
        read(legacy(state, written=2**60))


@FORMATS
@pytest.mark.parametrize(
    ("shape", "offset", "strides"),
    [((2**40,), 0, (0,)), ((3,), 1, (1,)), ((2,), 0, (5,)), ((-1,), 0, (1,)), ((2,), 0, (1, 1))],
)
def test_a_tensor_beyond_its_data_is_refused(read, form, shape, offset, strides):
    state = {"x": tensor(Storage(np.ones(3, np.float32)), shape, offset, strides)}
    with pytest.raises(WeightsError, match=r"claims the shape|reaches beyond|no proper shape"):
        read(form(state))


class Tampered(Rebuild):
    """A tensor whose checked fields the pickle then sets anew."""

    def __reduce__(self):
        function, arguments = super().__reduce__()
        return function, arguments, (None, {"strides": (-1000, 1000), "shape": (2, 2)})


@FORMATS
def test_a_tensor_cannot_be_changed_after_it_was_checked(read, form):
    storage = Storage(np.ones(3, np.float32))
    state = {"x": Tampered("_rebuild_tensor_v2", storage, 0, (2,), (1,), False, OrderedDict())}
    with pytest.raises(WeightsError, match="tampers with a tensor"):
        read(form(state))


@FORMATS
def test_a_small_file_cannot_claim_much(read, form):
    storage = Storage(np.ones(1000, np.float32))
    many = {str(index): tensor(storage, (1000,)) for index in range(500)}
    with pytest.raises(WeightsError, match="its tensors claim 2000000 bytes, out of a file of"):
        read(form(many))
    nested = {"x": tensor(storage, (1,))}
    for _ in range(40):
        nested = {"a": nested, "b": nested}
    with pytest.raises(WeightsError, match="claims more than 100000 tensors"):
        read(form(nested))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin like one"),
        (b"<!DOCTYPE html>", "does not begin like one"),
        (pickle.dumps({"x": 1}, 2), "does not begin like one"),
        (legacy([1, 2]), "does not hold a dictionary"),
    ],
)
def test_other_files_are_refused(read, content, message):
    with pytest.raises(WeightsError, match=message):
        read(content)


def test_zip_files_of_other_kinds_are_refused(read):
    state = {"x": tensor(Storage(np.ones(300, np.float32)), (300,))}
    for content, message in (
        (zipped(state, compression=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped(state, extra=["model/constants.pkl"]), "TorchScript"),
        (zipped(state, extra=["other/data.pkl"]), "without one data.pkl"),
    ):
        with pytest.raises(WeightsError, match=message):
            read(content)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pth: No such file or directory"):
        read_pth(tmp_path / "none.pth")


def test_the_installed_weights_are_the_published_ones():
    path = lookup("efficientnet-lite0").weights.get()
    assert sha256(path).startswith("57934424")
    tensors = read_pth(path)
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_blocks.15._project_conv.weight"].shape == (320, 1152, 1, 1)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(values).all() for values in tensors.values())


def has_system_torch():
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", "import torch"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_system_torch(), reason="needs Debian's python3-torch")
@pytest.mark.parametrize("new", [True, False])
def test_files_of_pytorch_itself_are_read(tmp_path, new):
    code = f"""
import numpy as np, torch
x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
state = dict(x=x, t=x.permute(2, 0, 1), b=x.bfloat16(), d=x.double()[1], i=torch.tensor(5))
torch.save(state, "{tmp_path}/torch.pth", _use_new_zipfile_serialization={new})
np.savez("{tmp_path}/torch.npz", **{{k: v.float().numpy() for k, v in state.items()}})
"""
    subprocess.run(["/usr/bin/python3", "-c", code], check=True)
    ours, theirs = read_pth(tmp_path / "torch.pth"), np.load(tmp_path / "torch.npz")
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_array_equal(ours[name].astype(np.float32), theirs[name])
