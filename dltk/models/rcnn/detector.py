"""A detector put together from its parts, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras

from dltk.layers import FillOutside, FinalBoxes, RegionFeatures, RegionProposals
from dltk.objects import AREA, PIXELS, PROPOSALS


@dataclass(frozen=True)
class Parts:
    """What a detector is made of; the layers of one, or those to make one of.

    Attributes:
        backbone: pixels float32 (B, H, W, 3), 0-255, to one map or a list, the finest first.
        fill_outside: surrounds pictures with what the backbone's normalisation turns into 0.
        region_features: cuts regions out of as many maps as it has strides.
        box_head: features of regions to scores and deltas.
        final_boxes: makes boxes of these.
        pyramid: maps of the backbone to the maps of all levels; None to take those as they are.
        rpn, proposals: of Faster R-CNN; without them regions come from outside.
    """

    backbone: keras.Model
    fill_outside: FillOutside
    region_features: RegionFeatures
    box_head: keras.Model
    final_boxes: FinalBoxes
    pyramid: keras.Model | None = None
    rpn: keras.Model | None = None
    proposals: RegionProposals | None = None

    @classmethod
    def of(cls, detector: keras.Model) -> Parts:
        """Return the parts of a detector, by the names that `build_detector` gave them."""
        layers = {layer.name: layer for layer in detector.layers}
        return cls(**{name: layers[name] for name in cls.__dataclass_fields__ if name in layers})

    def maps(self, pixels, area) -> list:
        """Return the maps of all levels. Batch normalisation keeps its statistics."""
        maps = self.backbone(self.fill_outside(pixels, area), training=False)
        maps = self.pyramid(maps, training=False) if self.pyramid is not None else maps
        return maps if isinstance(maps, list) else [maps]

    def answers(self, maps: list) -> tuple[list, list]:
        """Return what the region proposal network says of each level: logits and deltas."""
        answers = [self.rpn(each, training=False) for each in maps]
        return [logits for logits, _ in answers], [deltas for _, deltas in answers]

    def levels(self, maps: list) -> list:
        """Return the maps that regions are cut out of."""
        return maps[: len(self.region_features.strides)]


def build_detector(parts: Parts, *, outside: int = 0) -> keras.Model:
    """Return a detector: pixels to boxes, whatever their number and the size of the pictures.

    Args:
        parts: each named as the field of `Parts` that it is.
        outside: regions from outside for each picture, where there is no proposal network.
    Returns:
        A model that takes {PIXELS: (B, H, W, 3), AREA: (B, 2), the height and width of each
        picture at the top left}, and without proposal network {PROPOSALS: (B, P, 4)} too, padded
        with boxes without area; and gives what `FinalBoxes` does. H and W are multiples of the
        largest stride.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    area = keras.Input((2,), name=AREA)
    inputs = {PIXELS: pixels, AREA: area}
    maps = parts.maps(pixels, area)
    if parts.rpn is not None:
        regions = parts.proposals(pixels, area, *parts.answers(maps))
    else:
        regions = inputs[PROPOSALS] = keras.Input((outside, 4), name=PROPOSALS)
    scores, deltas = parts.box_head(
        parts.region_features(parts.levels(maps), regions), training=False
    )
    return keras.Model(inputs, parts.final_boxes(area, regions, scores, deltas), name="detector")


def adjusted(detector: keras.Model, **changes) -> keras.Model:
    """Return a detector of the same parts, and weights, whose `FinalBoxes` has other arguments.

    Args:
        changes: such as score=0.5; see `dltk.layers.FinalBoxes`.
    """
    parts = Parts.of(detector)
    final_boxes = FinalBoxes.from_config(parts.final_boxes.get_config() | changes)
    outside = detector.input[PROPOSALS].shape[1] if PROPOSALS in detector.input else 0
    return build_detector(replace(parts, final_boxes=final_boxes), outside=outside)
