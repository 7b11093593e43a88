"""Batches of annotated pictures, as detectors learn from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dltk.canvas import placed_regions
from dltk.data.batches import CanvasBatches
from dltk.data.examples import AnnotatedExamples
from dltk.data.objects.augment import at_least, augment_objects
from dltk.data.pipeline import AUGMENT, SAMPLE, random_of
from dltk.images import decode_sized
from dltk.objects import (
    BOXES,
    EXTENT,
    IGNORED,
    LABELS,
    PADDING,
    PIXELS,
    PROPOSALS,
    SEEDS,
    Objects,
)


class ObjectBatches(CanvasBatches):
    """Pictures on a canvas with their objects, padded, and zeros for losses to be compared with.

    A step gives {PIXELS: float32 (B, H, W, 3), EXTENT: float32 (B, 2), BOXES: float32 (B, N, 4),
    LABELS: int32 (B, N), SEEDS: int32 (B, 2)}, and PROPOSALS float32 (B, P, 4) if asked for, all
    in pixels of the canvas; and {name of a loss: float32 (B,)}.

    Args:
        examples: each with at most N objects that are present in a view of it.
        canvas: (H, W).
        losses: names of what the network gives.
        augmentation, flip: see `dltk.data.objects.augment`.
        batch_size, seed: see `dltk.data.pipeline.Stream`. The view of an example, and what is
            learnt from in it, depend on the seed, the epoch and the example's index.
        threads: that decode.
        proposals: from an example's index to regions (P', 4) in pixels of the original.
        regions: P; of more, those that come first are taken.
    """

    def __init__(
        self,
        examples: AnnotatedExamples,
        canvas: tuple[int, int],
        *,
        losses: Sequence[str],
        augmentation: str,
        flip: bool = True,
        batch_size: int,
        seed: int = 0,
        threads: int = 1,
        proposals: Callable[[int], np.ndarray] | None = None,
        regions: int = 0,
    ):
        super().__init__(examples, losses=losses, batch_size=batch_size, seed=seed, threads=threads)
        self._examples, self._canvas = examples, canvas
        self._augmentation, self._flip = augmentation, flip
        self._proposals, self._regions = proposals, regions
        self._most = max(1, max(map(len, examples.objects)))

    def _example(self, index: int, epoch: int) -> dict[str, np.ndarray]:
        picture, size = decode_sized(
            self._examples.sources[index],
            at_least=at_least(*self._canvas, self._augmentation),
        )
        canvas, objects = augment_objects(
            picture,
            self._examples.objects[index],
            *self._canvas,
            self._augmentation,
            random_of(self._seed, AUGMENT, epoch, index),
            flip=self._flip,
            size=size,
        )
        seeds = random_of(self._seed, SAMPLE, epoch, index).integers(2**31, size=2)
        example = {
            PIXELS: canvas.pixels.astype(np.float32),
            EXTENT: np.asarray(canvas.size, np.float32),
            SEEDS: seeds.astype(np.int32),
        } | padded(objects, self._most)
        if self._proposals is not None:
            example[PROPOSALS] = placed_regions(self._proposals(index), canvas, self._regions)
        return example


def padded(objects: Objects, most: int) -> dict[str, np.ndarray]:
    """Return boxes float32 (most, 4) and labels int32 (most,) of objects, those ignored marked."""
    boxes, labels = np.zeros((most, 4), np.float32), np.full(most, PADDING, np.int32)
    boxes[: len(objects)] = objects.boxes
    labels[: len(objects)] = np.where(objects.ignored, IGNORED, objects.labels)
    return {BOXES: boxes, LABELS: labels}
