"""Made landscapes: hills in the haze below a sun, at any time of day or night.

Their colours, and heights of all things in them, change smoothly and together, so that small
networks learn to make such pictures, and to turn day into night, where there is no GPU. Every
picture comes from its own number alone, so a larger set begins with the smaller one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.images import encode

TIMES = ("night", "dawn", "day", "dusk")
SIDE = 64  # pixels
_COLOURS = np.array([  # of the times: of the sky above and far away, far hills, near ones, the sun
    [(14, 18, 52), (44, 52, 98), (26, 32, 62), (10, 14, 30), (236, 236, 214)],
    [(96, 112, 168), (250, 190, 160), (140, 120, 150), (60, 64, 84), (255, 244, 214)],
    [(70, 136, 214), (188, 220, 244), (110, 156, 150), (58, 118, 62), (255, 252, 224)],
    [(72, 58, 122), (250, 140, 72), (110, 70, 104), (44, 34, 56), (255, 214, 120)],
], np.float64)  # fmt: skip
# Of all that follows, the picture's side is 1.
_HORIZON = 0.75  # where the sky is as it is far away
_ACROSS, _DOWN, _RADIUS = (0.15, 0.85), (0.12, 0.5), (0.07, 0.12)  # of the sun
_GLOW = 2.2  # of its radius
_HILLS = ((0.5, 0.65), 0.06), ((0.7, 0.85), 0.05)  # how far down they begin, and how rough they are
_WAVES = 3  # that a ridge is made of
_EDGE = 0.04  # how broad edges are, in the haze


def write_landscapes(folder: str | os.PathLike, count: int) -> Iterator[Path]:
    """Write `count` landscapes as PNG files of 64 pixels: TIME/NUMBER.png in `folder`.

    A file that is there already is left as it is, and not drawn again.

    Yields:
        the folder of each time of day, once all of its pictures are there.
    Raises:
        DltkError: a file cannot be written.
    """
    for first, time in enumerate(TIMES[:count]):
        for index in range(first, count, len(TIMES)):
            path = Path(folder) / time / f"{index:05d}.png"
            if not path.exists():
                encode(landscape(index), path)
        yield Path(folder) / time


def landscape(index: int) -> Image.Image:
    """Return landscape number `index` (RGB); it is of TIMES[index % 4], or not long from then."""
    random = np.random.default_rng(index)
    down, across = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    sky, horizon, *hills, sun = _colours(index % len(TIMES) + random.uniform(-0.5, 0.5))
    pixels = _over(sky * np.ones((SIDE, SIDE, 1)), horizon, (down / _HORIZON).clip(0, 1))
    x, y, radius = (random.uniform(*limits) for limits in (_ACROSS, _DOWN, _RADIUS))
    far = np.hypot(across - x, down - y)
    pixels = _over(pixels, sun, 0.5 * np.exp(-((far / (_GLOW * radius)) ** 2)))
    pixels = _over(pixels, sun, _inside(radius - far))
    for colour, (limits, rough) in zip(hills, _HILLS, strict=True):
        ridge = random.uniform(*limits) + _ridge(random, across[0], rough)
        pixels = _over(pixels, colour, _inside(down - ridge))
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _colours(time: float) -> np.ndarray:
    """Return colours at a time between TIMES, float64 (5, 3)."""
    before = int(np.floor(time))
    share, count = time - before, len(TIMES)
    return (1 - share) * _COLOURS[before % count] + share * _COLOURS[(before + 1) % count]


def _ridge(random: np.random.Generator, across: np.ndarray, rough: float) -> np.ndarray:
    """Return how far below its mean a ridge is, by place."""
    down = np.zeros_like(across)
    for wave in range(1, _WAVES + 1):
        height, begin = random.normal(0, rough / wave), random.uniform()
        down += height * np.sin(2 * np.pi * (0.6 * wave * across + begin))
    return down


def _inside(depth: np.ndarray) -> np.ndarray:
    """Return how much of pixels is inside of what they are so deep in, 0 to 1."""
    return (0.5 + depth / _EDGE).clip(0, 1)


def _over(pixels: np.ndarray, colour: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return pixels (H, W, 3) with a colour over them, by shares (H, W)."""
    return pixels + share[..., None] * (colour - pixels)
