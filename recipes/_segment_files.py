"""What `segment` found in COCO's results format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dltk.models.catalog import Label
from recipes._detect_files import COCO_IMAGES, COCO_RESULTS, coco_numbers, write_json


def write_coco(
    rows: Iterable[dict],
    labels: Sequence[Label],
    folder: str | os.PathLike,
    *,
    skipped: frozenset[str] = frozenset(),
) -> None:
    """Write COCO's results format, and beside it the pictures and categories it refers to.

    `coco_results.json` is a list of {"image_id", "category_id", "segmentation", "area", "score"},
    an entry for each class in a picture. For ids see `recipes._detect_files.write_coco`.

    Args:
        rows: what `Segmented.to_dict` gives, of all pictures, with outlines.
        labels: the segmenter's classes.
        skipped: names of classes that are left out: the ground.
    """
    done = [fields for fields in rows if fields["status"] == "ok"]
    pictures, categories, described = coco_numbers(done, labels, "dltk segment")
    results = [
        {
            "image_id": picture,
            "category_id": categories[area["label"]],
            "segmentation": area["segmentation"],
            "area": area["pixels"],
            "score": area["score"],
        }
        for picture, fields in zip(pictures, done, strict=True)
        for area in fields["areas"]
        if area["label"] not in skipped
    ]
    write_json(Path(folder) / COCO_RESULTS, results)
    write_json(Path(folder) / COCO_IMAGES, described)
