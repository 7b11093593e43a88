"""Run a segmenter over pictures on canvases, under a tf.distribute strategy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import keras
import numpy as np

from dltk.batch import batched
from dltk.canvas import Canvas
from dltk.engine.keras import Replicated
from dltk.objects import EXTENT, PIXELS


class MaskNetwork:
    """A segmenter (see `dltk.models.fcn`) that takes canvases and gives probabilities.

    Args:
        segmenter: built under `strategy`'s scope.
        batch_size: pictures in a step, over all replicas. All of a step are of one size: those
            of one size are to come one after the other.
    """

    def __init__(self, segmenter: keras.Model, strategy, batch_size: int):
        with strategy.scope():
            probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
            model = keras.Model(segmenter.input, probabilities(segmenter.output))
        self._network = Replicated(model, strategy, batch_size)
        self.batch_size = batch_size

    def __call__(
        self, canvases: Iterable[Canvas], *, step: int | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the probabilities of what is drawn on each canvas, float32 (h, w, K).

        Args:
            step: pictures in a step, where there are never as many of one size as `batch_size`:
                a step that is not full takes as long as one that is.
        """
        step = min(step or self.batch_size, self.batch_size)
        for _, alike in groupby(canvases, lambda canvas: canvas.pixels.shape):
            for batch in batched(alike, step):
                for canvas, found in zip(batch, self._network(_inputs(batch), step), strict=True):
                    high, wide = canvas.size
                    yield found[:high, :wide]


def _inputs(canvases: list[Canvas]) -> dict[str, np.ndarray]:
    return {
        PIXELS: np.stack([canvas.pixels for canvas in canvases]).astype(np.float32),
        EXTENT: np.array([canvas.size for canvas in canvases], np.float32),
    }
