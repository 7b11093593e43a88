"""Made pictures: coloured shapes on textured grounds, to learn from where there is nothing else.

Every picture comes from the seed and its own number alone, so a larger set begins with the
smaller one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dltk.errors import UsageError, nearest, printable
from dltk.images import encode

KINDS = ("circle", "cross", "ring", "square", "star", "triangle")
_FINER = 4  # shapes are drawn that many times as large, and shrunk
_HOLE = 0.55  # of a ring, as a share of its radius
_RADIUS = 0.2, 0.38  # of a shape, as a share of the picture's side
_OCTAVES = 2, 4, 8, 16, 32  # cells of noise along a side
_APART = 130  # Euclidean distance in RGB between a shape and its ground


def shape_pictures(
    count: int, *, kinds: Sequence[str] = KINDS, size: int = 96, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return pictures of one shape each, of random colour, size, place and rotation.

    Args:
        kinds: some of KINDS; they take turns.
        size: pixels of a side, 8 or more.
        seed: 0 or more.
    Returns:
        images uint8 (N, H, W, 3), labels int64 (N,), and the names of the classes.
    Raises:
        UsageError: an unknown kind.
    """
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.arange(count, dtype=np.int64) % len(kinds)
    for index, label in enumerate(labels):
        images[index] = shape_picture(index, kinds[label], size=size, seed=seed)
    return images, labels, tuple(kinds)


def write_shapes(folder: str | os.PathLike, count: int) -> Iterator[Path]:
    """Write the first `count` of `shape_pictures` as JPEG files: KIND/NUMBER.jpg in `folder`.

    A file that is there already is left as it is, and not drawn again.

    Yields:
        the folder of each kind, once all of its pictures are there.
    Raises:
        DltkError: a file cannot be written.
    """
    for first, kind in enumerate(KINDS[:count]):
        for index in range(first, count, len(KINDS)):
            path = Path(folder) / kind / f"{index:05d}.jpg"
            if not path.exists():
                encode(shape_picture(index, kind), path)
        yield Path(folder) / kind


def shape_picture(index: int, kind: str, *, size: int = 96, seed: int = 0) -> Image.Image:
    """Return picture number `index` (RGB): see `shape_pictures`, which raises the same."""
    check_kind(kind)
    random = np.random.default_rng([seed, index])
    ground = textured_ground(random, size, size)
    radius = size * random.uniform(*_RADIUS)
    mask = shape_mask(
        kind,
        ground.size,
        centre=tuple(random.uniform(radius, size - radius, 2)),
        radius=radius,
        degrees=random.uniform(0, 360),
    )
    return draw_shape(ground, mask, random)


def check_kind(kind: str) -> None:
    """Raise UsageError unless `kind` is one of KINDS."""
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise UsageError(f'unknown shape "{printable(kind)}".{hint} Known are {", ".join(KINDS)}')


def draw_shape(ground: Image.Image, mask: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return `ground` (RGB) with a shape on it where `mask` (L) says, in a colour well apart.

    The shape is lit from a random side, and rough as its ground is.
    """
    pixels = np.asarray(ground, np.float32)
    share = np.asarray(mask, np.float32)[..., None] / 255
    mean = (pixels * share).sum((0, 1)) / max(1.0, share.sum())
    return Image.fromarray(paint_shape(pixels, share, _colour_apart(mean, random), random))


def paint_shape(
    pixels: np.ndarray, share: np.ndarray, colour: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return pixels with a shape over them, lit from a random side.

    Args:
        pixels: float32 (H, W, 3), 0-255.
        share: float32 (H, W, 1): how much of each pixel the shape covers, 0 to 1.
        colour: (3,), 0-255, RGB, which the light changes by 22 from the middle to a side.
    Returns:
        uint8 (H, W, 3)
    """
    angle = random.uniform(0, 2 * math.pi)
    ys, xs = np.mgrid[-1 : 1 : 1j * len(pixels), -1 : 1 : 1j * pixels.shape[1]]
    light = 22 * (xs * math.cos(angle) + ys * math.sin(angle)) + random.normal(0, 4, xs.shape)
    shape = np.clip(colour + light[..., None], 0, 255)
    return np.rint(pixels + share * (shape - pixels)).astype(np.uint8)


def shape_mask(
    kind: str,
    size: tuple[int, int],
    *,
    centre: tuple[float, float],
    radius: float,
    degrees: float = 0,
) -> Image.Image:
    """Return a shape as an antialiased mask (L) of `size` (width, height): 255 inside, 0 outside.

    Args:
        kind: one of KINDS.
        centre: (x, y) in pixels.
        radius: of the circle about the shape, in pixels.
        degrees: it is turned by, clockwise.
    """
    canvas = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    draw = ImageDraw.Draw(canvas)
    x, y = (_FINER * value for value in centre)
    radius = _FINER * radius
    if kind in ("circle", "ring"):
        draw.circle((x, y), radius, 255)
        if kind == "ring":
            draw.circle((x, y), radius * _HOLE, 0)
    else:
        turn = math.radians(degrees)
        corners = [
            (x + radius * far * math.sin(angle + turn), y - radius * far * math.cos(angle + turn))
            for angle, far in _corners(kind)
        ]
        draw.polygon(corners, 255)
    return canvas.reduce(_FINER)


def _corners(kind: str) -> list[tuple[float, float]]:
    """Return the corners of a polygon: angle from the top, clockwise; distance from the centre."""
    if kind == "triangle":
        return [(2 * math.pi * at / 3, 1) for at in range(3)]
    if kind == "square":
        return [(math.pi * (at + 0.5) / 2, 1) for at in range(4)]
    if kind == "star":  # inner corners where lines between the outer ones cross: a pentagram
        inner = math.cos(2 * math.pi / 5) / math.cos(math.pi / 5)
        return [(math.pi * at / 5, inner if at % 2 else 1) for at in range(10)]
    arm = 0.32  # of a cross: half its breadth, as a share of its length from the centre
    narrow, notch = math.atan(arm), math.sqrt(2) * arm / math.hypot(1, arm)
    return [
        (math.pi / 2 * at + angle, far)
        for at in range(4)
        for angle, far in ((-narrow, 1), (narrow, 1), (math.pi / 4, notch))
    ]


def textured_ground(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a picture (RGB) that blends two colours by noise of several octaves."""
    field = np.zeros((height, width), np.float32)
    for octave, cells in enumerate(_OCTAVES):
        noise = random.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32)
        smooth = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        field += np.asarray(smooth) / 2**octave
    field = (field - field.min()) / np.ptp(field)
    one, other = random.uniform(0, 255, (2, 3))
    other = one + 0.5 * (other - one)  # not so far apart that no colour is far from both
    field, grain = field.astype(np.float64), random.normal(0, 3, (height, width))
    pixels = np.empty((height, width, 3), np.uint8)
    for channel in range(3):  # many times faster than all three by broadcasting
        plane = one[channel] + field * (other - one)[channel] + grain
        pixels[..., channel] = np.rint(np.clip(plane, 0, 255))
    return Image.fromarray(pixels)


def _colour_apart(ground: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a random colour that is well apart from `ground` (3,)."""
    colours = random.uniform(0, 255, (32, 3))
    far = np.linalg.norm(colours - ground, axis=1)
    return colours[np.argmax(far >= _APART) if far.max() >= _APART else far.argmax()]
