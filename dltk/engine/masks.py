"""Run a segmenter over pictures on canvases, under a tf.distribute strategy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
        batch_size: pictures in a step, over all replicas. All of a step are of one size.
    """

    def __init__(self, segmenter: keras.Model, strategy, batch_size: int):
        with strategy.scope():
            probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
            model = keras.Model(segmenter.input, probabilities(segmenter.output))
        self._network = Replicated(model, strategy, batch_size)
        self.batch_size = batch_size

    def __call__(self, canvases: Iterable[Canvas]) -> Iterator[np.ndarray]:
        """Yield the probabilities of what is drawn on each canvas, float32 (h, w, K)."""
        for batch in batched(canvases, self.batch_size):
            found: dict[int, np.ndarray] = {}
            for shape in sorted({canvas.pixels.shape for canvas in batch}):
                places = [at for at, each in enumerate(batch) if each.pixels.shape == shape]
                outputs = self._network(_inputs([batch[at] for at in places]))
                found |= dict(zip(places, outputs, strict=True))
            for at, canvas in enumerate(batch):
                high, wide = canvas.size
                yield found[at][:high, :wide]


def _inputs(canvases: list[Canvas]) -> dict[str, np.ndarray]:
    return {
        PIXELS: np.stack([canvas.pixels for canvas in canvases]).astype(np.float32),
        EXTENT: np.array([canvas.size for canvas in canvases], np.float32),
    }
