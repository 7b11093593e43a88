"""The pictures that an auto-encoder learns from, with their classes where these are known."""

from __future__ import annotations

import os

from dltk.data import LabelledData, check_data, read_data, split_data
from dltk.data.datasets import PictureData
from dltk.data.examples import Examples, Pictures
from dltk.data.plain import check_pictures, read_pictures, split_pictures
from dltk.errors import UsageError
from dltk.weights import Report, silent
from recipes._trainings import DataKind


def read_known(where: str | os.PathLike, *, report: Report = silent) -> LabelledData | PictureData:
    """Return the pictures at `where`, with their classes where the layout tells those of all.

    Args: see `dltk.data.read_data` and `dltk.data.plain.read_pictures`.
    Raises:
        UsageError, WeightsError: what `read_pictures` raises.
    """
    try:
        known = read_data(where, report=report)
    except UsageError:
        return read_pictures(where, report=report)
    if known.passed_over:  # pictures beside the class folders, perhaps
        plain = read_pictures(where, report=report)
        if len(plain) > len(known):
            return plain
    return known


def _split_known(data: LabelledData | PictureData, **options):
    return (split_data if isinstance(data, LabelledData) else split_pictures)(data, **options)


def _check_known(data: LabelledData | PictureData, **options):
    return (check_data if isinstance(data, LabelledData) else check_pictures)(data, **options)


KIND = DataKind((LabelledData, PictureData), read_known, _split_known, _check_known)


def classes_of(data: LabelledData | PictureData) -> tuple[str, ...]:
    """Return the names of the classes, none where they are not known."""
    return data.classes if isinstance(data, LabelledData) else ()


def class_of(data: LabelledData | PictureData, part: Pictures, at: int) -> str:
    """Return the class of a picture, "" where it is not known."""
    return data.classes[part.labels[at]] if isinstance(part, Examples) else ""
