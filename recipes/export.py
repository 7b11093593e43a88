"""Export a classifier to SavedModel, LiteRT or ONNX, checked by running both on the same pictures.

from recipes.export import export

print(export("flowers.keras", to="onnx").path)
"""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from dltk import __version__
from dltk.errors import DltkError, UsageError, nearest, printable
from dltk.geometry import Geometry
from dltk.images import decode
from dltk.models.find import ModelSource, find_model
from dltk.samples import sample_files
from dltk.weights import Report, silent

FORMATS = ("litert", "onnx", "savedmodel")
FORMAT_VERSION = 1  # of the description inside
# Two runtimes add the same float32 numbers in another order: over a hundred layers that comes to
# 1e-6 in a probability. A wrong axis, padding or constant comes to 1e-2 and more.
TOLERANCE = 1e-4
_ENDINGS = {"litert": ".tflite", "onnx": ".onnx"}
_PATTERN_LETTERS = "*?[\\"  # TensorFlow takes the path of a SavedModel's weights for a pattern
_ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
_RANDOM_PICTURES = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """A network in another format.

    Attributes:
        path: the file, or the folder of a SavedModel.
        format: "litert", "onnx" or "savedmodel".
        bytes: its size on disk.
        largest_difference: between a probability of the network and of the export.
        checked_on: the number of pictures that both ran on.
    """

    path: Path
    format: str
    bytes: int
    largest_difference: float
    checked_on: int

    def to_dict(self) -> dict:
        """Return the fields, ready for JSON."""
        return {
            "path": str(self.path),
            "format": self.format,
            "bytes": self.bytes,
            "largest_difference": self.largest_difference,
            "checked_on": self.checked_on,
        }


def export(
    model: str | os.PathLike,
    *,
    to: str = "litert",
    output: str | os.PathLike | None = None,
    labels: str | os.PathLike | None = None,
    pixel_range: str = "0..255",
    overwrite: bool = False,
    report: Report = silent,
) -> Exported:
    """Write a classifier in a format that runs without dltk and Keras.

    The export takes `pixels`, float32 (B, H, W, C), RGB 0-255 of the network's size, and gives
    `probabilities`, float32 (B, K); the network's own normalisation is inside, and B is open.
    It carries a description, `dltk.json`, with the labels and the geometry: read it with
    `zipfile.ZipFile("x.tflite").read("dltk.json")`, from
    `onnxruntime.InferenceSession("x.onnx").get_modelmeta().custom_metadata_map["dltk.json"]`, or
    as `assets.extra/dltk.json` of a SavedModel.

    Before it gets its name, the export runs on photographs and random pixels in its own runtime;
    no probability may differ from the network's by more than `TOLERANCE`.

    Args:
        model: a name in the catalog, or the path of a `.keras` file.
        to: "litert" (one `.tflite` file), "onnx" (one `.onnx` file) or "savedmodel" (a folder).
        output: the file or folder to write; by default the model's name with another ending, in
            the current folder.
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        overwrite: replace an earlier export. A folder that is none is never replaced.
        report: called with a line on each step.
    Raises:
        UsageError: an unknown model or format, no classifier, or an output that is there.
        DltkError: a package is missing, the network cannot be loaded or converted, the export
            differs from it, or the disk is full. Nothing is left behind then.
        WeightsError: weights out of reach.
    """
    if to not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(f'unknown format "{to}".{nearest(to, FORMATS)} They are: {known}')
    source = find_model(model, labels=labels, pixel_range=pixel_range)
    _check_task(source)
    path = _free_path(source, to, output, overwrite)
    if to == "onnx":
        _check_packages()
    source.weights(report)
    if not source.labels:
        report(f"{printable(source.name)} has no class names; name them with --labels")
    report(f"exporting {printable(source.name)} to {printable(path)}")
    difference, count = _write_and_compare(source, to, path)
    return Exported(path, to, _bytes(path), difference, count)


def _check_task(source: ModelSource) -> None:
    name = printable(source.name)
    if source.task == "features":
        raise UsageError(f"{name} has no classes; classifiers are exported")
    if source.task != "classify":
        raise UsageError(f"{name} is a model to {printable(source.task)}; classifiers are exported")


def _free_path(source: ModelSource, to: str, output, overwrite: bool) -> Path:
    """Return where to write. Raises UsageError if the name does not suit, or is taken."""
    ending = _ENDINGS.get(to)
    if output is None:
        stem = source.entry.name if source.entry else source.path.stem
        output = stem + (ending or "-savedmodel")
    path, name = Path(output), printable(output)
    if ending and path.suffix != ending:
        raise UsageError(f'"{name}" does not end in {ending}; name another --output')
    if not ending and any(letter in path.resolve().as_posix() for letter in _PATTERN_LETTERS):
        raise UsageError(
            f"TensorFlow cannot load {printable(path.resolve())}, for it takes "
            f"{' '.join(_PATTERN_LETTERS)} in a path for a pattern; name another --output"
        )
    if not os.path.lexists(path):
        return path
    if path.is_dir() is (ending is not None):
        kind = "a folder" if ending else "a file"
        raise UsageError(f"{name} is {kind}; name another --output")
    if not overwrite:
        raise UsageError(f"{name} is there already; add --overwrite, or name another --output")
    if ending is None and not _is_export(path):
        raise UsageError(f"{name} is no folder that dltk exported to; name another --output")
    return path


def _is_export(folder: Path) -> bool:
    from dltk.models.export import SAVEDMODEL_DESCRIPTION

    return (folder / "saved_model.pb").is_file() and (folder / SAVEDMODEL_DESCRIPTION).is_file()


def _check_packages() -> None:
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise DltkError(
            f"ONNX needs {' and '.join(missing)}, not installed here; "
            "run: pip install 'dltk-recipes[onnx]'"
        )


def _write_and_compare(source: ModelSource, to: str, path: Path) -> tuple[float, int]:
    """Write the export; return the largest difference and the number of pictures."""
    import tensorflow as tf

    from dltk.models import export as formats

    write = getattr(formats, f"write_{to}")
    pixels = check_pixels(source.geometry)
    with tf.device("CPU:0"):  # a GPU rounds otherwise (TF32), and its memory may be in use
        network = formats.build_exportable(source)
        classes = network.outputs[0].shape[-1]
        if source.labels and len(source.labels) != classes:
            raise UsageError(
                f"{printable(source.name)} has {classes} outputs but "
                f"{len(source.labels)} class names"
            )
        expected = _expected(source, network, pixels)
        if not np.isfinite(expected).all():
            raise DltkError(
                f"{printable(source.name)} gives probabilities that are not numbers (NaN): "
                "its weights are spoilt; train it again"
            )
        with formats.whole_output(path, folder=to == "savedmodel") as part:
            write(network, part, json.dumps(describe(source), ensure_ascii=False))
            difference = float(np.abs(run_exported(part, to, pixels) - expected).max())
            if not difference <= TOLERANCE:  # NaN is a difference too
                raise DltkError(
                    f"the export of {printable(source.name)} to {to} gives other probabilities: "
                    f"they differ by {difference:.1e}, allowed are {TOLERANCE:.0e}; "
                    "it is not kept, export to another format"
                )
    return difference, len(pixels)


def _expected(source: ModelSource, network, pixels: np.ndarray) -> np.ndarray:
    """Return what an export of `network` must give for `pixels`, float32 (B, K).

    A model file of dltk, where it gives probabilities itself, is asked as Keras loads it: so the
    check sees what went wrong in building `network` from it, too.
    """
    from dltk.models import export as formats

    built = network(pixels, training=False)[formats.OUTPUT].numpy()
    if source.card is None:
        return built
    original = formats.load_original(source)(pixels, training=False).numpy()
    sums = original.sum(axis=-1)
    if original.shape == built.shape and original.min() >= 0 and np.allclose(sums, 1, atol=1e-3):
        return original
    return built  # of logits, say


def describe(source: ModelSource) -> dict:
    """Return what the user of an export must know, ready for JSON: the content of `dltk.json`."""
    ids = [label.id for label in source.labels]
    return {
        "format": "dltk.export",
        "format_version": FORMAT_VERSION,
        "model": printable(source.name),
        "sha256": source.fingerprint,
        "task": "classify",
        "labels": [label.name for label in source.labels],
        "label_ids": ids if all(ids) else [],
        "geometry": source.geometry.to_dict(),
        "input": {
            "name": "pixels",
            "dtype": "float32",
            "layout": "BHWC",
            "colour": "RGB" if source.geometry.channels == 3 else "grey",
            "range": [0, 255],
        },
        "output": {"name": "probabilities", "dtype": "float32", "layout": "BK"},
        "versions": {"dltk": __version__}
        | {name: metadata.version(name) for name in ("keras", "tensorflow")},
    }


def check_pixels(geometry: Geometry) -> np.ndarray:
    """Return what exports are checked on: the samples and noise, float32 (B, H, W, C), 0-255."""
    photographs = [
        geometry.apply(decode(path, at_least=geometry.at_least))
        for path in sample_files()
        if path.suffix == ".jpg"
    ]
    noise = np.random.default_rng(0).uniform(0, 255, (_RANDOM_PICTURES, *photographs[0].shape))
    return np.concatenate([photographs, noise]).astype(np.float32)


def run_exported(path: Path, to: str, pixels: np.ndarray) -> np.ndarray:
    """Return float32 (B, K) of an export for float32 (B, H, W, C), 0-255, in its own runtime.

    Raises:
        DltkError: the runtime cannot load or run it.
    """
    from dltk.models.export import first_line

    run = {"litert": _run_litert, "onnx": _run_onnx, "savedmodel": _run_savedmodel}[to]
    try:
        return run(path, pixels)
    except Exception as error:  # runtimes raise anything
        raise DltkError(f"the export to {to} does not run: {first_line(error)}") from error


def _run_litert(path: Path, pixels: np.ndarray) -> np.ndarray:
    from dltk.engine.litert import LiteRTNetwork

    return LiteRTNetwork(path.read_bytes(), pictures=len(pixels))(pixels)


def _run_onnx(path: Path, pixels: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"pixels": pixels})[0]


def _run_savedmodel(path: Path, pixels: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serving_default"]
    return serve(pixels=tf.constant(pixels))["probabilities"].numpy()


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
