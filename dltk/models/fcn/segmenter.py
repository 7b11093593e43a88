"""A segmenter put together from its parts, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dltk.layers import Enlarged, FillOutside, LearntUpsampling
from dltk.objects import EXTENT, PIXELS


@dataclass(frozen=True)
class Parts:
    """What a segmenter is made of; the layers of one, or those to make one of.

    Attributes:
        fill_outside: surrounds pictures with what the backbone's normalisation turns into 0.
        backbone: pixels float32 (B, H, W, 3), 0-255, to a list of maps, the finest first.
        head: these maps to scores of K classes, (B, h, w, K).
        enlarge: scores to those of every pixel.
    """

    fill_outside: FillOutside
    backbone: keras.Model
    head: keras.Model
    enlarge: LearntUpsampling | Enlarged

    @classmethod
    def of(cls, segmenter: keras.Model) -> Parts:
        """Return the parts of a segmenter, by the names that `build_segmenter` gave them."""
        return cls(**{name: segmenter.get_layer(name) for name in cls.__dataclass_fields__})

    def maps(self, pixels, extent) -> list:
        """Return the maps that scores are told from. Normalisation keeps its statistics."""
        return self.backbone(self.fill_outside(pixels, extent), training=False)

    def scores(self, maps: list, pixels, training: bool | None = None):
        """Return the scores of every pixel, float32 (B, H, W, K), before softmax."""
        return self.enlarge(self.head(maps, training=training), pixels)


def build_segmenter(parts: Parts) -> keras.Model:
    """Return a segmenter: pixels to scores, whatever the size of the pictures.

    Args:
        parts: each named as the field of `Parts` that it is.
    Returns:
        A model that takes {PIXELS: (B, H, W, 3), 0-255, EXTENT: (B, 2), the height and width of
        each picture at the top left}, and gives scores float32 (B, H, W, K) before softmax.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    extent = keras.Input((2,), name=EXTENT)
    scores = parts.scores(parts.maps(pixels, extent), pixels, training=False)
    return keras.Model({PIXELS: pixels, EXTENT: extent}, scores, name="segmenter")
