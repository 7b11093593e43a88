"""Writers of the layouts in which people have pictures with label maps."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.masks import IGNORE, index_picture
from tests.data.object_files import coco, picture, write_json

CLASSES = ("background", "cat", "dog")


def blocks(*corners, size: tuple[int, int] = (8, 6)) -> np.ndarray:
    """Return a label map of (width, height) with blocks (label, left, top, right, bottom)."""
    labels = np.zeros(size[::-1], np.uint8)
    for label, left, top, right, bottom in corners:
        labels[top:bottom, left:right] = label
    return labels


# Name of a picture and its blocks: of whole pixels, so that every layout can hold them.
MASKS = {
    "a.png": [(1, 1, 1, 5, 4), (2, 3, 2, 7, 3)],
    "b.png": [(2, 0, 0, 8, 2), (IGNORE, 5, 3, 8, 6)],
    "c.png": [],
}


def write_mask(path: Path, labels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    index_picture(labels).save(path)
    return path


def write_pair(root: Path, name: str, mask: str, labels: np.ndarray, **options) -> None:
    """Write a picture and its mask, which may be of another size: options of `picture`."""
    picture(root / name, **({"size": labels.shape[::-1]} | options))
    write_mask(root / mask, labels)


def write_pairs(folder: Path) -> Path:
    """Write images/, masks/ and classes.txt."""
    for name, parts in MASKS.items():
        write_pair(folder, f"images/{name}", f"masks/{name}", blocks(*parts))
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return folder


def write_voc_masks(folder: Path) -> Path:
    """Write JPEGImages/, SegmentationClass/ in colours, and CVAT's labelmap.txt."""
    for name, parts in MASKS.items():
        write_pair(folder, f"JPEGImages/{name}", f"SegmentationClass/{name}", blocks(*parts))
        path = folder / "SegmentationClass" / name
        Image.open(path).convert("RGB").save(path)
    (folder / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\ndog:0,128,0::\n"
    )
    return folder


def write_mask_table(folder: Path) -> Path:
    """Write pictures and masks, classes.txt, and masks.csv beside them."""
    write_pairs(folder)
    rows = [("path", "mask"), *((f"images/{name}", f"masks/{name}") for name in MASKS)]
    with open(folder / "masks.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "masks.csv"


def outline(left: float, top: float, right: float, bottom: float) -> list[float]:
    """Return the corners of a box as COCO's outlines have them."""
    return [left, top, right, top, right, bottom, left, bottom]


def write_coco_masks(folder: Path) -> Path:
    """Write pictures to images/ and COCO's JSON with outlines beside it."""
    rows = []
    for at, (name, parts) in enumerate(MASKS.items(), 1):
        picture(folder / "images" / name, (8, 6))
        for label, left, top, right, bottom in parts:
            category = 10 if label == IGNORE else 10 * label
            more = {"segmentation": [outline(left, top, right, bottom)]}
            if label == IGNORE:
                more |= {"iscrowd": 1}
            rows.append((at, category, (left, top, right - left, bottom - top), more))
    content = coco([(name, 8, 6) for name in MASKS], rows)
    return write_json(folder / "labels.json", content)
