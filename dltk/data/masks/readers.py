"""Read pictures with label maps in whatever layout people have them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dltk.data.datasets import MaskData
from dltk.data.masks.coco import holds_coco_masks, read_coco_masks
from dltk.data.masks.pairs import holds_pairs, pairs_in, read_pairs
from dltk.data.masks.table import lists_masks, read_mask_table
from dltk.data.masks.tfds import read_tfds_masks, tfds_holds_masks
from dltk.data.masks.voc import holds_voc_masks, read_voc_masks
from dltk.data.objects.coco_files import annotation_files
from dltk.data.objects.files import children
from dltk.data.readers import nothing_at
from dltk.data.tfds import is_prepared
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

TFDS = "tfds:"
WANTED = (
    "wanted is a folder with images/ and masks/, or with JPEGImages/ and SegmentationClass/ as "
    "Pascal VOC has it, a COCO .json file or a folder with annotations/instances_train.json, "
    f"a .csv file with the columns path and mask, or {TFDS}NAME"
)
_FILES = {".json": read_coco_masks, ".csv": read_mask_table}


def read_masks(where: str | os.PathLike, *, report: Report = silent) -> MaskData:
    """Return the pictures with label maps at `where`, in whichever of these layouts it is.

    - pictures and masks of the same names (`dltk.data.masks.pairs`);
    - Pascal VOC: the same, with lists of splits (`dltk.data.masks.voc`);
    - COCO: a .json file, or a folder with one for each split (`dltk.data.masks.coco`);
    - a .csv file with a row for each picture (`dltk.data.masks.table`);
    - "tfds:NAME", or the folder of a data set that TFDS has prepared (`dltk.data.masks.tfds`).

    A folder that has both COCO's outlines and masks is read as COCO's. What could not be used as
    it was is in `passed_over` (pictures) and `repairs` (label maps).

    Args:
        report: called with a line when something takes long.
    Raises:
        UsageError: no such path, in none of these layouts, damaged, or without a single mask.
        WeightsError: a data set that must be downloaded and cannot.
    """
    text = os.fspath(where)
    if text.startswith(TFDS):
        return read_tfds_masks(text.removeprefix(TFDS), report=report)
    path = Path(text)
    if text and path.is_dir():
        if is_prepared(path):
            return read_tfds_masks(text, report=report)
        if read := _reader(path) or _doubtful_reader(path):
            return read(path, report=report)
        raise UsageError(f"{printable(text)} holds no pictures with masks{_hint(path)}; {WANTED}")
    if not text or not path.is_file():
        raise nothing_at(text, WANTED)
    if read := _FILES.get(path.suffix.lower()):
        return read(path, report=report)
    raise UsageError(f"{printable(text)} is no data set of masks; {WANTED}")


def holds_masks(where: str | os.PathLike, *, report: Report = silent) -> bool:
    """Return whether `where` is read by `read_masks` rather than by `dltk.data.read_data`.

    It may be read by `dltk.data.objects.read_objects` as well. Nothing is decoded, but a data set
    of TFDS may have to be downloaded to tell.
    """
    text = os.fspath(where)
    path = Path(text)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        return tfds_holds_masks(text.removeprefix(TFDS), report=report)
    if text and path.is_dir():
        return _reader(path) is not None
    holds = {".json": holds_coco_masks, ".csv": lists_masks}.get(path.suffix.lower())
    return path.is_file() and holds is not None and holds(path)


def _reader(folder: Path) -> Callable | None:
    """Return what reads a folder, by what lies in it."""
    if holds_coco_masks(folder):
        return read_coco_masks
    if holds_voc_masks(folder):
        return read_voc_masks
    return read_pairs if holds_pairs(folder) else None


def _doubtful_reader(folder: Path) -> Callable | None:
    """Return what reads a folder that is rather for something else: boxes, or classes."""
    if annotation_files(folder):
        return read_coco_masks
    return read_pairs if pairs_in(folder).found else None


def _hint(folder: Path) -> str:
    """Return a question where a .csv file in this folder lists masks, or what does not match."""
    names = [name for name in children(folder)[1] if name.lower().endswith(".csv")]
    named = next((name for name in names if lists_masks(folder / name)), None)
    if named:
        return f"; did you mean {printable(folder / named)}?"
    pairs = pairs_in(folder)
    if not pairs.pictures or not pairs.masks:
        return ""
    first = f"{printable(pairs.pictures[0])} and {printable(pairs.masks[0])}"
    return f": none of their names agree, such as {first}"
