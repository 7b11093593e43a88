"""Texts of any length drawn below pictures, on as many lines as they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from dltk.errors import printable

_INK = (40, 40, 40)
_LEGIBLE = 12  # pixels: letters are never smaller
_MOST_LINES = 4  # of one text
_MOST_LETTERS = 500  # of one text that are looked at


def with_texts(picture: Image.Image, texts: Sequence[str], *, width: int) -> Image.Image:
    """Return a picture (RGB), fitted to a square of `width` pixels, with texts below it, on white.

    A text that is too long for a few lines ends in an ellipsis.

    Args:
        texts: each begins on a line of its own, behind a dot.
    """
    fitted = ImageOps.contain(picture, (width, width))
    size = max(_LEGIBLE, round(width / 24))
    font, leading = ImageFont.load_default(size), round(1.3 * size)
    indent = round(font.getlength("· "))
    lines = [
        (at, line)
        for text in texts
        for at, line in enumerate(_wrapped(printable(text), width - indent - size, font))
    ]
    high = fitted.height + (len(lines) + 1) * leading if lines else fitted.height
    drawn = Image.new("RGB", (width, high), "white")
    drawn.paste(fitted, ((width - fitted.width) // 2, 0))
    draw = ImageDraw.Draw(drawn)
    for row, (at, line) in enumerate(lines):
        y = fitted.height + leading // 2 + row * leading
        if at == 0:
            draw.text((size // 2, y), "·", _INK, font)
        draw.text((size // 2 + indent, y), line, _INK, font)
    return drawn


def in_columns(tiles: Sequence[Image.Image], columns: int, *, gap: int = 8) -> Image.Image:
    """Return pictures of one width in rows on white, each row as high as its highest picture."""
    rows = [tiles[at : at + columns] for at in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) for row in rows]
    across = tiles[0].width + gap
    size = min(columns, len(tiles)) * across + gap, sum(heights) + (len(rows) + 1) * gap
    sheet = Image.new("RGB", size, "white")
    top = gap
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (gap + column * across, top))
        top += height + gap
    return sheet


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """Return a text in lines of at most `width` pixels, cut to a few."""
    lines: list[str] = []
    for piece in _pieces(text[:_MOST_LETTERS], width, font):
        longer = f"{lines[-1]} {piece}" if lines else piece
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    if lines and (len(lines) > _MOST_LINES or len(text) > _MOST_LETTERS):
        lines = lines[:_MOST_LINES]
        while lines[-1] and font.getlength(lines[-1] + "…") > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…"
    return lines


def _pieces(text: str, width: int, font: ImageFont.FreeTypeFont) -> Iterator[str]:
    """Yield the words of a text; those that are too long for a line in parts."""
    for word in text.split():
        while font.getlength(word) > width and len(word) > 1:
            fits = 1
            while font.getlength(word[: fits + 1]) <= width:
                fits += 1
            yield word[:fits]
            word = word[fits:]
        yield word
