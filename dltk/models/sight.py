"""What looks at pictures and is told of them place by place: a backbone, and its places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import keras
from keras import layers, ops

from dltk.geometry import Geometry
from dltk.layers import Places
from dltk.models.backbones import build_backbone
from dltk.models.find import ModelSource
from dltk.objects import PIXELS

STRIDES = (8, 16, 32)
"""Pixels between the places of the maps that are looked at. The first has fine detail and colours,
which deeper ones forget; it is brought to the places of the second by taking means."""


@dataclass(frozen=True)
class Sight:
    """The parts of a network that see; subclasses add what tells of it.

    Attributes:
        backbone: pixels float32 (B, H, W, 3), 0-255, to a list of maps.
        places: these maps to places (B, L, D).
    """

    backbone: keras.Model
    places: Places

    @classmethod
    def of(cls, network: keras.Model) -> Self:
        """Return the parts of a network, each a layer that is named as its field here."""
        return cls(**{name: network.get_layer(name) for name in cls.__dataclass_fields__})

    def maps(self, inputs: dict) -> list:
        """Return the maps of pictures: {PIXELS: …}, or those very maps by `map_names`.

        The backbone's normalisation keeps its statistics.
        """
        if PIXELS in inputs:
            return self.backbone(inputs[PIXELS], training=False)
        names = map_names(len(self.backbone.outputs))
        return [ops.cast(inputs[name], "float32") for name in names]

    def grid(self, geometry: Geometry) -> tuple[int, int]:
        """Return how many places a picture has, (high, wide)."""
        shape = (None, geometry.height, geometry.width, 3)
        return tuple(self.backbone.compute_output_shape(shape)[0][1:3])


def map_names(count: int) -> tuple[str, ...]:
    """Return what a backbone's maps are called where they stand for pixels."""
    return tuple(f"map{at}" for at in range(count))


def new_backbone(source: ModelSource) -> keras.Model:
    """Return a pretrained network from pixels to its maps of STRIDES, the first made coarser.

    All are small, and the first two have the same places: a picture whose sides are multiples of 32
    pixels has maps (H / 16, W / 16), twice, and (H / 32, W / 32).

    Raises:
        UsageError: the network has no maps of STRIDES.
    """
    backbone = build_backbone(source, STRIDES, narrow=STRIDES[:-1])
    fine, *others = backbone.outputs
    fine = layers.AveragePooling2D(2, name="coarser")(fine)
    return keras.Model(backbone.input, [fine, *others], name="backbone")
