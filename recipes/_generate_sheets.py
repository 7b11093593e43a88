"""Sheets of made pictures: grids, and figures of vector arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from dltk.drawing import contact_sheet, in_rows
from dltk.errors import UsageError, printable

_EDGE, _LEAST_EDGE = 128, 48  # pixels up to which small pictures are enlarged, and may not fall
_WIDEST = 4096  # pixels of a sheet, from which on pictures are enlarged less
_MOST = 1 << 26  # pixels of a sheet
_AROUND = 24  # pixels that a picture's cell is larger than the picture
_MOST_NAMED = 16  # columns, up to which each may have a class of its own
_SHOWN = 8  # members of a group
_INK = (40, 40, 40)


def enlarged(picture: Image.Image, edge: int) -> Image.Image:
    """Return a small picture in RGB, every pixel as many as let its longer side reach `edge`."""
    return _times(picture, max(1, edge // max(picture.size)))


def _times(picture: Image.Image, scale: int) -> Image.Image:
    size = picture.width * scale, picture.height * scale
    return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)


def check_grid(count: int, side: int) -> None:
    """Raise UsageError if a grid of so many pictures would be too large."""
    cell = side * _scale(side, _square(count)) + _AROUND
    if count * cell**2 > _MOST:
        raise UsageError(
            f"--grid: {count:,} pictures of {side} pixels are too many for one sheet; "
            f"{_MOST // cell**2:,} fit"
        )


def draw_grid(
    pictures: Sequence[Image.Image], seeds: Sequence[int], labels: Sequence[str | None]
) -> Image.Image:
    """Return a sheet of pictures, each below its seed.

    Where classes take turns, each has a column, or several where they are few; else pictures stand
    in a square, with their classes beside their seeds, if they have any.

    Args:
        labels: the class of each picture.
    """
    turns = len(set(labels))
    taking_turns = all(label == labels[at % turns] for at, label in enumerate(labels))
    named = 1 < turns <= _MOST_NAMED and turns < len(labels) and taking_turns
    square = _square(len(pictures))
    columns = turns * max(1, square // turns) if named else square
    scale = _scale(max(pictures[0].size), columns)
    captions = [
        f"#{seed}" if named or label is None else f"#{seed} {label}"
        for seed, label in zip(seeds, labels, strict=True)
    ]
    rows = in_rows([_times(picture, scale) for picture in pictures], columns)
    return contact_sheet(
        rows,
        row_names=[""] * len(rows),
        column_names=labels[:columns] if named else [""] * len(rows[0]),
        edge=max(rows[0][0].size),
        captions=in_rows(captions, columns),
    )


def _square(count: int) -> int:
    """Return the columns of a sheet that is about as high as wide."""
    return math.ceil(math.sqrt(count))


def _scale(side: int, columns: int) -> int:
    """Return how many times to enlarge pictures of a sheet."""
    scale = max(1, _EDGE // side)
    while scale > 1 and scale * side * columns > _WIDEST and (scale - 1) * side >= _LEAST_EDGE:
        scale -= 1
    return scale


def draw_arithmetic(
    expression: str,
    groups: Mapping[str, Sequence[int]],
    members: Mapping[str, Sequence[Image.Image]],
    means: Mapping[str, Image.Image],
    results: Sequence[Image.Image],
) -> Image.Image:
    """Return a figure: a row of its mean and its members for each group, and the 3 by 3 results.

    Args:
        groups: seeds of each.
        members: pictures of the first of them, see `shown`.
        results: nine pictures, the result in the middle.
    """
    longest = max(map(len, members.values()))
    rows, captions = [], []
    for name, seeds in groups.items():
        gap = [None] * (longest - len(members[name]))
        rows.append([means[name], *members[name], *gap])
        captions.append([f"mean of {len(seeds)}", *(f"#{seed}" for seed in shown(seeds)), *gap])
    edge = max(_EDGE, *results[0].size)
    left = contact_sheet(
        [[cell and enlarged(cell, _EDGE) for cell in row] for row in rows],
        row_names=list(groups),
        column_names=[""] * (longest + 1),
        edge=edge,
        captions=captions,
    )
    right = contact_sheet(
        in_rows([enlarged(each, _EDGE) for each in results], 3),
        row_names=[""] * 3,
        column_names=[""] * 3,
        edge=edge,
    )
    return _side_by_side(left, right, f"{expression}, ±0.25 around it", edge)


def shown(seeds: Sequence[int]) -> Sequence[int]:
    """Return the members of a group of which pictures are shown."""
    return seeds[:_SHOWN]


def _side_by_side(left: Image.Image, right: Image.Image, name: str, edge: int) -> Image.Image:
    """Return two sheets beside each other, centred, the right one below its name."""
    size = max(12, edge // 10)
    font = ImageFont.load_default(size)
    name, line = printable(name), 2 * size
    wide = max(right.width, math.ceil(font.getlength(name)) + 2 * size)
    high = max(left.height, right.height + line)
    sheet = Image.new("RGB", (left.width + edge // 2 + wide, high), "white")
    sheet.paste(left, (0, (high - left.height) // 2))
    middle, top = left.width + edge // 2 + wide // 2, (high - right.height - line) // 2
    ImageDraw.Draw(sheet).text((middle, top + line), name, _INK, font, anchor="md")
    sheet.paste(right, (middle - right.width // 2, top + line))
    return sheet
