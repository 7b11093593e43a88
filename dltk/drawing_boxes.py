"""Boxes drawn on pictures, in a colour for each class, with captions that can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dltk.errors import printable
from dltk.metrics.iou import covered

_LEGIBLE = 12  # pixels: letters are never smaller
_ENOUGH = 200  # pixels of the shorter side: a smaller picture is enlarged to be drawn on
_LARGEST = 1600  # pixels: but not beyond this on the longer side
_MANY = 30  # boxes, from which on letters become smaller
_HIDDEN = 0.2  # share of a caption that another one may hide
_COVERED = 0.6  # share of a box that another's caption may hide
_COLOURS = 50
# Linear sRGB -> responses of the eye's cones, and their cube roots -> Oklab; vectors are rows.
_TO_CONES = np.array([
    [0.4122214708, 0.2119034982, 0.0883024619],
    [0.5363325363, 0.6806995451, 0.2817188376],
    [0.0514459929, 0.1073969566, 0.6299787005],
])  # fmt: skip
_TO_OKLAB = np.array([
    [0.2104542553, 1.9779984951, 0.0259040371],
    [0.7936177850, -2.4285922050, 0.7827717662],
    [-0.0040720468, 0.4505937099, -0.8086757660],
])  # fmt: skip


def draw_boxes(
    picture: Image.Image,
    boxes: np.ndarray,
    captions: Sequence[str],
    classes: Sequence[int],
) -> Image.Image:
    """Return a copy of `picture` (RGB) with boxes and captions drawn on it.

    Lines and letters scale with the picture. One that is too small for letters is enlarged first,
    by a whole number and without smoothing. Captions stay inside of the picture and go where they
    hide the least of each other; one without room is left out, and its box stays. The first boxes
    are drawn on top and have the first choice of place: give the surest first.

    Args:
        boxes: float (N, 4), in pixels of `picture`, half-open; what lies outside is cut off.
        captions: of each; "" for none.
        classes: number of the class of each, which decides on its colour, see `class_colour`.
    """
    factor = _enlargement(picture.size)
    width, height = (side * factor for side in picture.size)
    drawn = picture.resize((width, height), Image.Resampling.NEAREST)
    drawn.info.update(picture.info)
    pixels, kept = _inside(np.asarray(boxes, np.float64).reshape(-1, 4) * factor, (width, height))
    colours = [class_colour(int(classes[index])) for index in kept]
    draw = ImageDraw.Draw(drawn)
    line = max(2, round((width + height) / 2 * 0.004))
    for box, colour in zip(pixels[::-1].tolist(), colours[::-1], strict=True):
        _draw_box(draw, box, colour, line)
    size = _letters((width, height), len(kept))
    font = ImageFont.load_default(size)
    placed = np.zeros((0, 4))
    for index, box in enumerate(pixels.tolist()):
        text = _fitted(printable(captions[kept[index]]), font, width - size)
        room = round(font.getlength(text)) + round(0.6 * size), round(1.35 * size)
        others = np.delete(pixels, index, axis=0)
        place = _place(box, room, (width, height), line, placed, others) if text else None
        if place is not None:
            placed = np.vstack([placed, place])
            _draw_caption(draw, place, text, font, colours[index])
    return drawn


def class_colour(index: int) -> tuple[int, int, int]:
    """Return the colour of a class, always the same: RGB, 0-255.

    Those of the first classes are the farthest apart; from the fiftieth on they come again.
    """
    palette = _palette()
    return palette[index % len(palette)]


def ink_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, whichever can be read better on a ground of that colour.

    By the contrast ratio of WCAG 2, (lighter + 0.05) / (darker + 0.05) of relative luminances.
    """
    luminance = float(_decoded(np.array(colour) / 255) @ (0.2126, 0.7152, 0.0722))
    light = 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05
    return (255, 255, 255) if light else (0, 0, 0)


def _enlargement(size: tuple[int, int]) -> int:
    wanted = math.ceil(_ENOUGH / min(size))
    return max(1, min(wanted, _LARGEST // max(size)))


def _letters(size: tuple[int, int], count: int) -> int:
    """Return the height of letters: about a fortieth of the picture, less where boxes are many."""
    crowd = max(0.45, min(1, math.sqrt(_MANY / max(count, 1))))
    return max(_LEGIBLE, round(sum(size) / 2 / 38 * crowd))


def _inside(boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels that boxes touch, int (M, 4), and which of them are in the picture."""
    boxes = np.where(np.isfinite(boxes).all(axis=1, keepdims=True), boxes, 0)
    pixels = np.hstack([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])])
    pixels = np.clip(pixels, 0, size * 2).astype(int)
    kept = np.flatnonzero((pixels[:, :2] < pixels[:, 2:]).all(axis=1))
    return pixels[kept], kept


def _draw_box(draw: ImageDraw.ImageDraw, box, colour, line: int) -> None:
    """Draw a frame inside of `box`, with a thin edge of black or white that shows on any ground."""
    left, top, right, bottom = box
    line = max(1, min(line, min(right - left, bottom - top) // 5))  # not filled up
    edge = line // 3
    if edge:
        ink = ink_on(colour)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=ink, width=line + edge)
        left, top, right, bottom = left + edge, top + edge, right - edge, bottom - edge
        line -= edge
    draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=line)


def _place(
    box, room, size, line: int, captions: np.ndarray, others: np.ndarray
) -> np.ndarray | None:
    """Return where a caption hides the least; None where it would hide too much.

    Args:
        box: that it is of.
        room: (width, height) of the caption.
        captions, others: (N, 4), captions and other boxes that it might hide.
    """
    left, top, right, bottom = box
    wide, high = room
    inside = line if bottom - top > 2 * high else 0
    rows = top - high, top + inside, bottom, bottom - high - inside  # above it, in it, below it
    columns = left, right - wide, (left + right - wide) // 2
    wanted = np.array([(x, y) for x in columns for y in rows])
    corners = np.clip(wanted, 0, np.maximum(np.subtract(size, room), 0))  # inside of the picture
    places = np.hstack([corners, np.minimum(corners + room, size)])
    hidden = np.maximum(covered(places, captions).sum(axis=1), _most(captions, places))
    boxes = _most(others, places)
    cost = hidden + boxes + 0.02 * np.arange(len(places)) + 0.1 * (corners != wanted).any(axis=1)
    cost[(hidden > _HIDDEN) | (boxes > _COVERED)] = np.inf
    best = cost.argmin()
    return places[best] if np.isfinite(cost[best]) else None


def _most(boxes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return (P,): of the box of which the largest share lies in a place, that share."""
    return covered(boxes, places).max(axis=0, initial=0)


def _draw_caption(draw: ImageDraw.ImageDraw, place, text: str, font, colour) -> None:
    left, top, right, bottom = place.tolist()
    draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)
    middle = (left + right) / 2, (top + bottom) / 2
    draw.text(middle, text, ink_on(colour), font, anchor="mm")


def _fitted(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return `text`, cut to `width` pixels with an ellipsis in its middle: a score stays."""
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        head = kept - kept // 3
        shorter = text[:head].rstrip() + "…" + text[len(text) - kept // 3 :]
        if font.getlength(shorter) <= width:
            return shorter
    return ""


@cache
def _palette() -> list[tuple[int, int, int]]:
    """Return colours that are neither pale, dull nor dark, each as far as can be from those before.

    Distances are those in Oklab (Ottosson 2020, https://bottosson.github.io/posts/oklab/), a space
    in which equally far apart looks equally different.
    """
    colours = np.array(list(product(range(0, 256, 51), repeat=3)))
    lab = _oklab(_decoded(colours / 255))
    strong = (lab[:, 0] > 0.48) & (lab[:, 0] < 0.9) & (np.hypot(lab[:, 1], lab[:, 2]) > 0.1)
    colours, lab = colours[strong], lab[strong]
    chosen = [int(np.argmin(np.abs(colours - (255, 102, 0)).sum(axis=1)))]  # orange is first
    nearest = np.full(len(colours), np.inf)
    while len(chosen) < _COLOURS:
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    return [tuple(map(int, colours[index])) for index in chosen]


def _oklab(linear: np.ndarray) -> np.ndarray:
    """Return (N, 3) in Oklab for linear sRGB."""
    cones = np.cbrt(linear @ _TO_CONES)
    return cones @ _TO_OKLAB


def _decoded(encoded: np.ndarray) -> np.ndarray:
    """Return linear values, 0-1, of sRGB's encoding (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
