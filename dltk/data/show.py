"""A sheet of examples as a network sees them in training: the picture, and augmented views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from dltk.data.augment import at_least, augment
from dltk.data.datasets import LabelledData
from dltk.drawing import draw_labels, thumbnail_sheet
from dltk.errors import InputError, UsageError, printable
from dltk.geometry import Geometry

_VIEWS = 5  # augmented, of each picture
_LETTERS = 20  # of a class name
_ACROSS = 12  # tiles


def example_sheet(
    data: LabelledData,
    geometry: Geometry,
    *,
    augmentation: str = "light",
    flip: bool = True,
    count: int = 24,
    size: int = 160,
    seed: int = 0,
) -> Image.Image:
    """Return a sheet of examples: each picture under its class, and beside it what is fed in.

    Examples are drawn from all splits, the classes taking turns; what cannot be read is left out.
    What is fed in is made from pictures decoded as for training.

    Args:
        geometry: of the network's input.
        augmentation, flip: see `dltk.data.augment`. With "none" there is one view of each.
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
        try:
            original = examples.decode(index, at_least=size)
            picture = examples.decode(index, at_least=at_least(geometry, augmentation))
        except (InputError, OSError):
            continue
        row, group = divmod(shown, groups)
        shown += 1
        tiles.append(_labelled(original, data.classes[examples.labels[index]], size))
        for _ in range(views):
            pixels = augment(picture, geometry, augmentation, random, flip=flip)
            tiles.append(_view(pixels, size))
        cells += [(group * (1 + views) + at, row) for at in range(1 + views)]
    if not tiles:
        raise UsageError(f"not one picture of {printable(data.where)} can be read")
    return thumbnail_sheet(tiles, cells, edge=size)


def taking_turns(
    kinds: Sequence[set[int]], classes: int, random: np.random.Generator
) -> Iterator[int]:
    """Yield the index of every picture once: of one with each class, and so on, at random.

    Args:
        kinds: which of so many classes are in each picture; one at least.
    """
    of_class: list[list[int]] = [[] for _ in range(classes)]
    for at in random.permutation(len(kinds)).tolist():
        for kind in kinds[at]:
            of_class[kind].append(at)
    drawn: set[int] = set()
    for turn in range(max(map(len, of_class))):
        for members in of_class:
            if turn < len(members) and members[turn] not in drawn:
                drawn.add(members[turn])
                yield members[turn]


def _drawn(data: LabelledData, random: np.random.Generator):
    """Yield (examples, index) of every example, the classes taking turns, each in random order."""
    turns = []
    for label in range(len(data.classes)):
        members = [
            (examples, int(index))
            for examples in data.splits.values()
            for index in np.flatnonzero(examples.labels == label)
        ]
        turns.append([members[at] for at in random.permutation(len(members))])
    for turn in range(max(map(len, turns), default=0)):
        yield from (members[turn] for members in turns if turn < len(members))


def _labelled(picture: Image.Image, name: str, size: int) -> Image.Image:
    name = printable(name)
    name = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
    return draw_labels(_fitted(picture, size), [name])


def _view(pixels: np.ndarray, size: int) -> Image.Image:
    """Return pixels (H, W, C), 0-255, as a picture to look at."""
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3))  # grey as RGB
    return _fitted(Image.fromarray(np.rint(pixels).astype(np.uint8)), size)


def _fitted(picture: Image.Image, size: int) -> Image.Image:
    """Return the picture with `size` pixels on its longer side."""
    scale = size / max(picture.size)
    return picture.resize([max(1, round(side * scale)) for side in picture.size])
