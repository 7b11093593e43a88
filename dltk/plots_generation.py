"""Diagrams of how generators were trained."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from dltk.figures import COLOURS, new_figure, write_figure

_PANELS = {
    "loss": {
        "discriminator_loss": "discriminator",
        "generator_loss": "generator",
        "real_error": "error of copies of real pictures",
        "penalty": "penalty",
    },
    "D": {"d_real": "real pictures, D(x)", "d_made": "made pictures, D(G(z))"},
    "score": {"real_score": "real pictures", "made_score": "made pictures"},
    "convergence": {"convergence": "convergence measure"},
    "k": {"made_k": "how much made pictures count"},
    "variety": {"variety": "made pictures apart, of real ones"},
}
_MEASURED = "fid"  # what measures begin with


def plot_adversaries(rows: Sequence[Mapping[str, float]], path: str | os.PathLike) -> None:
    """Draw how a generator and its discriminator did, epoch by epoch, a panel for each quantity.

    Args:
        rows: of the history, one or more; see `dltk.models.gan.learning.Adversary` and
            `dltk.models.gan.equilibrium.Equilibrium` for the names.
    Raises:
        DltkError: the file cannot be written.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    panels = {
        title: lines
        for title, known in _PANELS.items()
        if (lines := {name: label for name, label in known.items() if name in names})
    }
    panels |= {
        name.upper().replace("_", "-"): {name: "made pictures"}
        for name in names
        if name.startswith(_MEASURED)
    }
    figure, axes = new_figure(7.5, 0.7 + 2.3 * len(panels), len(panels), sharex=True)
    epochs = [row["epoch"] for row in rows]
    for panel, (title, lines) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for colour, (name, label) in zip(COLOURS, lines.items(), strict=False):
            told = [(at, row[name]) for at, row in zip(epochs, rows, strict=True) if name in row]
            style = {"color": colour, "marker": "o", "markersize": 3}
            panel.plot(*zip(*told, strict=True), label=label, **style)
        panel.set_ylabel(title)
        if title == "D":
            panel.set_ylim(-0.02, 1.02)
        panel.legend(frameon=False)
    last = np.atleast_1d(axes)[-1]
    last.set_xlabel("epoch")
    last.xaxis.get_major_locator().set_params(integer=True)
    write_figure(figure, path)
