"""Diagrams of what auto-encoders make of pictures, as PNG files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from dltk.figures import BLUE, GREY, INK, ORANGE, new_figure, short, write_figure

_MOST_COLOURS = 20  # that can be told apart
_MOST_POINTS = 5000
_BETWEEN = 96  # the grey of lines between pictures


def plot_maps(
    maps: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    axes_names: tuple[str, str],
    labels: Sequence[int] | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Draw places of the same pictures in several planes, beside one another.

    Of more than 20 classes, the 19 with the most pictures have colours of their own. Of more than
    5000 pictures, some from all over them are drawn.

    Args:
        maps: by title, float (N, 2).
        axes_names: what the first and the second number are.
        labels: of each picture, index of its class; None where these are not known.
        classes: their names.
    Raises:
        DltkError: the file cannot be written. So do all functions here.
    """
    count = len(next(iter(maps.values())))
    shown = np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(int)
    order = np.random.default_rng(0).permutation(shown)  # or the last class would hide others
    groups = _coloured(labels, classes) if labels is not None else {}
    colours = np.full(count, BLUE, object)
    for colour, members in groups.values():
        colours[members] = colour
    figure, panels = new_figure(6 * len(maps) + bool(groups), 5.4, 1, len(maps), squeeze=False)
    size = float(np.clip(12000 / max(1, len(shown)), 4, 30))
    for panel, (title, places) in zip(panels[0], maps.items(), strict=True):
        style = {"c": colours[order].tolist(), "s": size, "alpha": 0.75, "linewidths": 0}
        panel.scatter(*places[order].T, **style)
        panel.set(xlabel=axes_names[0], ylabel=axes_names[1])
        panel.set_title(title, fontsize=11)
    if groups:
        from matplotlib.lines import Line2D

        point = {"marker": "o", "linestyle": "", "markersize": 6}
        handles = [
            Line2D([], [], color=colour, label=short(name), **point)
            for name, (colour, _) in groups.items()
        ]
        figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9)
    write_figure(figure, path)


def plot_errors(
    codes: Sequence[int],
    errors: Mapping[str, Sequence[float]],
    path: str | os.PathLike,
    *,
    title: str,
) -> None:
    """Draw errors against numbers of codes, a line for each way.

    Args:
        codes: in order.
        errors: by name, squared error a picture for each of `codes`.
    """
    figure, axes = new_figure(6.5, 4.5)
    for (name, line), colour in zip(errors.items(), (BLUE, ORANGE, INK), strict=False):
        axes.plot(codes, line, color=colour, marker="o", label=short(name))
    axes.set(xlabel="codes", ylabel="squared error a picture")
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=11)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    write_figure(figure, path)


def plot_manifold(
    pictures: np.ndarray,
    extent: tuple[float, float, float, float],
    path: str | os.PathLike,
) -> None:
    """Draw pictures that stand for places on a regular grid over two codes, side by side.

    Args:
        pictures: uint8 (R, C, H, W, 1 or 3); the second code grows from row to row upwards: the
            first row is drawn at the bottom.
        extent: (left, right, bottom, top): codes of the outermost pictures' middles.
    """
    rows, columns, height, width, channels = pictures.shape
    line = max(1, height // 28)
    edges = ((0, 0), (0, 0), (line, 0), (line, 0), (0, 0))
    pictures = np.pad(pictures, edges, constant_values=_BETWEEN)
    sheet = pictures[::-1].transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * (height + line), columns * (width + line), channels)
    left, right, bottom, top = extent
    half_wide, half_high = (right - left) / (columns - 1) / 2, (top - bottom) / (rows - 1) / 2
    borders = left - half_wide, right + half_wide, bottom - half_high, top + half_high
    figure, axes = new_figure(8, 8.2)
    style = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}
    axes.imshow(sheet.squeeze(-1) if channels == 1 else sheet, extent=borders, **style)
    axes.set_aspect((borders[1] - borders[0]) / (borders[3] - borders[2]))
    axes.grid(visible=False)
    axes.set(xlabel="code 1", ylabel="code 2")
    axes.set_title("Pictures decoded from a grid of codes", fontsize=11)
    write_figure(figure, path)


def _coloured(labels: Sequence[int], classes: Sequence[str]) -> dict[str, tuple]:
    """Return a colour, and bool (N,) of its pictures, for each class by name, in their order."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    labels = np.asarray(labels)
    present = sorted(set(labels.tolist()))
    if len(present) > _MOST_COLOURS:
        many = Counter(labels.tolist()).most_common(_MOST_COLOURS - 1)
        present = sorted(label for label, _ in many)
    palette = colormaps["tab10" if len(present) <= 10 else "tab20"].colors
    groups = {
        classes[label]: (to_hex(palette[at]), labels == label) for at, label in enumerate(present)
    }
    others = ~np.isin(labels, present)
    return groups | {"(others)": (GREY, others)} if others.any() else groups
