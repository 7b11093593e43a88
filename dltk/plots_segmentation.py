"""Diagrams of how good label maps are: IoU by class, and what pixels were taken for."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dltk.drawing import contact_sheet
from dltk.drawing_masks import tinted, with_legend
from dltk.figures import BLUE, GREY, INK, ORANGE, new_figure, short, write_figure
from dltk.images import encode
from dltk.masks import IGNORE
from dltk.metrics import SegmentationReport
from dltk.plots import draw_confusion
from dltk.wording import amount

_MOST_BARS = 40
_BAR_INCHES = 0.24
_SHEET_PIXELS = 320  # of the longer side of a picture on a sheet


def plot_class_iou(report: SegmentationReport, path: str | os.PathLike) -> None:
    """Draw the intersection over union of each class that occurs or is found, the best first.

    Of more than 40, the best 20 and the worst 20 are drawn, and between them a grey bar for the
    mean of the others.

    Raises:
        DltkError: the file cannot be written. So do all functions here.
    """
    known = np.flatnonzero(~np.isnan(report.iou))
    order = known[np.argsort(-report.iou[known], kind="stable")]
    best, between, worst = order, order[:0], order[:0]
    if len(order) > _MOST_BARS:
        best, between, worst = np.split(order, [_MOST_BARS // 2, len(order) - _MOST_BARS // 2])
    bars = [(short(report.classes[at]), report.iou[at], BLUE) for at in (*best, *worst)]
    if len(between):
        bars.insert(len(best), (f"{len(between)} others, mean", report.iou[between].mean(), GREY))
    figure, axes = new_figure(7, 1.2 + _BAR_INCHES * max(len(bars), 4))
    for row, (_, value, colour) in enumerate(bars):
        axes.barh(row, value, height=0.72, color=colour)
        axes.text(value + 0.01, row, f"{value:.3f}", color=INK, va="center", fontsize=8)
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars], fontsize=8)
    axes.set(xlim=(0, 1.08), ylim=(max(len(bars), 1) - 0.4, -0.6), xlabel="IoU")
    axes.set_xticks(np.arange(6) / 5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    pictures = amount(report.pictures, "picture")
    if len(bars):
        axes.axvline(report.mean_iou, color=ORANGE, linestyle="--", linewidth=1.2, zorder=0)
        classes = amount(len(order), "class", "classes")
        title = f"mean IoU {report.mean_iou:.3f} of {classes}, {pictures}"
    else:
        title = f"no pixels that count, {pictures}"
    axes.set_title(title, fontsize=11)
    write_figure(figure, path)


def plot_pixel_confusion(report: SegmentationReport, path: str | os.PathLike) -> None:
    """Draw what the pixels of each class were taken for, see `dltk.plots.draw_confusion`.

    Pixels without an answer are among the "others".

    Raises:
        ValueError: no pixel counts, so that there is nothing to draw.
    """
    pixels = report.pixels
    if not pixels.any():
        raise ValueError("there must be pixels that count. Received: a report on none")
    draw_confusion(
        report.confusion[:, :-1],
        pixels,
        report.classes,
        path,
        title=f"pixel accuracy {report.pixel_accuracy:.1%} of {pixels.sum():,} pixels",
        in_percent=True,
    )


def plot_mask_sheet(
    pictures: Sequence[Image.Image],
    truths: Sequence[np.ndarray],
    founds: Sequence[np.ndarray],
    classes: Sequence[str],
    path: str | os.PathLike,
    *,
    names: Sequence[str],
) -> None:
    """Draw pictures, and beside each what is true of it and what was found, in colours.

    Args:
        truths, founds: uint8 (H, W) of each picture.
        names: of each, to stand beside it.
    """
    rows, present = [], set()
    for picture, truth, found in zip(pictures, truths, founds, strict=True):
        scale = min(1, _SHEET_PIXELS / max(picture.size))
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        small = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BILINEAR))
        maps = [
            np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
            for mask in (truth, found)
        ]
        present.update(*(np.unique(mask).tolist() for mask in maps))
        rows.append([Image.fromarray(small), *(tinted(small, mask) for mask in maps)])
    columns = ("", "true", "found")
    sheet = contact_sheet(rows, row_names=names, column_names=columns, edge=_SHEET_PIXELS)
    meanings = {at: "(ignored)" if at == IGNORE else classes[at] for at in sorted(present)}
    encode(with_legend(sheet, meanings), path)
