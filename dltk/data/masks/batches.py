"""Batches of pictures with label maps, as networks that segment learn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltk.data.batches import CanvasBatches
from dltk.data.examples import MaskedExamples
from dltk.data.masks.augment import at_least, augment_mask
from dltk.data.pipeline import AUGMENT, random_of
from dltk.errors import InputError
from dltk.images import decode_sized
from dltk.masks import MASK
from dltk.objects import EXTENT, PIXELS


class MaskBatches(CanvasBatches):
    """Pictures on a canvas with their label maps, and zeros for losses to be compared with.

    A step gives {PIXELS: float32 (B, H, W, 3), EXTENT: float32 (B, 2), MASK: uint8 (B, H, W)};
    and {name of a loss: float32 (B,)}.

    Args:
        examples: to learn from.
        canvas: (H, W).
        losses: names of what the network gives.
        augmentation, flip: see `dltk.data.masks.augment`.
        batch_size, seed: see `dltk.data.pipeline.Stream`. The view of an example depends on the
            seed, the epoch and the example's index.
        threads: that decode.
    """

    def __init__(
        self,
        examples: MaskedExamples,
        canvas: tuple[int, int],
        *,
        losses: Sequence[str],
        augmentation: str,
        flip: bool = True,
        batch_size: int,
        seed: int = 0,
        threads: int = 1,
    ):
        super().__init__(examples, losses=losses, batch_size=batch_size, seed=seed, threads=threads)
        self._examples, self._canvas = examples, canvas
        self._augmentation, self._flip = augmentation, flip

    def _example(self, index: int, epoch: int) -> dict[str, np.ndarray]:
        mask = self._examples.masks[index]()
        picture, size = decode_sized(
            self._examples.sources[index],
            at_least=at_least(*self._canvas, self._augmentation),
        )
        if mask.shape != size[::-1]:  # only if files were changed since they were read
            now, then = "{} × {}".format(*size), "{1} × {0}".format(*mask.shape)
            raise InputError(f"it is {now} now, and its mask {then}")
        canvas, labels = augment_mask(
            picture,
            mask,
            *self._canvas,
            self._augmentation,
            random_of(self._seed, AUGMENT, epoch, index),
            flip=self._flip,
            size=size,
        )
        return {
            PIXELS: canvas.pixels.astype(np.float32),
            EXTENT: np.asarray(canvas.size, np.float32),
            MASK: labels,
        }
