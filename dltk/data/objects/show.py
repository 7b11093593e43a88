"""A sheet of pictures with their boxes, as they are and as training sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from dltk.data.datasets import ObjectData
from dltk.data.objects.augment import at_least, augment_objects
from dltk.data.show import taking_turns
from dltk.drawing import thumbnail_sheet
from dltk.drawing_boxes import draw_boxes
from dltk.errors import InputError, UsageError, printable
from dltk.images import decode_sized
from dltk.objects import Objects

_VIEWS = 3  # augmented, of each picture
_ACROSS = 8  # tiles


def object_sheet(
    data: ObjectData,
    *,
    augmentation: str = "light",
    flip: bool = True,
    count: int = 24,
    size: int = 320,
    seed: int = 0,
) -> Image.Image:
    """Return a sheet of pictures with their boxes, and beside each what training makes of it.

    The names of ignored objects are in brackets.

    Pictures are drawn from all splits, the classes taking turns, and those without objects with
    them. What cannot be read is left out. Views are on a square canvas.

    Args:
        augmentation, flip: see `dltk.data.objects.augment`. With "none" there is one view of each.
        count: pictures to show.
        size: pixels of a tile's side.
        seed: for the choice of the pictures, and for augmentation.
    Raises:
        UsageError: not one picture could be read, or an unknown augmentation.
    """
    random = np.random.default_rng(seed)
    views = 1 if augmentation == "none" else _VIEWS
    groups = max(1, _ACROSS // (1 + views))  # beside one another
    tiles, cells = [], []
    shown = 0
    for examples, index in _drawn(data, random):
        if shown == count:
            break
        least = max(size, at_least(size, size, augmentation))
        try:
            picture, full = decode_sized(examples.sources[index], at_least=least)
        except (InputError, OSError):
            continue
        row, group = divmod(shown, groups)
        shown += 1
        objects = examples.objects[index]
        scaled = objects.boxes * np.tile(np.divide(picture.size, full), 2)
        tiles.append(_with_boxes(picture, scaled, objects, data.classes, size))
        for _ in range(views):
            canvas, placed = augment_objects(
                picture, objects, size, size, augmentation, random, flip=flip, size=full
            )
            view = Image.fromarray(canvas.pixels)
            tiles.append(_with_boxes(view, placed.boxes, placed, data.classes, size))
        cells += [(group * (1 + views) + at, row) for at in range(1 + views)]
    if not tiles:
        raise UsageError(f"not one picture of {printable(data.where)} can be read")
    return thumbnail_sheet(tiles, cells, edge=size)


def _drawn(data: ObjectData, random: np.random.Generator) -> Iterator[tuple]:
    """Yield (examples, index) of every picture once: of one of each class, and so on."""
    places = [(ex, index) for ex in data.splits.values() for index in range(len(ex))]
    none = len(data.classes)  # a class of its own
    kinds = [set(ex.objects[index].labels.tolist()) or {none} for ex, index in places]
    return (places[at] for at in taking_turns(kinds, none + 1, random))


def _with_boxes(
    picture: Image.Image, boxes: np.ndarray, objects: Objects, classes: Sequence[str], size: int
) -> Image.Image:
    """Return the picture with `size` pixels on its longer side, and boxes in its pixels drawn."""
    scale = size / max(picture.size)
    fitted = picture.resize([max(1, round(side * scale)) for side in picture.size])
    names = [printable(classes[label]) for label in objects.labels]
    captions = [
        f"({name})" if ignored else name
        for name, ignored in zip(names, objects.ignored, strict=True)
    ]
    return draw_boxes(fitted, boxes * scale, captions, objects.labels.tolist())
