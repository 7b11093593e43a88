"""Regions of a picture that are worth looking at, whatever is in them: proposals.

- Selective search: Uijlings et al. 2013, https://doi.org/10.1007/s11263-013-0620-5, as OpenCV's
  contrib module has it, with the settings of R-CNN (Girshick et al. 2014, Sec. 2.2 and its
  released code, https://arxiv.org/abs/1311.2524).
- Windows slid over the picture, as OverFeat does it (Sermanet et al. 2014,
  https://arxiv.org/abs/1312.6229).
- A file, with what any other program proposes.

Boxes are float32 (P, 4): left, top, right, bottom in pixels of the picture, half-open. Plain
NumPy; OpenCV is loaded by selective search alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.errors import InputError, UsageError, printable, reason
from dltk.files import whole
from dltk.weights import Report, silent

MODES = ("fast", "quality")
_INSTALL = "pip install 'dltk-recipes[selective-search]'"
_SMOOTHING = 0.8
_SIDES = (1.0, 0.75, 0.5, 0.35, 0.25)
_SHAPES = (0.5, 1.0, 2.0)
_NAMED = 3  # bad lines of a file that are named


def check_search() -> None:
    """Raise UsageError, with the command that installs it, where selective search is missing."""
    _segmentation()


def selective_search(
    picture: Image.Image,
    *,
    most: int = 2000,
    mode: str = "fast",
    side: int = 500,
    least: int = 20,
    k: int = 50,
) -> np.ndarray:
    """Return the regions that selective search finds: segments, merged step by step.

    The defaults are R-CNN's: segments at k = 50 and 100 in HSV and in Lab, of pictures smoothed
    with σ = 0.8, merged by colour, texture, size and fill and by the last three. The same picture
    gives the same regions in the same order.

    Args:
        picture: upright, RGB.
        most: regions that are kept. Those that were merged late come first, shuffled a little
            (Uijlings et al. 2013, Sec. 4.2: the place in the hierarchy times a random number).
        mode: "fast", or "quality" with more colour spaces, segmentations and ways of merging:
            more regions, and several times slower.
        side: pixels of the longer side at which the picture is searched; R-CNN has 500 for the
            width. Half of it takes a quarter of the time.
        least: pixels, of the searched picture, that both sides of a region have at least.
        k: the threshold of the first segmentation, which the next ones have in addition each
            (Felzenszwalb & Huttenlocher 2004, Sec. 3.1): more give larger and fewer segments.
    Returns:
        float32 (P, 4), no two the same. Nothing, of a picture without edges.
    Raises:
        UsageError: the extra is not installed, with the command that installs it; or a mode
            that does not exist.
    """
    if mode not in MODES:
        raise UsageError(f"the mode of selective search is one of {', '.join(MODES)}, not {mode}")
    segmentation = _segmentation()
    scale = side / max(picture.size)
    size = tuple(max(1, round(length * scale)) for length in picture.size)
    small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    search = segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(np.asarray(small)[:, :, ::-1]))
    if mode == "fast":
        search.switchToSelectiveSearchFast(k, k, _SMOOTHING)
    else:
        search.switchToSelectiveSearchQuality(k, k, _SMOOTHING)
    found = np.unique(np.asarray(search.process()).reshape(-1, 4), axis=0)
    found = found[(found[:, 2:] >= least).all(axis=1)]
    found = found[_early_last(found)][:most].astype(np.float64)
    boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
    return (boxes * np.tile(np.divide(picture.size, size), 2)).astype(np.float32)


def sliding_windows(
    size: tuple[int, int],
    *,
    sides: Sequence[float] = _SIDES,
    shapes: Sequence[float] = _SHAPES,
    step: float = 0.25,
    most: int = 2000,
) -> np.ndarray:
    """Return windows of several sizes and shapes, laid evenly over a picture up to its edges.

    Args:
        size: (width, height) of the picture.
        sides: of a square window, as shares of the picture's shorter side.
        shapes: width by height of windows, of a square one's area; what would not fit into the
            picture is cut to it.
        step: from a window to the next, at most, as a share of the window's width or height.
        most: windows that are kept, the first.
    Returns:
        float32 (P, 4), the whole picture first, then in the order of `sides`; no two the same.
    """
    boxes = [np.array([[0, 0, *size]], np.float64)]
    for side in sides:
        for shape in shapes:
            length = side * min(size)
            wide = min(size[0], length * shape**0.5)
            high = min(size[1], length / shape**0.5)
            lefts, tops = _starts(size[0], wide, step), _starts(size[1], high, step)
            corners = np.stack(np.meshgrid(lefts, tops), axis=-1).reshape(-1, 2)
            boxes.append(np.concatenate([corners, corners + np.array((wide, high))], axis=1))
    every = np.concatenate(boxes).astype(np.float32)
    _, first = np.unique(every, axis=0, return_index=True)
    return every[np.sort(first)][:most]


def proposals_from_file(
    path: str | os.PathLike, *, report: Report = silent
) -> dict[str, np.ndarray]:
    """Return the regions that a file proposes for each picture.

    The file is JSON lines, an object a line:

        {"path": "dogs/a.jpg", "boxes": [[12, 30, 211.5, 180], [0, 0, 50, 64]]}

    or JSON: a list of such objects, or one object from path to boxes. A path is that of the
    picture relative to where its data set or folder begins, with "/" between its parts. Boxes
    are left, top, right, bottom in pixels of the upright picture.

    Args:
        report: called with a line for each of the first objects and boxes that cannot be used,
            and one that counts the rest. They are left out.
    Returns:
        float32 (P, 4) by path; what comes twice for a path is put together.
    Raises:
        UsageError: the file cannot be read, is of another form, or holds nothing that can be
            used.
    """
    found: dict[str, list[np.ndarray]] = {}
    bad = []
    for where, entry in _entries(Path(path)):
        try:
            name, boxes, wrong = _read_entry(entry)
        except ValueError as error:
            bad.append(f"{where}: {error}")
            continue
        found.setdefault(name, []).append(boxes)
        bad += [f"{where}: {each}" for each in wrong]
    for line in bad[:_NAMED]:
        report(f"{printable(path)}, {line}; left out")
    if len(bad) > _NAMED:
        report(f"{printable(path)}: and {len(bad) - _NAMED} more that cannot be used")
    if not found:
        more = f" ({bad[0]})" if bad else ""
        raise UsageError(f"{printable(path)} holds no proposals{more}; {_FORM}")
    return {name: np.concatenate(boxes) for name, boxes in found.items()}


def given_regions(given: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return the regions that a file proposes for one picture. Raises InputError if it has none."""
    if name not in given:
        raise InputError("the file of regions has none for it")
    return given[name]


def proposals_to_file(path: str | os.PathLike, proposals: Mapping[str, np.ndarray]) -> None:
    """Write regions for each picture as JSON lines, which `proposals_from_file` reads.

    Coordinates are rounded to a hundredth of a pixel. Raises DltkError if it cannot be written.
    """
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        for name, boxes in proposals.items():
            rounded = np.round(np.asarray(boxes, np.float64).reshape(-1, 4), 2).tolist()
            file.write(json.dumps({"path": name, "boxes": rounded}, ensure_ascii=False) + "\n")


_FORM = 'a line is an object such as {"path": "a.jpg", "boxes": [[0, 0, 50, 64]]}'


def _segmentation():
    """Return OpenCV's module of segmentation. Raises UsageError if it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise UsageError(f"selective search is not installed; run: {_INSTALL}") from error
    try:
        return cv2.ximgproc.segmentation
    except AttributeError as error:
        raise UsageError(
            f"this OpenCV ({cv2.__version__}) is one without selective search; run: pip uninstall "
            f"opencv-python opencv-python-headless, then: {_INSTALL}"
        ) from error


def _early_last(found: np.ndarray) -> np.ndarray:
    """Return an order of regions (P, 4): left, top, width, height.

    OpenCV has one of its own, which differs from call to call. Segments only grow when they are
    merged, so the rank by area stands for the place in the hierarchy.
    """
    areas = np.prod(found[:, 2:].astype(np.int64), axis=1)
    places = np.empty(len(found))
    places[np.argsort(-areas, kind="stable")] = np.arange(1, len(found) + 1)
    return np.argsort(places * np.random.default_rng(0).random(len(found)), kind="stable")


def _starts(length: float, window: float, step: float) -> np.ndarray:
    """Return where windows begin, evenly spaced, the first and the last flush with the ends."""
    count = 1 + int(np.ceil((length - window) / (step * window) - 1e-9))
    return np.linspace(0, length - window, count)


def _entries(path: Path) -> list[tuple[str, object]]:
    """Return (where, object) of what is in a file; of a line that is no JSON, (where, None)."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read proposals in {printable(path)}: {reason(error)}") from error
    try:
        tree = json.loads(text)
    except ValueError:
        tree = None
    if isinstance(tree, list):
        return [(f"object {number}", entry) for number, entry in enumerate(tree, 1)]
    if isinstance(tree, dict) and not isinstance(tree.get("path"), str):
        entries = ({"path": name, "boxes": boxes} for name, boxes in tree.items())
        return [(f"object {number}", entry) for number, entry in enumerate(entries, 1)]
    return [
        (f"line {number}", _parsed(line))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def _parsed(line: str):
    try:
        return json.loads(line)
    except ValueError:
        return None


def _read_entry(entry) -> tuple[str, np.ndarray, list[str]]:
    """Return path and boxes of an object, and what is wrong with those left out.

    Raises:
        ValueError: it is of another form.
    """
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    name, boxes = entry.get("path"), entry.get("boxes")
    if not isinstance(name, str) or not name:
        raise ValueError('no "path"')
    if not isinstance(boxes, list):
        raise ValueError(f'no list of "boxes" for {printable(name)}')
    good, wrong = [], []
    for number, box in enumerate(boxes, 1):
        try:
            left, top, right, bottom = sides = [float(value) for value in box]
        except (TypeError, ValueError):
            wrong.append(f"box {number} of {printable(name)} is not four numbers")
            continue
        if not (np.isfinite(sides).all() and left < right and top < bottom):
            wrong.append(f"box {number} of {printable(name)} has no area")
        else:
            good.append(sides)
    return name, np.asarray(good, np.float32).reshape(-1, 4), wrong
