"""Detectors that were trained: published ones, and those that `dltk train detector` wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dltk import strategy as placing
from dltk.canvas import Canvas, fit_sides, fit_within, placed_regions
from dltk.errors import UsageError
from dltk.models.find import ModelSource
from dltk.objects import PROPOSALS, Detections
from dltk.proposals import check_search, given_regions, proposals_from_file
from dltk.weights import Report
from recipes._outside_regions import search_regions

_SCORE, _IOU = 0.5, 0.5  # of published ones; the former is what torchvision's examples show
_CANDIDATES = 4  # times as many as are wanted, where only some classes are


class TrainedDetector:
    """A trained detector, as `recipes.detect` runs it; see `recipes._detectors.load_detector`."""

    workers = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        score: float | None,
        nms: float | None,
        most: int,
        classes: Sequence[int],
        regions: str | os.PathLike | None,
        engine: str,
        devices: str,
        strategy: str,
        precision: str,
        batch_size: int,
        pictures: int | None,
        report: Report,
    ):
        if engine == "litert":
            raise UsageError("detectors run on the keras engine; leave --engine out")
        from dltk.engine.boxes import BoxNetwork
        from dltk.models.fixed import fix_kernels, fixed
        from dltk.models.rcnn.detector import Parts, adjusted
        from dltk.models.rcnn.load import load_detector

        source.weights(report)
        placement = placing.place(devices, strategy)
        self.labels = source.labels
        self._source, self._classes = source, list(classes)
        chosen = source.card.training.get("chosen", {}) if source.card is not None else {}
        changes = {"score": chosen.get("score", _SCORE) if score is None else score}
        if nms is not None:
            changes["iou"] = nms
        with placement.strategy.scope():
            detector = load_detector(source)
            # One that localises has a single object in each picture.
            self._most = 1 if Parts.of(detector).final_boxes.most == 1 else most
            wanted = self._most * (_CANDIDATES if classes else 1)
            detector = fixed(adjusted(detector, most=wanted, **changes))
            placing.apply_precision(detector, placing.choose_precision(precision))
            if placement.kind == "cpu":
                fix_kernels(detector)
        self._regions = detector.input[PROPOSALS].shape[1] if PROPOSALS in detector.input else 0
        self._given = self._read(regions, report)
        self.batch_size = self._per_step(batch_size)
        self._network = BoxNetwork(detector, placement.strategy, self.batch_size)
        self.running = f"Keras, {placement.reason}, {placing.choose_precision(precision)}"

    def _read(self, regions, report: Report) -> dict[str, np.ndarray] | None:
        """Return the regions of a file by name; None if they are to be searched for."""
        if regions is not None and not self._regions:
            raise UsageError(f"--regions has no meaning here: {self._source.name} finds its own")
        if regions is not None:
            return proposals_from_file(regions, report=report)
        if self._regions:
            check_search()
        return None

    def _per_step(self, batch_size: int) -> int:
        """Return how many pictures to run at a time; published ones take each at its own size."""
        return 1 if self._source.entry is not None else batch_size

    def load(self, picture: Image.Image, name: str) -> Canvas | tuple[Canvas, np.ndarray]:
        """Return a picture as the network takes it, with regions of it if it takes these too."""
        geometry = self._source.geometry
        if self._source.entry is not None:
            return fit_sides(picture, geometry.height, geometry.width)
        canvas = fit_within(picture, geometry.height, geometry.width)
        if not self._regions:
            return canvas
        if self._given is None:
            found = search_regions(picture, self._regions)
        else:
            found = given_regions(self._given, name)
        return canvas, placed_regions(found, canvas, self._regions)

    def __call__(self, loaded: list) -> list[Detections]:
        """Return what is in each picture, boxes in its pixels."""
        found = self._network(loaded)
        if self._classes:
            found = [each.take(np.isin(each.labels, self._classes)) for each in found]
        return [each.take(slice(self._most)) for each in found]
