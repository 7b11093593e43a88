"""The maps of a network of the catalog, or of a classifier's file, that others build on."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dltk.errors import UsageError, printable
from dltk.models.build import PIXELS
from dltk.models.find import ModelSource
from dltk.models.laid_open import load_whole, see_layers
from dltk.models.taps import list_taps

_GREY = (127.5, 127.5, 127.5)


def build_backbone(
    source: ModelSource, strides: Sequence[int], *, narrow: Sequence[int] = ()
) -> keras.Model:
    """Return the network of `source` up to its last map of each stride.

    Args:
        source: with published weights, or a file's.
        strides: pixels between places of the maps wanted, powers of two, rising.
        narrow: of these strides take the last sum instead, if there is one: networks whose blocks
            add to what they are given widen it several times before they make it coarser.
    Returns:
        A model from pixels (B, H, W, 3), 0-255, to a list of maps.
    Raises:
        UsageError: the network has no map of a stride, as with Vision Transformers, or with
            convolutions that take the edge off; or it takes grey pictures.
    """
    model = load_whole(source)
    if model.inputs[0].shape[-1] != 3:
        raise UsageError(
            f"{printable(source.name)} takes grey pictures; one that takes colour is needed"
        )
    names = map_names(model, source, strides, narrow=narrow)
    network = see_layers(model, names)
    outputs = [network.output[name] for name in names]
    return keras.Model(network.inputs[0], outputs, name="backbone")


def map_names(
    model: keras.Model, source: ModelSource, strides: Sequence[int], *, narrow: Sequence[int] = ()
) -> list[str]:
    """Return the name of the last layer whose map has each of `strides`. Raises UsageError.

    Args:
        narrow: see `build_backbone`.
    """
    height = source.geometry.height
    maps = [tap for tap in list_taps(model) if len(tap.shape) == 3]
    names = []
    for stride in strides:
        side = -(-height // stride)
        alike = [tap for tap in maps if tap.shape[0] == tap.shape[1] == side and side > 1]
        sums = [tap for tap in alike if stride in narrow and tap.kind == "Add"]
        found = [tap.name for tap in sums or alike]
        if not found:
            raise UsageError(
                f"{printable(source.name)} has no map with every {stride}th pixel, which is "
                "needed; try efficientnet-lite0, mobilenetv2, resnet50 or vgg16"
            )
        names.append(found[-1])
    return names


def surrounding_colour(source: ModelSource) -> tuple[float, float, float]:
    """Return the colour (red, green, blue) that the network's normalisation turns into 0.

    Grey where that is not known, as for files.
    """
    known = PIXELS[source.entry.pixels] if source.entry is not None else None
    if known is None:
        return _GREY
    scale, offset = known
    offsets = offset if isinstance(offset, (list, tuple)) else [offset] * 3
    scales = scale if isinstance(scale, (list, tuple)) else [scale] * 3
    colour = [-shift / factor for shift, factor in zip(offsets, scales, strict=True)]
    return tuple(colour[::-1] if source.entry.pixels == "caffe" else colour)
