"""A captioner that `dltk train captioner` wrote, ready to write."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dltk import strategy as placing
from dltk.captions import Caption, Writing
from dltk.engine.captions import CHANCES, CaptionNetwork
from dltk.errors import DltkError
from dltk.models.captioner.load import load_captioner
from dltk.models.captioner.network import Parts
from dltk.models.find import ModelSource
from dltk.objects import PIXELS
from recipes._caption_results import Sentence
from recipes._captioners import words_of


class NetworkCaptioner:
    """A captioner, as `recipes.caption` runs it.

    Attributes:
        running: what it runs on, in a few words for the user.
        batch_size: how many pictures to give it at a time.
        workers: how many threads may call it at once.
        at_least: see `dltk.images.decode`.
    """

    workers = 1

    def __init__(
        self,
        source: ModelSource,
        writing: Writing,
        *,
        seed: int,
        batch_size: int,
        devices: str,
        strategy: str,
        precision: str,
        pictures: int | None,
        told: bool,
    ):
        vocabulary = words_of(source)
        placement = placing.place(devices, strategy)
        with placement.strategy.scope():
            captioner = load_captioner(source)
            chosen = placing.choose_precision(precision)
            placing.apply_precision(Parts.of(captioner).backbone, chosen)  # the rest is small
        self._geometry, self._writing, self._seed = source.geometry, writing, seed
        self._grid = Parts.of(captioner).grid(source.geometry)
        self.batch_size = min(batch_size, pictures) if pictures else batch_size
        self._network = CaptionNetwork(
            captioner, vocabulary, placement.strategy, self.batch_size, writing, told=told
        )
        self.at_least = source.geometry.at_least
        self.running = f"Keras, {placement.reason}, {chosen}"

    def load(self, picture: Image.Image, name: str) -> dict[str, np.ndarray]:
        """Return what the network needs of one picture, upright RGB; called on any thread.

        Args:
            name: what chance chooses words by, with the seed.
        """
        inputs = {PIXELS: self._geometry.apply(picture)}
        if self._writing.temperature:
            inputs[CHANCES] = self._network.chances_of(self._seed, name)
        return inputs

    def __call__(self, loaded: list[dict[str, np.ndarray]]) -> list[list[Sentence]]:
        """Return what is said of each of the pictures, the best first."""
        if not loaded:
            return []
        batch = {name: np.stack([each[name] for each in loaded]) for name in loaded[0]}
        return [[self._sentence(each) for each in found] for found in self._network(batch)]

    def _sentence(self, caption: Caption) -> Sentence:
        if not np.isfinite(caption.score):
            raise DltkError("the captioner gives no numbers; try --precision float32")
        seen = caption.attention
        return Sentence(
            caption.words,
            caption.score,
            caption.ended,
            caption.chances,
            None if seen is None else seen.reshape(-1, *self._grid),
        )
