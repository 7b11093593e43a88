"""Features on disk, by the content of the picture they are of, so that none is computed twice."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dltk.files import locked, whole

_DIGEST = "S32"


class FeatureStore:
    """Feature vectors by the digest of their picture, in a folder for each network.

    Vectors are added in files of many, each whole or absent; a run that is interrupted keeps
    what it has added.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, digests: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the vectors, float32 (D,), of those of `digests` that are known."""
        wanted = np.unique(np.asarray([digest for digest in digests if digest], _DIGEST))
        found: dict[str, np.ndarray] = {}
        for path in sorted(self._folder.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as shard:
                    known = shard["digests"]
                    rows = np.flatnonzero(np.isin(known, wanted))
                    if len(rows):
                        vectors = shard["vectors"]
                        found |= {known[row].decode(): vectors[row] for row in rows}
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                continue  # damaged: its vectors are computed again
        return found

    def add(self, digests: Sequence[str], vectors: np.ndarray) -> None:
        """Keep vectors, float32 (N, D). Raises DltkError where they cannot be written."""
        rows = [row for row, digest in enumerate(digests) if digest]
        if not rows:
            return
        keys = np.asarray([digests[row] for row in rows], _DIGEST)
        name = hashlib.sha256(keys.tobytes()).hexdigest()[:16]
        path = self._folder / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent), whole(path) as part, part.open("wb") as file:
            np.savez(file, digests=keys, vectors=np.asarray(vectors, np.float32)[rows])
