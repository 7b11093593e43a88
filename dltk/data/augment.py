"""Augmentation: other views of the same picture, so that a network learns what does not matter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from dltk.errors import UsageError, nearest
from dltk.geometry import Geometry

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode "L"
_Named = TypeVar("_Named")
_ERASED_AREA = 0.02, 0.4  # shares of the input; Zhong et al. 2017, Sec. 3.3
_ERASED_ASPECT = 0.3, 1 / 0.3


@dataclass(frozen=True, slots=True)
class _Strength:
    """How far augmentation goes.

    Attributes:
        area: smallest share of the picture that a crop shows.
        aspect: largest factor by which a crop's aspect differs from the input's, either way.
        turn: largest rotation either way, in degrees.
        colour: largest change of brightness, contrast and saturation, either way.
        erase: probability of erasing a rectangle.
    """

    area: float
    aspect: float
    turn: float
    colour: float
    erase: float


_STRENGTHS = {
    # At the usual centre crop of 7/8, things in the network's input are on average as large as
    # they are in prediction (Touvron et al. 2019 on what happens where they are not).
    "light": _Strength(area=0.6, aspect=1.1, turn=0, colour=0.15, erase=0),
    # Crops: Szegedy et al. 2015, Sec. 6, from a quarter of the area on.
    "strong": _Strength(area=0.25, aspect=4 / 3, turn=15, colour=0.4, erase=0.25),
}
STRENGTHS = ("none", *_STRENGTHS)


def at_least(geometry: Geometry, strength: str) -> int:
    """Return the pixels that the shorter side of a decoded picture must have for `augment`.

    That is `geometry.at_least`, and more by as much as the smallest crop is smaller than the
    picture: otherwise crops of a picture decoded for prediction would be enlarged, and blurred.

    Raises:
        UsageError: an unknown strength.
    """
    if strength == "none":
        return geometry.at_least
    return math.ceil(geometry.at_least / math.sqrt(named_strength(strength, _STRENGTHS).area))


def augment(
    picture: Image.Image,
    geometry: Geometry,
    strength: str,
    random: np.random.Generator,
    *,
    flip: bool = True,
) -> np.ndarray:
    """Return a random view of `picture` (RGB) as float32 (H, W, C), 0-255.

    "none" is what prediction sees, `geometry.apply`. "light" crops a little, mirrors every second
    picture, and changes brightness, contrast and saturation by up to 15%. "strong" crops down to a
    quarter, distorts up to 4:3, turns by up to 15°, changes colours by up to 40%, and erases a
    rectangle in every fourth picture (Zhong et al. 2017).

    Crops keep to the shape that `geometry` gives the network, or with "squash" and "pad" to that
    of the picture; the black that "pad" adds stays black.

    Args:
        random: its state determines the view.
        flip: whether left and right may be exchanged; not so for letters and digits.
    Raises:
        UsageError: an unknown strength.
    """
    if strength == "none":
        return geometry.apply(picture)
    how = named_strength(strength, _STRENGTHS)
    box = _random_box(picture, geometry, how, random)
    if how.turn:
        place = geometry.place(box)
        picture = _turned(picture, box, random.uniform(-how.turn, how.turn), place[2:])
        box = 0, 0, *picture.size
    pixels = geometry.pixels(picture, box)
    left, top, wide, high = geometry.place(box)
    shown = pixels[top : top + high, left : left + wide]
    shown[:] = recoloured(shown, how.colour, random)
    if random.random() < how.erase:
        _erase(shown, random)
    if flip and random.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    return pixels


def named_strength(name: str, strengths: Mapping[str, _Named]) -> _Named:
    """Return what a strength other than "none" means. Raises UsageError if it is not known."""
    if name not in strengths:
        known = ("none", *strengths)
        raise UsageError(
            f'unknown augmentation "{name}".{nearest(name, known)} Known are {", ".join(known)}'
        )
    return strengths[name]


def _random_box(
    picture: Image.Image, geometry: Geometry, how: _Strength, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """Return a part of the picture: its share of the area and its aspect at random, and its place.

    The share is of the largest part that has the input's shape; of the whole picture where all
    of it goes in.
    """
    full_width, full_height = picture.size
    wide, high = full_width, full_height
    if geometry.fit == "crop":
        scale = min(full_width / geometry.width, full_height / geometry.height)
        wide, high = geometry.width * scale, geometry.height * scale
    side = math.sqrt(random.uniform(how.area, 1))
    stretch = math.exp(random.uniform(-1, 1) * math.log(how.aspect) / 2)
    wide, high = wide * side * stretch, high * side / stretch
    shrink = min(1, full_width / wide, full_height / high)
    wide = min(full_width, max(1, wide * shrink))
    high = min(full_height, max(1, high * shrink))
    left = random.random() * (full_width - wide)
    top = random.random() * (full_height - high)
    return left, top, min(full_width, left + wide), min(full_height, top + high)


def _turned(picture: Image.Image, box, degrees: float, size: tuple[int, int]) -> Image.Image:
    """Return the part `box` of the picture, turned about its centre by `degrees`.

    It is shrunk by a whole number first, where it stays larger than `size` (width, height). What
    lies outside the picture is mirrored in.
    """
    wide, high = box[2] - box[0], box[3] - box[1]
    least = min(wide / size[0], high / size[1]), max(wide, high) / max(size) / 4  # of long strips
    step = max(1, int(max(least)))
    sine, cosine = abs(math.sin(math.radians(degrees))), math.cos(math.radians(degrees))
    across = (wide * cosine + high * sine - wide) / 2 + 2 * step  # 2: for what rounding takes
    along = (high * cosine + wide * sine - high) / 2 + 2 * step
    outer = [math.floor(box[0] - across), math.floor(box[1] - along)]
    outer += [math.ceil(box[2] + across), math.ceil(box[3] + along)]
    inner = max(0, outer[0]), max(0, outer[1]), *map(min, outer[2:], picture.size)
    shrunk = picture.reduce(step, box=inner)
    outside = [math.ceil(abs(a - b) / step) for a, b in zip(outer, inner, strict=True)]
    edges = ((outside[1], outside[3]), (outside[0], outside[2]), (0, 0))
    ground = Image.fromarray(np.pad(np.asarray(shrunk), edges, "symmetric"))
    x = (box[0] + wide / 2 - inner[0]) / step + outside[0]
    y = (box[1] + high / 2 - inner[1]) / step + outside[1]
    turned = ground.rotate(degrees, Image.Resampling.BILINEAR, center=(x, y))
    wide, high = max(1, round(wide / step)), max(1, round(high / step))
    left, top = round(x - wide / 2), round(y - high / 2)
    return turned.crop((left, top, left + wide, top + high))


def recoloured(pixels: np.ndarray, most: float, random: np.random.Generator) -> np.ndarray:
    """Return pixels (H, W, C), 0-255, with brightness, contrast and saturation changed.

    Args:
        pixels: float32; or RGB in uint8, which is faster.
        most: largest change of each, as a share, either way.
    """
    brightness, contrast, saturation = (1 + most * random.uniform(-1, 1, 3)).astype(np.float32)
    gain = brightness * contrast
    offset = brightness * (1 - contrast) * pixels.mean(dtype=np.float32)
    if pixels.shape[-1] == 3:  # all three are linear, so they are one matrix
        gain = gain * (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * _LUMA)
    if pixels.dtype == np.uint8:
        rows = np.column_stack([gain, np.full(3, offset)])
        return np.asarray(Image.fromarray(pixels).convert("RGB", rows.ravel().tolist()))
    changed = pixels @ gain.T if pixels.shape[-1] == 3 else pixels * gain
    return np.clip(changed + offset, 0, 255)


def _erase(pixels: np.ndarray, random: np.random.Generator) -> None:
    """Fill a rectangle of `pixels` (H, W, C) with noise, in place."""
    height, width = pixels.shape[:2]
    area = random.uniform(*_ERASED_AREA) * height * width
    aspect = math.exp(random.uniform(*map(math.log, _ERASED_ASPECT)))
    high = min(height, max(1, round(math.sqrt(area * aspect))))
    wide = min(width, max(1, round(math.sqrt(area / aspect))))
    top = random.integers(height - high + 1)
    left = random.integers(width - wide + 1)
    noise = random.uniform(0, 255, (high, wide, pixels.shape[-1]))
    pixels[top : top + high, left : left + wide] = noise
