"""What networks that make pictures give, as pictures have it."""

from __future__ import annotations

import numpy as np

from dltk.errors import DltkError, printable
from dltk.images import levels_of


def made_levels(pixels: np.ndarray, name: str) -> np.ndarray:
    """Return pixels of any shape, 0-255, as uint8.

    Args:
        name: of the model that made them.
    Raises:
        DltkError: some of them are not finite.
    """
    if not np.isfinite(pixels).all():
        raise DltkError(
            f"{printable(name)} gives pixels that are no numbers: its training went wrong, or "
            "--precision float32 helps"
        )
    return levels_of(pixels)
