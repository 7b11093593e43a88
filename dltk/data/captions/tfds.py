"""Captions in TensorFlow Datasets, with the features image and captions."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from dltk.data.captions.captioned import Captioned, GatheredCaptions
from dltk.data.tfds import (
    Stored,
    builder_of,
    copied,
    copy_pictures,
    features_of,
    save_index,
    splits_of,
)
from dltk.data.told import split_meant
from dltk.errors import UsageError, printable
from dltk.files import whole
from dltk.weights import Report, silent

_NAMES = ("captions", "caption", "text", "texts", "description", "sentences")  # of the feature
_INNER = ("text", "caption", "raw")  # in each of several captions
_MORE = "restval"  # of COCO's captions: beside "train", and to train on


def tfds_holds_captions(name: str, *, report: Report = silent) -> bool:
    """Return whether a data set of TFDS has captions, by its features. Raises as `read_data`.

    Where the picture has a label too, it has classes.
    """
    have = features_of(builder_of(name, report))
    return "label" not in have and _feature(have) is not None


def gather_tfds(name: str, found: GatheredCaptions, *, report: Report = silent) -> None:
    """Add the pictures of a data set of TFDS with the features "image" and "captions".

    The second may be called caption or text too. It is a text, several, or a sequence of
    {"text"}, as coco_captions has it, whose split "restval" is for training. The rest is as in
    `dltk.data.tfds.read_tfds`: encoded pictures, and captions, are copied once to dltk's cache.

    Raises:
        UsageError: an unknown name or folder, other features, or two splits of one meaning.
        WeightsError: not prepared yet, and it cannot be downloaded.
        DltkError: prepared, but damaged; or the copy cannot be written.
    """
    builder = builder_of(name, report)
    feature = _wanted(name, features_of(builder))
    names, passed_over = splits_of(name, builder)
    splits = [(its_name, split) for split, its_name in names.items()]
    splits += [(other, split_meant(other)) for other, _ in passed_over if other == _MORE]
    found.passed_over += [each for each in passed_over if each[0] != _MORE]
    every = [its_name for its_name, _ in splits]
    folder = copied(builder, every, report, partial(_copy, feature), f"-{feature[0]}")
    for its_name, split in splits:
        _add(found, folder, split, its_name)


def _feature(features: dict) -> tuple[str, str | None] | None:
    """Return the name of the feature with captions, and that of the text in each; or None."""
    import tensorflow_datasets as tfds

    if not isinstance(features.get("image"), tfds.features.Image):
        return None
    for name in _NAMES:
        kind = features.get(name)
        kind = getattr(kind, "feature", kind)  # of a sequence
        if _is_text(kind):
            return name, None
        inner = dict(kind.items()) if hasattr(kind, "items") else {}
        text = next((key for key in _INNER if _is_text(inner.get(key))), None)
        if text:
            return name, text
    return None


def _is_text(kind: object) -> bool:
    """Return whether a feature is a text, or a list of texts."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    tensor = isinstance(kind, tfds.features.Tensor) and len(kind.shape) <= 1
    return tensor and kind.tf_dtype == tf.string


def _wanted(name: str, features: dict) -> tuple[str, str | None]:
    feature = _feature(features)
    if feature is None:
        kinds = ", ".join(
            f"{printable(key)} ({type(kind).__name__})" for key, kind in sorted(features.items())
        )
        raise UsageError(
            f"tfds:{printable(name)} holds no pictures with captions: wanted are image (Image) and "
            f"captions (Text, or a Sequence of it or of text), it has {kinds or 'neither'}"
        )
    return feature


def _add(found: GatheredCaptions, folder: Path, split: str | None, its_name: str) -> None:
    """Add what was copied of a split to what was found."""
    ends = np.load(folder / f"{its_name}.npy")
    if not len(ends):
        return
    pictures = Stored(folder / f"{its_name}.bin", ends[:, 0], np.arange(len(ends)))
    said = json.loads((folder / f"{its_name}.captions.json").read_bytes())
    for at, captions in enumerate(said):
        name = f"{its_name}/{at:05d}"
        picture = Captioned(split, name, partial(pictures.__getitem__, at), name)
        picture.told += ((f"caption {n}", text) for n, text in enumerate(captions, 1))
        found.pictures.append(picture)


def _copy(feature: tuple[str, str | None], builder, split: str, folder: Path) -> None:
    """Copy a split: pictures, and SPLIT.captions.json, a list of the captions of each."""
    name, inner = feature
    said: list[list[str]] = []

    def take(example: dict) -> int:
        texts = example[name] if inner is None else example[name][inner]
        rows = np.atleast_1d(np.asarray(texts, object)).tolist()
        said.append([row.decode(errors="surrogateescape") for row in rows])
        return len(rows)

    index = copy_pictures(builder, split, folder, {name: {inner: True} if inner else True}, take)
    with whole(folder / f"{split}.captions.json") as part:
        part.write_text(json.dumps(said))  # which writes what is not UTF-8 as \udcXX
    save_index(folder, split, index)
