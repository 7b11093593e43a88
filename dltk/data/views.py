"""Random views of pictures on a canvas, whatever is annotated in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.canvas import Canvas, draw, fit_within
from dltk.data.augment import named_strength, recoloured
from dltk.geometry import Geometry


@dataclass(frozen=True, slots=True)
class _Strength:
    """How far augmentation goes.

    Attributes:
        smallest, largest: sizes of the picture, where 1 fits it into the canvas.
        aspect: largest factor by which a picture's aspect changes, either way.
        colour: largest change of brightness, contrast and saturation, either way.
    """

    smallest: float
    largest: float
    aspect: float
    colour: float


_STRENGTHS = {
    "light": _Strength(smallest=0.8, largest=1.25, aspect=1, colour=0.15),
    # Between standard and large scale jitter, Ghiasi et al. 2021, Sec. 3: what is 0.1 to 2 there
    # wants ten times the steps of training.
    "strong": _Strength(smallest=0.5, largest=1.5, aspect=1.2, colour=0.4),
}
STRENGTHS = ("none", *_STRENGTHS)


def at_least(height: int, width: int, strength: str) -> int:
    """Return the pixels that the shorter side of a decoded picture must have for a canvas.

    Raises:
        UsageError: an unknown strength.
    """
    fitted = Geometry(height, width, fit="within").at_least
    if strength == "none":
        return fitted
    how = named_strength(strength, _STRENGTHS)
    return math.ceil(fitted * how.largest * math.sqrt(how.aspect))


def view(
    picture: Image.Image,
    focus: Callable[[np.random.Generator], np.ndarray],
    height: int,
    width: int,
    strength: str,
    random: np.random.Generator,
    *,
    flip: bool = True,
    size: tuple[int, int] | None = None,
) -> Canvas:
    """Return a random view of `picture` (RGB) on a canvas of (height, width).

    "none" is what prediction sees, `dltk.canvas.fit_within`. "light" makes the picture up to a
    quarter larger or smaller than it fits, "strong" up to half, and changes its aspect by up to
    1.2; both mirror every second one, and change brightness, contrast and saturation by up to
    15 % and 40 %. Of what is then larger than the canvas a part is shown, with the focus whole in
    it, as far as it fits; what is smaller is at the top left.

    Args:
        focus: draws a box (4,) in pixels of the original, or (0,) for none; not called for "none".
        random: its state determines the view.
        flip: whether left and right may be exchanged; not so for letters and arrows.
        size: (width, height) of the upright original, where `picture` was decoded smaller; its
            own size by default.
    Raises:
        UsageError: an unknown strength.
    """
    if strength == "none":
        return fit_within(picture, height, width, size=size)
    how = named_strength(strength, _STRENGTHS)
    full = size or picture.size
    scales = _scales(full, height, width, how, random)
    drawn = [
        min(limit, max(1, round(side * scale)))
        for side, scale, limit in zip(full, scales, (width, height), strict=True)
    ]
    seen = focus(random)
    across, down = (
        _window(full[axis], limit / scales[axis], seen[axis::2], random)
        for axis, limit in enumerate((width, height))
    )
    region = across[0], down[0], across[1], down[1]
    mirrored = flip and random.random() < 0.5
    canvas = draw(picture, region, drawn[::-1], height, width, size=size, mirrored=mirrored)
    shown = canvas.pixels[: canvas.size[0], : canvas.size[1]]
    shown[:] = recoloured(np.ascontiguousarray(shown), how.colour, random)
    return canvas


def _scales(
    full: tuple[int, int], height: int, width: int, how: _Strength, random: np.random.Generator
) -> tuple[float, float]:
    """Return pixels of the canvas for one of the picture, across and down."""
    fitted = min(width / full[0], height / full[1])
    scale = fitted * math.exp(random.uniform(math.log(how.smallest), math.log(how.largest)))
    stretch = math.exp(random.uniform(-1, 1) * math.log(how.aspect) / 2)
    return scale * stretch, scale / stretch


def _window(
    full: int, length: float, focus: np.ndarray, random: np.random.Generator
) -> tuple[float, float]:
    """Return the start and end of a part of so many pixels along one side of a picture.

    All of what `focus` (start, end) spans is in it; or where that is longer, it is in that.
    """
    length = min(full, length)
    first, last = 0.0, full - length
    if len(focus):
        low, high = sorted((focus[1] - length, focus[0]))
        first, last = np.clip((low, high), first, last)
    start = float(random.uniform(first, last))
    return start, min(full, start + length)
