"""What pictures go into a network as, while it is trained on a backbone: kept maps, or pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from types import SimpleNamespace

import keras
import numpy as np

from dltk.data.augment import at_least, augment
from dltk.data.pixels import Pixels
from dltk.geometry import Geometry
from dltk.models.find import ModelSource
from dltk.models.sight import map_names
from dltk.objects import PIXELS
from dltk.strategy import cores
from dltk.weights import Report, cache_folder
from recipes._maps import Maps, keep_maps

Load = Callable[[np.ndarray, int], dict[str, np.ndarray]]
"""From indices of pictures, int64 (n,), and an epoch to a network's inputs (n, ...) by name."""


class Sights:
    """The pictures of a data set: as maps while the backbone is as it was, else as pixels.

    Args:
        data: whose pictures can be read.
        source: what the backbone is of.
        asked: the options augment, flip and seed.
        strategy: under which the backbone was built.
    """

    def __init__(
        self,
        data,
        source: ModelSource,
        geometry: Geometry,
        asked: SimpleNamespace,
        strategy,
        report: Report,
    ):
        self._data, self._source, self._geometry = data, source, geometry
        self._asked, self._strategy, self._report = asked, strategy, report
        self._maps: dict[str, Maps] = {}

    def keep(self, backbone: keras.Model) -> None:
        """Work out what the backbone, as it is, sees of all pictures."""
        for split, part in self._data.splits.items():
            self._maps[split] = keep_maps(
                part,
                backbone,
                map_names(len(backbone.outputs)),
                strategy=self._strategy,
                geometry=self._geometry,
                network=f"{self._source.name} {self._source.fingerprint}",
                folder=cache_folder() / "maps",
                report=self._report,
            )

    @property
    def grid(self) -> tuple[int, int]:
        """How many places a picture has, (high, wide)."""
        return next(iter(self._maps["train"].shapes.values()))[:2]

    def to_learn(self, *, tuned: bool) -> Load:
        """Return what loads training pictures, varied if that is asked for.

        Args:
            tuned: whether the backbone learns, too.
        """
        return partial(_plain, self._varied) if tuned else self._maps["train"].load

    def as_they_are(self, *, tuned: bool) -> dict[str, Load]:
        """Return what loads the pictures of each split as they are.

        Args:
            tuned: whether the backbone is another by now.
        """
        if not tuned:
            return {split: maps.load for split, maps in self._maps.items()}
        return {
            split: partial(_plain, Pixels(part, self._geometry, threads=cores()))
            for split, part in self._data.splits.items()
        }

    @cached_property
    def _varied(self) -> Pixels:
        asked, varied = self._asked, {}
        if asked.augment != "none":
            varied = {
                "augment": partial(_augmented, asked.augment, asked.flip),
                "at_least": at_least(self._geometry, asked.augment),
            }
        part = self._data.splits["train"]
        return Pixels(part, self._geometry, seed=asked.seed, threads=cores(), **varied)


def _augmented(strength: str, flip: bool, picture, geometry, random) -> np.ndarray:
    return augment(picture, geometry, strength, random, flip=flip)


def _plain(pixels: Pixels, indices: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
    return {PIXELS: pixels(indices, epoch)}
