"""Run torchvision itself, under a Python that has it, beside our own networks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.torch_files import write_pth
from tests.torchvision_rules import made_weights, published_name

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
_PYTHON = "/usr/bin/python3"


def has_torchvision() -> bool:
    """Return whether the system's Python has torchvision, as with Debian's python3-torchvision."""
    ask = "from importlib.util import find_spec as f; exit(not (f('torch') and f('torchvision')))"
    return os.path.exists(_PYTHON) and subprocess.run([_PYTHON, "-c", ask]).returncode == 0


needs_torchvision = pytest.mark.skipif(
    not has_torchvision(), reason="needs torchvision in the system's Python"
)


def run_torchvision(
    name: str,
    folder: Path,
    *,
    sizes: tuple[str, ...] = (),
    pictures: Mapping[str, np.ndarray] | None = None,
    options: dict | None = None,
) -> dict[str, np.ndarray]:
    """Return what all stages of a network of torchvision give, with weights made by rule.

    Args:
        name, options: see `tests/torchvision_reference.py`, and for the arrays' names too.
        folder: for files on the way.
        sizes: such as "120x400", height and width of pictures made by rule.
        pictures: by name, (H, W, 3), 0-255, uint8 or float32.
    """
    out = folder / f"{name}.npz"
    arguments = ["run", name, out, "--sizes", *sizes, "--options", json.dumps(options or {})]
    if pictures:
        np.savez(folder / "pictures.npz", **pictures)
        arguments += ["--pictures", folder / "pictures.npz"]
    _call(arguments)
    with np.load(out) as arrays:
        return dict(arrays)


def save_torchvision(name: str, path: Path, *, legacy: bool = False) -> None:
    """Write the weights made by rule as PyTorch writes a file, with the names that are published.

    Args:
        legacy: in the layout from before PyTorch 1.6.
    """
    _call(["save", name, path, *(["--legacy"] if legacy else [])])


def tensors_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make the weights again whose "names" and "shapes" a run or a golden file lists."""
    shapes = {
        str(name): tuple(int(side) for side in str(shape).split("x") if side)
        for name, shape in zip(arrays["names"], arrays["shapes"], strict=True)
    }
    return made_weights(shapes)


def write_weights(name: str, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Write the weights of a run or a golden file with the names of the published file.

    It is what `save_torchvision` writes, at no run of torchvision.
    """
    write_pth({published_name(key, name): v for key, v in tensors_of(arrays).items()}, path)


def stages_of(arrays: Mapping[str, np.ndarray], picture: str) -> dict[str, np.ndarray]:
    """Return what there is on one picture, by stage, such as "fpn/0"."""
    start = f"{picture}/"
    return {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}


def _call(arguments: list) -> None:
    command = [_PYTHON, "-W", "ignore", "-m", "tests.torchvision_reference", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
