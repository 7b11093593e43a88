"""What a picture is changed for: objectives that add up."""

from __future__ import annotations

from typing import Protocol


class Objective(Protocol):
    """Something to minimise, as a function of what a network sees in a picture.

    It is told in two steps, so that a picture can be looked at tile by tile: measures, which are
    sums over places, and terms of the loss, which are any function of the whole picture's
    measures.

    Attributes:
        layers: names of the layers whose outputs it needs.
    """

    layers: tuple[str, ...]

    def measure(self, features: dict, local) -> dict:
        """Return measures, float32 tensors by name.

        Args:
            features: {layer: (1, H, W, C)} of the tile's core.
            local: what belongs to this tile alone, such as the photo's features there; tensors,
                dictionaries or lists of them.
        """

    def terms(self, measures: dict, target) -> dict:
        """Return the terms of the loss, float32 scalars by name, weights applied.

        Args:
            measures: summed over all tiles.
            target: what belongs to the whole picture, such as the style's Grams.
        """
