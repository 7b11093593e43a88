"""Objects in TensorFlow Datasets, with the features image and objects {bbox, label}."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from dltk.data.datasets import ObjectData
from dltk.data.objects.annotated import Annotated, Annotation, Gathered
from dltk.data.objects.assemble import assemble
from dltk.data.tfds import (
    Stored,
    builder_of,
    copied,
    copy_pictures,
    features_of,
    save_index,
    splits_of,
)
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_FORMAT = "REL_YXYX"  # of boxes, as TFDS calls it
_IGNORED = ("is_crowd", "is_difficult")


def tfds_holds_objects(name: str, *, report: Report = silent) -> bool:
    """Return whether a data set of TFDS has objects, by its features. Raises as `read_data`.

    Where only the picture has a label, as the dogs of Stanford do, it has classes.
    """
    have = features_of(builder_of(name, report))
    return "objects" in have and ("label" not in have or "label" in _of_objects(have))


def read_tfds_objects(name: str, *, report: Report = silent) -> ObjectData:
    """Return a data set of TFDS with the features "image" and "objects", {"bbox", "label"}.

    Objects with "is_crowd" or "is_difficult" are ignored, "area" is theirs. The rest is as in
    `dltk.data.tfds.read_tfds`: encoded pictures are copied once to dltk's cache.

    Raises:
        UsageError: an unknown name or folder, other features, two splits of one meaning, or as
            `assemble` does.
        WeightsError: not prepared yet, and it cannot be downloaded.
        DltkError: prepared, but damaged; or the copy cannot be written.
    """
    builder = builder_of(name, report)
    features = _object_features(name, builder)
    classes = features["label"].names
    names, passed_over = splits_of(name, builder)
    folder = copied(builder, names.values(), report, _copy, "-objects")
    found = Gathered(f"tfds:{name}", classes=classes, shares=True, passed_over=passed_over)
    for split, its_name in names.items():
        _add(found, folder, split, its_name)
    return assemble(found, report=report)


def _object_features(name: str, builder) -> dict:
    """Return the features of an object. Raises UsageError where they are others than wanted."""
    import tensorflow_datasets as tfds

    have = features_of(builder)
    inner = _of_objects(have)
    box, label = inner.get("bbox"), inner.get("label")
    wanted = (
        isinstance(have.get("image"), tfds.features.Image)
        and isinstance(box, tfds.features.BBoxFeature)
        and isinstance(label, tfds.features.ClassLabel)
    )
    if not wanted:
        kinds = ", ".join(
            f"{printable(key)} ({type(kind).__name__})"
            for key, kind in sorted((inner or have).items())
        )
        raise UsageError(
            f"tfds:{printable(name)} holds no pictures with objects: wanted are image (Image) and "
            f"objects with bbox (BBoxFeature) and label (ClassLabel), it has {kinds or 'neither'}"
        )
    form = getattr(getattr(box, "bbox_format", None), "name", _FORMAT)
    if form != _FORMAT:
        raise UsageError(
            f"tfds:{printable(name)} has boxes in the format {form}; wanted is {_FORMAT}: "
            "top, left, bottom, right in shares of the picture"
        )
    return inner


def _of_objects(features: dict) -> dict:
    """Return the features of an object by name, as far as there are any."""
    objects = getattr(features.get("objects"), "feature", None)
    return dict(objects.items()) if hasattr(objects, "items") else {}


def _add(found: Gathered, folder: Path, split: str, its_name: str) -> None:
    """Add what was copied of a split to what was found."""
    index = np.load(folder / f"{its_name}.npy")
    if not len(index):
        return
    pictures = Stored(folder / f"{its_name}.bin", index[:, 0], np.arange(len(index)))
    objects = np.load(folder / f"{its_name}.objects.npy")
    for at, rows in enumerate(np.split(objects, np.cumsum(index[:-1, 1]))):
        name = f"{its_name}/{at:05d}"
        picture = Annotated(split, name, partial(pictures.__getitem__, at), name)
        for number, (*box, label, ignored, area) in enumerate(rows.tolist(), 1):
            if label < 0:
                found.lose(picture, f"object {number}", "no class")
                continue
            row = Annotation(
                f"object {number}", found.classes[int(label)], box, bool(ignored), area
            )
            picture.objects.append(row)
        found.pictures.append(picture)


def _copy(builder, split: str, folder: Path) -> None:
    """Copy a split: pictures, and SPLIT.objects.npy, float64 (M, 7): left, top, right, bottom,
    label, whether it is ignored, area."""
    names = [name for name in ("area", *_IGNORED) if name in _of_objects(features_of(builder))]
    known = {"objects": dict.fromkeys(("bbox", "label", *names), True)}
    parts = [np.empty((0, 7))]

    def take(example: dict) -> int:
        objects = example["objects"]
        boxes = np.asarray(objects["bbox"], np.float64).reshape(-1, 4)
        rows = np.full((len(boxes), 7), np.nan)
        rows[:, :4] = boxes[:, [1, 0, 3, 2]]
        rows[:, 4] = objects["label"]
        rows[:, 5] = np.any([objects[name] for name in names if name in _IGNORED], axis=0)
        if "area" in names:
            rows[:, 6] = objects["area"]
        parts.append(rows)
        return len(rows)

    index = copy_pictures(builder, split, folder, known, take)
    save_index(folder, f"{split}.objects", np.concatenate(parts))
    save_index(folder, split, index)
