"""Feature maps of one picture: the strongest, as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dltk.explain.heat import coloured

_COLOURS = "viridis"


def strongest_channels(maps: np.ndarray, count: int) -> list[int]:
    """Return the channels (h, w, C) of the largest values, the strongest first.

    A channel's strength is its largest value; ties are in the order of the channels.
    """
    return np.argsort(-maps.max(axis=(0, 1)), kind="stable")[:count].tolist()


def map_tile(values: np.ndarray) -> Image.Image:
    """Return a map (h, w) in colours, its own minimum darkest and its maximum lightest."""
    low, high = float(values.min()), float(values.max())
    return coloured(
        (values - low) / (high - low) if high > low else np.zeros_like(values), _COLOURS
    )
