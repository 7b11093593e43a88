"""Drawing on pictures: labels, and maps of thumbnails."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


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
