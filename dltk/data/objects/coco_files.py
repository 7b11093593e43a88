"""Where COCO's files are: annotations in a folder, and the pictures that they name."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dltk.data.datasets import SPLITS
from dltk.data.gathered import Notes
from dltk.data.objects.files import children, split_in
from dltk.data.objects.json_files import load_json
from dltk.data.objects.places import Places
from dltk.data.rows import SPLIT_NAMES, split_named
from dltk.errors import UsageError, printable

_LISTS = re.compile(rb'^\s*\{.*?"(images|annotations|categories)"\s*:\s*\[', re.DOTALL)
_START = 64 << 10  # bytes, in which the first of these lists must begin
_KINDS = ("instances", "captions", "person_keypoints", "image_info", "panoptic", "stuff")
_GENERAL = ("", "images", "data", "JPEGImages")  # folders of pictures, beside the file
_HEAVY = ("segmentation", "keypoints")  # of an annotation, and not needed for boxes
_CAPTION = re.compile(rb'"caption"\s*:\s*"')
_SENTENCES = re.compile(rb'"sentences"\s*:\s*\[')
_QUESTIONS = re.compile(rb'"questions"\s*:\s*\[')
_ASKED = re.compile(rb'"question_id"\s*:')
_ANSWERS = re.compile(rb'"(answers|multiple_choice_answer)"\s*:')
_BOX = re.compile(rb'"bbox"\s*:\s*\[')
_SHAPES = re.compile(rb'"segmentation"\s*:\s*(\{|\[\s*[\[\d-])')  # and not an empty list
_WANTED = ("images", "annotations", "categories")


def annotation_files(
    folder: Path,
    found: Notes | None = None,
    *,
    kind: str = "instances",
    holds: Callable[[Path], bool] | None = None,
) -> dict[str | None, Path]:
    """Return the files with COCO's annotations in a folder, by split; nothing if it has none.

    They are .json files in the folder itself, in annotations/, or in a folder of a split. Those
    called after their kind are taken before others; COCO's own for other tasks, Karpathy's and
    VQA's are left alone. The split is a word of the file's name, such as
    instances_train2017.json, or else of its folder's. A single file may be of no split.

    Args:
        found: is told of files that are not used.
        kind: what the names of the files begin with that are wanted, one of COCO's own.
        holds: whether a file of another name is wanted; by default, if not all it has is captions.
    Raises:
        UsageError: two files mean the same split.
    """
    places = [folder]
    for name in children(folder)[0]:
        if name.casefold() == "annotations" or split_named(name):
            places.append(folder / name)
    files = [place / name for place in places for name in children(place)[1]]
    files = [path for path in files if path.suffix.lower() == ".json" and _is_coco(path, kind)]
    named = [path for path in files if path.name.startswith(kind)]
    files = named or [path for path in files if (holds or _holds_more)(path)]
    return one_a_split(files, folder, found)


def one_a_split(
    files: Sequence[Path], folder: Path, found: Notes | None = None
) -> dict[str | None, Path]:
    """Return the file of each split; of a single file, that may be None.

    Args:
        folder: in which they are.
        found: is told of those that are of no split.
    Raises:
        UsageError: two files mean the same split.
    """
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
    return _holds(path, _SHAPES)


def holds_captions(path: Path) -> bool:
    """Return whether an annotation in a COCO file is a caption."""
    return _holds(path, _CAPTION)


def holds_sentences(path: Path) -> bool:
    """Return whether pictures in a file like COCO's have captions themselves, as Karpathy's do."""
    return _SENTENCES.search(_start(path)) is not None


def holds_questions(path: Path) -> bool:
    """Return whether a file has a list of questions, as VQA's have."""
    return _holds(path, _QUESTIONS)


def holds_answers(path: Path) -> bool:
    """Return whether an annotation in a file like COCO's answers a question, as VQA's do."""
    return _holds(path, _ASKED) and _holds(path, _ANSWERS)


def holds_boxes(path: Path) -> bool:
    """Return whether an annotation in a COCO file has a box."""
    return _holds(path, _BOX)


def _holds_more(path: Path) -> bool:
    """Return whether a file may hold something else than captions."""
    return holds_boxes(path) or not holds_captions(path)


def _holds(path: Path, pattern: re.Pattern[bytes]) -> bool:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return pattern.search(text) is not None
    except (OSError, ValueError):  # of an empty file
        return False


def load(path: Path, *, shapes: bool = False, wanted: Sequence[str] = _WANTED) -> dict[str, list]:
    """Return the lists "images", "annotations" and "categories" of a COCO file.

    Args:
        shapes: keep outlines, as a list of arrays, and run lengths; otherwise they are dropped.
        wanted: the lists that there must be.
    Raises:
        UsageError: unreadable, cut short, or something else than COCO's annotations.
    """
    content = load_json(path, hook=_with_shapes if shapes else _lightened)
    for name in wanted:
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise UsageError(
                f'{printable(path)} holds no annotations of COCO: it has no list "{name}"; '
                f"wanted are {', '.join(wanted)}"
            )
    return content


def _is_coco(path: Path, kind: str) -> bool:
    """Return whether a file may hold COCO's annotations, by its name and its first bytes."""
    if path.stem.startswith(tuple(other for other in _KINDS if other != kind)):
        return False
    start = _start(path)
    if any(other.search(start) for other in (_SENTENCES, _QUESTIONS, _ASKED)):
        return False
    return _LISTS.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def _start(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_START)
    except OSError:
        return b""


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


def coco_places(path: Path, split: str | None) -> Places:
    """Return the folders in which pictures named by a COCO file are looked for.

    They are, beside the file or its folder: one called like the file less "instances_" (as
    train2017/) or like the split, maybe in images/, or images/ in it; and then images/, data/,
    JPEGImages/ and that folder itself.

    Args:
        path: the COCO file.
        split: of all its pictures; None to go by the file's name.
    """
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
    return Places(inner + [base / part for base in bases for part in _GENERAL])
