"""Read labelled pictures from wherever they are: folders, a CSV file, TensorFlow Datasets."""

from __future__ import annotations

import os
from pathlib import Path

from dltk.data.datasets import LabelledData
from dltk.data.folders import read_folder
from dltk.data.table import read_table
from dltk.data.tfds import is_prepared, read_tfds
from dltk.errors import UsageError, nearest, printable
from dltk.weights import Report, silent

TFDS = "tfds:"
_WANTED = f"name a folder, a .csv file or {TFDS}NAME"


def read_data(where: str | os.PathLike, *, report: Report = silent) -> LabelledData:
    """Return the labelled pictures at `where`.

    Args:
        where: a folder with a folder for each class, or that below train/, val/ and test/; a
            `.csv` file with the columns path, label and maybe split; "tfds:NAME", which may name
            config and version as TFDS does ("tfds:NAME/CONFIG:1.0.0"); "tfds:FOLDER", or just
            the folder, of a data set that TFDS has prepared.
        report: called with a line when something takes long, such as a download.
    Raises:
        UsageError: no name, no such path or data set, or not laid out as said above.
        WeightsError: a data set that must be downloaded and cannot.
    """
    text = os.fspath(where)
    if text.startswith(TFDS):
        return read_tfds(text.removeprefix(TFDS), report=report)
    path = Path(text)
    if text and path.is_dir():
        return read_tfds(text, report=report) if is_prepared(path) else read_folder(path)
    if not text or not path.is_file():
        raise nothing_at(text, _WANTED)
    if path.suffix.lower() == ".csv":
        return read_table(path)
    raise UsageError(f"{printable(text)} is no data set: {_WANTED}")


def nothing_at(text: str, wanted: str) -> UsageError:
    """Return the error for data that is not there, with the name most like it beside it."""
    if not text:  # as an unset variable gives; a path would take it for the current folder
        return UsageError(f"the name of the data is empty: {wanted}")
    path = Path(text)
    hint = nearest(path.name, _siblings(path)) or f" {TFDS}NAME means one of TensorFlow Datasets"
    return UsageError(f"no such folder or file: {printable(text)}.{hint}")


def _siblings(path: Path) -> list[str]:
    try:
        return [printable(name) for name in os.listdir(path.parent)]
    except OSError:
        return []
