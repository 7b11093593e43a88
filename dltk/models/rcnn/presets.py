"""New detectors after the papers, on any network of the catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras

from dltk.errors import UsageError, printable
from dltk.layers import (
    FillOutside,
    FinalBoxes,
    RegionFeatures,
    RegionProposals,
    RegionWarp,
    WholePicture,
)
from dltk.models.backbones import build_backbone, surrounding_colour
from dltk.models.find import ModelSource
from dltk.models.rcnn.detector import Parts, build_detector, outside_of
from dltk.models.rcnn.load import load_rcnn
from dltk.models.rcnn.parts import answers, build_box_head, build_pyramid, build_rpn

RATIOS = (0.5, 1.0, 2.0)
_ANCHOR_PLACES = 3.0  # side of the smallest anchor of a level, in places of its map
_MOST = 100  # boxes of a picture
_CONTEXT = 16 / 227  # of a warped region's side, around it (Girshick et al. 2014, App. A)


@dataclass(frozen=True)
class Design:
    """What a new detector looks like: where regions come from, and what is known of each.

    Attributes:
        regions: "network" (a region proposal network), "outside" (selective search, a file), or
            "whole" (the picture is the only one).
        cutting: "align" (RoIAlign) or "pool" (RoI pooling) out of the network's maps, or "warp"
            (each region warped and sent through all of the network).
        strides: of the maps that regions are cut out of, in pixels.
        width: channels of these maps.
        hidden: units of the head's dense layers.
        proposals: regions of each picture that are looked at.
        scales: anchors of each shape at a place, within an octave.
        warped: pixels of a warped region's side.
        delta_weights: of the deltas, see `dltk.ops.boxes.encoded`.
    """

    regions: str = "network"
    cutting: str = "align"
    strides: tuple[int, ...] = (8, 16, 32)
    width: int = 128
    hidden: int = 512
    proposals: int = 300
    scales: int = 2
    warped: int = 128
    delta_weights: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)

    @property
    def anchor_strides(self) -> list[int]:
        """Pixels between the anchors of each level; one more than maps are cut out of."""
        return [*self.strides, 2 * self.strides[-1]]

    @property
    def anchor_sizes(self) -> list[list[float]]:
        """The sides of the anchors of each level, in pixels."""
        octaves = [2 ** (number / self.scales) for number in range(self.scales)]
        return [[_ANCHOR_PLACES * step * part for part in octaves] for step in self.anchor_strides]


DESIGNS = {
    # Ren et al. 2015, on a feature pyramid (Lin et al. 2016).
    "faster-rcnn": Design(),
    # Girshick 2015: one map, with every 16th pixel.
    "fast-rcnn": Design(regions="outside", cutting="pool", strides=(16,), proposals=500),
    # Girshick et al. 2014.
    "rcnn": Design(regions="outside", cutting="warp"),
    # Sermanet et al. 2013, "OverFeat", Sec. 4, https://arxiv.org/abs/1312.6229: one box for the
    # picture, by regression on the classifier's last map. It lies far from the whole picture's,
    # so its deltas are weighed less.
    "localize": Design(
        regions="whole", strides=(32,), proposals=1, delta_weights=(4.0, 4.0, 2.0, 2.0)
    ),
}


def new_detector(source: ModelSource, classes: int, design: Design) -> keras.Model:
    """Return a detector on a pretrained network, all else fresh; build it under a strategy's scope.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`.
        classes: K.
    Raises:
        UsageError: it has no maps of these strides.
    """
    common = {
        "fill_outside": FillOutside(surrounding_colour(source), name="fill_outside"),
        "final_boxes": FinalBoxes(
            classes,
            delta_weights=design.delta_weights,
            most=1 if design.regions == "whole" else _MOST,
            name="final_boxes",
        ),
    }
    build = _warping if design.cutting == "warp" else _pooling
    parts = Parts(**common, **build(source, classes, design))
    return build_detector(parts, outside=design.proposals if design.regions == "outside" else 0)


def regrown_detector(source: ModelSource, classes: int) -> keras.Model:
    """Return a trained detector that is to learn other classes: its last two layers are fresh.

    Args:
        source: a published detector, or a file of one that learnt by gradient steps.
        classes: K.
    Raises:
        UsageError: it ends in support vector machines.
        WeightsError, DltkError: it cannot be loaded.
    """
    detector = load_rcnn(source)
    parts = Parts.of(detector)
    if "cls_score" not in (layer.name for layer in parts.box_head.layers):
        raise UsageError(
            f"{printable(source.name)} ends in support vector machines and cannot learn other "
            "classes; train from its backbone instead"
        )
    features = parts.box_head.get_layer("cls_score").input
    head = keras.Model(parts.box_head.inputs, answers(features, classes), name="box_head")
    final = parts.final_boxes.get_config() | {"classes": classes}
    parts = replace(parts, box_head=head, final_boxes=FinalBoxes.from_config(final))
    return build_detector(parts, outside=outside_of(detector))


def _pooling(source: ModelSource, classes: int, design: Design) -> dict:
    """Return the parts of a detector that cuts regions out of shared maps."""
    backbone = build_backbone(source, design.strides)
    channels = [output.shape[-1] for output in backbone.outputs]
    with_rpn = design.regions == "network"
    parts = {
        "backbone": backbone,
        "pyramid": build_pyramid(channels, design.strides, width=design.width, extra=with_rpn),
        "region_features": RegionFeatures(
            design.strides, kind=design.cutting, name="region_features"
        ),
        "box_head": build_box_head(design.width, classes, hidden=design.hidden),
    }
    if with_rpn:
        parts["rpn"] = build_rpn(design.width, design.scales * len(RATIOS))
        parts["proposals"] = RegionProposals(
            design.anchor_sizes,
            RATIOS,
            strides=design.anchor_strides,
            before=design.proposals,
            after=design.proposals,
            name="proposals",
        )
    elif design.regions == "whole":
        parts["proposals"] = WholePicture(name="proposals")
    return parts


def _warping(source: ModelSource, classes: int, design: Design) -> dict:
    """Return the parts of a detector that sends each region through all of the network."""
    size = design.warped
    crops = keras.Input((size, size, 3), name="crops")
    (last_map,) = build_backbone(source, (32,))(crops)
    features = keras.layers.GlobalAveragePooling2D(name="features")(last_map)
    return {
        "region_features": RegionWarp(
            size,
            context=round(_CONTEXT * size),
            colour=surrounding_colour(source),
            name="region_features",
        ),
        "box_head": keras.Model(crops, answers(features, classes), name="box_head"),
    }
