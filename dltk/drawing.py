"""Drawing on pictures: labels, maps of thumbnails, and tables of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dltk.errors import printable

_INK = (40, 40, 40)
_TILE = 64  # pixels up to which a mosaic's pictures are enlarged


def draw_labels(picture: Image.Image, lines: Sequence[str]) -> Image.Image:
    """Return a copy of `picture` (RGB) with `lines` on a dark panel in its lower left corner.

    The letters are about a thirtieth of the picture high, never too small to read: a picture
    too narrow or too low for them is enlarged on a black ground first.
    """
    picture = picture.copy()
    if not lines:
        return picture
    size = max(14, round(min(picture.size) / 24))
    font = ImageFont.load_default(size)
    pad = size // 2
    leading = round(size * 1.35)
    wide = 2 * pad + max(round(font.getlength(line)) for line in lines)
    high = 2 * pad + leading * len(lines)
    if picture.width < wide or picture.height < 2 * high:
        picture = _on_ground(picture, max(picture.width, wide), picture.height, high)
    else:
        _darken(picture, (0, picture.height - high, wide, picture.height))
    draw = ImageDraw.Draw(picture)
    top = picture.height - high + pad
    for index, line in enumerate(lines):
        ink = "white" if index == 0 else (200, 200, 200)
        draw.text((pad, top + index * leading), line, ink, font)
    return picture


def _darken(picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    picture.paste(picture.crop(box).point(lambda value: value * 0.35), box)


def _on_ground(picture: Image.Image, width: int, height: int, below: int) -> Image.Image:
    """Put `picture` centred on black, with room of `below` pixels under it."""
    ground = Image.new("RGB", (width, height + below))
    ground.paste(picture, ((width - picture.width) // 2, 0))
    ground.info.update(picture.info)
    return ground


def thumbnail_sheet(
    pictures: Sequence[Image.Image], cells: Sequence[tuple[int, int]], *, edge: int
) -> Image.Image:
    """Return a white sheet with each picture, fitted to a square of `edge` pixels, in its cell.

    Args:
        cells: (column, row) of each picture, counted from the upper left; the sheet is as large
            as they need.
    """
    columns = 1 + max((column for column, _ in cells), default=0)
    rows = 1 + max((row for _, row in cells), default=0)
    sheet = Image.new("RGB", (columns * edge, rows * edge), "white")
    for picture, (column, row) in zip(pictures, cells, strict=True):
        small = picture.copy()
        small.thumbnail((edge - 4, edge - 4))
        x, y = column * edge, row * edge
        sheet.paste(small, (x + (edge - small.width) // 2, y + (edge - small.height) // 2))
    return sheet


def contact_sheet(
    rows: Sequence[Sequence[Image.Image | None]],
    *,
    row_names: Sequence[str],
    column_names: Sequence[str],
    edge: int,
    captions: Sequence[Sequence[str | None]] | None = None,
) -> Image.Image:
    """Return a table of pictures on white, with names to the left of rows and above columns.

    Args:
        rows: RGB pictures, equally many in each row; the cell of None stays empty.
        row_names, column_names: one for each; without room for names where all are empty. Those
            that are too long end in an ellipsis.
        edge: pixels of the longer side of a picture, which keeps its aspect. Rows and columns are
            only as high and as wide as their largest picture.
        captions: a name above each picture, in rows as the pictures are.
    """
    fitted = [[cell and ImageOps.contain(cell, (edge, edge)) for cell in row] for row in rows]
    widths = [
        _largest([c.width for c in column if c], edge) for column in zip(*fitted, strict=True)
    ]
    heights = [_largest([cell.height for cell in row if cell], edge) for row in fitted]
    size = max(12, round(edge / 14))
    gap, font = size // 2, ImageFont.load_default(size)
    row_names = [_shortened(name, edge, font) for name in row_names]
    column_names = [
        _shortened(name, width, font) for name, width in zip(column_names, widths, strict=True)
    ]
    left = max((round(font.getlength(name)) for name in row_names), default=0)
    xs = _starts(widths, left + 2 * gap if left else gap, gap)
    line = size + gap if captions else 0  # above every row
    top = size + 2 * gap if any(column_names) else gap
    ys = [y + line for y in _starts([line + height for height in heights], top, gap)]
    sheet = Image.new("RGB", (xs[-1], ys[-1] - line), "white")
    draw = ImageDraw.Draw(sheet)
    for x, width, name in zip(xs, widths, column_names, strict=False):
        draw.text((x + width / 2, ys[0] - line - gap), name, _INK, font, anchor="md")
    captions = captions or [[None] * len(row) for row in rows]
    for y, height, name, row, above in zip(ys, heights, row_names, fitted, captions, strict=False):
        draw.text((xs[0] - gap, y + height / 2), name, _INK, font, anchor="rm")
        for x, width, cell, caption in zip(xs, widths, row, above, strict=False):
            if cell:
                place = x + (width - cell.width) // 2, y + (height - cell.height) // 2
                sheet.paste(cell, place)
                caption = _shortened(caption or "", width, font)
                draw.text((x + width / 2, y - gap / 2), caption, _INK, font, anchor="md")
    return sheet


def mosaic(pictures: np.ndarray, columns: int) -> Image.Image:
    """Return pictures of one size edge to edge in rows, small ones enlarged pixel by pixel.

    Args:
        pictures: uint8 (N, H, W, C), C being 1 or 3; what is left of the last row is black.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    _, height, width, channels = pictures.shape
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[: len(pictures)] = pictures
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    scale = max(1, _TILE // max(height, width))
    sheet = sheet.reshape(rows * height, columns * width, channels)
    sheet = sheet.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(sheet.squeeze(-1) if channels == 1 else sheet)


def gallery(
    pictures: Sequence[Image.Image], names: Sequence[str], *, columns: int, edge: int
) -> Image.Image:
    """Return pictures in rows on white, each with its name above; see `contact_sheet`."""
    rows = in_rows(pictures, columns)
    return contact_sheet(
        rows,
        row_names=[""] * len(rows),
        column_names=[""] * len(rows[0]),
        edge=edge,
        captions=in_rows(names, columns),
    )


def in_rows(pictures: Sequence, columns: int) -> list[list]:
    """Return `pictures` in rows of `columns`, or of all if fewer; None fills the last one up."""
    columns = min(columns, len(pictures))
    rows = [list(pictures[at : at + columns]) for at in range(0, len(pictures), columns or 1)]
    if rows:
        rows[-1] += [None] * (columns - len(rows[-1]))
    return rows


def _largest(sizes: list[int], otherwise: int) -> int:
    return max(sizes, default=otherwise)


def _starts(sizes: Sequence[int], first: int, gap: int) -> list[int]:
    """Return where cells of those sizes begin, and where the one after the last would."""
    return list(accumulate((size + gap for size in sizes), initial=first))


def _shortened(name: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """Return `name` on one line, cut to `width` pixels with an ellipsis."""
    name = printable(name)
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(name + "…") > width:
        name = name[:-1]
    return name.rstrip() + "…"
