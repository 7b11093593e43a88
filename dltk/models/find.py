"""Find a network by its name or its file: labels, geometry and fingerprint, without building it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dltk.errors import DltkError, UsageError, printable, reason
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, read_card, read_config
from dltk.models.catalog import Entry, Label, lookup
from dltk.weights import Report, sha256, silent

PIXEL_RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}
_OPEN_SIZE = 224  # taken where a network leaves its input size open


@dataclass(frozen=True)
class ModelSource:
    """A network that exists: in the catalog (`entry`) or as a file (`path`).

    Attributes:
        name: the catalog's name, or the file's.
        labels: classes in the order of the outputs; empty where there are none or none are known.
        geometry: how a picture becomes the network's input; None for one that takes texts.
        pixel_range: a key of PIXEL_RANGES, what a file of plain Keras expects.
        card: what a dltk model file says about itself.
    """

    name: str
    labels: tuple[Label, ...]
    geometry: Geometry | None
    entry: Entry | None = None
    path: Path | None = None
    pixel_range: str = "0..255"
    card: ModelCard | None = None

    @property
    def task(self) -> str:
        """What the network is for: "classify", "features", "detect" and so on."""
        if self.card is not None:
            return self.card.task
        return self.entry.task if self.entry is not None else "classify"

    def weights(self, report: Report = silent) -> Path:
        """Return the file with the weights, downloading it if need be. Raises WeightsError."""
        return self.entry.weights.get(report) if self.entry else self.path

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the weights; changes when a prediction might."""
        return sha256(self.weights())

    def describe(self, report: Report = silent) -> dict:
        """Return name and fingerprint, for the header of a record; may download the weights."""
        self.weights(report)
        fields = {"name": self.name, "sha256": self.fingerprint}
        if self.path is not None:
            names = json.dumps([label.name for label in self.labels])
            fields["labels_sha256"] = hashlib.sha256(names.encode()).hexdigest()
            fields["pixel_range"] = self.pixel_range
        return fields


def is_file(model: str | os.PathLike) -> bool:
    """Return whether `model` means a file rather than a name in the catalog."""
    text = os.fspath(model)
    return text.endswith((".keras", ".h5", ".tflite")) or os.sep in text or os.path.isfile(text)


def find_model(
    model: str | os.PathLike,
    *,
    labels: str | os.PathLike | None = None,
    pixel_range: str = "0..255",
) -> ModelSource:
    """Return the network called `model`: a name in the catalog or the path of a `.keras` file.

    Args:
        labels: a file of class names, see `read_labels`; for a model file without a card, or to
            rename the classes of one that has it.
        pixel_range: "0..255", "0..1" or "-1..1", for a file saved by plain Keras.
    Raises:
        UsageError: an unknown name (the nearest is suggested) or no such file.
        DltkError: not a Keras model file.
    """
    given = read_labels(labels) if labels is not None else ()
    if not is_file(model):
        entry = lookup(os.fspath(model))
        if given:
            raise UsageError(f"--labels is for model files; {entry.name} has its own classes")
        if pixel_range != "0..255":
            raise UsageError(f"--pixel-range is for files of plain Keras, not for {entry.name}")
        return ModelSource(entry.name, entry.labels, entry.geometry, entry=entry)
    path = Path(model)
    if path.suffix != ".keras":
        raise UsageError(f"{printable(path)} is not a .keras file, the kind of model file read")
    card = read_card(path)
    if card is None:
        geometry = _input_geometry(path)
        return ModelSource(path.name, given, geometry, path=path, pixel_range=pixel_range)
    if pixel_range != "0..255":
        raise UsageError(f"--pixel-range is for files of plain Keras; {path.name} takes 0..255")
    ids = card.label_ids or (None,) * len(card.labels)
    own = tuple(Label(name, id) for name, id in zip(card.labels, ids, strict=True))
    return ModelSource(path.name, given or own, card.geometry, path=path, card=card)


def refuse_annotator(source: ModelSource) -> None:
    """Raise UsageError if `source` finds objects, their masks, or the classes of pixels, or says
    what it sees, or answers questions about it, or makes pictures, or takes texts, where a
    classifier of pictures or a trunk is wanted."""
    for task, does, command in (
        ("detect", "finds objects", "detect"),
        ("segment", "tells the class of every pixel", "segment"),
        ("mask", "proposes masks of objects", "segment --instances"),
        ("caption", "says what is in pictures", "caption"),
        ("answer", "answers questions about pictures", "caption --question"),
        ("generate", "makes pictures", "generate"),
        ("translate", "turns pictures into others", "translate"),
        ("classify texts", "labels texts", "text classify"),
        ("generate texts", "writes texts", "text generate"),
    ):
        if source.task == task:
            raise UsageError(f'{printable(source.name)} {does}; it is for "dltk {command}"')


def read_labels(path: str | os.PathLike) -> tuple[Label, ...]:
    """Return the class names in a file, in the order of the network's outputs.

    One name a line; or JSON: a list of names, or an object from index to name.

    Raises:
        UsageError: the file is missing, empty or of another form.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
        if text.lstrip()[:1] in ("[", "{"):
            tree = json.loads(text)
            names = tree if isinstance(tree, list) else [tree[str(i)] for i in range(len(tree))]
        else:
            names = [line.strip() for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the labels in {printable(path)}: {reason(error)}") from error
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"{printable(path)} is neither one label a line, nor a JSON list of names, "
            "nor a JSON object from index to name"
        ) from error
    if not names:
        raise UsageError(f"{printable(path)} holds no labels")
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"{printable(path)}: every label must be text")
    return tuple(Label(name) for name in names)


def _input_geometry(path: Path) -> Geometry:
    """Return the geometry of a file of plain Keras: its input size, the picture squashed to it.

    That is what `keras.utils.image_dataset_from_directory` feeds a network in training.
    """
    shape = _input_shape(read_config(path))
    if shape is None or len(shape) != 4 or shape[3] not in (1, 3):
        raise DltkError(
            f"{printable(path)} does not take pictures: its input is {shape or 'unknown'}, "
            "not (batch, height, width, 1 or 3 channels)"
        )
    _, height, width, channels = shape
    return Geometry(height or _OPEN_SIZE, width or _OPEN_SIZE, channels, fit="squash")


def _input_shape(config) -> list | None:
    """Return the first input shape in a Keras configuration, searched from the outside in."""
    level = [config]
    while level:
        for node in level:
            if isinstance(node, dict):
                shape = node.get("batch_shape") or node.get("batch_input_shape")
                shape = shape or node.get("input_shape")
                if isinstance(shape, list) and shape and not isinstance(shape[0], (list, dict)):
                    return shape
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
    return None
