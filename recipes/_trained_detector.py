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
from dltk.objects import Detections
from dltk.proposals import check_search, given_regions, proposals_from_file
from dltk.weights import Report
from recipes._outside_regions import search_regions

_SCORE, _IOU = 0.5, 0.5  # of published ones; the former is what torchvision's examples show


class NetworkDetector:
    """A trained detector, as `recipes.detect` runs it; see `recipes._detectors.load_detector`."""

    workers = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        score: float | None,
        nms: float | None,
        soft: bool,
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
        from dltk.models.rcnn.detector import Parts, adjusted, outside_of
        from dltk.models.rcnn.load import load_rcnn
        from dltk.models.rcnn.parts import ANSWERS

        source.weights(report)
        placement = placing.place(devices, strategy)
        self.labels = source.labels
        self._source = source
        found = source.card.training.get("chosen", {}) if source.card is not None else {}
        changes = {"soft": soft, "score": found.get("score", _SCORE) if score is None else score}
        if nms is not None:
            changes["iou"] = nms
        with placement.strategy.scope():
            detector = load_rcnn(source)
            if Parts.of(detector).final_boxes.most > 1:  # else it has one object in each picture
                changes["most"] = most
            detector = fixed(adjusted(detector, only=classes, **changes))
            chosen = placing.choose_precision(precision)
            placing.apply_precision(detector, chosen, exact=ANSWERS)
            if placement.kind == "cpu":
                fix_kernels(detector)
        self._regions = outside_of(detector)
        self._given = self._read(regions, report)
        whole = source.entry is not None or self._regions  # which are searched in all of its pixels
        self.at_least = None if whole else source.geometry.at_least
        # Published ones take each picture at its own size.
        self.batch_size = batch_size if source.entry is None else placement.replicas
        self._network = BoxNetwork(detector, placement.strategy, self.batch_size)
        self.running = f"Keras, {placement.reason}, {chosen}"

    def _read(self, regions, report: Report) -> dict[str, np.ndarray] | None:
        """Return the regions of a file by name; None if they are to be searched for."""
        if regions is not None and not self._regions:
            raise UsageError(f"--regions has no meaning here: {self._source.name} finds its own")
        if regions is not None:
            return proposals_from_file(regions, report=report)
        if self._regions:
            check_search()
        return None

    def load(
        self, picture: Image.Image, name: str, size: tuple[int, int] | None = None
    ) -> Canvas | tuple[Canvas, np.ndarray]:
        """Return a picture as the network takes it, with regions of it if it takes these too."""
        geometry = self._source.geometry
        if self._source.entry is not None:
            return fit_sides(picture, geometry.height, geometry.width)
        canvas = fit_within(picture, geometry.height, geometry.width, size=size)
        if not self._regions:
            return canvas
        if self._given is None:
            found = search_regions(picture, self._regions)
        else:
            found = given_regions(self._given, name)
        return canvas, placed_regions(found, canvas, self._regions)

    def __call__(self, loaded: list) -> list[Detections]:
        """Return what is in each picture, boxes in its pixels."""
        return self._network(loaded)
