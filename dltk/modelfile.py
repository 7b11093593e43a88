"""The model file: a `.keras` archive that says about itself what a prediction needs to know.

The member `dltk.json` carries task, labels, geometry and where the model came from; the rest is
Keras's own and loads in plain Keras. Reading the card needs no TensorFlow.
"""

from __future__ import annotations

import importlib
import json
import lzma
import math
import os
import zipfile
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dltk import __version__
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import whole
from dltk.geometry import Geometry

FORMAT_VERSION = 1
_MEMBER = "dltk.json"
_MAX_CARD_BYTES = 64 << 20


@dataclass(frozen=True)
class ModelCard:
    """What a model file says about itself.

    Attributes:
        task: "classify", "detect", "segment", "caption", "answer" …
        labels: class names in the order of the outputs; of an answerer, the answers.
        label_ids: an id for each label (WordNet's, for ImageNet), or empty.
        geometry: how a picture becomes the network's input; None for one that takes texts.
        backbone: the catalog's name of the network it grew from, or None.
        training: a summary of the data and options it was trained with.
        metrics: measured on held-out data, by name.
        words: that a network knows, in the order of their numbers (`dltk.text.vocabulary`), or
            empty.
        text: how a text becomes tokens, the fields of `dltk.text.tokenizer.Tokenizer`, and what
            more a network of texts needs to know; or empty.
        versions: of dltk and Keras, when it was saved.
    """

    task: str
    labels: tuple[str, ...]
    geometry: Geometry | None
    label_ids: tuple[str, ...] = ()
    backbone: str | None = None
    training: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    words: tuple[str, ...] = ()
    text: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


def save_model(model, path: str | os.PathLike, card: ModelCard) -> None:
    """Write a Keras model and its card to `path` (`.keras`), whole or not at all.

    Raises:
        UsageError: `path` does not end in ".keras".
        DltkError: it cannot be written.
    """
    import keras

    path = Path(path)
    if path.suffix != ".keras":
        raise UsageError(f"a model file ends in .keras: {printable(path)}")
    fields = asdict(card)
    fields["versions"] = {"dltk": __version__, "keras": keras.__version__, **card.versions}
    with whole(path) as part:
        model.save(part)
        with zipfile.ZipFile(part, "a", zipfile.ZIP_DEFLATED) as archive:
            text = json.dumps(_finite(fields), ensure_ascii=False)
            # A file name that is not UTF-8 becomes \udcXX, which JSON reads back as it was.
            archive.writestr(_MEMBER, text.encode("utf-8", "backslashreplace"))


def _finite(value):
    """Return `value` with None for NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_card(path: str | os.PathLike) -> ModelCard | None:
    """Return the card of a `.keras` file, or None for one that plain Keras saved.

    Raises:
        DltkError: no such file, not a Keras archive, a damaged card, or one from a newer dltk.
    """
    text = _member(path, _MEMBER)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        if fields["format_version"] > FORMAT_VERSION:
            raise DltkError(
                f"{printable(path)} was saved by a newer dltk "
                f"({printable(fields['versions'].get('dltk', 'unknown'))}); update dltk to use it"
            )
        known = {name: fields[name] for name in ModelCard.__dataclass_fields__ if name in fields}
        if fields["geometry"] is not None:
            known["geometry"] = Geometry.from_dict(fields["geometry"])
        if not isinstance(fields.get("text", {}), dict):
            raise ValueError("text is an object")
        known["labels"] = tuple(fields["labels"])
        known["label_ids"] = tuple(fields.get("label_ids", ()))
        known["words"] = tuple(fields.get("words", ()))
        if not isinstance(fields["labels"], list):
            raise ValueError("labels is a list")
        texts = (known["task"], *known["labels"], *known["label_ids"], *known["words"])
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("task, labels, ids and words are text")
        if known["label_ids"] and len(known["label_ids"]) != len(known["labels"]):
            raise ValueError("it has not one id for each label")
        return ModelCard(**known)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        UsageError,
    ) as error:
        raise DltkError(f"{printable(path)} has a damaged {_MEMBER}: {reason(error)}") from error


def read_config(path: str | os.PathLike) -> dict:
    """Return the Keras configuration inside a `.keras` file, unbuilt.

    Raises:
        DltkError: no such file, or not a Keras archive.
    """
    text = _member(path, "config.json")
    try:
        config = json.loads(text or "")
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise DltkError(f"{printable(path)} is not a Keras model file: it has no config.json")
    return config


def load_model(path: str | os.PathLike):
    """Return the Keras model in a `.keras` file, loaded in safe mode and not compiled.

    Raises:
        DltkError: not a Keras archive, damaged, made of layers that are not known here, or
            holding code (a Lambda layer), which is refused.
    """
    import keras

    importlib.import_module("dltk.layers")  # which Keras is to know by their registered names
    try:
        holds_code = _holds_code(read_config(path))
    except RecursionError as error:
        raise DltkError(f"{printable(path)} is nested absurdly deep; refused") from error
    if holds_code:
        raise DltkError(
            f"{printable(path)} holds a Lambda layer, which is code that would run on loading; "
            "refused. Save the model with a layer class of its own instead"
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything from TypeError to h5py's own errors
        why = str(error).strip().splitlines()[0][:200] if str(error).strip() else reason(error)
        raise DltkError(f"{printable(path)} cannot be loaded by Keras: {why}") from error


def _begins_as_archive(path) -> bool:
    """Return whether a file that is no archive begins as one: an archive's list is at its end."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"
    return False


def _member(path, name: str) -> bytes | None:
    """Return a member of the archive, or None if there is none of that name."""
    try:
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                return None
            if archive.getinfo(name).file_size > _MAX_CARD_BYTES:
                raise DltkError(f"{printable(path)}: its {name} is absurdly large; refused")
            return archive.read(name)
    except FileNotFoundError as error:
        raise UsageError(f"no such model file: {printable(path)}") from error
    except OSError as error:
        raise DltkError(f"cannot read {printable(path)}: {reason(error)}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        cut = _begins_as_archive(path)
        what = "is cut short; copy it again" if cut else "is not a Keras model file"
        raise DltkError(f"{printable(path)} {what}") from error
    except (zlib.error, lzma.LZMAError) as error:
        raise DltkError(f"{printable(path)} is damaged: {reason(error)}") from error


def _holds_code(config) -> bool:
    if isinstance(config, dict):
        if config.get("class_name") in ("Lambda", "__lambda__"):
            return True
        return any(_holds_code(value) for value in config.values())
    return isinstance(config, list) and any(_holds_code(value) for value in config)
