"""What a backbone sees of pictures, worked out once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from dltk.batch import Item, predict
from dltk.data.examples import Pictures
from dltk.engine.keras import Replicated
from dltk.errors import DltkError, printable, reason
from dltk.files import cannot_write, locked, whole
from dltk.geometry import Geometry
from dltk.strategy import cores
from dltk.weights import Report

_AT_ONCE = 16  # pictures in a step
_TOLD_EVERY = 1000
_FORM = 1  # of the files; one more when they, or how maps come about, are changed
_KEPT_AS = "<f2"  # loses a two-thousandth of a value, and takes half of the room


@dataclass(frozen=True)
class Maps:
    """The maps of N pictures.

    Attributes:
        shapes: (h, w, C) of each map of a picture, by its name among a network's inputs.
        files: of each picture: the values of all its maps, float16, one behind the other.
    """

    shapes: dict[str, tuple[int, int, int]]
    files: tuple[Path, ...]

    def load(self, indices: Sequence[int], epoch: int = 0) -> dict[str, np.ndarray]:
        """Return the maps of some pictures, float16 (n, h, w, C) by name, whatever the epoch.

        Raises:
            DltkError: they are no longer there.
        """
        counts = {name: int(np.prod(shape)) for name, shape in self.shapes.items()}
        rows = np.empty((len(indices), sum(counts.values())), np.float16)
        for row, index in zip(rows, indices, strict=True):
            row[:] = self._row(self.files[index], len(row))
        parts = np.split(rows, np.cumsum(list(counts.values()))[:-1], axis=1)
        return {
            name: part.reshape(len(rows), *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    @staticmethod
    def _row(path: Path, count: int) -> np.ndarray:
        try:
            row, why = np.fromfile(path, _KEPT_AS), "another size"
        except OSError as error:
            row, why = None, reason(error)
        if row is None or len(row) != count:
            raise DltkError(
                f"cannot read what was kept in {printable(path)}: {why}; go on with the run, and "
                "it is worked out anew"
            )
        return row


def keep_maps(
    part: Pictures,
    backbone: keras.Model,
    names: Sequence[str],
    *,
    strategy,
    geometry: Geometry,
    network: str,
    folder: Path,
    report: Report,
) -> Maps:
    """Return the maps of pictures: those that were kept before, and new ones, which are kept.

    There is a file for each picture, named by its content: what was stopped is gone on with, and
    other data with the same pictures finds them there.

    Args:
        part: pictures that can be read.
        backbone: pixels (B, H, W, 3), 0-255, to its maps; built under `strategy`'s scope.
        names: of the maps.
        network: names the backbone and its weights.
        folder: where maps are kept.
        report: called now and then.
    Raises:
        DltkError: they cannot be written, or a picture can no longer be read.
    """
    outputs = backbone.compute_output_shape((None, geometry.height, geometry.width, 3))
    shapes = {name: tuple(shape[1:]) for name, shape in zip(names, outputs, strict=True)}
    size = np.dtype(_KEPT_AS).itemsize * sum(int(np.prod(shape)) for shape in shapes.values())
    about = json.dumps([_FORM, network, geometry.to_dict(), shapes], sort_keys=True)
    folder = folder / hashlib.sha256(about.encode()).hexdigest()[:32]
    files = tuple(folder / digest[:2] / digest for digest in part.digests)
    with _held(folder, report):
        # By file, since pictures may be alike.
        missing = {path: at for at, path in enumerate(files) if not _is_whole(path, size)}
        wanted = part.take(missing.values())
        with closing(_seen(wanted, backbone, strategy, geometry, report)) as seen:
            for path, row in zip(missing, seen, strict=True):
                with whole(path) as beside:
                    row.astype(_KEPT_AS).tofile(beside)
    return Maps(shapes, files)


@contextmanager
def _held(folder: Path, report: Report) -> Iterator[None]:
    """Keep other runs from working out the same at the same time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, wait=False) as free:
            if free:
                yield
                return
        report("another run is working out what the backbone sees; waiting for it")
        with locked(folder):
            yield
    except OSError as error:
        raise cannot_write(folder, error) from error


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _seen(
    part: Pictures, backbone: keras.Model, strategy, geometry: Geometry, report: Report
) -> Iterator[np.ndarray]:
    """Yield the values of all maps of each picture, float32 (values,)."""
    network = Replicated(backbone, strategy, _AT_ONCE)
    outcomes = predict(
        (Item(name, source) for name, source in zip(part.names, part.sources, strict=True)),
        lambda item: geometry.apply(item.decode(at_least=geometry.at_least)),
        lambda batch: zip(*network(np.stack(batch)), strict=True) if batch else [],
        batch_size=_AT_ONCE,
        loaders=cores(),
        runners=1,
    )
    with closing(outcomes):
        for count, (item, maps, error) in enumerate(outcomes, 1):
            if error is not None:
                raise DltkError(f"{printable(item.name)} can no longer be read: {error}")
            if count % _TOLD_EVERY == 0:
                report(f"maps of {count} of {len(part)} pictures")
            yield np.concatenate([each.ravel() for each in maps])
