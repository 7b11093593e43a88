"""What all diagrams share: figures of one style, written whole.

They are drawn with matplotlib's objects rather than with pyplot: no window, no state that is
shared with the caller's own diagrams, and no figure that stays in memory.
"""

from __future__ import annotations

import os
import warnings

import numpy as np

from dltk.errors import printable
from dltk.files import whole

BLUE, ORANGE, GREY, INK = "#2b6cb0", "#dd6b20", "#a0aec0", "#2d3748"
COLOURS = (BLUE, ORANGE, "#2f855a", "#805ad5", "#c53030", "#0987a0")
_NAME_LETTERS = 28


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options):
    """Return a figure of that size in inches and its axes, in the style of all diagrams."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, **options)
    for panel in np.atleast_1d(axes).flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(GREY)
        panel.tick_params(colors=INK)
        panel.grid(color="#edf2f7")
        panel.set_axisbelow(True)
    return figure, axes


def write_figure(figure, path: str | os.PathLike) -> None:
    """Write a figure as PNG, finely if it is small: one of many classes is large enough.

    Raises:
        DltkError: the file cannot be written.
    """
    dots = 160 if max(figure.get_size_inches()) < 16 else 100
    with whole(path) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # no font has all letters of all names
        figure.savefig(part, format="png", dpi=dots)


def short(name: str, letters: int = _NAME_LETTERS) -> str:
    """Return a name as text for a diagram: on one line, not too long, a $ being a $."""
    text = printable(name)
    text = text if len(text) <= letters else text[: letters - 1] + "…"
    return text.replace("$", r"\$")
