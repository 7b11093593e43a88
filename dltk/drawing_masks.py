"""Label maps drawn over pictures in colours, and what these mean below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dltk.drawing_boxes import ink_on
from dltk.errors import printable
from dltk.masks import IGNORE, PALETTE

STRENGTH = 0.5
_STRIPE = 6  # pixels: of the hatching of ignored ones
_GREY = 150
_BAND = 240  # lines that are mixed at a time: a multiple of two stripes
_EDGE = 500  # pixels of the shorter side for one of the lines between classes; two at least
_LETTERS = 24  # of a class name
_LINE = 20  # pixels: of the legend
_LEGIBLE = 12  # pixels: captions are never smaller
_COARSE = 512  # pixels of the longer side in which the midst of a class is looked for
_INK = (40, 40, 40)


def tinted(
    pixels: np.ndarray,
    mask: np.ndarray,
    *,
    strength: float = STRENGTH,
    clear: Sequence[int] = (),
) -> Image.Image:
    """Return a picture mixed with the colours of its classes, of `dltk.masks.PALETTE`.

    Where another class begins, the colour is full: mixed ones may look like those of another.
    Ignored pixels are hatched.

    Args:
        pixels: uint8 (H, W, 3).
        mask: uint8 (H, W).
        strength: share of the colour, 0-1.
        clear: classes that are left as they are, but for lines at their edges.
    """
    drawn, edges = np.array(pixels, np.uint8), _edges(mask)
    stripes = np.add.outer(np.arange(_BAND), np.arange(mask.shape[1])) // _STRIPE % 2 == 0
    for top in range(0, len(mask), _BAND):  # a large picture needs no more memory than it has
        part, shown = mask[top : top + _BAND], drawn[top : top + _BAND]
        colours, ignored = PALETTE[part], part == IGNORE
        mixed = np.rint(shown + strength * (colours.astype(np.float32) - shown)).astype(np.uint8)
        mixed = np.where(edges[top : top + _BAND, :, None], colours, mixed)
        covered = ~(ignored | np.isin(part, clear))
        shown[covered] = mixed[covered]
        shown[ignored & stripes[: len(part)]] = _GREY
    return Image.fromarray(drawn)


def captioned(picture: Image.Image, mask: np.ndarray, names: Mapping[int, str]) -> Image.Image:
    """Return a copy of a picture (RGB) with the name of each class amid its largest part.

    A name that has no room, or none that another one leaves, is left out.

    Args:
        mask: uint8 (H, W), of the picture's size.
        names: of each class to be named, by its number; the first have the first choice of place.
    """
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    size = max(_LEGIBLE, round(sum(picture.size) / 2 / 38))
    font, taken = ImageFont.load_default(size), []
    for label, name in names.items():
        text, colour = printable(name), tuple(PALETTE[label].tolist())
        sides = round(font.getlength(text) + 0.6 * size), round(1.35 * size)
        place = _free(_midst(mask == label), sides, picture.size, taken)
        if place is not None:
            left, top, right, bottom = place
            taken.append(place)
            draw.rectangle((left, top, right - 1, bottom - 1), colour)
            middle = (left + right) / 2, (top + bottom) / 2
            draw.text(middle, text, ink_on(colour), font, anchor="mm")
    return drawn


def _free(midst, sides, size, taken) -> tuple[int, int, int, int] | None:
    """Return where a caption goes: about `midst`, or up to two lines above or below that."""
    (x, y), (wide, high) = midst, sides
    left = min(max(0, x - wide // 2), size[0] - wide)
    for lines in (0, 1, -1, 2, -2):
        top = y - high // 2 + lines * high
        place = left, top, left + wide, top + high
        inside = left >= 0 and 0 <= top <= size[1] - high
        if inside and not any(_meet(place, each) for each in taken):
            return place
    return None


def _midst(shape: np.ndarray) -> tuple[int, int]:
    """Return the pixel (x, y) of `shape` that is farthest from what is not of it."""
    from scipy.ndimage import distance_transform_cdt

    step = max(1, max(shape.shape) // _COARSE)
    small = np.pad(shape[::step, ::step], 1)
    if not small.any():
        rows, columns = np.nonzero(shape)
        return int(columns[0]), int(rows[0])
    inside = distance_transform_cdt(small)
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    return int(column - 1) * step, int(row - 1) * step


def _meet(one: Sequence[int], other: Sequence[int]) -> bool:
    return all(one[at] < other[at + 2] and other[at] < one[at + 2] for at in (0, 1))


def with_legend(picture: Image.Image, names: Mapping[int, str]) -> Image.Image:
    """Return a picture with the colours and names of some classes below it.

    Args:
        names: of each class, by its number; those of an empty name are left out.
    """
    entries = [(label, _shortened(name)) for label, name in names.items() if name]
    if not entries:
        return picture
    font = ImageFont.load_default(_LINE - 6)
    wide = 3 * _LINE + round(max(font.getlength(name) for _, name in entries))
    across = max(1, picture.width // wide)
    lines = -(-len(entries) // across)
    width = max(picture.width, wide)
    framed = Image.new("RGB", (width, picture.height + (lines + 1) * _LINE), "white")
    framed.paste(picture, (0, 0))
    framed.info.update(picture.info)
    draw = ImageDraw.Draw(framed)
    for at, (label, name) in enumerate(entries):
        x, y = _LINE // 2 + at % across * wide, picture.height + _LINE // 2 + at // across * _LINE
        swatch = np.full((_LINE - 6, 2 * _LINE - 12), label, np.uint8)
        framed.paste(tinted(PALETTE[swatch], swatch), (x, y + 3))
        draw.text((x + 2 * _LINE - 6, y + _LINE // 2), name, _INK, font, anchor="lm")
    return framed


def _edges(mask: np.ndarray) -> np.ndarray:
    """Return which pixels are near those of another class, bool (H, W)."""
    width = max(2, round(min(mask.shape) / _EDGE))
    high, wide = mask.shape
    framed = np.pad(mask, width, "edge")
    edges = np.zeros(mask.shape, bool)
    for y, x in (0, width), (2 * width, width), (width, 0), (width, 2 * width):
        edges |= framed[y : y + high, x : x + wide] != mask
    return edges


def _shortened(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
