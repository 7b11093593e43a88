"""The steps of training a generator, which `recipes.train_gan` is the front of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from dltk.data.datasets import LabelledData, PictureData
from dltk.data.opposed import OpposedBatches
from dltk.data.pipeline import fitting_batch_size
from dltk.data.pixels import Pixels
from dltk.drawing import mosaic
from dltk.engine.generator import Generator
from dltk.engine.keras import Replicated
from dltk.errors import UsageError
from dltk.images import encode, levels_of
from dltk.metrics.generation import LEAST
from dltk.models.gan import began, dcgan
from dltk.models.gan.equilibrium import Equilibrium
from dltk.models.gan.learning import Adversary, Rules
from dltk.opponents import CLASSES, NOISE
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.optimizers import Schedule, build_optimizer
from dltk.training.stage import train_compiled
from dltk.weights import silent
from recipes._epoch_sheets import animate, sheet_of
from recipes._evaluate_generator import measure_maker, pictures_of
from recipes._feature_networks import load_features
from recipes._gan_outcome import write_outcome
from recipes._gan_pictures import Mirrored, channels_of, look_over, tell_small
from recipes._gan_plan import GanPlan
from recipes._gan_watch import all_signs, new_signs, variety
from recipes._generate_model import Maker
from recipes._generate_seeds import noise_of
from recipes._generation_evaluation import GenerationEvaluation
from recipes._generation_measuring import Measuring
from recipes._runs import agreed_precision, keep_data

STAGE = "gan"
_SHOWN, _ACROSS = 64, 8  # pictures of a grid
_FEW = 2000  # pictures to learn from
_JUDGED = 1000  # pictures that an epoch is judged by, at most
_SETTLED = 8  # batches of noise that statistics are found by


class GanTraining:
    """One training of a generator, step by step."""

    def __init__(
        self, asked, plan: GanPlan, data: PictureData | LabelledData, placement, run, report
    ):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return the trained generator."""
        self._use_readable()
        asked = self.asked
        with self.strategy.scope():
            keras.utils.set_random_seed(asked.seed)
            adversary = self._adversary()
        about = self.placement, self.run, self.report
        precision = agreed_precision(asked.precision, adversary.discriminator, *about)
        batches = self._batches()
        with self.strategy.scope():
            for network in (adversary.generator, adversary.discriminator):
                apply_precision(network, precision, exact=dcgan.exact(network))
            self._compile(adversary, asked.epochs * batches.steps_per_epoch)
        self._generator = adversary.generator
        self._make = Replicated(adversary.generator, self.strategy, _SHOWN)
        self._draw(self.run.path / "real.png", self._first_real)
        progress = train_compiled(
            adversary,
            batches,
            stage=STAGE,
            epochs=asked.epochs,
            seed=asked.seed,
            save_every=asked.save_every,
            placement=self.placement,
            run=self.run,
            measure=self._measure,
            score=_score if asked.judge_every else None,
            watch=self._watch,
            report=self.report,
        )
        for network in (adversary.generator, adversary.discriminator):
            reset_precision(network)
        if asked.judge_every:
            self.chosen["best epoch"] = progress.best_epoch
        if self.run.chief:
            animate(self.run.path)
        return adversary.generator

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that can be chosen from."""
        return self.data.classes if self.asked.by_class else ()

    def evaluate(self, generator: keras.Model, model: Path) -> GenerationEvaluation | None:
        """Return how good the trained generator is; None where there are too few pictures.

        It is measured on test pictures, or, as is usual for generators, on those it learnt from.

        Args:
            generator: from `train`.
            model: where it goes.
        """
        split = "test" if "test" in self.data.splits else "train"
        if not self.asked.samples:
            return None
        count = len(self.data.splits[split])
        if count < LEAST:
            self.report(f"note: too few pictures of {split} to measure by; {LEAST} will do")
            return None
        network = Generator(generator, self.strategy, batch_size=_SHOWN, name=str(model))
        maker = Maker(
            network,
            labels=self.classes,
            cycle=list(range(len(self.classes))),
            truncation=1.0,
        )
        return measure_maker(
            maker,
            self.plan.geometry,
            pictures_of(self.data, silent),
            name=str(model),
            split=split,
            samples=max(LEAST, min(count, self.asked.samples)),
            report=self.report,
        )

    def write_outcome(self, evaluation: GenerationEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            evaluation=evaluation,
            pictures={name: len(part) for name, part in self.data.splits.items()},
            plan=self.plan,
            chosen=self.chosen,
            signs=all_signs(self.run.rows[STAGE], self.plan.game),
            passed_over=self.data.passed_over,
        )

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read; note what is trained on, and what it is like."""
        size = self.plan.size
        self.data, looks = look_over(self.data, size, self.report)
        count = len(self.data.splits.get("train", ()))
        check_count(count, judged=bool(self.asked.judge_every))
        tell_small(looks, size, self.report)
        channels = channels_of(looks, self.plan.channels, self.report)
        self.plan = replace(self.plan, channels=channels)
        if count < self.asked.batch_size:
            self.report(f"note: {count} pictures are less than a batch: each step takes them all")
        if count < _FEW and not self.plan.policies and self.asked.preset == "dcgan":
            self.report(
                f"note: {count} pictures are few, which the discriminator may learn by heart; "
                "--vary all, or translation,cutout of grey ones, makes more of them"
            )
        keep_data(self.run, self.data, self._label)

    def _label(self, part, at: int) -> str:
        return self.data.classes[part.labels[at]] if self.asked.by_class else ""

    def _adversary(self) -> Adversary:
        asked, plan = self.asked, self.plan
        design = dcgan.Design(
            plan.size,
            plan.channels,
            noise=plan.noise,
            width=asked.width,
            classes=len(self.classes),
            spectral=asked.spectral,
            upsampling=asked.upsampling,
            batch_norm=not (plan.gradient_penalty or asked.r1),
        )
        if asked.preset == "began":
            networks = began.new_decoder(design), began.new_autoencoder(design)
            return Equilibrium(*networks, balance=asked.balance)
        rules = Rules(
            loss=plan.game,
            gradient_penalty=plan.gradient_penalty,
            r1=asked.r1,
            policies=plan.policies,
        )
        return Adversary(dcgan.new_generator(design), dcgan.new_discriminator(design), rules)

    def _compile(self, adversary: Adversary, steps: int) -> None:
        plan, asked = self.plan, self.asked
        discriminator, generator = (
            build_optimizer(
                "adam",
                Schedule(rate, shape=asked.schedule, steps=steps),
                beta=plan.beta,
                ema=ema,
            )
            for rate, ema in ((plan.discriminator_rate, 0.0), (plan.rate, asked.ema))
        )
        adversary.compile(discriminator, generator)

    def _batches(self) -> OpposedBatches:
        asked, train = self.asked, self.data.splits["train"]
        self._load = (
            Mirrored(train, self.plan.geometry, seed=asked.seed) if asked.flip else self._plain
        )
        replicas = self.placement.replicas
        return OpposedBatches(
            self._load,
            len(train),
            noise=self.plan.noise,
            classes=train.labels if self.asked.by_class else None,
            critics=self.plan.critics,
            batch_size=fitting_batch_size(asked.batch_size, len(train), replicas),
            seed=asked.seed,
            names=train.names,
        )

    @cached_property
    def _plain(self) -> Pixels:
        """The pictures to learn from, as they are."""
        return Pixels(self.data.splits["train"], self.plan.geometry, threads=cores())

    @cached_property
    def _first_real(self) -> np.ndarray:
        """The first pictures to learn from, taken from all over them, uint8 (N, H, W, C)."""
        count = len(self._plain)
        shown = min(_SHOWN, count)
        return levels_of(self._plain(np.arange(shown) * count // shown))

    def _made(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the pictures of some seeds as they are now, uint8 (N, H, W, C)."""
        return levels_of(self._make(self._inputs(seeds)))

    def _inputs(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the noise of some seeds, and their classes if there are any."""
        inputs = {NOISE: noise_of(seeds, self.plan.noise)}
        if self.classes:
            inputs[CLASSES] = np.asarray(seeds, np.int32) % len(self.classes)
        return inputs

    def _measure(self) -> dict[str, float]:
        """Draw what is made of the same noise as after every epoch, and measure it."""
        epoch = len(self.run.rows[STAGE]) + 1
        if self.asked.ema:
            self._settle()
        made = self._made(range(_SHOWN))
        self._draw(sheet_of(self.run.path, epoch), made)
        measures = {"variety": variety(made[: len(self._first_real)], self._first_real)}
        every = self.asked.judge_every
        if every and (epoch % every == 0 or epoch == self.asked.epochs):
            likeness = self._judge.of(self._made(range(self._judged)))
            measures |= {"fid_lite0": likeness.fid}
        return measures

    def _settle(self) -> None:
        """Let batch normalisation find the statistics of averaged weights.

        Those that were kept in training are of the weights that were averaged. "Standing
        statistics" of Brock et al. 2018, Sec. 4.1, https://arxiv.org/abs/1809.11096.
        """
        norms = [
            layer
            for layer in self._generator.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        usual = [layer.momentum for layer in norms]
        for number in range(_SETTLED):
            for layer in norms:  # such that each batch counts as much as all others
                layer.momentum = number / (number + 1)
            seeds = range(number * _SHOWN, (number + 1) * _SHOWN)
            self._generator(self._inputs(seeds), training=True)
        for layer, momentum in zip(norms, usual, strict=True):
            layer.momentum = momentum

    @cached_property
    def _judged(self) -> int:
        """How many pictures an epoch is judged by."""
        return min(_JUDGED, len(self._plain))

    @cached_property
    def _judge(self) -> Measuring:
        count = len(self._plain)
        real = self._plain(np.arange(self._judged) * count // self._judged)
        return Measuring(real, load_features("lite0", report=self.report))

    def _watch(self, rows: Sequence[dict]) -> None:
        for sign in new_signs(rows, self.plan.game):
            self.report(f"warning: {sign}")

    def _draw(self, path: Path, pictures: np.ndarray) -> None:
        if self.run.chief:
            encode(mosaic(pictures, _ACROSS), path)


def check_count(count: int, *, judged: bool) -> None:
    """Raise UsageError if there are too few pictures to train on, or to judge epochs by."""
    if count < 2:
        only = "one picture only" if count else "no picture"
        raise UsageError(f"{only} can be trained on; how pictures vary takes two at least")
    if judged and count < LEAST:
        raise UsageError(
            f"--judge-every measures by {LEAST} pictures at least; there are {count} to train on"
        )


def _score(measures: dict[str, float]) -> list[float] | None:
    """Return what epochs are compared by; None for one that was not judged."""
    return [-measures["fid_lite0"]] if "fid_lite0" in measures else None
