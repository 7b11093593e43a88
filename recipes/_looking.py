"""What the recipes that look into networks share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.batch import Item
from dltk.errors import InputError, UsageError, printable
from dltk.explain.scores import Scores
from dltk.files import whole
from dltk.images import encode, image_of, levels_of
from dltk.metadata import software_of
from dltk.models.find import ModelSource, find_model
from dltk.models.laid_open import load_whole
from dltk.painting.scales import fitted
from dltk.training.run import MODEL_FILE
from dltk.weights import Report

DEFAULT_MODEL = "efficientnet-lite0"
MADE = "dltk visualize"  # stands in pictures that are no copies of inputs, by which they are known
LARGEST = 4096  # pixels a side

Built = TypeVar("Built")


class PerDevice(Generic[Built]):
    """What is built once for each device, when it is first needed there."""

    def __init__(self, build: Callable[[], Built]):
        self._build, self._built, self._lock = build, {}, Lock()

    def __call__(self, device: str) -> Built:
        with self._lock:
            if device not in self._built:
                with tf.device(device):
                    self._built[device] = self._build()
            return self._built[device]


@dataclass(frozen=True)
class View:
    """A photo as a network sees it.

    Attributes:
        pixels: float32 (H, W, C), 0-255.
        size: (width, height) of the photo, upright.
        box: (left, top, right, bottom) of the part that is seen, in the photo's pixels.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    box: tuple[float, float, float, float]


def view_of(item: Item, source: ModelSource) -> View:
    """Read a photo. Raises InputError."""
    geometry = source.geometry
    picture, size = item.decode_sized(at_least=geometry.at_least)
    return View(geometry.apply(picture), size, geometry.seen(size))


def find_one(
    model: str, labels: str | os.PathLike | None, pixel_range: str, report: Report
) -> ModelSource:
    """Return the network called `model`, its weights at hand. Raises what `find_model` does."""
    source = find_model(model, labels=labels, pixel_range=pixel_range)
    source.weights(report)
    return source


def classifier_of(source: ModelSource):
    """Return the network of `source` and how its scores are read.

    Raises:
        UsageError: it has no classes, or another number of them than names.
    """
    if source.entry is not None and source.entry.task != "classify":
        raise UsageError(f"{source.name} has no classes; take a classifier")
    model = load_whole(source)
    scores = Scores.of(model)
    if source.labels and len(source.labels) != scores.classes:
        raise UsageError(
            f"{source.name} has {scores.classes} classes but {len(source.labels)} class names"
        )
    return model, scores


def class_name(source: ModelSource, index: int) -> str:
    """Return the name of a class, or its number where it has none."""
    return source.labels[index].name if source.labels else str(index)


def grey_or_colour(pixels: np.ndarray) -> Image.Image:
    """Return pixels (H, W, 1 or 3), 0-255, as an RGB picture."""
    return image_of(levels_of(pixels)).convert("RGB")


def enlarge(tile: Image.Image, edge: int) -> Image.Image:
    """Return a small picture enlarged without smoothing, to about `edge` pixels."""
    times = max(1, edge // max(tile.size))
    return tile.resize((tile.width * times, tile.height * times), Image.Resampling.NEAREST)


def smooth(tile: Image.Image, edge: int) -> Image.Image:
    """Return a picture enlarged smoothly to `edge` pixels on the longer side."""
    return tile.resize(fitted(tile.size, edge), Image.Resampling.BICUBIC)


def folder_of(source: ModelSource, output: str | os.PathLike) -> Path:
    """Return the folder below `output` for what is found in one network alone.

    Its name is the network's; of the model file of a run, which all have the same, the run's.
    """
    if source.path is None:
        name = source.name
    else:
        path = source.path.absolute()
        name = path.parent.name if path.name == MODEL_FILE else path.stem
    return Path(output) / file_name(name)


def check_free(path: Path, overwrite: bool, *, beside: Path | None = None) -> None:
    """Raise UsageError if there is a file at `path` that none of these recipes wrote.

    Args:
        beside: the picture that tells it of a file that cannot tell itself.
    """
    if path.exists() and not overwrite and software_of(beside or path) != MADE:
        raise UsageError(
            f"{printable(path)} is there already and not of {MADE}; "
            "choose another --output, or --overwrite it"
        )


def write_own(picture: Image.Image, path: Path, overwrite: bool = False) -> Path:
    """Write a picture that is known as ours afterwards; return its path."""
    check_free(path, overwrite)
    encode(picture, path, software=MADE)
    return path


def write_numbers(path: Path, **arrays: np.ndarray) -> Path:
    """Write one array as `.npy`, or several as `.npz`, whole or not at all; return the path."""
    with whole(path) as part, part.open("wb") as file:
        if path.suffix == ".npy":
            np.save(file, next(iter(arrays.values())))
        else:
            np.savez(file, **arrays)
    return path


def check_raw(raw: bool, output: str | os.PathLike | None) -> None:
    """Raise UsageError if numbers are to be written and there is no folder for them."""
    if raw and output is None:
        raise UsageError("--raw writes files: name a folder with --output")


def file_name(name: str) -> str:
    """Return the name of a layer or a class as that of a file."""
    return re.sub(r'[\x00-\x1f/\\:*?"<>| ]+', "_", name).strip("._") or "_"


def told(files: dict[str, Path]) -> dict:
    """Return what a record tells of files that were written."""
    return {"files": {kind: str(path) for kind, path in files.items()}} if files else {}


def finite(values: np.ndarray) -> np.ndarray:
    """Return `values`. Raises InputError if not all of them are finite."""
    if not np.isfinite(values).all():
        raise InputError("the network gives values that are not finite for it")
    return values
