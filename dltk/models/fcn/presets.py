"""New segmenters after the paper, on any network of the catalog."""

from __future__ import annotations

import math
from dataclasses import replace

import keras

from dltk.layers import FillOutside, LearntUpsampling
from dltk.models.backbones import build_backbone, surrounding_colour
from dltk.models.fcn.heads import build_plain_head, build_skip_head, scoring
from dltk.models.fcn.load import load_fcn
from dltk.models.fcn.segmenter import Parts, build_segmenter
from dltk.models.fcn.torchvision import build_published_aux
from dltk.models.find import ModelSource
from dltk.models.laid_open import load_whole

DESIGNS = {"fcn-32s": 32, "fcn-16s": 16, "fcn-8s": 8}
"""Pixels between the places that are scored, by the paper's names."""
STRIDES = (8, 16, 32)
_NEW = ("score",)  # what the names of layers begin with that know the classes


def new_segmenter(
    source: ModelSource, classes: int, design: str, *, hidden: int = 0
) -> keras.Model:
    """Return a segmenter on a pretrained network; build it under a strategy's scope.

    The head begins with zeros, and hidden layers at random; or as those of the network's own
    classifier, made convolutional as in Sec. 3.1, where that has two that are as wide: VGG's 4096.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`.
        classes: K.
        design: a key of DESIGNS.
        hidden: see `build_skip_head`.
    Raises:
        UsageError: it has no maps of these strides.
    """
    backbone = build_backbone(source, STRIDES)
    channels = [output.shape[-1] for output in backbone.outputs]
    finest = DESIGNS[design]
    parts = Parts(
        fill_outside=FillOutside(surrounding_colour(source), name="fill_outside"),
        backbone=backbone,
        head=build_skip_head(channels, STRIDES, classes, finest=finest, hidden=hidden),
        enlarge=LearntUpsampling(finest, name="enlarge"),
    )
    if hidden:
        _take_over(source, parts.head)
    return build_segmenter(parts)


def _take_over(source: ModelSource, head: keras.Model) -> None:
    """Let hidden layers begin as the dense layers of a classifier, if these fit.

    A dense layer on a flattened map of 7 × 7 is a convolution of 7 × 7, at the map's middle.
    """
    kernels = [head.get_layer(name) for name in ("fc6", "fc7")]
    dense = [layer for layer in load_whole(source).layers if type(layer) is keras.layers.Dense]
    for convolution, layer in zip(kernels, dense[:2], strict=False):
        if layer.kernel.shape[0] != math.prod(convolution.kernel.shape[:3]):
            return
        if layer.units != convolution.filters:
            return
        kernel, bias = layer.get_weights()
        convolution.set_weights([kernel.reshape(convolution.kernel.shape), bias])


def refined(segmenter: keras.Model, design: str) -> keras.Model:
    """Return a segmenter that begins as `segmenter`, with skips down to a finer map.

    Long et al. 2014, Sec. 4.2: FCN-16s goes on from FCN-32s, and FCN-8s from that. The new skips
    begin with zeros, and the new enlarging as bilinear, so that a segmenter with an enlarging that
    has not learnt either begins with the same scores but for the order of two interpolations.

    Args:
        segmenter: of a coarser design, on the same maps; of no use afterwards.
    """
    parts = Parts.of(segmenter)
    before = parts.head
    channels = [output.shape[-1] for output in parts.backbone.outputs]
    coarsest = before.get_layer(f"score{STRIDES[-1]}")
    hidden = before.get_layer("fc6").filters if _has(before, "fc6") else 0
    finest = DESIGNS[design]
    head = build_skip_head(channels, STRIDES, coarsest.filters, finest=finest, hidden=hidden)
    for layer in head.layers:
        if layer.weights and _has(before, layer.name):
            layer.set_weights(before.get_layer(layer.name).get_weights())
    enlarge = LearntUpsampling(finest, name="enlarge")
    return build_segmenter(replace(parts, head=head, enlarge=enlarge))


def regrown_segmenter(source: ModelSource, classes: int) -> keras.Model:
    """Return a trained segmenter that is to learn other classes: what scores them is fresh.

    Args:
        source: a published segmenter, or a file of one.
        classes: K.
    Raises:
        WeightsError, DltkError: it cannot be loaded.
    """
    parts = Parts.of(load_fcn(source))
    head = keras.models.clone_model(
        parts.head, clone_function=lambda layer: _renewed(layer, classes)
    )
    head.name = parts.head.name
    _remember(head, parts.head)
    return build_segmenter(replace(parts, head=head))


def second_head(source: ModelSource, segmenter: keras.Model, classes: int) -> keras.Model:
    """Return a head for a segmenter's map before the last, which helps in training, see
    `dltk.models.fcn.learning.Learner`.

    A published segmenter's file has one that is trained: it comes from there, with scores of other
    classes. Else it begins at random.

    Args:
        source: what the segmenter grew from.
        segmenter: from `new_segmenter`, `refined` or `regrown_segmenter`.
        classes: K.
    Raises:
        WeightsError: it cannot be loaded.
    """
    channels = Parts.of(segmenter).backbone.outputs[-2].shape[-1]
    head = build_plain_head(channels, classes, name="aux_head")
    if source.task == "segment" and source.entry is not None:
        _remember(head, build_published_aux(segmenter, source.weights()))
    return head


def _remember(head: keras.Model, before: keras.Model) -> None:
    """Give a head all that the one before it knows but for what scores its classes."""
    for layer in head.layers:
        if layer.weights and not layer.name.startswith(_NEW):
            layer.set_weights(before.get_layer(layer.name).get_weights())


def _renewed(layer: keras.Layer, classes: int) -> keras.Layer:
    """Return a layer like `layer`, or one that scores other classes."""
    if not layer.name.startswith(_NEW):
        return type(layer).from_config(layer.get_config())
    zero = layer.name != "score"
    return scoring(classes, name=layer.name, zero=zero)


def _has(model: keras.Model, name: str) -> bool:
    return any(layer.name == name for layer in model.layers)
