"""A captioner put together from its parts, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dltk.layers import CaptionDecoder, Places
from dltk.models.find import ModelSource
from dltk.models.sight import STRIDES, Sight, new_backbone
from dltk.objects import PIXELS

WORDS = "words"


@dataclass(frozen=True)
class Parts(Sight):
    """What a captioner is made of; the layers of one, or those to make one of.

    Attributes:
        backbone, places: see `dltk.models.sight`.
        decoder: places and words so far to scores of the next word.
    """

    decoder: CaptionDecoder

    def look(self, inputs: dict):
        """Return the places (B, L, D) of pictures: {PIXELS: …}, or their maps by `map_names`."""
        return self.places(self.maps(inputs))


def new_captioner(
    source: ModelSource, vocabulary: int, *, channels: int = 256, **decoder
) -> keras.Model:
    """Return a captioner on a pretrained network; build it under a strategy's scope.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`.
        vocabulary: how many numbers of words there are.
        channels: of a place.
        decoder: see `dltk.layers.caption_decoder.CaptionDecoder`.
    Raises:
        UsageError: the network has no maps of STRIDES.
    """
    return build_captioner(
        Parts(
            backbone=new_backbone(source),
            places=Places(channels, len(STRIDES), name="places"),
            decoder=CaptionDecoder(vocabulary, name="decoder", **decoder),
        )
    )


def build_captioner(parts: Parts) -> keras.Model:
    """Return a captioner: pixels, and words of a caption, to scores of the word behind each.

    Args:
        parts: each named as the field of `Parts` that it is.
    Returns:
        A model that takes {PIXELS: (B, H, W, 3), 0-255, WORDS: int32 (B, T)} and gives scores
        float32 (B, T, V) before softmax and the weights of attention float32 (B, T, L).
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    words = keras.Input((None,), dtype="int32", name=WORDS)
    told = parts.decoder(parts.look({PIXELS: pixels}), words)
    return keras.Model({PIXELS: pixels, WORDS: words}, told, name="captioner")
