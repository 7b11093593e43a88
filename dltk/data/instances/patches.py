"""Patches of pictures: where they are to have an object in their middle, and cutting them out.

The paper's numbers are pixels of patches of 224; here they are shares of a patch's side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

OBJECT = 128 / 224
"""Of a patch's side: the larger side of the object that it is meant for."""
SHIFT = 16 / 224
"""How far an object may be off the middle, across and down."""
STRETCH = 2**0.25
"""How many times too large or too small an object may be."""
FAR = 32 / 224
"""How far off, across or down, an object is no longer the patch's."""
OTHER_SIZE = 2.0
"""How many times too large or too small it is no longer."""
_TRIES = 50
_NEAR = 0.5  # share of the patches without an object that are looked for near one
_NEAR_SHIFT, _NEAR_OCTAVES = 0.5, 1.5  # how near: of a patch's side, and of its size


class Patch(NamedTuple):
    """A square of a picture, in pixels of the upright original; it may reach beyond the picture.

    Attributes:
        x, y: its middle.
        side: its length.
    """

    x: float
    y: float
    side: float


def centred(box: Sequence[float]) -> Patch:
    """Return the patch with an object in its middle, as large as it should be (Sec. 3.1)."""
    left, top, right, bottom = map(float, box)
    side = max(right - left, bottom - top) / OBJECT
    return Patch((left + right) / 2, (top + bottom) / 2, side)


def jittered(patch: Patch, random: np.random.Generator) -> Patch:
    """Return a patch that still has the object in its middle, nearly enough (Sec. 3.3)."""
    side = patch.side * STRETCH ** random.uniform(-1, 1)
    across, down = side * SHIFT * random.uniform(-1, 1, 2)
    return Patch(patch.x + across, patch.y + down, side)


def is_apart(patch: Patch, others: Sequence[Patch]) -> bool:
    """Return whether a patch has none of the objects that `others` are centred on in its middle.

    Sec. 3.3: it is off by FAR of the other's side or more, or OTHER_SIZE times as large or small.
    """
    return all(
        max(abs(patch.x - other.x), abs(patch.y - other.y)) >= FAR * other.side
        or abs(math.log2(patch.side / other.side)) >= math.log2(OTHER_SIZE)
        for other in others
    )


def elsewhere(
    objects: Sequence[Patch],
    ignored: np.ndarray,
    size: tuple[int, int],
    random: np.random.Generator,
) -> Patch:
    """Return a patch with no object in its middle, which lies in the picture.

    Half of them are drawn near an object, where it is hardest to tell, the others anywhere.

    Args:
        objects: patches centred on the picture's objects, one at least.
        ignored: float (N, 4), boxes that may hold more; middles in them are avoided.
        size: (width, height) of the picture.
    """
    sides = [each.side for each in objects]
    smallest, largest = min(sides) / OTHER_SIZE, max(*size, OTHER_SIZE * max(sides))
    for _ in range(_TRIES):
        patch = Patch(*random.uniform(0, size), smallest)
        if random.random() < _NEAR:
            near = objects[random.integers(len(objects))]
            side = near.side * 2 ** (_NEAR_OCTAVES * random.uniform(-1, 1))
            x, y = (near.x, near.y) + near.side * _NEAR_SHIFT * random.uniform(-1, 1, 2)
            patch = Patch(min(max(0, x), size[0]), min(max(0, y), size[1]), side)
        else:
            octaves = random.uniform(math.log2(smallest), math.log2(largest))
            patch = patch._replace(side=2.0**octaves)
        if is_apart(patch, objects) and not _covered(patch, ignored):
            return patch
    return Patch(*random.uniform(0, size), smallest)  # too small for all of them


def _covered(patch: Patch, boxes: np.ndarray) -> bool:
    """Return whether the middle of a patch is in one of some boxes."""
    middle = patch[:2]
    return bool(((boxes[:, :2] <= middle) & (middle <= boxes[:, 2:])).all(axis=1).any())


def cut(
    picture: Image.Image, patch: Patch, pixels: int, outside: float, size: tuple[int, int]
) -> np.ndarray:
    """Return what is in a patch, float32 (pixels, pixels[, C]): bilinear, antialiased.

    Args:
        picture: RGB, or one channel.
        outside: beyond the picture.
        size: (width, height) of the original, where `picture` was decoded smaller.
    """
    scale = pixels / patch.side
    spans = [
        _span(middle - patch.side / 2, scale, full, pixels)
        for middle, full in zip((patch.x, patch.y), size, strict=True)
    ]
    bands = len(picture.getbands())
    drawn = np.full((pixels, pixels, bands) if bands > 1 else (pixels, pixels), outside, np.float32)
    (left, right, *across), (top, bottom, *down) = spans
    if left < right and top < bottom:
        ratio = np.divide(picture.size, size)
        box = (across[0] * ratio[0], down[0] * ratio[1], across[1] * ratio[0], down[1] * ratio[1])
        box = np.clip(box, 0, picture.size * 2)
        part = (right - left, bottom - top)
        shown = picture.resize(part, Image.Resampling.BILINEAR, box=tuple(box), reducing_gap=3.0)
        drawn[top:bottom, left:right] = np.asarray(shown)
    return drawn


def _span(start: float, scale: float, full: int, pixels: int) -> tuple[int, int, float, float]:
    """Return from which to which pixel of a patch there is a picture, and which part of it."""
    first = min(pixels, max(0, round(-start * scale)))
    last = max(first, min(pixels, round((full - start) * scale)))
    return first, last, start + first / scale, start + last / scale
