"""Which classes are nearly the same to a classifier: tabby and tiger cat, cup and coffee mug."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dltk.models.catalog import Label

_TABLE = Path(__file__).parent / "imagenet_alike.csv"
_FROM, _TO = 0.10, 0.35  # cosines between weights of no likeness, and of full


def alikeness(labels: Sequence[Label]) -> np.ndarray:
    """Return how alike every two classes are, float32 (K, K), 0-1; each is fully like itself.

    For ImageNet's classes, known by their ids, it is taken from a table of the cosines between
    the weights of a network's last layer: none up to 0.15, the table's least, then from 0.2 to
    1 at a cosine of 0.35. (See scripts/make_imagenet_alike.py.) Others are like themselves only.
    """
    alike = np.eye(len(labels), dtype=np.float32)
    places = {label.id: index for index, label in enumerate(labels) if label.id}
    if not places:
        return alike
    with _TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            one, other = places.get(row["one"]), places.get(row["other"])
            if one is not None and other is not None:
                share = min(1.0, (float(row["cosine"]) - _FROM) / (_TO - _FROM))
                alike[one, other] = alike[other, one] = share
    return alike
