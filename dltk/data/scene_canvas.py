"""What made scenes are drawn on: a ground, shapes before one another, and which is seen where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image

from dltk.data.shapes import paint_shape, shape_mask, textured_ground
from dltk.objects import Objects
from dltk.samples import sample_files

COLOURS = {  # told apart even when lit, RGB
    "black": (25, 25, 25),
    "blue": (45, 80, 215),
    "green": (40, 160, 60),
    "orange": (245, 135, 25),
    "purple": (140, 60, 175),
    "red": (215, 40, 40),
    "white": (238, 238, 238),
    "yellow": (240, 220, 50),
}
_PALETTE = np.array(list(COLOURS.values()), np.float32)
_RADIUS = 0.05, 0.275  # of a shape, as a share of the picture's shorter side
_LEAST_RADIUS = 5  # pixels; of smaller ones the kind cannot be told
_TRIES = 30  # to find a place for a shape, which shrinks a little each time
_SHRINK = 0.95
_OVERLAP = 0.3  # chance that a place is taken where a shape hides a part of another
_VISIBLE = 0.5  # share of a shape that others must leave to be seen
_HIDDEN = 0.05  # share of a shape from which on it counts as partly covered
_APART = 90  # Euclidean distance in RGB of a colour from nearly all of the ground about its shape
_NEARLY = 0.1  # share of the ground that may be nearer
_VARIED = 12  # by as much a shape's red, green and blue differ from those of its colour, at most
_CROP = 0.4, 1.0  # of a photograph, as a share of its largest crop

_Window = tuple[slice, slice]  # rows and columns of a picture


class SceneCanvas:
    """A scene in the making: shapes are put on a ground, each in front of those before it.

    Attributes:
        pixels: uint8 (H, W, 3).
        instances: uint8 (H, W), 0 where the ground is seen, else 1 + the index of the shape.
        colours: of each shape, of COLOURS.
        covers: pairs (front, back) of indices of shapes; the one hides a part of the other.
    """

    def __init__(self, ground: Image.Image):
        self.pixels = np.array(ground)
        self.instances = np.zeros(self.pixels.shape[:2], np.uint8)
        self.colours: list[str] = []
        self.covers: list[tuple[int, int]] = []
        self._windows: list[_Window] = []
        self._areas = np.zeros(0, np.int64)  # of each shape, in pixels
        self._seen = np.zeros(0, np.int64)  # of those

    def add(self, kind: str, random: np.random.Generator) -> bool:
        """Put a shape of random size, place, angle and colour; return whether there was room."""
        height, width = self.instances.shape
        low, high = (max(_LEAST_RADIUS, share * min(width, height)) for share in _RADIUS)
        radius = math.exp(random.uniform(math.log(low), math.log(high)))
        for _ in range(_TRIES):
            if self._put(*_random_shape(kind, radius, width, height, random), random):
                return True
            radius = max(low, radius * _SHRINK)
        return False

    def objects(self, labels: Sequence[int]) -> Objects:
        """Return what is seen of the shapes, which are of these labels."""
        boxes = []
        for index, (rows, columns) in enumerate(self._windows):
            seen = self.instances[rows, columns] == index + 1
            ys, xs = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
            left, top = columns.start, rows.start
            boxes.append((left + xs[0], top + ys[0], left + xs[-1] + 1, top + ys[-1] + 1))
        return Objects.of(boxes, labels, areas=self._seen)

    def _put(self, window: _Window, share: np.ndarray, random: np.random.Generator) -> bool:
        """Draw a shape and return True, if it hides little and a colour stands apart there."""
        inside = share[..., 0] >= 0.5
        below = self.instances[window][inside]
        hidden = np.bincount(below, minlength=len(self._areas) + 1)[1:]
        if hidden.any() and random.random() >= _OVERLAP:
            return False
        if (self._seen - hidden < _VISIBLE * self._areas).any():
            return False
        apart = self._colours_apart(window, hidden)
        if not apart:
            return False
        name = apart[random.integers(len(apart))]
        colour = COLOURS[name] + random.uniform(-_VARIED, _VARIED, 3)
        ground = self.pixels[window].astype(np.float32)
        self.pixels[window] = paint_shape(ground, share, colour, random)
        self.instances[window][inside] = len(self._areas) + 1
        partly = np.flatnonzero(hidden > _HIDDEN * self._areas)
        self.covers += [(len(self._areas), int(back)) for back in partly]
        self.colours.append(name)
        self._windows.append(window)
        self._areas = np.append(self._areas, inside.sum())
        self._seen = np.append(self._seen - hidden, inside.sum())
        return True

    def _colours_apart(self, window: _Window, hidden: np.ndarray) -> list[str]:
        """Return the colours that stand apart from what is in a window, and from what they hide."""
        step = max(1, (window[0].stop - window[0].start) // 16)
        ground = self.pixels[window][::step, ::step].reshape(-1, 1, 3).astype(np.float32)
        far = np.sort(np.linalg.norm(ground - _PALETTE, axis=2), axis=0)[int(_NEARLY * len(ground))]
        taken = {self.colours[back] for back in np.flatnonzero(hidden)}
        return [n for n, d in zip(COLOURS, far, strict=True) if d >= _APART and n not in taken]


def _random_shape(
    kind: str, radius: float, width: int, height: int, random: np.random.Generator
) -> tuple[_Window, np.ndarray]:
    """Return where in a picture a shape is, and how much of each pixel there it covers.

    The share of a pixel is float32 (h, w, 1), 0 to 1.
    """
    x, y = random.uniform(radius, width - radius), random.uniform(radius, height - radius)
    left, top = math.floor(x - radius), math.floor(y - radius)
    right, bottom = math.ceil(x + radius), math.ceil(y + radius)
    mask = shape_mask(
        kind,
        (right - left, bottom - top),
        centre=(x - left, y - top),
        radius=radius,
        degrees=random.uniform(0, 360),
    )
    share = np.asarray(mask, np.float32)[..., None] / 255
    return (slice(top, bottom), slice(left, right)), share


def scene_ground(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a ground (RGB): a crop of a sample photograph, or, as often, a textured one."""
    if random.random() < 0.5:
        return textured_ground(random, width, height)
    photographs = _photographs()
    photograph = photographs[random.integers(len(photographs))]
    scale = min(photograph.width / width, photograph.height / height) * random.uniform(*_CROP)
    left = random.random() * (photograph.width - scale * width)
    top = random.random() * (photograph.height - scale * height)
    right = min(left + scale * width, photograph.width)  # rounding must not lead out of it
    bottom = min(top + scale * height, photograph.height)
    box = left, top, right, bottom
    ground = photograph.resize((width, height), Image.Resampling.BILINEAR, box)
    return ground.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else ground


@cache
def _photographs() -> tuple[Image.Image, ...]:
    files = [path for path in sample_files() if path.suffix == ".jpg"]
    return tuple(Image.open(path).convert("RGB") for path in files)
