"""A sheet of pictures under their label maps, as they are and as training sees them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from dltk.canvas import fit_within
from dltk.data.datasets import MaskData
from dltk.data.masks.augment import at_least, augment_mask
from dltk.data.show import taking_turns
from dltk.drawing import thumbnail_sheet
from dltk.drawing_masks import tinted, with_legend
from dltk.errors import InputError, UsageError, printable
from dltk.images import decode_sized
from dltk.masks import IGNORE

_VIEWS = 3  # augmented, of each picture
_ACROSS = 8  # tiles


def mask_sheet(
    data: MaskData,
    *,
    augmentation: str = "light",
    flip: bool = True,
    count: int = 24,
    size: int = 320,
    seed: int = 0,
) -> Image.Image:
    """Return a sheet of pictures under the colours of their classes, with a legend below it.

    Beside each is what training makes of it, on a square canvas. Ignored pixels are hatched.

    Pictures are drawn from all splits, the classes taking turns. What cannot be read is left out.

    Args:
        augmentation, flip: see `dltk.data.masks.augment`. With "none" there is one view of each.
        count: pictures to show.
        size: pixels of a tile's side.
        seed: for the choice of the pictures, and for augmentation.
    Raises:
        UsageError: not one picture could be read, or an unknown augmentation.
    """
    random = np.random.default_rng(seed)
    views = 1 if augmentation == "none" else _VIEWS
    groups = max(1, _ACROSS // (1 + views))  # beside one another
    tiles, cells, present = [], [], set()
    shown = 0
    for examples, index in _drawn(data, random):
        if shown == count:
            break
        least = max(size, at_least(size, size, augmentation))
        try:
            picture, full = decode_sized(examples.sources[index], at_least=least)
            mask = examples.masks[index]()
        except (InputError, OSError):
            continue
        row, group = divmod(shown, groups)
        shown += 1
        present.update(np.unique(mask).tolist())
        whole = fit_within(picture, size, size, size=full)
        high, wide = whole.size
        tiles.append(tinted(whole.pixels[:high, :wide], whole.placed_mask(mask)[:high, :wide]))
        for _ in range(views):
            canvas, labels = augment_mask(
                picture, mask, size, size, augmentation, random, flip=flip, size=full
            )
            tiles.append(tinted(canvas.pixels, labels))
        cells += [(group * (1 + views) + at, row) for at in range(1 + views)]
    if not tiles:
        raise UsageError(f"not one picture of {printable(data.where)} can be read")
    names = {label: name for label, name in enumerate(data.classes) if label in present}
    sheet = thumbnail_sheet(tiles, cells, edge=size)
    return with_legend(sheet, names | {IGNORE: "(ignored)"})


def _drawn(data: MaskData, random: np.random.Generator) -> Iterator[tuple]:
    """Yield (examples, index) of every picture once: of one with each class, and so on."""
    places = [(ex, index) for ex in data.splits.values() for index in range(len(ex))]
    kinds = [set(np.flatnonzero(ex.counts[index]).tolist()) for ex, index in places]
    return (places[at] for at in taking_turns(kinds, len(data.classes), random))
