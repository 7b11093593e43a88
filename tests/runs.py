"""Trainings killed on the way, and what trainings leave in their run folders, to be compared."""

from __future__ import annotations

import csv
import io
import re
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np


def killed_at(code: str, arguments: Sequence, *lines: str) -> list[str]:
    """Run Python code in a process of its own, and kill it at a line that it prints.

    Args:
        code: prints lines as soon as there is one to tell.
        arguments: what it finds in `sys.argv`.
        lines: patterns of how lines begin, which are waited for one after the other.
    Returns:
        All lines that it printed.
    """
    waited, printed = list(lines), []
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+") as errors,  # a pipe that nobody reads would fill up
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            for line in process.stdout:
                printed.append(line.rstrip("\n"))
                if waited and re.match(waited[0], line):
                    waited.pop(0)
                    if not waited:
                        process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
        process.wait()
        errors.seek(0)
        assert process.returncode == -signal.SIGKILL and not waited, (
            f"ended with {process.returncode} before {waited}: {errors.read()}"
        )
    return printed


def weights_of(model: Path) -> dict[str, np.ndarray]:
    """Return all weights of a model file, by their places in it."""
    found = {}
    with zipfile.ZipFile(model) as archive, archive.open("model.weights.h5") as member:
        h5py.File(io.BytesIO(member.read())).visititems(
            lambda name, node: (
                found.__setitem__(name, node[()]) if isinstance(node, h5py.Dataset) else None
            )
        )
    return found


def history_of(run: Path) -> list[dict]:
    """Return the rows of a run's history, without their times."""
    with (run / "history.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
