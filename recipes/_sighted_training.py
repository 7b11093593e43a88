"""What trainings have in common of networks that look at pictures to tell something of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import keras

from dltk.errors import UsageError
from dltk.models.classifier import freeze
from dltk.models.sight import Sight
from recipes._runs import keep_data, less, unreadable_in
from recipes._sights import Sights

TUNE = "tune"
"""The stage in which the backbone learns, too."""


class SightedTraining:
    """One training, step by step: first of what tells, then of what looks, too.

    Subclasses have FIRST, the name of the first stage, and `_new`, `_fit`, `_label` and
    `_tell_words`.
    """

    FIRST: str

    def __init__(self, asked, plan, data, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self._kept: dict[str, int] = {}  # the best epoch of each stage

    @property
    def chosen(self) -> dict:
        """What was found on the way."""
        return {f"best epoch of {stage}": epoch for stage, epoch in self._kept.items()}

    def train(self) -> keras.Model:
        """Return the trained network."""
        asked = self.asked
        self.plan.source.weights(self.report)
        self._use_readable()
        with self.strategy.scope():
            keras.utils.set_random_seed(asked.seed)
            network = self._new()
            backbone = Sight.of(network).backbone
            backbone.trainable = False
        self._sights.keep(backbone)
        self._fit(network, self.FIRST, asked.epochs)
        if asked.tune_epochs:
            with self.strategy.scope():
                backbone.trainable = True
                slow = freeze(backbone, asked.unfreeze)
            self._fit(network, TUNE, asked.tune_epochs, slow=slow)
        return network

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read, and note what is trained on."""
        self.data = less(self.data, unreadable_in(self.data, self.report), self.report)
        if "train" not in self.data.splits:
            raise UsageError("no picture can be trained on")
        if "val" not in self.data.splits:
            self.report("note: no pictures to validate on: the last epoch counts")
        keep_data(self.run, self.data, self._label)
        self._tell_words()

    @cached_property
    def _sights(self) -> Sights:
        plan = self.plan
        return Sights(self.data, plan.source, plan.geometry, self.asked, self.strategy, self.report)

    def _samples(self, stage: str) -> Path:
        """Return where the samples of the epoch go that is measured now, as .txt and as .png.

        The backbone's stage begins with a measuring, which is its epoch 0.
        """
        epoch = len(self.run.rows.get(stage, ())) + 1
        first = self.run.path / "samples" / f"{stage}-000.txt"
        if stage == TUNE and not first.exists():
            return first
        return first.with_name(f"{stage}-{epoch:03d}.txt")

    def _held_out(self) -> str | None:
        """Return the split to measure on, if there is one."""
        return next((name for name in ("test", "val") if name in self.data.splits), None)

    def _seen_in_training(self, split: str) -> int:
        """Return how many pictures of a split are trained on, too."""
        trained_on = set(self.data.splits["train"].digests) - {""}
        return sum(digest in trained_on for digest in self.data.splits[split].digests)
