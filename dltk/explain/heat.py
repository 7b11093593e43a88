"""Heat maps: numbers as colours, and laid over the picture they are about."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance

from dltk.images import Geometry

_UNSEEN = 0.3  # brightness of what the network does not see
_FADED, _DIMMED = 0.5, 0.75  # saturation and brightness that a picture keeps under a heat map
_MOST = 0.8  # opacity of the highest heat


def on_photo(heat: np.ndarray, geometry: Geometry, size: tuple[int, int]) -> np.ndarray:
    """Return the part of `heat` that lies on the photo: without the margins of "pad".

    Args:
        heat: (h, w), over the whole input of a network, coarser or not.
        size: (width, height) of the photo.
    """
    if geometry.fit != "pad":
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
    import matplotlib

    rgb = matplotlib.colormaps[colours](np.asarray(values), bytes=True)[..., :3]
    return Image.fromarray(np.ascontiguousarray(rgb))


def heat_picture(values: np.ndarray, box, size: tuple[int, int]) -> Image.Image:
    """Return a heat map as a picture of `size` (width, height); black around what is seen.

    Args:
        values: 0-1 (h, w), of the part `box` (left, top, right, bottom) of the photo.
    """
    return coloured(_spread(values, box, size))


def overlay(picture: Image.Image, values: np.ndarray, box) -> Image.Image:
    """Return a heat map over a picture (RGB), of its size; what is not seen is dark.

    The higher the heat, the more of it and the less of the picture is seen.

    Args: see `heat_picture`.
    """
    heat = _spread(values, box, picture.size)
    faded = ImageEnhance.Brightness(ImageEnhance.Color(picture).enhance(_FADED)).enhance(_DIMMED)
    opacity = Image.fromarray(np.rint(255 * _MOST * heat).astype(np.uint8))
    mixed = Image.composite(coloured(heat), faded, opacity)
    result = ImageEnhance.Brightness(picture).enhance(_UNSEEN)
    corner = _whole_pixels(box)
    result.paste(mixed.crop(corner), corner[:2])
    return result


def _spread(values: np.ndarray, box, size: tuple[int, int]) -> np.ndarray:
    """Return float32 (H, W) of a picture's size: `values` in the box, 0 around it."""
    left, top, right, bottom = _whole_pixels(box)
    spread = np.zeros(size[::-1], np.float32)
    spread[top:bottom, left:right] = enlarged(values, (right - left, bottom - top))
    return spread


def _whole_pixels(box) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left, top, max(right, left + 1), max(bottom, top + 1)
