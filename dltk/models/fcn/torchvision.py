"""The FCNs that torchvision publishes, trained on COCO for the classes of VOC (BSD-3-Clause).

Not the paper's: ResNet (He et al. 2015) whose last two stages are dilated instead of made coarser
(Chen et al. 2014, "DeepLab", https://arxiv.org/abs/1412.7062), so that scores are told every 8
pixels, and enlarged bilinearly; without skips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras

from dltk.layers import Enlarged, FillOutside
from dltk.models.build import normalised
from dltk.models.fcn.heads import build_plain_head
from dltk.models.fcn.segmenter import Parts, build_segmenter
from dltk.models.resnet import build_resnet
from dltk.models.torch_layers import load_torch_weights, torch_name

_CLASSES = 21
_MEAN_COLOUR = (123.675, 116.28, 103.53)  # ImageNet's
_HEAD = {"conv": "0", "conv_bn": "1", "score": "4"}  # what torchvision calls a head's layers


def build_published(depth: int, weights: Path | None) -> keras.Model:
    """Build one of them, as `dltk.models.fcn.segmenter.build_segmenter` does.

    Args:
        depth: 50 or 101.
        weights: torchvision's `.pth`, or None for random weights.
    Raises:
        WeightsError: the file does not fit the network.
    """
    backbone = _backbone(depth)
    parts = Parts(
        fill_outside=FillOutside(_MEAN_COLOUR, name="fill_outside"),
        backbone=backbone,
        head=build_plain_head(backbone.outputs[-1].shape[-1], _CLASSES, maps=2),
        enlarge=Enlarged(name="enlarge"),
    )
    if weights is not None:
        for part, key_of in ((backbone, _backbone_key), (parts.head, _head_key("classifier"))):
            load_torch_weights(part, weights, key_of)
    return build_segmenter(parts)


def build_published_aux(segmenter: keras.Model, weights: Path) -> keras.Model:
    """Return the second head that the file has, which helps in training: for the third stage.

    Args:
        segmenter: from `build_published`, whatever its head scores by now.
        weights: the same file.
    Returns:
        A model from the map before the last of the segmenter's backbone to scores (B, h, w, 21).
    """
    channels = Parts.of(segmenter).backbone.outputs[-2].shape[-1]
    head = build_plain_head(channels, _CLASSES, name="aux_head")
    load_torch_weights(head, weights, _head_key("aux_classifier"))
    return head


def _backbone(depth: int) -> keras.Model:
    pixels = keras.Input((None, None, 3), name="pixels")
    trunk = build_resnet(normalised(pixels, "torch"), depth=depth, dilated=(False, True, True))
    return keras.Model(pixels, trunk.outputs[-2:], name="backbone")


def _backbone_key(name: str) -> str:
    return "backbone." + torch_name(name)


def _head_key(head: str) -> Callable[[str], str]:
    return lambda name: f"{head}.{_HEAD[name]}"
