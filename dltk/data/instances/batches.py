"""Batches of pairs of patches, as maskers learn from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dltk.data.augment import recoloured
from dltk.data.batches import CanvasBatches
from dltk.data.instances.patches import Patch, centred, cut, elsewhere, jittered
from dltk.data.instances.readers import InstanceExamples
from dltk.data.pipeline import AUGMENT, random_of
from dltk.errors import InputError
from dltk.images import decode_sized
from dltk.masks import MASK, of_run_lengths
from dltk.objects import PIXELS

COLOURS = {"none": 0.0, "light": 0.15, "strong": 0.4}
"""Largest change of brightness, contrast and saturation, as a share, either way."""


class PatchBatches(CanvasBatches):
    """Of each object a patch with it in its middle, and one of its picture without any there.

    So that a score learns from as many of the one as of the other. Objects that are ignored are
    in neither.

    A step gives {PIXELS: float32 (B, 2, S, S, 3), 0-255, MASK: uint8 (B, m, m), 1 in the object of
    the first patch of each pair}; and {name of a loss: float32 (B,)}. S is `patch` and a margin on
    each side.

    Args:
        examples: to learn from. An epoch has each of their objects once.
        patch: pixels of a patch's side.
        margin: pixels around it.
        cell: pixels of a patch for one of the mask; a mask's pixel is 1 where half of them are.
        outside: of all colours, beyond the picture; no whole number.
        losses: names of what the network gives.
        augmentation: a key of COLOURS. Where an object lies is varied in any case.
        flip: whether to mirror every second pair.
        batch_size, seed: see `dltk.data.pipeline.Stream`. The patches of an object depend on the
            seed, the epoch and the object's index.
        threads: that decode.
    """

    def __init__(
        self,
        examples: InstanceExamples,
        *,
        patch: int,
        margin: int,
        cell: int,
        outside: float,
        losses: Sequence[str],
        augmentation: str = "light",
        flip: bool = True,
        batch_size: int,
        seed: int = 0,
        threads: int = 1,
    ):
        each = [
            (picture, int(index))
            for picture, objects in enumerate(examples.objects)
            for index in np.flatnonzero(~objects.ignored)
        ]
        examples = examples.take([picture for picture, _ in each])
        super().__init__(examples, losses=losses, batch_size=batch_size, seed=seed, threads=threads)
        self._examples, self._objects = examples, [index for _, index in each]
        self._patch, self._margin, self._cell = patch, margin, cell
        self._outside, self._colour, self._flip = outside, COLOURS[augmentation], flip

    def _example(self, index: int, epoch: int) -> dict[str, np.ndarray]:
        random = random_of(self._seed, AUGMENT, epoch, index)
        objects, chosen = self._examples.objects[index], self._objects[index]
        runs = self._examples.shapes[index][chosen]
        high, wide = runs["size"]
        known = [centred(box) for box in objects.boxes[~objects.ignored]]
        middle = jittered(centred(objects.boxes[chosen]), random)
        other = elsewhere(known, objects.boxes[objects.ignored], (wide, high), random)
        finest = self._patch / min(middle.side, other.side)
        at_least = math.ceil(min(wide, high) * finest)
        picture, size = decode_sized(self._examples.sources[index], at_least=at_least)
        if size != (wide, high):  # only if files were changed since they were read
            now, then = "{} × {}".format(*size), f"{wide} × {high}"
            raise InputError(f"it is {now} now, and its masks {then}")
        way = -1 if self._flip and random.random() < 0.5 else 1
        mask = self._cells(of_run_lengths(runs), middle)
        pixels = [self._pixels(picture, patch, size, random) for patch in (middle, other)]
        return {PIXELS: np.stack(pixels)[:, :, ::way], MASK: mask[:, ::way]}

    def _pixels(
        self, picture: Image.Image, patch: Patch, size: tuple[int, int], random
    ) -> np.ndarray:
        pixels = self._patch + 2 * self._margin
        whole = patch._replace(side=patch.side * pixels / self._patch)
        drawn = cut(picture, whole, pixels, self._outside, size)
        if not self._colour:
            return drawn
        beyond = drawn == self._outside  # no pixel of a picture is: they are whole numbers
        return np.where(beyond, drawn, recoloured(drawn, self._colour, random))

    def _cells(self, shape: np.ndarray, patch: Patch) -> np.ndarray:
        """Return the mask of what is True in `shape`, as the network tells it."""
        picture = Image.fromarray(shape.astype(np.uint8) * 255)
        drawn = cut(picture, patch, self._patch, 0.0, picture.size)
        count = self._patch // self._cell
        cells = drawn.reshape(count, self._cell, count, self._cell).mean(axis=(1, 3))
        return (cells >= 255 / 2).astype(np.uint8)
