"""Diagrams of training and of measured results, as PNG files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from dltk.figures import BLUE, COLOURS, GREY, INK, ORANGE, new_figure, short, write_figure
from dltk.metrics import ClassificationReport

_MOST_COUNTED = 25  # classes, up to which a cell has room for its count
_MOST_SHOWN = 200  # classes whose names can still be read
_CAPTION_LETTERS = 36
_TILE_PIXELS = 320


def plot_confusion(report: ClassificationReport, path: str | os.PathLike) -> None:
    """Draw what each class was taken for, see `draw_confusion`.

    Raises:
        DltkError: the file cannot be written. So do all functions here.
    """
    title = f"top-1 {report.top1:.1%} of {report.examples:,}"
    draw_confusion(report.confusion, report.support, report.classes, path, title=title)


def draw_confusion(
    confusion: np.ndarray,
    support: np.ndarray,
    classes: Sequence[str],
    path: str | os.PathLike,
    *,
    title: str,
    in_percent: bool = False,
) -> None:
    """Draw what each class was taken for: rows are true classes, in shares of their examples.

    Colours grow with the square root of the share, so that rare mistakes are seen.

    Classes without examples share one column, "others". Of more than 200 classes, the 200 with the
    most mistakes are drawn, the others among "others".

    Args:
        confusion: int (R, R), a row for each true class.
        support: int (R,), examples of each class; those that are not in `confusion` are among
            "others".
        classes: R names.
        title: what stands above it.
        in_percent: whether cells have shares in them, where there is room, rather than counts;
            those that round to 0 have nothing.
    """
    from matplotlib.colors import PowerNorm

    shown = _classes_shown(confusion, support)
    counts = confusion[np.ix_(shown, shown)]
    rest = support[shown] - counts.sum(axis=1)
    names = [short(classes[index]) for index in shown]
    columns = [*names, "(others)"] if rest.any() else names
    counts = np.column_stack([counts, rest]) if rest.any() else counts
    shares = counts / support[shown][:, None]

    cell = max(min(0.5, 12 / len(names)), 0.16, 2.4 / len(names))  # inches
    size = min(9, 72 * cell * 0.62)  # points
    margin = 0.9 + max(map(len, columns)) * size * 0.6 / 72
    wide, high = cell * len(columns), cell * len(names)
    figure, axes = new_figure(wide + margin + 0.8, high + margin)
    colours = {"cmap": "Blues", "norm": PowerNorm(0.5, vmin=0, vmax=1)}
    image = axes.imshow(shares, aspect="equal", **colours)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.tick_params(which="both", length=0)
    axes.grid(visible=False)
    axes.grid(which="minor", color="#e2e8f0", linewidth=min(0.8, 2 * cell))
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted", ylabel="true")
    some = f", the {len(shown)} most confused" if len(shown) < (support > 0).sum() else ""
    axes.set_title(f"{title}{some}", fontsize=11)
    if len(names) <= _MOST_COUNTED:
        for row, column in np.argwhere(counts):
            ink = "white" if shares[row, column] > 0.3 else INK
            text = f"{shares[row, column]:.0%}" if in_percent else f"{counts[row, column]}"
            text = "" if text == "0%" else text
            axes.text(column, row, text, color=ink, ha="center", va="center", fontsize=size)
    share = min(1, 4 / high)  # of the height
    room = axes.inset_axes((1 + 0.12 / wide, 1 - share, 0.14 / wide, share))
    bar = figure.colorbar(image, cax=room, label="share of the true class")
    bar.outline.set_visible(False)
    write_figure(figure, path)


def _classes_shown(confusion: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Return indices of the classes with examples, or of those with the most mistakes if many."""
    shown = np.flatnonzero(support)
    if len(shown) <= _MOST_SHOWN:
        return shown
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diagonal(confusion)
    return np.sort(shown[np.argsort(-mistakes[shown], kind="stable")[:_MOST_SHOWN]])


def plot_calibration(report: ClassificationReport, path: str | os.PathLike) -> None:
    """Draw a reliability diagram (Guo et al. 2017, Fig. 1): how sure, and how often right.

    Below it, the share of the examples in each bin. Where bars end below the diagonal, the
    classifier was surer than it had reason to be.
    """
    bins = report.calibration
    full = bins.counts > 0
    left, width = bins.edges[:-1][full], np.diff(bins.edges)[full]
    sure, right = bins.confidence[full], bins.accuracy[full]
    figure, (top, bottom) = new_figure(5, 6, 2, height_ratios=[4, 1], sharex=True)
    style = {"align": "edge", "linewidth": 1}
    top.bar(left, right, width, color=BLUE, edgecolor="white", label="is right", **style)
    gap = {"edgecolor": ORANGE, "hatch": "////", "label": "gap to how sure it is"}
    top.bar(left, sure - right, width, right, facecolor="none", **gap, **style)
    top.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=1, label="ideal")
    top.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
    top.set_title(f"Expected calibration error {report.ece:.3f}, {report.examples:,} examples")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    shares = bins.counts[full] / report.examples
    bottom.bar(left, shares, width, color=GREY, edgecolor="white", **style)
    bottom.set(xlabel="probability of the predicted class", ylabel="share of all", ylim=(0, None))
    write_figure(figure, path)


def plot_curves(
    history: Mapping[str, Sequence[float | None]],
    path: str | os.PathLike,
    *,
    stages: Sequence[tuple[str, int]] = (),
    best: int | None = None,
) -> None:
    """Draw how a training went, epoch by epoch, a panel for each quantity.

    Args:
        history: for names such as "loss", "val_loss" and "learning_rate", a value for each epoch;
            None or NaN where it was not measured.
        stages: (name, first epoch, counted from 0) of each stage.
        best: epoch to mark on the curves of validation, counted from 0; None for no mark.
    """
    panels: dict[str, list[str]] = {}
    for name in history:
        panels.setdefault(name.removeprefix("val_"), []).append(name)
    figure, axes = new_figure(7.5, 0.7 + 2.5 * len(panels), len(panels), sharex=True)
    for panel, (what, names) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for name in names:
            held_out = name.startswith("val_")
            values = _floats(history[name])
            style = {"color": ORANGE if held_out else BLUE, "marker": "o", "markersize": 3.5}
            label = "validation" if held_out else "training"
            epochs = np.arange(1.0, len(values) + 1)
            breaks = [first for _, first in stages[1:] if first < len(values)]
            gaps = np.insert(epochs, breaks, np.nan), np.insert(values, breaks, np.nan)
            panel.plot(*gaps, label=label, **style)  # each stage is a line of its own
            if held_out and best is not None and best < len(values):
                mark = {"color": ORANGE, "s": 130, "marker": "*", "zorder": 3}
                value = f"kept, epoch {best + 1}: {values[best]:.4g}"
                panel.scatter(best + 1, values[best], label=value, **mark)
        panel.set_ylabel(what.replace("_", " "))
        if what == "learning_rate":
            panel.set_ylim(bottom=0)
        else:
            panel.legend(frameon=False)
        for _, first in stages[1:]:
            panel.axvline(first + 0.5, color=INK, linestyle=":", linewidth=1)
    first_panel, last_panel = np.atleast_1d(axes)[[0, -1]]
    for name, first in stages:
        place = {"xytext": (3, 3), "textcoords": "offset points", "fontsize": 9, "color": INK}
        corner = {"xycoords": ("data", "axes fraction"), "annotation_clip": False}
        first_panel.annotate(short(name), (first + 0.5, 1), **corner, **place)
    epochs = max(map(len, history.values()), default=0)
    last_panel.set(xlabel="epoch", xlim=(0.5, max(epochs, 1) + 0.5))
    last_panel.xaxis.get_major_locator().set_params(integer=True)
    write_figure(figure, path)


def plot_rate_search(
    rates: Sequence[float], losses: Sequence[float], chosen: float | None, path: str | os.PathLike
) -> None:
    """Draw the loss at rising learning rates (Smith 2017, Sec. 3.3), and the rate chosen."""
    rates, losses = _floats(rates), _floats(losses)
    figure, axes = new_figure(7, 4)
    axes.plot(rates, losses, color=BLUE)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    finite = losses[np.isfinite(losses)]
    if len(finite) and finite[0] > finite.min():  # where it diverges is seen; how far is no matter
        drop = finite[0] - finite.min()
        axes.set_ylim(finite.min() - 0.15 * drop, min(finite.max(), finite[0] + drop) + 0.1 * drop)
    if chosen is not None:
        axes.axvline(chosen, color=ORANGE, linestyle="--", label=f"chosen: {chosen:.2g}")
        axes.legend(frameon=False)
    write_figure(figure, path)


def plot_folds(
    grid: Mapping[str, Mapping[float, Sequence[float]]],
    path: str | os.PathLike,
    *,
    label: str,
    log: bool = False,
    chosen: tuple[str, float] | None = None,
) -> None:
    """Draw a cross-validation: each fold's accuracy as a point, mean and standard deviation.

    Args:
        grid: for each line (a distance, say; a lone one may be called ""), the values tried, and
            the accuracy of every fold at each of them.
        label: what was tried, such as "k".
        log: whether to space the values, then all above 0, by their ratios.
        chosen: (line, value) to mark.
    """
    figure, axes = new_figure(7, 4.5)
    for index, (name, tried) in enumerate(grid.items()):
        colour = COLOURS[index % len(COLOURS)]
        values = sorted(tried)
        for value in values:
            folds = tried[value]
            axes.scatter([value] * len(folds), folds, color=colour, s=14, alpha=0.35, linewidths=0)
        mean = [np.mean(tried[value]) for value in values]
        spread = [np.std(tried[value]) for value in values]
        style = {"color": colour, "marker": "o", "markersize": 4, "capsize": 3}
        axes.errorbar(values, mean, spread, label=short(name), **style)
    if chosen is not None:
        name, value = chosen
        mean = float(np.mean(grid[name][value]))
        line = f"{short(name)}, " if name else ""
        text = f"chosen: {line}{label} = {value:g}, {mean:.1%}"
        mark = {"s": 190, "facecolors": "none", "edgecolors": INK, "linewidths": 1.5, "zorder": 4}
        axes.scatter(value, mean, label=text, **mark)
    if log:
        axes.set_xscale("log")
    values = sorted({value for tried in grid.values() for value in tried})
    if all(float(value).is_integer() for value in values):
        axes.set_xticks(values, [f"{value:g}" for value in values], minor=False)
        axes.minorticks_off()
    axes.set(xlabel=label, ylabel="accuracy")
    low, high = axes.get_ylim()
    if high > 1:  # which no accuracy is
        low = min(low, 0.98)
        axes.set_ylim(low, 1 + 0.02 * (1 - low))
    if chosen is not None or any(grid):
        axes.legend(frameon=False)
    write_figure(figure, path)


def plot_worst(
    pictures: Sequence[Image.Image], captions: Sequence[str], path: str | os.PathLike
) -> None:
    """Draw pictures (RGB or grey) side by side, each under its caption of a line or several.

    Raises:
        ValueError: no pictures, or not one caption for each.
    """
    if not len(pictures) or len(pictures) != len(captions):
        raise ValueError(
            "there must be pictures, and one caption for each. "
            f"Received: {len(pictures)} pictures, {len(captions)} captions"
        )
    columns = min(6, math.ceil(math.sqrt(1.5 * len(pictures))))
    rows = math.ceil(len(pictures) / columns)
    figure, axes = new_figure(2.4 * columns, 2.8 * rows, rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, picture, caption in zip(axes.flat, pictures, captions, strict=False):
        small = picture.copy()
        small.thumbnail((_TILE_PIXELS, _TILE_PIXELS))
        panel.imshow(np.asarray(small), cmap="gray", vmin=0, vmax=255)
        lines = [short(line, _CAPTION_LETTERS) for line in caption.split("\n")]
        panel.set_title("\n".join(lines), fontsize=8)
    write_figure(figure, path)


def plot_templates(weights: np.ndarray, classes: Sequence[str], path: str | os.PathLike) -> None:
    """Draw the weights of a linear classifier as one picture for each class.

    Each is scaled by its own largest weight: middle grey is 0, brighter speaks for the class and
    darker against it, in each colour.

    Args:
        weights: float (H, W, C, K), C being 1 or 3.
        classes: K names.
    """
    weights = np.asarray(weights, np.float32)
    largest = np.abs(weights).max(axis=(0, 1, 2))
    scaled = 127.5 + 127.5 * weights / np.where(largest > 0, largest, 1)
    pixels = np.rint(scaled).astype(np.uint8)
    if pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    pictures = [Image.fromarray(pixels[..., index]) for index in range(pixels.shape[-1])]
    plot_worst(pictures, classes, path)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """Return float64, with NaN, which is not drawn, for None."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
