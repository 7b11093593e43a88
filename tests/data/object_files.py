"""Writers of the layouts in which people have pictures with objects."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

# Name of a picture, its (width, height), and (class, left, top, right, bottom, ignored) of each
# object. The boxes are in whole pixels, so that every layout can hold them.
PICTURES = {
    "a.png": ((40, 30), [("cat", 4, 6, 20, 30, False), ("dog", 0, 0, 40, 10, False)]),
    "b.png": ((30, 50), [("cat", 10, 20, 30, 50, True), ("cat", 1, 2, 4, 6, False)]),
    "c.png": ((20, 20), []),
}
CLASSES = ("cat", "dog")


def picture(path: Path, size: tuple[int, int] = (40, 30), **options) -> Path:
    """Write a picture; each path has a colour of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = np.frombuffer(path.name.encode().ljust(3, b"\0")[:3], np.uint8)
    Image.new("RGB", size, tuple(colour.tolist())).save(path, **options)
    return path


def turned(path: Path, size: tuple[int, int], orientation: int) -> Path:
    """Write a JPEG that is stored in `size`, with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(path, size, exif=exif)


def coco(images=(), annotations=(), categories=("cat", "dog")) -> dict:
    """Return COCO's JSON of [file_name, width, height] and (image, category, bbox, more)."""
    entries = []
    for at, (image, category, bbox, *more) in enumerate(annotations, 1):
        entry = {"id": at, "image_id": image, "category_id": category, "bbox": list(bbox)}
        entries.append(entry | dict(*more))
    return {
        "images": [
            {"id": at, "file_name": name, "width": width, "height": height}
            for at, (name, width, height) in enumerate(images, 1)
        ],
        "annotations": entries,
        "categories": [{"id": 10 * at, "name": name} for at, name in enumerate(categories, 1)],
    }


def write_json(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_coco(folder: Path, pictures: dict = PICTURES) -> Path:
    """Write pictures to images/ and COCO's JSON beside it."""
    images = [(name, *size) for name, (size, _) in pictures.items()]
    annotations = [
        (at, 10 * CLASSES.index(label) + 10, (x, y, r - x, b - y), {"iscrowd": int(ignored)})
        for at, (_, objects) in enumerate(pictures.values(), 1)
        for label, x, y, r, b, ignored in objects
    ]
    for name, (size, _) in pictures.items():
        picture(folder / "images" / name, size)
    return write_json(folder / "labels.json", coco(images, annotations))


def voc_xml(size: tuple[int, int] | None, objects, filename: str = "") -> str:
    """Return VOC's XML; boxes are half-open as given, and 1-based inclusive as written."""
    sized = "<size><width>{}</width><height>{}</height></size>".format(*size) if size else ""
    inner = "".join(
        f"<object><name>{label}</name><difficult>{int(ignored)}</difficult><bndbox>"
        f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{r}</xmax><ymax>{b}</ymax></bndbox>"
        "</object>"
        for label, x, y, r, b, ignored in objects
    )
    return f"<annotation><filename>{filename}</filename>{sized}{inner}</annotation>"


def write_voc(folder: Path, pictures: dict = PICTURES) -> Path:
    """Write JPEGImages/ and Annotations/."""
    (folder / "Annotations").mkdir(parents=True)
    for name, (size, objects) in pictures.items():
        picture(folder / "JPEGImages" / name, size)
        path = folder / "Annotations" / Path(name).with_suffix(".xml")
        path.write_text(voc_xml(size, objects, name))
    return folder


def write_yolo(folder: Path, pictures: dict = PICTURES) -> Path:
    """Write images/, labels/ and classes.txt. YOLO knows no ignored objects."""
    (folder / "labels").mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    for name, ((w, h), objects) in pictures.items():
        picture(folder / "images" / name, (w, h))
        lines = [
            f"{CLASSES.index(label)} {(x + r) / 2 / w:.6f} {(y + b) / 2 / h:.6f} "
            f"{(r - x) / w:.6f} {(b - y) / h:.6f}\n"
            for label, x, y, r, b, _ in objects
        ]
        (folder / "labels" / Path(name).with_suffix(".txt")).write_text("".join(lines))
    return folder


def write_table(folder: Path, pictures: dict = PICTURES) -> Path:
    """Write pictures, and boxes.csv beside them."""
    rows = [("path", "label", "left", "top", "right", "bottom", "ignored")]
    for name, (size, objects) in pictures.items():
        picture(folder / name, size)
        rows += [(name, *fields) for fields in objects] or [(name, *[""] * 6)]
    with open(folder / "boxes.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "boxes.csv"
