"""What a training leaves in its run folder, read for comparison with another's."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np


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
