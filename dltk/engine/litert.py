"""The LiteRT engine: networks compiled once, cached, and run without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import numpy as np

from dltk import errors
from dltk.errors import DltkError
from dltk.files import locked, whole
from dltk.models.find import ModelSource
from dltk.strategy import cores
from dltk.weights import Report, cache_folder, silent
from dltk.wording import amount

_CACHE_VERSION = 1
_stderr_lock = threading.Lock()


def compiled(spec: dict, source: ModelSource, report: Report = silent) -> bytes:
    """Return the compiled form of a network, from the cache or made now.

    An entry is named by what went into it (specification, weights, versions) and by the SHA-256
    of its own content, so that one cut short or altered is known and made again.

    Raises:
        DltkError: the network cannot be built or converted.
    """
    source.weights(report)
    key = _key(spec, source.fingerprint)
    folder = cache_folder() / "litert"
    content = _cached(folder, key)
    if content is not None:
        return content
    if not os.access(_existing(folder), os.W_OK):
        report(f"cannot keep compiled networks in {folder}; they are compiled at every start")
    report(f"compiling {source.name} for this machine, once; this takes about half a minute")
    return _compile(spec, folder, key, source.name)


def _existing(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    return folder if folder.exists() else _existing(folder.parent)


def _key(spec: dict, fingerprint: str) -> str:
    versions = {name: metadata.version(name) for name in ("tensorflow", "keras")}
    # The path of a model file is not part of it: its content is.
    what = spec if Path(spec["model"]).is_absolute() is False else {**spec, "model": ""}
    text = json.dumps([_CACHE_VERSION, what, fingerprint, versions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _cached(folder: Path, key: str) -> bytes | None:
    for path in folder.glob(f"{key}-*.tflite"):
        with suppress(OSError):
            content = path.read_bytes()
            if path.name == _entry_name(key, content):
                return content
            path.unlink()
    return None


def _entry_name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:24]}.tflite"


def _compile(spec: dict, folder: Path, key: str, name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="dltk-") as scratch:
        draft = Path(scratch) / "network.tflite"
        child = subprocess.run(
            # -P: a keras.py in the current folder is not the one that is meant
            [sys.executable, "-P", "-m", "dltk.engine.compile", str(draft)],
            input=json.dumps(spec),
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if child.returncode:
            raise _failure(child, name)
        content = draft.read_bytes()
    with suppress(OSError, DltkError):  # a cache that cannot be written costs only time
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder), whole(folder / _entry_name(key, content)) as part:
            part.write_bytes(content)
    return content


def _failure(child: subprocess.CompletedProcess, name: str) -> DltkError:
    with suppress(ValueError, IndexError, KeyError, AttributeError):
        answer = json.loads(child.stdout.splitlines()[-1])
        return getattr(errors, answer["kind"], DltkError)(answer["error"])
    last = (child.stderr.strip().splitlines() or ["no message"])[-1]
    return DltkError(
        f"{name} cannot be compiled for LiteRT ({last.strip()[:200]}); use --engine keras"
    )


class LiteRTNetwork:
    """A compiled network. Pictures run one at a time, each thread with an interpreter of its own.

    One picture at a time is as fast as a batch on a CPU, keeps memory flat, and makes a
    picture's result independent of its neighbours. Many single-threaded interpreters side by
    side waste less than one with many threads; a few pictures get the latter.
    """

    batch_size = 4

    def __init__(self, content: bytes, *, pictures: int | None = None):
        self._content = content
        few = pictures is not None and pictures < 2 * cores()
        self.workers = 1 if few else cores()
        self._threads = cores() if few else 1
        self._local = threading.local()
        self.running = f"LiteRT, {amount(cores(), 'core')}"
        self.output_shape = tuple(int(n) for n in self._interpreter()[2]["shape"][1:])

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 pixels (B, H, W, C), 0-255."""
        interpreter, source, target = self._interpreter()
        results = np.empty((len(batch), *self.output_shape), np.float32)
        for index, picture in enumerate(batch):
            interpreter.set_tensor(source["index"], picture[None])
            interpreter.invoke()
            results[index] = interpreter.get_tensor(target["index"])[0]
        return results

    def _interpreter(self):
        if not hasattr(self._local, "made"):
            from ai_edge_litert.interpreter import Interpreter

            with _quiet_stderr():
                interpreter = Interpreter(model_content=self._content, num_threads=self._threads)
                interpreter.allocate_tensors()
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
            self._local.made = interpreter, inputs[0], outputs[0]
        return self._local.made


class AnySizeLiteRTNetwork(LiteRTNetwork):
    """A compiled network that takes pictures of more than one size, unless it knows one only."""

    def __init__(self, content: bytes, *, pictures: int | None = None):
        super().__init__(content, pictures=pictures)
        source, target = self._interpreter()[1:]
        self._fixed = -1 not in source["shape_signature"]
        if not self._fixed:
            self.output_shape = (None, None, int(target["shape_signature"][-1]))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 pixels (B, H, W, C), 0-255."""
        if self._fixed:
            return super().__call__(batch)
        interpreter, source, target = self._interpreter()
        if getattr(self._local, "fits", None) != batch.shape[1:]:
            interpreter.resize_tensor_input(source["index"], (1, *batch.shape[1:]))
            interpreter.allocate_tensors()
            self._local.fits = batch.shape[1:]
        results = []
        for picture in batch:
            interpreter.set_tensor(source["index"], picture[None])
            interpreter.invoke()
            results.append(interpreter.get_tensor(target["index"])[0])
        return np.stack(results)


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Discard what native code writes to standard error: LiteRT greets at every start."""
    with _stderr_lock:
        try:
            saved = os.dup(2)
        except OSError:  # a process without a standard error
            yield
            return
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
