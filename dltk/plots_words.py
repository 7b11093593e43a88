"""Diagrams of words in the plane, as PNG files."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from dltk.figures import BLUE, INK, new_figure, short, write_figure

_POINTS_OF_INCH = 72
_LETTER = 0.6  # wide as a part of its height, about
_LETTERS = 20  # of a word that are shown


def plot_words(
    words: Sequence[str], places: np.ndarray, path: str | os.PathLike, *, how: str
) -> None:
    """Draw words at their places, each with its name as far as there is room for it.

    Args:
        words: the most important first: these have their names before others.
        places: float (N, 2).
        how: they were found, for the axes.
    Raises:
        DltkError: the file cannot be written.
    """
    inches = float(np.clip(4 + 0.5 * np.sqrt(len(words)), 5, 12))
    size = 9 if len(words) <= 60 else 7
    figure, axes = new_figure(inches, inches)
    axes.scatter(*places.T, s=12, color=BLUE, linewidths=0)
    axes.set_title(how, fontsize=10, color=INK)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.margins(0.1)
    figure.draw_without_rendering()
    points = axes.transData.transform(places) * _POINTS_OF_INCH / figure.dpi
    names = [short(word, _LETTERS) for word in words]
    for at, shift in enumerate(_shifts(names, points, size)):
        if shift is not None:
            style = {"fontsize": size, "color": INK, "ha": "center", "va": "center"}
            where = {"xytext": shift, "textcoords": "offset points"}
            axes.annotate(names[at], places[at], **where, **style)
    write_figure(figure, path)


def _shifts(names: Sequence[str], points: np.ndarray, size: float) -> list[tuple | None]:
    """Return how far from its point the middle of each name goes; None where it has no room.

    Args:
        points: float (N, 2), in typographic points.
        size: of the letters, in points.
    """
    taken = [np.array([x - 2, y - 2, x + 2, y + 2]) for x, y in points]
    shifts: list[tuple | None] = []
    for name, (x, y) in zip(names, points, strict=True):
        wide, high = len(name) * size * _LETTER / 2, size / 2
        shifts.append(None)
        for shift in ((0, high + 3), (0, -high - 3), (wide + 4, 0), (-wide - 4, 0)):
            left, bottom = x + shift[0] - wide, y + shift[1] - high
            box = np.array([left, bottom, left + 2 * wide, bottom + 2 * high])
            others = np.array(taken)
            apart = (others[:, :2] >= box[2:]) | (others[:, 2:] <= box[:2])
            if apart.any(axis=1).all():
                taken.append(box)
                shifts[-1] = shift
                break
    return shifts
