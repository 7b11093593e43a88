"""The Faster R-CNNs that torchvision publishes, trained on COCO (BSD-3-Clause).

Ren et al. 2015, https://arxiv.org/abs/1506.01497, on feature pyramids (Lin et al. 2016); the second
version after Li et al. 2021, https://arxiv.org/abs/2111.11429: two convolutions in the proposal
network, four before the head's dense layer, batch normalisation in both and in the pyramid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from dltk.layers import FillOutside, FinalBoxes, RegionFeatures, RegionProposals
from dltk.models.build import normalised
from dltk.models.mobilenet_v3 import build_mobilenet_v3
from dltk.models.rcnn.detector import Parts, build_detector
from dltk.models.rcnn.parts import build_box_head, build_pyramid, build_rpn
from dltk.models.resnet import build_resnet
from dltk.models.torch_layers import load_torch_weights, torch_name

_CLASSES = 90  # numbers of COCO's, ten of which stand for nothing
_WIDTH, _SIZE = 256, 7
_RATIOS = (0.5, 1.0, 2.0)
_SIZES = (32, 64, 128, 256, 512)
_MEAN_COLOUR = (123.675, 116.28, 103.53)  # ImageNet's


@dataclass(frozen=True)
class Variant:
    """What tells the published detectors apart.

    Attributes:
        backbone: "resnet50" or "mobilenet_v3_large".
        epsilon: of the backbone's batch normalisation.
        second: of the second version, see above.
        proposals: regions that are looked at.
        least_score: of a proposal.
    """

    backbone: str = "resnet50"
    epsilon: float = 1e-5
    second: bool = False
    proposals: int = 1000
    least_score: float = 0.0


VARIANTS = {
    # The first was trained with normalisation that added nothing to variances.
    "fasterrcnn_resnet50_fpn": Variant(epsilon=0.0),
    "fasterrcnn_resnet50_fpn_v2": Variant(second=True),
    "fasterrcnn_mobilenet_v3_large_fpn": Variant("mobilenet_v3_large", least_score=0.05),
    "fasterrcnn_mobilenet_v3_large_320_fpn": Variant(
        "mobilenet_v3_large", proposals=150, least_score=0.05
    ),
}


def build_published(variant: str, weights: Path | None) -> keras.Model:
    """Build one of VARIANTS, as `dltk.models.rcnn.detector.build_detector` does.

    Labels are COCO's category numbers less one.

    Args:
        weights: torchvision's `.pth`, or None for random weights.
    Raises:
        WeightsError: the file does not fit the network.
    """
    plan = VARIANTS[variant]
    is_resnet = plan.backbone == "resnet50"
    strides = (4, 8, 16, 32) if is_resnet else (32, 32)  # of MobileNet: features 13 and 16
    sizes = [[size] for size in _SIZES] if is_resnet else [_SIZES] * 3
    backbone = _backbone(plan)
    channels = [output.shape[-1] for output in backbone.outputs]
    parts = Parts(
        backbone=backbone,
        fill_outside=FillOutside(_MEAN_COLOUR, name="fill_outside"),
        pyramid=build_pyramid(channels, strides, width=_WIDTH, normalised=plan.second),
        rpn=build_rpn(_WIDTH, len(sizes[0]) * len(_RATIOS), depth=1 + plan.second),
        proposals=RegionProposals(
            sizes, _RATIOS, before=plan.proposals, after=plan.proposals,
            least_score=plan.least_score, name="proposals",
        ),
        region_features=RegionFeatures(
            strides, size=_SIZE, kind="legacy", name="region_features"
        ),
        box_head=build_box_head(
            _WIDTH, _CLASSES, size=_SIZE, convolutions=4 * plan.second, dense=2 - plan.second
        ),
        final_boxes=FinalBoxes(_CLASSES, name="final_boxes"),
    )  # fmt: skip
    if weights is not None:
        _load(parts, weights)
    return build_detector(parts)


def _backbone(plan: Variant) -> keras.Model:
    pixels = keras.Input((None, None, 3), name="pixels")
    x = normalised(pixels, "torch")
    if plan.backbone == "resnet50":
        trunk = build_resnet(x, epsilon=plan.epsilon)
    else:
        trunk = build_mobilenet_v3(x, epsilon=plan.epsilon, maps=(13, 16))
    return keras.Model(pixels, trunk.outputs, name="backbone")


def _load(parts: Parts, weights: Path) -> None:
    flattened = {"fc6": (_SIZE, _SIZE, _WIDTH)}
    for part, key_of in (
        (parts.backbone, _backbone_key),
        (parts.pyramid, _pyramid_key),
        (parts.rpn, _rpn_key),
        (parts.box_head, _box_head_key(parts.box_head)),
    ):
        load_torch_weights(part, weights, key_of, renamed=_newer_name, flattened=flattened)


def _newer_name(name: str) -> str:
    """Return the name that torchvision has given a tensor since 0.13."""
    name = re.sub(r"(fpn\.\w+_blocks\.\d)\.(weight|bias)$", r"\1.0.\2", name)
    return re.sub(r"(rpn\.head\.conv)\.(weight|bias)$", r"\1.0.0.\2", name)


def _backbone_key(name: str) -> str:
    return "backbone.body." + torch_name(name).removeprefix("features.")


def _pyramid_key(name: str) -> str:
    kind, level, part = re.fullmatch(r"(inner|layer)(\d)(_bn)?", name).groups()
    return f"backbone.fpn.{kind}_blocks.{level}.{1 if part else 0}"


def _rpn_key(name: str) -> str:
    return "rpn.head." + re.sub(r"^conv(\d)$", r"conv.\1.0", name)


def _box_head_key(head: keras.Model) -> Callable[[str], str]:
    """Return what gives names in a head; torchvision numbers them where it has convolutions."""
    convolutions = sum(isinstance(layer, layers.Conv2D) for layer in head.layers)

    def key_of(name: str) -> str:
        if name in ("cls_score", "bbox_pred"):
            return f"roi_heads.box_predictor.{name}"
        if name.startswith("conv"):
            number, part = re.fullmatch(r"conv(\d)(_bn)?", name).groups()
            return f"roi_heads.box_head.{number}.{1 if part else 0}"
        return f"roi_heads.box_head.{convolutions + 1 if convolutions else name}"

    return key_of
