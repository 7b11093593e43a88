"""Make the contact sheets of README again: what stylize and dream do by default to the samples."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from dltk.drawing import contact_sheet
from dltk.images import encode
from dltk.samples import sample_files
from recipes.dream import dream
from recipes.stylize import stylize

FOLDER = Path(__file__).parent.parent / ".readme"
STYLES = "brush-strokes", "stained-glass"
EDGE = 256  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["stylize", "dream"])
    parser.add_argument("--size", type=int, default=512, help="of the paintings, in pixels")
    arguments = parser.parse_args()
    what = arguments.what
    photos = [path for path in sample_files() if path.suffix == ".jpg"]
    if "stylize" in what:
        rows = [
            [Image.open(result.item.path), *(each.image for each in result.paintings.values())]
            for result in stylize(photos, style=STYLES, size=arguments.size, report=print)
        ]
        _write(rows, ("photo", *STYLES), "stylize.jpg")
    if "dream" in what:
        rows = [
            [Image.open(result.item.path), result.image] for result in dream(photos, report=print)
        ]
        _write(rows, ("photo", "dream"), "dream.jpg")


def _write(rows: list, columns: tuple[str, ...], name: str) -> None:
    """Write a sheet with two photos in a row."""
    pairs = [left + right for left, right in zip(rows[::2], [*rows[1::2], []], strict=False)]
    pairs = [row + [None] * (2 * len(columns) - len(row)) for row in pairs]
    sheet = contact_sheet(
        pairs, row_names=[""] * len(pairs), column_names=[*columns, *columns], edge=EDGE
    )
    encode(sheet, FOLDER / name)


if __name__ == "__main__":
    main()
