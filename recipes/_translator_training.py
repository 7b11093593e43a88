"""The steps of training a translator, which `recipes.train_translator` is the front of."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from dltk.data.datasets import LabelledData
from dltk.data.pipeline import fitting_batch_size
from dltk.data.unpaired import UnpairedBatches, unpaired_pixels
from dltk.models.gan.cyclegan import EXACT, new_discriminator, new_generator, new_translator
from dltk.models.gan.translating import Rules, Translation
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.optimizers import Schedule, build_optimizer
from dltk.training.stage import train_compiled
from recipes._epoch_sheets import animate, sheet_of
from recipes._runs import agreed_precision, keep_data, less, unreadable_in
from recipes._translator_outcome import write_outcome
from recipes._translator_plan import TranslatorPlan, check_domains
from recipes._translator_sheets import Sheets

STAGE = "translator"
_ENDS = "first", "second"
_BETA = 0.5  # Adam's first


class TranslatorTraining:
    """One training of a translator, step by step."""

    def __init__(self, asked, plan: TranslatorPlan, data: LabelledData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return both trained generators as one network."""
        self._use_readable()
        asked = self.asked
        keras.utils.set_random_seed(asked.seed)
        with self.strategy.scope():
            blocks = self.plan.blocks
            generators = [new_generator(asked.width, blocks, name=f"to_{end}") for end in _ENDS]
            judges = [new_discriminator(asked.width, name=f"judge_of_{end}") for end in _ENDS]
        about = self.placement, self.run, self.report
        precision = agreed_precision(asked.precision, generators[0], *about)
        batches = self._batches()
        with self.strategy.scope():
            for network in (*generators, *judges):
                apply_precision(network, precision, exact=EXACT)
            rules = Rules(asked.cycle, asked.identity, asked.pool)
            translation = Translation(generators, judges, rules, size=self.plan.size)
            translation.compile(*self._optimizers(batches))
        self._sheets = Sheets(self.data, self.plan.geometry, generators, self.strategy)
        train_compiled(
            translation,
            batches,
            stage=STAGE,
            epochs=asked.epochs,
            seed=asked.seed,
            save_every=asked.save_every,
            placement=self.placement,
            run=self.run,
            measure=self._show,
            report=self.report,
        )
        if self.run.chief:
            animate(self.run.path)
        for network in generators:
            reset_precision(network)
        with self.strategy.scope():
            return new_translator(generators, self.data.classes)

    def evaluate(self, translator: keras.Model, model: Path) -> None:
        """Return nothing: no number tells how good a translation without its original is."""

    def write_outcome(self, evaluation: None) -> None:
        """Write curves.png and report.md to the run folder."""
        write_outcome(
            self.run,
            domains=self.data.classes,
            pictures=self.data.splits,
            blocks=self.plan.blocks,
            sheet=sheet_of(self.run.path, self.asked.epochs),
            passed_over=self.data.passed_over,
        )

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read, and note what is trained on."""
        self.data = less(self.data, unreadable_in(self.data, self.report), self.report)
        check_domains(self.data)
        names = self.data.classes
        keep_data(self.run, self.data, lambda part, at: names[part.labels[at]])

    def _batches(self) -> UnpairedBatches:
        asked, train = self.asked, self.data.splits["train"]
        longest = int(np.bincount(train.labels).max())
        return UnpairedBatches(
            unpaired_pixels(
                train, self.plan.size, flip=asked.flip, seed=asked.seed, threads=cores()
            ),
            train.labels,
            pool=asked.pool,
            batch_size=fitting_batch_size(asked.batch_size, longest, self.placement.replicas),
            seed=asked.seed,
            names=train.names,
        )

    def _optimizers(self, batches: UnpairedBatches) -> list[keras.Optimizer]:
        asked = self.asked
        steps = asked.epochs * batches.steps_per_epoch
        return [
            build_optimizer(
                "adam", Schedule(asked.lr, shape=asked.schedule, steps=steps), beta=_BETA
            )
            for _ in ("generators", "discriminators")
        ]

    def _show(self) -> dict[str, float]:
        """Draw what has been learnt after an epoch; there is nothing to measure it by."""
        if self.run.chief:
            epoch = len(self.run.rows[STAGE]) + 1
            self._sheets.draw(sheet_of(self.run.path, epoch))
        return {}
