"""Read pictures with objects in whatever layout people have them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dltk.data.datasets import ObjectData
from dltk.data.objects.coco import read_coco
from dltk.data.objects.coco_files import annotation_files
from dltk.data.objects.files import children
from dltk.data.objects.table import holds_boxes, read_object_table
from dltk.data.objects.tfds import read_tfds_objects, tfds_holds_objects
from dltk.data.objects.voc import annotation_folder, read_voc
from dltk.data.objects.yolo import read_yolo
from dltk.data.objects.yolo_files import holds_yolo
from dltk.data.readers import nothing_at
from dltk.data.tfds import is_prepared
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

TFDS = "tfds:"
WANTED = (
    "wanted is a COCO .json file or a folder with annotations/instances_train.json, "
    "a folder with Annotations/*.xml as Pascal VOC has it, a data.yaml or a folder with images/ "
    "and labels/ as YOLO has it, a .csv file with the columns path, label, left, top, right and "
    f"bottom, or {TFDS}NAME"
)
_FILES = {".json": read_coco, ".yaml": read_yolo, ".yml": read_yolo, ".csv": read_object_table}


def read_objects(where: str | os.PathLike, *, report: Report = silent) -> ObjectData:
    """Return the pictures with objects at `where`, in whichever of these layouts it is.

    - COCO: a .json file, or a folder with one for each split (`dltk.data.objects.coco`);
    - Pascal VOC: a folder with .xml files (`dltk.data.objects.voc`);
    - YOLO: data.yaml, or a folder with images/ and labels/ (`dltk.data.objects.yolo`);
    - a .csv file with a row for each object (`dltk.data.objects.table`);
    - "tfds:NAME", or the folder of a data set that TFDS has prepared (`dltk.data.objects.tfds`).

    Boxes come out in pixels of the upright original, half-open, within the picture. What could
    not be used as it was is in `passed_over` (pictures) and `repairs` (annotations).

    Args:
        report: called with a line when something takes long.
    Raises:
        UsageError: no such path, in none of these layouts, damaged, or without a single object.
        WeightsError: a data set that must be downloaded and cannot.
    """
    text = os.fspath(where)
    if text.startswith(TFDS):
        return read_tfds_objects(text.removeprefix(TFDS), report=report)
    path = Path(text)
    if text and path.is_dir():
        if is_prepared(path):
            return read_tfds_objects(text, report=report)
        if read := _reader(path):
            return read(path, report=report)
        raise UsageError(f"{printable(text)} holds no pictures with objects{_hint(path)}; {WANTED}")
    if not text or not path.is_file():
        raise nothing_at(text, WANTED)
    if read := _FILES.get(path.suffix.lower()):
        return read(path, report=report)
    raise UsageError(f"{printable(text)} is no data set of objects; {WANTED}")


def holds_objects(where: str | os.PathLike, *, report: Report = silent) -> bool:
    """Return whether `where` is read by `read_objects` rather than by `dltk.data.read_data`.

    Nothing is decoded, but a data set of TFDS may have to be downloaded to tell.
    """
    text = os.fspath(where)
    path = Path(text)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        return tfds_holds_objects(text.removeprefix(TFDS), report=report)
    if text and path.is_dir():
        return _reader(path) is not None
    suffix = path.suffix.lower()
    return path.is_file() and suffix in _FILES and (suffix != ".csv" or holds_boxes(path))


def _reader(folder: Path) -> Callable | None:
    """Return what reads a folder, by what lies in it."""
    if annotation_files(folder):
        return read_coco
    if annotation_folder(folder):
        return read_voc
    return read_yolo if holds_yolo(folder) else None


def _hint(folder: Path) -> str:
    """Return a question where a folder in this one, or a .csv file, is in one of the layouts."""
    folders, files = children(folder)
    names = [f"{name}/" for name in folders if _reader(folder / name)]
    names += [n for n in files if n.lower().endswith(".csv") and holds_boxes(folder / n)]
    if not names and "data.yaml" in files:
        return '; its data.yaml has no "names" of classes'
    return f"; did you mean {printable(folder / names[0])}?" if names else ""
