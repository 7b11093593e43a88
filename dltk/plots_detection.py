"""Diagrams of how good a detector is: curves of precision and recall, and pictures with boxes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dltk.figures import BLUE, COLOURS, GREY, ORANGE, new_figure, short, write_figure
from dltk.metrics import DetectionReport
from dltk.metrics.iou import covered
from dltk.metrics.mistakes import (
    BACKGROUND,
    IGNORED,
    OUTCOMES,
    RIGHT,
    WRONG_CLASS,
    Judgement,
    judge,
)
from dltk.objects import Detections, Objects
from dltk.wording import amount

_RIGHT, _FALSE, _MISSED, _IGNORED, _TRUE = "#1e90ff", "#ff7800", "#e6007e", "#b8b8b8", "#ffffff"
_LEGEND = (
    ("right", _RIGHT, "-"),
    ("false", _FALSE, "-"),
    ("missed", _MISSED, "--"),
    ("true, and found", _TRUE, "--"),
    ("does not count", _IGNORED, ":"),
)
_TILE_PIXELS = 640
_TILE_INCHES = 3.6
_ACROSS = 4  # tiles
_MOST_DRAWN = 60  # detections in a picture
_CAPTION_LETTERS = 44
_NAME_LETTERS = 20
_LABEL_POINTS = 5.5


def plot_precision_recall(report: DetectionReport, path: str | os.PathLike) -> None:
    """Draw precision against recall at an overlap of 0.5, with the average precision of each class.

    A dot is where the F1 of a class is best; the legend has the score that leads there. Of more
    than six classes, the mean is drawn bold, the best and the worst in colours, the others in grey.

    Raises:
        DltkError: the file cannot be written. So do all functions here.
    """
    shown = np.flatnonzero(report.objects)
    shown = shown[np.argsort(-report.ap50[shown], kind="stable")]
    figure, axes = new_figure(8, 5)
    if len(shown) <= len(COLOURS):
        for index, colour in zip(shown, COLOURS, strict=False):
            _draw_curve(axes, report, index, colour)
    else:
        for index in shown[1:-1]:
            recalls, precisions = _ended(report.recalls, report.precisions[index])
            axes.plot(recalls, precisions, color=GREY, linewidth=0.6, alpha=0.7)
        _draw_curve(axes, report, shown[0], COLOURS[2], "best: ")
        _draw_curve(axes, report, shown[-1], ORANGE, "worst: ")
        mean = report.precisions[shown].mean(axis=0)
        label = f"mean of {len(shown)} classes"
        axes.plot(*_ended(report.recalls, mean), color=BLUE, linewidth=3, label=label, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    if len(shown):
        mean = f"mAP@.5 {report.map50:.3f}, mAP@[.5:.95] {report.map:.3f}"
        place = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
        axes.legend(**place, title="AP@.5  ● score of best F1", alignment="left", fontsize=9)
    else:
        mean = "no objects"
    axes.set_title(f"{mean}, {amount(report.pictures, 'picture')}", fontsize=11)
    write_figure(figure, path)


def _draw_curve(axes, report: DetectionReport, index: int, colour: str, which: str = "") -> None:
    best = report.best[index]
    label = f"{which}{short(report.classes[index])}  {report.ap50[index]:.3f}"
    if not math.isnan(best.score):
        label += f"  ● {best.score:.2f}"
        dot = {"color": colour, "edgecolors": "white", "s": 30, "zorder": 4, "clip_on": False}
        axes.scatter(best.recall, best.precision, **dot)
    curve = _ended(report.recalls, report.precisions[index])
    axes.plot(*curve, color=colour, linewidth=1.8, label=label, clip_on=False)


def _ended(recalls: np.ndarray, precisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve down to 0 where it first comes there, and nothing beyond."""
    zeros = np.flatnonzero(precisions == 0)
    end = zeros[0] + 1 if len(zeros) else len(recalls)
    return recalls[:end], precisions[:end]


def plot_boxes_sheet(
    pictures: Sequence[Image.Image],
    truths: Sequence[Objects],
    founds: Sequence[Detections],
    classes: Sequence[str],
    path: str | os.PathLike,
    *,
    names: Sequence[str] = (),
    score: float = 0.0,
) -> None:
    """Draw pictures with their true boxes and those that a detector found, to compare.

    What is right, false, missed and not counted has a colour and a line of its own, see
    `dltk.metrics.mistakes.judge`. Of a picture's detections the 60 surest are drawn.

    Args:
        pictures: RGB or grey, upright and of their original size, as the boxes are.
        truths, founds: of each picture.
        classes: names; labels are indices into them.
        names: of the pictures, to stand above them.
        score: the least of detections that count.
    Raises:
        ValueError: no pictures, or not one of the others for each.
    """
    if not len(pictures) or not len(pictures) == len(truths) == len(founds):
        raise ValueError(
            "there must be pictures, and objects and detections of each. "
            f"Received: {len(pictures)} pictures, {len(truths)} truths, {len(founds)} founds"
        )
    columns = min(_ACROSS, math.ceil(math.sqrt(len(pictures))))
    rows = math.ceil(len(pictures) / columns)
    founds = [found.take(found.scores >= score) for found in founds]
    size = _TILE_INCHES * columns, (0.9 * _TILE_INCHES) * rows + 0.4
    figure, axes = new_figure(*size, rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
        panel.set_anchor("N")
    judged = judge(truths, founds)
    for at, (panel, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        _draw_picture(panel, picture, truths[at], founds[at], judged[at], classes)
        title = [short(names[at], _CAPTION_LETTERS)] if len(names) else []
        panel.set_title("\n".join([*title, _tally(judged[at])]), fontsize=8)
    _add_legend(figure)
    write_figure(figure, path)


def _tally(judged: Judgement) -> str:
    right = np.count_nonzero(judged.outcomes == RIGHT)
    false = np.count_nonzero((judged.outcomes != RIGHT) & (judged.outcomes != IGNORED))
    return f"{right} right, {false} false, {np.count_nonzero(judged.missed())} missed"


def _draw_picture(
    panel, picture: Image.Image, truth: Objects, found: Detections, judged: Judgement, classes
) -> None:
    small = picture.copy()
    small.thumbnail((_TILE_PIXELS, _TILE_PIXELS))
    extent = (0, picture.width, picture.height, 0)
    panel.imshow(np.asarray(small), cmap="gray", vmin=0, vmax=255, extent=extent)
    missed = judged.missed()
    boxes: list[tuple[np.ndarray, str, str]] = []  # with colour and label, the first to be placed
    for at in np.flatnonzero(missed):
        boxes.append((truth.boxes[at], _MISSED, f"missed {_name(classes, truth.labels[at])}"))
    for at in range(min(len(found), _MOST_DRAWN)):
        colour = {RIGHT: _RIGHT, IGNORED: _IGNORED}.get(int(judged.outcomes[at]), _FALSE)
        boxes.append((found.boxes[at], colour, _said(at, truth, found, judged, classes)))
    placed = np.zeros((0, 4))
    for box, colour, label in boxes:
        _draw_box(panel, box, colour, "--" if colour == _MISSED else "-")
        place = _place(label, box, picture.size, placed)
        placed = np.vstack([placed, place])
        panel.text(
            *place[[0, 3]],
            label,
            color="white" if colour == _MISSED else "black",
            fontsize=_LABEL_POINTS,
            va="bottom",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
            clip_on=True,
        )
    for at in np.flatnonzero(~missed):
        ignored = truth.ignored[at]
        _draw_box(panel, truth.boxes[at], *((_IGNORED, ":") if ignored else (_TRUE, "--")))


def _said(at: int, truth: Objects, found: Detections, judged: Judgement, classes) -> str:
    """Return class and score of a detection, and what is wrong with it."""
    outcome = int(judged.outcomes[at])
    label = f"{_name(classes, found.labels[at])} {found.scores[at]:.2f}"
    if outcome == WRONG_CLASS:
        return f"{label}, is {_name(classes, truth.labels[judged.objects[at]])}"
    return label if outcome in (RIGHT, IGNORED, BACKGROUND) else f"{label}, {OUTCOMES[outcome]}"


def _name(classes: Sequence[str], label: int) -> str:
    return short(classes[label], _NAME_LETTERS)


def _place(label: str, box: np.ndarray, size: tuple[int, int], placed: np.ndarray) -> np.ndarray:
    """Return where a label of a box goes, (4,): where it hides the least of those placed before."""
    point = max(size[0], size[1] / 0.8) / (72 * _TILE_INCHES)  # pixels of the picture
    wide, high = 0.58 * _LABEL_POINTS * len(label) * point, 1.5 * _LABEL_POINTS * point
    left, top, right, bottom = box.tolist()
    corners = [
        (x, y) for x in (left, right - wide) for y in (top - high, bottom, top, bottom - high)
    ]
    corners = np.clip(corners, 0, np.maximum(np.subtract(size, (wide, high)), 0))
    places = np.hstack([corners, np.add(corners, (wide, high))])
    return places[covered(places, placed).sum(axis=1).argmin()]


def _draw_box(panel, box: np.ndarray, colour: str, line: str) -> None:
    """Draw a box with a dark rim, so that it is seen on any ground."""
    from matplotlib.patches import Rectangle

    left, top, right, bottom = box.tolist()
    width = 1.0 if colour in (_TRUE, _IGNORED) else 1.6
    style = {
        "edgecolor": colour,
        "linestyle": line,
        "linewidth": width,
        "path_effects": _rim(width),
    }
    panel.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **style))


def _rim(width: float) -> list:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width + 1, foreground="black", alpha=0.5)]


def _add_legend(figure) -> None:
    from matplotlib.lines import Line2D

    style = {"linewidth": 1.6, "path_effects": _rim(1.6)}
    handles = [
        Line2D([], [], color=colour, linestyle=line, label=label, **style)
        for label, colour, line in _LEGEND
    ]
    columns = len(handles) if figure.get_figwidth() > 5 else 3
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=8)
    legend.get_frame().set(facecolor="#718096", edgecolor="none", alpha=1)
    for text in legend.get_texts():
        text.set_color("white")
