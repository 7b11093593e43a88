"""What `detect` found in the forms that other tools read: COCO's results, YOLO's and VOC's files.

Each is written from the records of all pictures, so that the files of a run that was stopped and
went on are whole. Pictures that failed are in none of them; pictures without objects are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from dltk.batch import Item, Products, check_unowned, has_record
from dltk.errors import UsageError, printable
from dltk.files import whole
from dltk.models.catalog import Label
from dltk.models.labels import distinct_names

COCO_RESULTS, COCO_IMAGES = "coco_results.json", "coco_images.json"
YOLO_CLASSES = "classes.txt"
_CLAIM = ".dltk"


def write_coco(rows: Iterable[dict], labels: Sequence[Label], folder: str | os.PathLike) -> None:
    """Write COCO's results format, and beside it the pictures and categories it refers to.

    `coco_results.json` is a list of {"image_id", "category_id", "bbox": [left, top, width,
    height], "score"}, as `pycocotools` takes it: COCO("coco_images.json").loadRes(
    "coco_results.json"). (It raises IndexError where nothing at all was found.)

    Pictures whose files are called by distinct numbers, as COCO's own are, have these for ids;
    others are counted from 1. So it is with categories and the ids of classes.

    Args:
        rows: what `Detected.to_dict` gives, of all pictures.
        labels: the detector's classes.
    """
    done = [fields for fields in rows if fields["status"] == "ok"]
    pictures, categories, described = coco_numbers(done, labels, "dltk detect")
    results = [
        {
            "image_id": picture,
            "category_id": categories[found["label"]],
            "bbox": _corner_and_sides(found["box"]),
            "score": found["score"],
        }
        for picture, fields in zip(pictures, done, strict=True)
        for found in fields["objects"]
    ]
    write_json(Path(folder) / COCO_RESULTS, results)
    write_json(Path(folder) / COCO_IMAGES, described)


def coco_numbers(
    done: Sequence[dict], labels: Sequence[Label], command: str
) -> tuple[list[int], dict[str, int], dict]:
    """Return COCO's ids of pictures, those of categories by name, and the file that tells them.

    Args:
        done: records of pictures, with "path", "width" and "height".
    """
    names = [fields["path"] for fields in done]
    pictures = _numbers([PurePosixPath(name).stem for name in names])
    categories = dict(
        zip(distinct_names(labels), _numbers([label.id or "" for label in labels]), strict=True)
    )
    images = [
        {"id": picture, "file_name": name, "width": fields["width"], "height": fields["height"]}
        for picture, name, fields in zip(pictures, names, done, strict=True)
    ]
    described = {
        "info": {"description": f"what {command} looked at, for its results beside it"},
        "images": images,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
        "annotations": [],
    }
    return pictures, categories, described


def write_yolo(rows: Iterable[dict], labels: Sequence[Label], folder: str | os.PathLike) -> None:
    """Write YOLO's text files: for each picture one of its name, for each object a line.

    A line is "class x y width height": the number of the class from 0, then the middle and the
    sides of the box as shares of the picture's. `classes.txt` has the names of the classes.

    Args:
        rows, labels: as of `write_coco`.
    """
    names = distinct_names(labels)
    numbers = {name: number for number, name in enumerate(names)}

    def lines(fields: dict) -> bytes:
        size = fields["width"], fields["height"]
        return "".join(
            f"{numbers[found['label']]} {_yolo_box(found['box'], size)}\n"
            for found in fields["objects"]
        ).encode()

    _write_each(rows, folder, yolo_name, lines)
    _write(Path(folder) / YOLO_CLASSES, "".join(f"{printable(name)}\n" for name in names).encode())


def write_voc(rows: Iterable[dict], labels: Sequence[Label], folder: str | os.PathLike) -> None:
    """Write Pascal VOC's annotation files: for each picture an XML file of its name.

    Boxes are whole numbers, and as in VOC the first pixel is number 1 and the last one belongs to
    the box.

    Args:
        rows, labels: as of `write_coco`.
    """
    _write_each(rows, folder, voc_name, _voc_file)


FORMATS: dict[str, Callable[[Iterable[dict], Sequence[Label], str | os.PathLike], None]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "voc": write_voc,
}


def yolo_name(name: str) -> str:
    """Return the name of a picture's text file. Raises UsageError if it is that of the classes."""
    path = os.path.splitext(name)[0] + ".txt"
    if path == YOLO_CLASSES:
        raise UsageError(
            f"{printable(name)} would be written to {YOLO_CLASSES}, where YOLO's classes are "
            "named; rename it"
        )
    return path


def voc_name(name: str) -> str:
    """Return the name of a picture's XML file."""
    return os.path.splitext(name)[0] + ".xml"


def check_exports(
    items: Sequence[Item],
    folders: dict[str, str | os.PathLike | None],
    record: str | os.PathLike,
    *,
    overwrite: bool,
) -> None:
    """Raise UsageError if pictures would share a file, or files of the user's own be in danger.

    Args:
        folders: where files go, by the name of their format; None for one that is not wanted.
        record: the folder of the record. What lies in it was written by an earlier run.
        overwrite: whatever else lies in the folders may go.
    """
    naming = {"coco": str, "yolo": yolo_name, "voc": voc_name}
    for form, folder in folders.items():
        if folder is None:
            continue
        Products(folder, lambda name, form=form: {form: naming[form](name)}).check(items)
        ours = (Path(folder) / _CLAIM).exists()
        ours |= Path(folder).resolve() == Path(record).resolve() and has_record(record)
        if not (ours or overwrite):
            check_unowned(folder, ["*"])


def claim(folders: Iterable[str | os.PathLike | None]) -> None:
    """Leave a hidden file in each folder, by which a later run knows what is in it for its own."""
    for folder in folders:
        if folder is not None:
            _write(Path(folder) / _CLAIM, b"files of dltk\n")


def _numbers(names: Sequence[str]) -> list[int]:
    """Return the numbers that `names` are, if all are and they differ, or else 1, 2, 3, …"""
    if all(name.isascii() and name.isdecimal() for name in names):
        numbers = [int(name) for name in names]
        if len(set(numbers)) == len(numbers) and 0 not in numbers:
            return numbers
    return list(range(1, len(names) + 1))


def _corner_and_sides(box: Sequence[float]) -> list[float]:
    left, top, right, bottom = box
    return [left, top, round(right - left, 2), round(bottom - top, 2)]


def _yolo_box(box: Sequence[float], size: tuple[int, int]) -> str:
    left, top, right, bottom = box
    width, height = size
    middle = (left + right) / 2 / width, (top + bottom) / 2 / height
    sides = (right - left) / width, (bottom - top) / height
    return " ".join(f"{share:.6f}" for share in (*middle, *sides))


def _voc_file(fields: dict) -> bytes:
    path = PurePosixPath(fields["path"])
    root = ElementTree.Element("annotation")
    _add(root, "folder", printable(path.parent.name))
    _add(root, "filename", printable(path.name))
    size = ElementTree.SubElement(root, "size")
    for name, value in (("width", fields["width"]), ("height", fields["height"]), ("depth", 3)):
        _add(size, name, value)
    _add(root, "segmented", 0)
    for found in fields["objects"]:
        each = ElementTree.SubElement(root, "object")
        _add(each, "name", printable(found["label"]))
        _add(each, "pose", "Unspecified")
        _add(each, "truncated", 0)
        _add(each, "difficult", 0)
        frame = ElementTree.SubElement(each, "bndbox")
        box = _voc_box(found["box"], (fields["width"], fields["height"]))
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            _add(frame, name, value)
    ElementTree.indent(root, "\t")
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _voc_box(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the nearest whole pixels, at least one, counted from 1, the last one included."""
    (left, right), (top, bottom) = (
        _nearest_pixels(low, high, side)
        for low, high, side in zip(box[:2], box[2:], size, strict=True)
    )
    return left, top, right, bottom


def _nearest_pixels(low: float, high: float, side: int) -> tuple[int, int]:
    first = min(round(low) + 1, side)
    return first, min(max(round(high), first), side)


def _add(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)


def _write_each(rows, folder, name, content: Callable[[dict], bytes]) -> None:
    """Write a file for each picture that is done; remove an earlier one of a picture that failed.

    Raises:
        UsageError: two pictures would have one file.
    """
    owners: dict[str, str] = {}
    for fields in rows:
        path = name(fields["path"])
        owner = owners.setdefault(path, fields["path"])
        if owner != fields["path"]:
            raise UsageError(
                f"{printable(owner)} and {printable(fields['path'])} would both be written to "
                f"{printable(Path(folder) / path)}; rename one of them"
            )
        if fields["status"] == "ok":
            _write(Path(folder) / path, content(fields))
        else:
            (Path(folder) / path).unlink(missing_ok=True)


def write_json(path: Path, content) -> None:
    """Write JSON, whole or not at all, readable where the names in it are Unicode."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        _write(path, text.encode())
    except UnicodeEncodeError:  # a file name that is not UTF-8
        _write(path, json.dumps(content, allow_nan=False).encode())


def _write(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)
