"""Label maps in TensorFlow Datasets, with the features image and segmentation_mask."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from dltk.data.datasets import MaskData
from dltk.data.masks.assemble import assemble
from dltk.data.masks.files import MaskFile
from dltk.data.masks.masked import GatheredMasks, Masked
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
from dltk.files import whole
from dltk.weights import Report, silent

_NAMES = ("segmentation_mask", "segmentation_label", "label_map", "mask")  # of the feature


def tfds_holds_masks(name: str, *, report: Report = silent) -> bool:
    """Return whether a data set of TFDS has label maps, by its features. Raises as `read_data`.

    Where the picture has a label too, as in Oxford's pets, it has classes.
    """
    have = features_of(builder_of(name, report))
    return "label" not in have and _feature(have) is not None


def read_tfds_masks(name: str, *, report: Report = silent) -> MaskData:
    """Return a data set of TFDS with the features "image" and "segmentation_mask".

    The second may be called segmentation_label, label_map or mask too. Classes have the names
    that it has (LabeledImage), or else numbers: those of Oxford's pets are 1 for the animal, 2
    for the ground and 3 for the border, and 0 never occurs. The rest is as in
    `dltk.data.tfds.read_tfds`: encoded pictures and masks are copied once to dltk's cache.

    Raises:
        UsageError: an unknown name or folder, other features, two splits of one meaning, or as
            `assemble` does.
        WeightsError: not prepared yet, and it cannot be downloaded.
        DltkError: prepared, but damaged; or the copy cannot be written.
    """
    builder = builder_of(name, report)
    feature = _wanted(name, features_of(builder))
    classes = getattr(features_of(builder)[feature], "names", None)
    names, passed_over = splits_of(name, builder)
    folder = copied(builder, names.values(), report, partial(_copy, feature), f"-{feature}")
    found = GatheredMasks(f"tfds:{name}", classes=classes or None, passed_over=passed_over)
    for split, its_name in names.items():
        _add(found, folder, split, its_name)
    return assemble(found, report=report)


def _feature(features: dict) -> str | None:
    """Return the name of the feature with label maps, if pictures have one."""
    import tensorflow_datasets as tfds

    pictures = [name for name, kind in features.items() if isinstance(kind, tfds.features.Image)]
    wanted = (name for name in _NAMES if name in pictures)
    return next(wanted, None) if "image" in pictures else None


def _wanted(name: str, features: dict) -> str:
    feature = _feature(features)
    if feature is None:
        kinds = ", ".join(
            f"{printable(key)} ({type(kind).__name__})" for key, kind in sorted(features.items())
        )
        raise UsageError(
            f"tfds:{printable(name)} holds no pictures with masks: wanted are image (Image) and "
            f"{_NAMES[0]} (Image or LabeledImage), it has {kinds or 'neither'}"
        )
    return feature


def _add(found: GatheredMasks, folder: Path, split: str, its_name: str) -> None:
    """Add what was copied of a split to what was found."""
    ends = np.load(folder / f"{its_name}.npy")
    if not len(ends):
        return
    every = np.arange(len(ends))
    pictures = Stored(folder / f"{its_name}.bin", ends[:, 0], every)
    masks = Stored(folder / f"{its_name}.masks.bin", ends[:, 1], every)
    for at in range(len(ends)):
        name = f"{its_name}/{at:05d}"
        mask = MaskFile(file=name, source=partial(masks.__getitem__, at))
        found.pictures.append(Masked(split, name, partial(pictures.__getitem__, at), mask))


def _copy(feature: str, builder, split: str, folder: Path) -> None:
    """Copy a split: pictures, and masks the same way to SPLIT.masks.bin."""
    end = 0
    with whole(folder / f"{split}.masks.bin") as part, part.open("wb") as file:

        def take(example: dict) -> int:
            nonlocal end
            end += file.write(example[feature])
            return end

        index = copy_pictures(builder, split, folder, {feature: True}, take, encoded=[feature])
    save_index(folder, split, index)
