"""Augmentation of pictures with objects: their boxes go where the pixels go."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dltk.canvas import Canvas
from dltk.data.views import STRENGTHS, at_least, view
from dltk.objects import Objects

__all__ = ["STRENGTHS", "at_least", "augment_objects"]

_SEEN = 0.3  # share of an object's box that must be in view for it to be learnt
_LEAST = 1.0  # pixels of the canvas that the shorter side of an object must have for that


def augment_objects(
    picture: Image.Image,
    objects: Objects,
    height: int,
    width: int,
    strength: str,
    random: np.random.Generator,
    *,
    flip: bool = True,
    size: tuple[int, int] | None = None,
) -> tuple[Canvas, Objects]:
    """Return a random view of `picture` (RGB) on a canvas of (height, width), and what is there.

    The view is that of `dltk.data.views.view`, its focus one object at random.

    An object is cut to what is seen of it. If that is less than 0.3 of its box, or a line of less
    than a pixel, it is ignored: it cannot be recognised, nor is it ground. Objects out of view
    are left out.

    Args:
        objects: in pixels of the original.
        strength, random, flip, size: see `dltk.data.views.view`.
    Raises:
        UsageError: an unknown strength.
    """
    canvas = view(
        picture,
        lambda random: _focus(objects, random),
        height,
        width,
        strength,
        random,
        flip=flip,
        size=size,
    )
    return canvas, _in_view(objects, canvas)


def _focus(objects: Objects, random: np.random.Generator) -> np.ndarray:
    """Return the box (4,) of an object at random; (0,) if there is none to be learnt."""
    known = objects.boxes[~objects.ignored]
    return known[random.integers(len(known))] if len(known) else known.reshape(0)


def _in_view(objects: Objects, canvas: Canvas) -> Objects:
    """Return the objects that are seen on a canvas, in its pixels."""
    whole = canvas.placed(objects.boxes)
    high, wide = canvas.size
    boxes = np.clip(whole, 0, (wide, high, wide, high)).astype(np.float32)
    sides, whole_sides = boxes[:, 2:] - boxes[:, :2], whole[:, 2:] - whole[:, :2]
    seen = np.prod(sides, axis=1) / np.maximum(np.prod(whole_sides, axis=1), 1e-12)
    unclear = (seen < _SEEN) | (sides.min(axis=1, initial=np.inf) < _LEAST)
    across, down = canvas.scale
    areas = objects.areas * across * down * seen
    return Objects.of(boxes, objects.labels, objects.ignored | unclear, areas).take(seen > 0)
