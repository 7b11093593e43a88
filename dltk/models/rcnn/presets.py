"""New detectors after the papers, on any network of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dltk.layers import FillOutside, FinalBoxes, RegionFeatures, RegionProposals
from dltk.models.find import ModelSource
from dltk.models.rcnn.backbones import build_backbone, surrounding_colour
from dltk.models.rcnn.detector import Parts, build_detector
from dltk.models.rcnn.parts import build_box_head, build_pyramid, build_rpn

RATIOS = (0.5, 1.0, 2.0)
_ANCHOR_PLACES = 3.0  # side of the smallest anchor of a level, in places of its map


@dataclass(frozen=True)
class Design:
    """What a new detector looks like.

    Attributes:
        strides: of the maps that regions are cut out of, in pixels.
        width: channels of these maps.
        hidden: units of the head's dense layers.
        pooling: "align" or "pool", see `dltk.layers.RegionFeatures`.
        proposals: regions of each picture that are looked at.
        own_proposals: whether a region proposal network finds them; else they come from outside.
        scales: anchors of each shape at a place, within an octave.
    """

    strides: tuple[int, ...] = (8, 16, 32)
    width: int = 128
    hidden: int = 512
    pooling: str = "align"
    proposals: int = 300
    own_proposals: bool = True
    scales: int = 2

    @property
    def anchor_sizes(self) -> list[list[float]]:
        """The sides of the anchors of each level; one more than maps are cut out of."""
        octaves = [2 ** (number / self.scales) for number in range(self.scales)]
        strides = [*self.strides, 2 * self.strides[-1]]
        return [[_ANCHOR_PLACES * stride * part for part in octaves] for stride in strides]


def new_detector(source: ModelSource, classes: int, design: Design) -> keras.Model:
    """Return a detector on a pretrained network, all else fresh; build it under a strategy's scope.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`.
        classes: K.
    Raises:
        UsageError: it has no maps of these strides.
    """
    backbone = build_backbone(source, design.strides)
    extra = design.own_proposals
    channels = [output.shape[-1] for output in backbone.outputs]
    pyramid = build_pyramid(channels, design.strides, width=design.width, extra=extra)
    rpn = proposals = None
    if design.own_proposals:
        rpn = build_rpn(design.width, design.scales * len(RATIOS))
        proposals = RegionProposals(
            design.anchor_sizes, RATIOS, before=design.proposals, after=design.proposals,
            name="proposals",
        )  # fmt: skip
    parts = Parts(
        backbone=backbone,
        fill_outside=FillOutside(surrounding_colour(source), name="fill_outside"),
        pyramid=pyramid,
        rpn=rpn,
        proposals=proposals,
        region_features=RegionFeatures(design.strides, kind=design.pooling, name="region_features"),
        box_head=build_box_head(design.width, classes, hidden=design.hidden),
        final_boxes=FinalBoxes(classes, name="final_boxes"),
    )
    return build_detector(parts, outside=0 if design.own_proposals else design.proposals)
