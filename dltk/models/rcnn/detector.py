"""A detector put together from its parts, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras

from dltk.layers import (
    FillOutside,
    FinalBoxes,
    RegionFeatures,
    RegionProposals,
    RegionWarp,
    WholePicture,
)
from dltk.objects import EXTENT, PIXELS, PROPOSALS


@dataclass(frozen=True)
class Parts:
    """What a detector is made of; the layers of one, or those to make one of.

    Attributes:
        fill_outside: surrounds pictures with what the backbone's normalisation turns into 0.
        region_features: cuts regions out of as many maps as it has strides; or `RegionWarp`, out
            of the picture.
        box_head: what is cut out to scores and deltas.
        final_boxes: makes boxes of these.
        backbone: pixels float32 (B, H, W, 3), 0-255, to one map or a list, the finest first; None
            where regions are cut out of the picture itself.
        pyramid: maps of the backbone to the maps of all levels; None to take those as they are.
        rpn: the head of a region proposal network.
        proposals: what makes regions of its answers; or `WholePicture`, which needs none. Without
            either, regions come from outside.
    """

    fill_outside: FillOutside
    region_features: RegionFeatures | RegionWarp
    box_head: keras.Model
    final_boxes: FinalBoxes
    backbone: keras.Model | None = None
    pyramid: keras.Model | None = None
    rpn: keras.Model | None = None
    proposals: RegionProposals | WholePicture | None = None

    @classmethod
    def of(cls, detector: keras.Model) -> Parts:
        """Return the parts of a detector, by the names that `build_detector` gave them."""
        inputs = keras.layers.InputLayer  # one may be called as a part is
        layers = {each.name: each for each in detector.layers if not isinstance(each, inputs)}
        return cls(**{name: layers[name] for name in cls.__dataclass_fields__ if name in layers})

    def maps(self, pixels, extent) -> list:
        """Return the maps of all levels, or the picture. Normalisation keeps its statistics."""
        maps = self.fill_outside(pixels, extent)
        maps = self.backbone(maps, training=False) if self.backbone is not None else maps
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
        A model that takes {PIXELS: (B, H, W, 3), EXTENT: (B, 2), the height and width of each
        picture at the top left}, and without proposal network {PROPOSALS: (B, P, 4)} too, padded
        with boxes without area; and gives what `FinalBoxes` does. H and W are multiples of the
        largest stride.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    extent = keras.Input((2,), name=EXTENT)
    inputs = {PIXELS: pixels, EXTENT: extent}
    maps = parts.maps(pixels, extent)
    if parts.rpn is not None:
        regions = parts.proposals(pixels, extent, *parts.answers(maps))
    elif parts.proposals is not None:
        regions = parts.proposals(extent)
    else:
        regions = inputs[PROPOSALS] = keras.Input((outside, 4), name=PROPOSALS)
    scores, deltas = parts.box_head(
        parts.region_features(parts.levels(maps), regions), training=False
    )
    return keras.Model(inputs, parts.final_boxes(extent, regions, scores, deltas), name="detector")


def backbone_of(detector: keras.Model) -> keras.Model:
    """Return the pretrained network that a detector is built on, wherever it is in it."""
    parts = Parts.of(detector)
    return parts.backbone if parts.backbone is not None else parts.box_head.get_layer("backbone")


def adjusted(detector: keras.Model, **changes) -> keras.Model:
    """Return a detector of the same parts, and weights, whose `FinalBoxes` has other arguments.

    Args:
        changes: such as score=0.5; see `dltk.layers.FinalBoxes`.
    """
    parts = Parts.of(detector)
    final_boxes = FinalBoxes.from_config(parts.final_boxes.get_config() | changes)
    return build_detector(replace(parts, final_boxes=final_boxes), outside=outside_of(detector))


def outside_of(detector: keras.Model) -> int:
    """Return how many regions of each picture a detector takes from outside; 0 for its own."""
    return detector.input[PROPOSALS].shape[1] if PROPOSALS in detector.input else 0
