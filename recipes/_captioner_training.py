"""The steps of training a captioner, which `recipes.train_captioner` is the front of."""

from __future__ import annotations

import zlib
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from dltk.captions import Caption, Writing
from dltk.data.captions.batches import CaptionBatches, by_caption, by_picture, numbered
from dltk.data.examples import CaptionData, CaptionedExamples
from dltk.data.pipeline import fitting_batch_size
from dltk.errors import UsageError
from dltk.losses.given import Given
from dltk.metrics.captions import measure_captions
from dltk.models.captioner.learning import Learner
from dltk.models.captioner.network import WORDS, Parts, new_captioner
from dltk.models.classifier import freeze
from dltk.strategy import apply_precision, reset_precision
from dltk.text.tokens import joined, tokens
from dltk.text.vocabulary import Vocabulary
from dltk.training.stage import train_stage
from recipes._caption_evaluation import CaptionEvaluation
from recipes._captioner_judge import Judge, keep_samples, samples_of
from recipes._captioner_outcome import write_outcome
from recipes._captioner_plan import JUDGES, CaptionerPlan
from recipes._plans import check_words
from recipes._runs import agreed_precision, keep_data, less, rate_of, regime_of, unreadable_in
from recipes._sights import Sights

_SPEAK, _TUNE = "speak", "tune"  # stages
_A_PICTURE = 4  # captions of a batch that make room for a picture while the backbone is trained


class CaptionerTraining:
    """One training of a captioner, step by step."""

    def __init__(self, asked, plan: CaptionerPlan, data: CaptionData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return the trained captioner."""
        asked = self.asked
        self.plan.source.weights(self.report)
        self._use_readable()
        with self.strategy.scope():
            keras.utils.set_random_seed(asked.seed)
            captioner = self._new()
            Parts.of(captioner).backbone.trainable = False
        self._sights.keep(Parts.of(captioner).backbone)
        self._fit(captioner, _SPEAK, asked.epochs)
        if asked.tune_epochs:
            with self.strategy.scope():
                Parts.of(captioner).backbone.trainable = True
                slow = freeze(Parts.of(captioner).backbone, asked.unfreeze)
            self._fit(captioner, _TUNE, asked.tune_epochs, slow=slow)
        return captioner

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the training captions. Raises UsageError where there are none."""
        said = self._said("train")
        check_words(said, self.asked.min_count, "training captions")
        return Vocabulary.of(said, least=self.asked.min_count)

    def _said(self, split: str) -> list[list[str]]:
        """Return the tokens of all captions of a split."""
        part = self.data.splits[split]
        return [tokens(caption) for captions in part.captions for caption in captions]

    def _new(self) -> keras.Model:
        asked = self.asked
        return new_captioner(
            self.plan.source,
            len(self.vocabulary),
            channels=asked.places,
            cell=asked.cell,
            units=asked.units,
            embedding=asked.embedding,
            attention=asked.attention if self.plan.attends else 0,
            dropout=asked.dropout,
        )

    @cached_property
    def _sights(self) -> Sights:
        plan = self.plan
        return Sights(self.data, plan.source, plan.geometry, self.asked, self.strategy, self.report)

    def _fit(self, captioner: keras.Model, stage: str, epochs: int, *, slow: list = ()) -> None:
        """Train the captioner, of whose variables `slow` belong to the backbone, in one stage."""
        asked, tuned = self.asked, bool(slow)
        if asked.tune_epochs:
            self.report(f"{stage}:")
        backbone, precision = Parts.of(captioner).backbone, "float32"
        if tuned:
            about = self.placement, self.run, self.report
            precision = agreed_precision(asked.precision, backbone, *about)
        rows = self._numbered()
        examples = by_picture(rows) if tuned else by_caption(rows)
        size = max(1, asked.batch_size // _A_PICTURE) if tuned else asked.batch_size
        size = fitting_batch_size(size, len(examples), self.placement.replicas)
        ends = [len(row) - 1 for captions in rows for row in captions]
        with self.strategy.scope():
            apply_precision(backbone, precision)
            learner = Learner(
                captioner,
                length=float(np.mean(ends)),
                stochastic=asked.stochastic,
                sampling=asked.sampling,
                steps=epochs * (len(examples) // size),
            )
        batches = CaptionBatches(
            self._sights.to_learn(tuned=tuned),
            examples,
            words=WORDS,
            losses=learner.loss_names,
            batch_size=size,
            seed=asked.seed,
            names=self.data.splits["train"].names,
        )
        judged = self.data.splits.get("val")
        measure = None
        if judged:
            judge, keep = self._judge(captioner, tuned), partial(self._keep, stage)
            longest = min(asked.longest, max(ends))
            measure = partial(judge.measure, judged, longest, keep)
        progress = train_stage(
            learner,
            batches,
            stage=stage,
            epochs=epochs,
            rate=rate_of(asked),
            loss={name: Given() for name in learner.loss_names},
            metrics=[],
            measure=measure,
            score=self._score if judged else None,
            from_start=tuned,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=regime_of(asked, precision=precision, patience=asked.patience if judged else 0),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(backbone)
        if judged:
            self.chosen[f"best epoch of {stage}"] = progress.best_epoch

    def _numbered(self) -> list[list[np.ndarray]]:
        part, vocabulary = self.data.splits["train"], self.vocabulary
        return [
            numbered([tokens(each) for each in captions], vocabulary, self.asked.longest)
            for captions in part.captions
        ]

    def _score(self, row: dict) -> list[float]:
        """Return what an epoch is judged by; where that is 0, as of few pictures, by ROUGE-L."""
        return [row[JUDGES[self.asked.judge]], row["val_rouge_l"]]

    def _judge(self, captioner: keras.Model, tuned: bool) -> Judge:
        """Return what lets the captioner write: of pixels, once its backbone is another."""
        loads = self._sights.as_they_are(tuned=tuned)
        return Judge(captioner, self.vocabulary, self.strategy, loads)

    def _keep(self, stage: str, chosen: np.ndarray, captions: list[Caption]) -> None:
        """Keep what was written after an epoch, 0 being before the first of a stage."""
        if self.run.chief:
            epoch = len(self.run.rows.get(stage, ())) + 1
            if stage == _TUNE and not samples_of(self.run, stage, 0).exists():
                epoch = 0
            grid = self._sights.grid if self.plan.attends else None
            part = self.data.splits["val"]
            keep_samples(samples_of(self.run, stage, epoch), part, chosen, captions, grid)

    def evaluate(self, captioner: keras.Model, model: Path) -> CaptionEvaluation | None:
        """Return how good the captioner is on held-out pictures, if there are any."""
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        judge = self._judge(captioner, self.asked.tune_epochs > 0)
        written = judge.best(split, range(len(part)), Writing())
        found = tuple(joined(caption.words) for caption in written)
        said = [caption for captions in data.splits["train"].captions for caption in captions]
        trained_on = set(data.splits["train"].digests) - {""}
        return CaptionEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=measure_captions(found, part.captions, training=said),
            names=tuple(part.names),
            captions=found,
            failed=(),
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=[(part, index) for index in range(len(part))],
        )

    def write_outcome(self, evaluation: CaptionEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            evaluation=evaluation,
            pictures={name: len(part) for name, part in self.data.splits.items()},
            words=len(self.vocabulary.words),
            chosen=self.chosen,
            passed_over=self.data.passed_over,
            repairs=self.data.repairs,
        )

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read, and note what is trained on."""
        self.data = less(self.data, unreadable_in(self.data, self.report), self.report)
        if "train" not in self.data.splits:
            raise UsageError("no picture can be trained on")
        if "val" not in self.data.splits:
            self.report("note: no pictures to validate on: the last epoch counts")
        keep_data(self.run, self.data, _told)
        known, said = self.vocabulary, self._said("train")
        words = [word for words in said for word in words]
        share = np.mean([word in known for word in words])
        self.report(
            f"{len(known.words)} words, {share:.1%} of what is said; {len(said)} captions to "
            "train on"
        )
        if cut := sum(len(words) > self.asked.longest for words in said):
            self.report(f"note: captions of more than {self.asked.longest} words: {cut}, cut")


def _told(part: CaptionedExamples, at: int) -> str:
    """Return the captions of a picture in a few letters that change when they do."""
    return f"{zlib.crc32(chr(0).join(part.captions[at]).encode()):08x}"
