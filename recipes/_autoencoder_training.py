"""The steps of training an auto-encoder, which `recipes.train_autoencoder` is the front of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from dltk.data.examples import Examples
from dltk.data.pipeline import Stream, fitting_batch_size
from dltk.data.pixels import Pixels
from dltk.engine.keras import Replicated
from dltk.errors import UsageError
from dltk.images import levels_of
from dltk.losses.reconstruction import LOSSES
from dltk.models.autoencoder import CODES, LOGITS, decoder_of, new_autoencoder
from dltk.objects import PIXELS
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.model import TrainingModel
from dltk.training.stage import train_stage
from dltk.wording import amount
from recipes._autoencoder_data import class_of, classes_of
from recipes._autoencoder_evaluation import AutoencoderEvaluation, grid_of, shown_of
from recipes._autoencoder_measuring import (
    WORSE,
    AutoencoderReport,
    Comparison,
    Restored,
    Way,
    chunks,
    compared,
)
from recipes._autoencoder_outcome import write_outcome
from recipes._autoencoder_pca import Components, components_of
from recipes._autoencoder_plan import AutoencoderPlan
from recipes._looked_over import CHANNELS, channels_of, look_over, tell_small
from recipes._runs import agreed_precision, keep_data, rate_of, regime_of

_FEW_STEPS = 500


class PicturePairs(Stream):
    """Batches of pictures that are to be given back: inputs and targets are the same.

    Args:
        pixels: of the pictures.
        Others: see `dltk.data.pipeline.Stream`.
    """

    def __init__(self, pixels: Pixels, **about):
        super().__init__(len(pixels), **about)
        self._pixels = pixels

    def share(self, step: int, replica: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what one replica sees of a step: float32 (n, H, W, C) twice."""
        size = self.batch_size // replicas
        mine = self.indices(step)[replica * size : (replica + 1) * size]
        pictures = self._pixels(mine)
        return pictures, pictures


class AutoencoderTraining:
    """One training of an auto-encoder, step by step."""

    def __init__(self, asked, plan: AutoencoderPlan, data, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}
        self._kept: dict[str, int] = {}  # the best epoch of each stage
        self._others: dict[int, Comparison] = {}  # by other numbers of codes
        self._pixels: dict[str, Pixels] = {}
        self._precision = ""  # the same for all networks

    def train(self) -> keras.Model:
        """Return the trained auto-encoder."""
        self._use_readable()
        steps = self.asked.epochs * self._batches().steps_per_epoch
        if steps < _FEW_STEPS:
            self.report(
                f"note: {amount(steps, 'step')}: few to begin from nothing; take more --epochs"
            )
        for codes in self.plan.compared:
            way = self._forward(self._trained(codes))
            if self._held:
                self._others[codes], _, _ = self._compared(codes, way)
            del way  # so that one network at a time is in memory
        return self._trained(self.plan.design.codes)

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read, and note what is trained on."""
        size = self.plan.design.size
        self.data, looks = look_over(self.data, size, self.report)
        if len(self.data.splits.get("train", ())) < 2:
            raise UsageError("codes are learnt from what pictures differ in: two at least")
        asked = CHANNELS[self.asked.channels]
        channels = channels_of(looks, asked, self.report)
        if not asked:
            self.plan = self.plan.of_channels(channels)
            self.report(f"pictures are taken for {'grey' if channels == 1 else 'colour'}")
        tell_small(looks, size, self.report)
        if "val" not in self.data.splits:
            self.report("note: no pictures to validate on: the last epoch counts")
        keep_data(self.run, self.data, partial(class_of, self.data))
        self._pixels = {
            split: Pixels(part, self.plan.geometry, threads=cores())
            for split, part in self.data.splits.items()
        }

    def _trained(self, codes: int) -> keras.Model:
        """Return a network of so many codes, trained in a stage of its own."""
        asked, stage = self.asked, f"{codes}-codes"
        keras.utils.set_random_seed(asked.seed)
        with self.strategy.scope():
            network = new_autoencoder(self.plan.design.of_codes(codes), self._mean)
            learner = TrainingModel(network.inputs[0], network.get_layer(LOGITS).output)
        self._precision = self._precision or agreed_precision(
            asked.precision, learner, self.placement, self.run, self.report
        )
        apply_precision(learner, self._precision, exact=(CODES,))
        if self.plan.compared:
            self.report(f"training a network of {amount(codes, 'code')}")
        held = "val" in self._pixels
        loss = LOSSES[asked.loss]()
        progress = train_stage(
            learner,
            self._batches(),
            stage=stage,
            epochs=asked.epochs,
            rate=rate_of(asked),
            loss=loss,
            metrics=[],
            measure=self._measure(learner, loss) if held else None,
            score=_score if held else None,
            regime=regime_of(
                asked, precision=self._precision, patience=asked.patience if held else 0
            ),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(learner)
        self._kept[stage] = progress.best_epoch
        if held:
            self.chosen[f"best epoch of {stage}"] = progress.best_epoch
        return network

    def _batches(self) -> PicturePairs:
        asked, train = self.asked, self.data.splits["train"]
        return PicturePairs(
            self._pixels["train"],
            batch_size=fitting_batch_size(asked.batch_size, len(train), self.placement.replicas),
            seed=asked.seed,
            names=train.names,
        )

    @cached_property
    def _mean(self) -> np.ndarray:
        """The mean of the training pictures, float32 (H, W, C), 0-255."""
        train = self._pixels["train"]
        total = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks(train))
        return (total / len(train)).astype(np.float32)

    def _measure(self, learner: keras.Model, loss) -> Callable[[], dict[str, float]]:
        """Return what measures the network on validation pictures, after every epoch."""
        forward = self._forward(learner)

        def measure() -> dict[str, float]:
            losses = [loss.call(chunk, forward(chunk)) for chunk in chunks(self._pixels["val"])]
            return {"val_loss": float(np.concatenate(losses).mean())}

        return measure

    def _forward(self, network: keras.Model) -> Replicated:
        return Replicated(network, self.strategy, max(32, self.asked.batch_size))

    @property
    def _held(self) -> str | None:
        """The split to measure on, None without held-out pictures."""
        return next((name for name in ("test", "val") if name in self.data.splits), None)

    @cached_property
    def _components(self) -> Components:
        """As many principal components as the largest number of codes."""
        most = max(self.plan.design.codes, *self.plan.compared, 0)
        return components_of(self._pixels["train"], most, seed=self.asked.seed)

    def _compared(self, codes: int, way: Way) -> tuple[Comparison, Restored, Restored]:
        """Measure a network of so many codes, beside as many principal components."""
        held = self._labelled(self._held)
        self.report(f"measuring on {len(held[0])} pictures, beside principal components")
        ways = way, self._components.first(codes)
        return compared(ways, self._labelled("train"), held)

    def _labelled(self, split: str) -> tuple[Pixels, np.ndarray | None]:
        """Return the pixels of a split, and the classes where they are known."""
        part = self.data.splits[split]
        return self._pixels[split], part.labels if isinstance(part, Examples) else None

    def evaluate(self, network: keras.Model, model: Path) -> AutoencoderEvaluation | None:
        """Return how good the auto-encoder is on held-out pictures, if there are any.

        Args:
            network: from `train`.
            model: where it goes.
        """
        data, split = self.data, self._held
        if split is None:
            return None
        part, codes = data.splits[split], self.plan.design.codes
        way = self._forward(network)
        row, own, pca = self._compared(codes, way)
        rows = {**self._others, codes: row}
        if own.error >= pca.error:
            self.report(f"note: {WORSE}")
        pixels, labels = self._labelled(split)
        shown_at = shown_of(labels, len(part))
        originals = pixels(np.array(shown_at))
        ways = way, self._components.first(codes)
        shown = [originals, *(each(originals)[PIXELS] for each in ways)]
        trained_on = set(data.splits["train"].digests) - {""}
        decode = self._forward(decoder_of(network))
        return AutoencoderEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=AutoencoderReport(
                len(part),
                self.plan.design.numbers,
                row,
                tuple(rows[count] for count in sorted(rows)),
            ),
            examples=part,
            labels=labels,
            classes=classes_of(data),
            own=own,
            pca=pca,
            shown=levels_of(np.stack(shown)),
            shown_at=shown_at,
            grid=grid_of(decode, own.codes) if codes == 2 else None,
            seen_in_training=sum(digest in trained_on for digest in part.digests),
        )

    def write_outcome(self, evaluation: AutoencoderEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path)
        write_outcome(
            self.run,
            evaluation=evaluation,
            design=self.plan.design,
            pictures={name: len(part) for name, part in self.data.splits.items()},
            kept=self._kept,
            chosen=self.chosen,
            passed_over=self.data.passed_over,
        )


def _score(row: dict) -> list[float]:
    return [-row["val_loss"]]
