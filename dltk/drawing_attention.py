"""Where a captioner looked for each word, drawn over the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dltk.drawing import in_rows

_DARK = 0.3  # of a picture's brightness, where nobody looked
_EDGE = 224  # pixels of the longer side of each small picture
_COLUMNS = 5
_GAP = 8
_LETTERS = 16  # pixels
_SEEN, _UNSEEN = (255, 255, 255), (140, 140, 140)


def lit(picture: Image.Image, weights: np.ndarray) -> Image.Image:
    """Return a picture (RGB) that is as bright as before where somebody looked most, else dark.

    Args:
        weights: float32 (h, w), 0 or more, over the whole picture.
    """
    shares = np.asarray(weights, np.float32) / max(float(np.max(weights)), 1e-12)
    light = Image.fromarray(shares).resize(picture.size, Image.Resampling.BICUBIC)
    light = _DARK + (1 - _DARK) * np.clip(np.asarray(light), 0, 1)
    return Image.fromarray(np.rint(np.asarray(picture) * light[..., None]).astype(np.uint8))


def attention_panel(
    picture: Image.Image, words: Sequence[str], attention: np.ndarray
) -> Image.Image:
    """Return a sheet: the picture, and behind it the picture as it was seen for each word.

    Args:
        picture: upright RGB.
        words: T of them.
        attention: float32 (T, h, w).
    """
    small = _small(picture)
    cells = [("", small)]
    cells += [(word, lit(small, seen)) for word, seen in zip(words, attention, strict=True)]
    rows = in_rows(cells, _COLUMNS)
    wide, high = small.width + _GAP, small.height + _GAP + round(_LETTERS * 1.5)
    size = len(rows[0]) * wide + _GAP, len(rows) * high + _GAP
    sheet, font = Image.new("RGB", size, "black"), ImageFont.load_default(_LETTERS)
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(rows):
        for column, (word, drawn) in enumerate(filter(None, line)):
            left, top = _GAP + column * wide, _GAP + row * high
            sheet.paste(drawn, (left, top))
            middle = left + small.width / 2, top + small.height + _LETTERS * 0.75
            draw.text(middle, word, _SEEN, font, anchor="mm")
    return sheet


def stacked(panels: Sequence[Image.Image]) -> Image.Image:
    """Return panels one below the other."""
    size = max(panel.width for panel in panels), sum(panel.height for panel in panels)
    sheet, top = Image.new("RGB", size, "black"), 0
    for panel in panels:
        sheet.paste(panel, (0, top))
        top += panel.height
    return sheet


def attention_frames(
    picture: Image.Image, words: Sequence[str], attention: np.ndarray
) -> Iterator[Image.Image]:
    """Yield the picture as it was seen for each word, the caption below it, that word bright.

    Where there are no words, it is yielded as it is.

    Args:
        picture, words, attention: see `attention_panel`.
    """
    small, font = _small(picture), ImageFont.load_default(_LETTERS)
    lines = _lines(words, small.width - 2 * _GAP, font)
    leading = round(_LETTERS * 1.4)
    ground = Image.new("RGB", (small.width, small.height + leading * len(lines) + _GAP))
    if not words:
        yield small
    for at, seen in enumerate(attention):
        frame = ground.copy()
        frame.paste(lit(small, seen), (0, 0))
        draw = ImageDraw.Draw(frame)
        for row, line in enumerate(lines):
            left = _GAP
            for number, word in line:
                ink = _SEEN if number == at else _UNSEEN
                draw.text((left, small.height + _GAP // 2 + row * leading), word, ink, font)
                left += font.getlength(f"{word} ")
        yield frame


def _small(picture: Image.Image) -> Image.Image:
    """Return a picture with _EDGE pixels on its longer side."""
    scale = _EDGE / max(picture.size)
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _lines(words: Sequence[str], width: float, font) -> list[list[tuple[int, str]]]:
    """Return words with their numbers in lines that are no wider, if they can be."""
    lines: list[list[tuple[int, str]]] = [[]]
    used = 0.0
    for number, word in enumerate(words):
        needed = font.getlength(f"{word} ")
        if lines[-1] and used + needed > width:
            lines.append([])
            used = 0.0
        lines[-1].append((number, word))
        used += needed
    return lines
