"""What a network makes after each epoch of its training: a sheet each, and all as an animation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dltk.animation import write_gif
from dltk.images import decode

ANIMATION = "samples.gif"
_FOLDER = "samples"
_FRAMES, _SECS = 60, 0.2  # of an animation, at most, and each


def sheet_of(run: Path, epoch: int) -> Path:
    """Return where the sheet after an epoch is, in a run folder."""
    return run / _FOLDER / f"{epoch:03d}.png"


def animate(run: Path) -> None:
    """Write the sheets in a run folder as an animation, evenly chosen if they are many."""
    numbered = (path for path in (run / _FOLDER).glob("*.png") if path.stem.isdecimal())
    sheets = sorted(numbered, key=lambda path: int(path.stem))
    places = np.linspace(0, len(sheets) - 1, min(_FRAMES, len(sheets))).round().astype(int)
    frames = (decode(sheets[place]) for place in places)
    write_gif(frames, run / ANIMATION, seconds_per_frame=_SECS)
