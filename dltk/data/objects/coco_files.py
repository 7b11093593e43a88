"""Where COCO's files are: annotations in a folder, and the pictures that they name."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

import numpy as np

from dltk.data.examples import SPLITS
from dltk.data.objects.annotated import Gathered
from dltk.data.objects.files import children, is_file, read_bounded, split_in
from dltk.data.rows import SPLIT_NAMES, split_named
from dltk.errors import UsageError, printable

_MOST_BYTES = 2 << 30
_LISTS = re.compile(rb'^\s*\{.*?"(images|annotations|categories)"\s*:\s*\[', re.DOTALL)
_START = 64 << 10  # bytes, in which the first of these lists must begin
_OTHERS = ("captions", "person_keypoints", "image_info", "panoptic", "stuff")  # of COCO itself
_GENERAL = ("", "images", "data", "JPEGImages")  # folders of pictures, beside the file
_HEAVY = ("segmentation", "keypoints")  # of an annotation, and not needed for boxes
_SHAPES = re.compile(rb'"segmentation"\s*:\s*(\{|\[\s*[\[\d-])')  # and not an empty list
_SAMPLED = 50  # pictures looked for to choose among folders


def annotation_files(folder: Path, found: Gathered | None = None) -> dict[str | None, Path]:
    """Return the files with COCO's annotations in a folder, by split; nothing if it has none.

    They are .json files in the folder itself, in annotations/, or in a folder of a split. Those
    called instances_… are taken before others; COCO's own for other tasks are left alone. The
    split is a word of the file's name, such as instances_train2017.json, or else of its folder's.
    A single file may be of no split.

    Args:
        found: is told of files that are not used.
    Raises:
        UsageError: two files mean the same split.
    """
    places = [folder]
    for name in children(folder)[0]:
        if name.casefold() == "annotations" or split_named(name):
            places.append(folder / name)
    files = [place / name for place in places for name in children(place)[1]]
    files = [path for path in files if path.suffix.lower() == ".json" and _is_coco(path)]
    files = [path for path in files if path.name.startswith("instances")] or files
    if len(files) == 1:
        return {split_of(files[0]): files[0]}
    chosen: dict[str | None, Path] = {}
    for path in files:
        split = split_of(path)
        if split in chosen and split:
            raise UsageError(
                f"{printable(chosen[split])} and {printable(path)} mean the same split, {split}; "
                "name the file that is wanted, or keep one of them"
            )
        if split:
            chosen[split] = path
        elif found:
            name = path.relative_to(folder).as_posix()
            found.pass_over(name, "neither of train, val nor test by its name")
    return {split: chosen[split] for split in SPLITS if split in chosen}


def split_of(path: Path) -> str | None:
    """Return the split that a word of a file's name means, or else one of its folder's name."""
    return split_in(path.stem) or split_in(path.parent.name)


def holds_shapes(path: Path) -> bool:
    """Return whether an annotation in a COCO file has outlines or run lengths."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return _SHAPES.search(text) is not None
    except (OSError, ValueError):  # of an empty file
        return False


def load(path: Path, *, shapes: bool = False) -> dict[str, list]:
    """Return the lists "images", "annotations" and "categories" of a COCO file.

    Args:
        shapes: keep outlines, as a list of arrays, and run lengths; otherwise they are dropped.
    Raises:
        UsageError: unreadable, cut short, or something else than COCO's annotations.
    """
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8-sig")
        content = json.loads(text, object_hook=_with_shapes if shapes else _lightened)
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {printable(path)}: it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"cannot read {printable(path)}: {_why(text, error)}") from error
    except (RecursionError, ValueError) as error:  # lists in lists, numbers of 5000 digits
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"cannot read {printable(path)}: {printable(why)}") from error
    wanted = "images", "annotations", "categories"
    for name in wanted:
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise UsageError(
                f'{printable(path)} holds no annotations of COCO: it has no list "{name}"; '
                f"wanted are {', '.join(wanted)}"
            )
    return content


def _is_coco(path: Path) -> bool:
    """Return whether a file may hold COCO's boxes, by its name and its first bytes."""
    if path.stem.startswith(_OTHERS):
        return False
    try:
        with open(path, "rb") as file:
            return bool(_LISTS.match(file.read(_START).removeprefix(b"\xef\xbb\xbf")))
    except OSError:
        return False


def _lightened(entry: dict) -> dict:
    for name in _HEAVY:
        entry.pop(name, None)
    return entry


def _with_shapes(entry: dict) -> dict:
    shape = entry.get("segmentation")
    _lightened(entry)
    if shape and isinstance(shape, (list, dict)):
        entry["segmentation"] = _outlines(shape) if isinstance(shape, list) else shape
    return entry


def _outlines(shape: list) -> list[np.ndarray] | None:
    """Return outlines as arrays, which take a tenth of the memory; None for what are none.

    One may stand alone, without a list around it.
    """
    try:
        lists = shape if isinstance(shape[0], list) else [shape]
        return [np.array(points, np.float64).ravel() for points in lists]
    except (TypeError, ValueError, OverflowError):
        return None


def _why(text: str, error: json.JSONDecodeError) -> str:
    end = text.rstrip()
    if error.pos < len(end) and end.endswith("}"):
        return f"{error.msg} in line {error.lineno}, column {error.colno}: it is no JSON"
    last = re.findall(r'"(images|annotations|categories)"\s*:', text)
    place = f'in "{last[-1]}", ' if last else ""
    return (
        f"it ends {place}in line {end.count(chr(10)) + 1}, after {len(end)} characters: "
        "it was cut short; copy it again"
    )


class Places:
    """The folders in which pictures named by a COCO file are looked for.

    They are, beside the file or its folder: one called like the file less "instances_" (as
    train2017/) or like the split, maybe in images/, or images/ in it; and then images/, data/,
    JPEGImages/ and that folder itself. The one with the most of the pictures comes first.

    Args:
        path: the COCO file.
        split: of all its pictures; None to go by the file's name.
    """

    def __init__(self, path: Path, split: str | None):
        split = split or split_of(path)
        called = [path.stem.partition("_")[2], path.stem]
        called += [name for name, meant in SPLIT_NAMES.items() if meant == split]
        bases = [path.parent, path.parent.parent]
        if path.parent.name.casefold() == "annotations":
            bases.reverse()
        inner = [
            base / part
            for base in bases
            for name in called
            if name
            for part in (name, f"images/{name}", f"{name}/images")
        ]
        outer = [base / part for base in bases for part in _GENERAL]
        self._folders = [folder for folder in dict.fromkeys(inner + outer) if folder.is_dir()]

    def __str__(self) -> str:
        return ", ".join(printable(folder) + "/" for folder in self._folders)

    def rank(self, names: Sequence[str]) -> None:
        """Put the folder with the most of these pictures first."""
        some = names[:: max(1, len(names) // _SAMPLED)]
        self._folders.sort(key=lambda folder: -sum(is_file(folder / name) for name in some))

    def find(self, name: str) -> Path | None:
        """Return the picture that a file calls `name`, or None.

        Backslashes part folders, where there is no such file; of an absolute path that is not on
        this machine, the file's own name is looked for.
        """
        if os.path.isabs(name) and is_file(name):
            return Path(name)
        names = [name, name.replace("\\", "/")]
        if os.path.isabs(name) or PureWindowsPath(name).is_absolute():
            names = [PureWindowsPath(name).name]
        for name in dict.fromkeys(names):
            for folder in self._folders:
                if is_file(folder / name):
                    return folder / name
        return None
