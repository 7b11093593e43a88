"""Heat maps: numbers as colours, and laid over the picture they are about."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageEnhance

from dltk.geometry import Geometry

_UNSEEN = 0.3  # brightness of what the network does not see
_FADED, _DIMMED = 0.5, 0.75  # saturation and brightness that a picture keeps under a heat map
_MOST = 0.8  # opacity of the highest heat


def on_photo(heat: np.ndarray, geometry: Geometry, size: tuple[int, int]) -> np.ndarray:
    """Return the part of `heat` that lies on the photo: without the margins of "pad" and "within".

    Args:
        heat: (h, w), over the whole input of a network, coarser or not.
        size: (width, height) of the photo.
    """
    if geometry.fit not in ("pad", "within"):
        return heat
    left, top, wide, high = geometry.place(geometry.seen(size))
    rows, columns = heat.shape
    fine = enlarged(heat, (geometry.width, geometry.height))
    part = fine[top : top + high, left : left + wide]
    small = (
        max(1, round(wide * columns / geometry.width)),
        max(1, round(high * rows / geometry.height)),
    )
    return np.asarray(Image.fromarray(part).resize(small, Image.Resampling.BOX))


def enlarged(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return float32 (h, w) resized to (width, height): bicubic, within the range it had."""
    heat = np.ascontiguousarray(heat, np.float32)
    resized = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BICUBIC))
    return np.clip(resized, heat.min(), heat.max())


def unit(heat: np.ndarray, *, highest: float = 100.0) -> np.ndarray:
    """Return `heat` scaled to 0-1: what is negative becomes 0, and the maximum 1.

    Args:
        highest: percentile that becomes 1, for maps whose few highest values hide the rest.
    """
    heat = np.maximum(np.asarray(heat, np.float32), 0)
    top = float(np.percentile(heat, highest)) or float(heat.max(initial=0))
    return np.clip(heat / top, 0, 1) if top > 0 else heat


def coloured(values: np.ndarray, colours: str = "inferno") -> Image.Image:
    """Return 0-1 (h, w) as an RGB picture in a perceptually uniform map of matplotlib's."""
    levels = np.clip(np.asarray(values, np.float32) * 256, 0, 255).astype(np.uint8)
    return Image.fromarray(_table(colours)[levels])


def spread(values: np.ndarray, box, size: tuple[int, int]) -> np.ndarray:
    """Return float32 (height, width) of a photo's size: `values` in the box, 0 around it.

    Args:
        values: 0-1 (h, w), of the part `box` (left, top, right, bottom) of the photo.
        size: (width, height).
    """
    left, top, right, bottom = _whole_pixels(box)
    whole = np.zeros(size[::-1], np.float32)
    whole[top:bottom, left:right] = enlarged(values, (right - left, bottom - top))
    return whole


@cache
def _table(colours: str) -> np.ndarray:
    """Return the 256 colours of a map, uint8 (256, 3)."""
    import matplotlib

    return matplotlib.colormaps[colours](np.arange(256), bytes=True)[:, :3].copy()


def overlay(picture: Image.Image, heat: np.ndarray, box) -> Image.Image:
    """Return a heat map over a picture (RGB), of its size; what is not seen is dark.

    The higher the heat, the more of it and the less of the picture is seen.

    Args:
        heat: from `spread`.
        box: (left, top, right, bottom) of what is seen.
    """
    faded = ImageEnhance.Brightness(ImageEnhance.Color(picture).enhance(_FADED)).enhance(_DIMMED)
    opacity = Image.fromarray(np.rint(255 * _MOST * heat).astype(np.uint8))
    mixed = Image.composite(coloured(heat), faded, opacity)
    result = ImageEnhance.Brightness(picture).enhance(_UNSEEN)
    corner = _whole_pixels(box)
    result.paste(mixed.crop(corner), corner[:2])
    return result


def _whole_pixels(box) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left, top, max(right, left + 1), max(bottom, top + 1)
