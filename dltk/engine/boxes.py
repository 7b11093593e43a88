"""Run a detector over pictures on canvases, under a tf.distribute strategy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dltk.batch import batched
from dltk.canvas import Canvas
from dltk.engine.keras import Replicated
from dltk.objects import EXTENT, PIXELS, PROPOSALS, Detections


class BoxNetwork:
    """A detector (see `dltk.models.rcnn.detector`) that takes canvases and gives detections.

    Args:
        detector: built under `strategy`'s scope.
        batch_size: pictures in a step, over all replicas. All of a step are of one size.
    """

    def __init__(self, detector, strategy, batch_size: int):
        self._network = Replicated(detector, strategy, batch_size)
        self._regions = PROPOSALS in detector.input
        self.batch_size = batch_size

    def __call__(self, loaded: Iterable[Canvas | tuple[Canvas, np.ndarray]]) -> list[Detections]:
        """Return what is found on each canvas, in pixels of its original.

        Args:
            loaded: canvases, read as they are needed; where the detector takes regions from
                outside, each with those, float32 (P, 4) in pixels of the canvas, boxes without
                area being none.
        """
        found = []
        given = loaded if self._regions else ((canvas,) for canvas in loaded)
        for batch in batched(given, self.batch_size):
            found += self._run(batch)
        return found

    def _run(self, batch: list[tuple]) -> list[Detections]:
        results: dict[int, Detections] = {}
        shapes = {canvas.pixels.shape for canvas, *_ in batch}
        for shape in sorted(shapes):
            places = [at for at, (canvas, *_) in enumerate(batch) if canvas.pixels.shape == shape]
            outputs = self._network(self._inputs([batch[at] for at in places]))
            for number, at in enumerate(places):
                one = {name: values[number] for name, values in outputs.items()}
                results[at] = _detections(one, batch[at][0])
        return [results[at] for at in range(len(batch))]

    def _inputs(self, batch: list[tuple]) -> dict[str, np.ndarray]:
        inputs = {
            PIXELS: np.stack([canvas.pixels for canvas, *_ in batch]).astype(np.float32),
            EXTENT: np.array([canvas.size for canvas, *_ in batch], np.float32),
        }
        if self._regions:
            inputs[PROPOSALS] = np.stack([regions for _, regions in batch])
        return inputs


def _detections(output: dict[str, np.ndarray], canvas: Canvas) -> Detections:
    """Return what one picture's output says; padding has the score 0."""
    count = int(np.count_nonzero(output["scores"] > 0))
    boxes = canvas.original(output["boxes"][:count])
    return Detections.of(boxes, output["labels"][:count], output["scores"][:count])
