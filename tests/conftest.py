"""What all tests share: two logical CPUs, a cache of their own, pictures, and the command."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dltk.samples import FOLDER as SAMPLES


def pytest_configure(config):
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    # A shell's background jobs ignore Ctrl-C, and so would the commands that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Compile networks for this session only, once."""
    os.environ["DLTK_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    return Path(os.environ["DLTK_CACHE"])


@pytest.fixture(autouse=True)
def own_keras_home(tmp_path, monkeypatch):
    """Neither read nor write the weights the user has downloaded."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras-home"))
    for name in ("DLTK_OFFLINE", "DLTK_MIRROR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder with the sample photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in SAMPLES.glob("*.jpg"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def folder(tmp_path):
    """Two photos, one of them in a folder of its own and with a difficult name."""
    root = tmp_path / "photos"
    (root / "deep er").mkdir(parents=True)
    shutil.copy(SAMPLES / "cat.jpg", root / "cat.jpg")
    shutil.copy(SAMPLES / "flower.jpg", root / "deep er" / "flower [1] (é).jpg")
    return root


@pytest.fixture
def noise():
    """A maker of small RGB pictures, each of its own colour and grain."""

    def make(seed: int = 0, size: tuple[int, int] = (40, 30)) -> Image.Image:
        random = np.random.default_rng(seed)
        ground = random.integers(40, 200, 3)
        grain = random.integers(-30, 30, (size[1], size[0], 3))
        return Image.fromarray((ground + grain).astype(np.uint8))

    return make


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that a server at DLTK_MIRROR gives out as torchvision's; an empty cache."""
    folder = tmp_path / "mirror" / "models"
    folder.mkdir(parents=True)
    handler = partial(QuietHandler, directory=folder.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("DLTK_MIRROR", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()


@dataclass
class Result:
    """How a run of the command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def dltk(capsys):
    """Run the command in this process: dltk("classify", folder) -> Result."""
    from dltk.cli.main import main

    def run(*arguments) -> Result:
        capsys.readouterr()
        try:
            code = main([os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in arguments])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run
