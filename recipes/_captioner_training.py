"""The steps of training a captioner, which `recipes.train_captioner` is the front of."""

from __future__ import annotations

import zlib
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from dltk.captions import Caption, Writing
from dltk.data.captions.batches import CaptionBatches, by_caption, by_picture, numbered
from dltk.data.examples import CaptionedExamples
from dltk.data.pipeline import fitting_batch_size
from dltk.errors import UsageError
from dltk.losses.given import Given
from dltk.metrics.captions import measure_captions
from dltk.models.captioner.learning import Learner
from dltk.models.captioner.network import WORDS, Parts, new_captioner
from dltk.strategy import apply_precision, reset_precision
from dltk.text.tokens import joined, tokens
from dltk.text.vectors import read_vectors
from dltk.text.vocabulary import Vocabulary
from dltk.training.stage import train_stage
from recipes._caption_evaluation import CaptionEvaluation
from recipes._captioner_judge import Judge, keep_samples
from recipes._captioner_outcome import write_outcome
from recipes._captioner_plan import JUDGES
from recipes._plans import require_words
from recipes._runs import agreed_precision, rate_of, regime_of
from recipes._sighted_training import SightedTraining

_A_PICTURE = 4  # captions of a batch that make room for a picture while the backbone is trained


class CaptionerTraining(SightedTraining):
    """One training of a captioner, step by step."""

    FIRST = "speak"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the training captions. Raises UsageError where there are none."""
        said = self._said("train")
        require_words(said, self.asked.min_count, "training captions")
        return Vocabulary.of(said, least=self.asked.min_count)

    def _said(self, split: str) -> list[list[str]]:
        """Return the tokens of all captions of a split."""
        part = self.data.splits[split]
        return [tokens(caption) for captions in part.captions for caption in captions]

    def _new(self) -> keras.Model:
        asked = self.asked
        captioner = new_captioner(
            self.plan.source,
            len(self.vocabulary),
            channels=asked.places,
            cell=asked.cell,
            units=asked.units,
            embedding=self.plan.embedding,
            attention=asked.attention if self.plan.attends else 0,
            dropout=asked.dropout,
        )
        if asked.vectors is not None:
            self._begin_with(asked.vectors, Parts.of(captioner).decoder.words)
        return captioner

    def _begin_with(self, vectors: str, embedding: keras.layers.Embedding) -> None:
        """Give words the vectors in a file; those that are not there keep theirs."""
        given = read_vectors(vectors, only=self.vocabulary.words, report=self.report)
        self.report(f"{len(given):,} of {len(self.vocabulary.words):,} words begin with vectors")
        rows, (own,) = given.of(self.vocabulary), embedding.get_weights()
        embedding.set_weights([np.where(np.isnan(rows), own, rows)])

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
        size = _pictures(asked.batch_size) if tuned else asked.batch_size
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
            self._kept[stage] = progress.best_epoch

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
        """Keep what was written after an epoch."""
        if self.run.chief:
            grid = self._sights.grid if self.plan.attends else None
            part = self.data.splits["val"]
            keep_samples(self._samples(stage), part, chosen, captions, grid)

    def evaluate(self, captioner: keras.Model, model: Path) -> CaptionEvaluation | None:
        """Return how good the captioner is on held-out pictures, if there are any."""
        data, split = self.data, self._held_out()
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        judge = self._judge(captioner, self.asked.tune_epochs > 0)
        written = judge.best(split, range(len(part)), Writing())
        found = tuple(joined(caption.words) for caption in written)
        said = [caption for captions in data.splits["train"].captions for caption in captions]
        return CaptionEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=measure_captions(found, part.captions, training=said),
            names=tuple(part.names),
            captions=found,
            failed=(),
            seen_in_training=self._seen_in_training(split),
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
            kept=self._kept,
            chosen=self.chosen,
            passed_over=self.data.passed_over,
            repairs=self.data.repairs,
        )

    def _tell_words(self) -> None:
        known, said = self.vocabulary, self._said("train")
        words = [word for words in said for word in words]
        share = np.mean([word in known for word in words])
        self.report(
            f"{len(known.words)} words, {share:.1%} of what is said; {len(said)} captions to "
            "train on"
        )
        if cut := sum(len(words) > self.asked.longest for words in said):
            self.report(f"note: captions of more than {self.asked.longest} words: {cut}, cut")

    @staticmethod
    def _label(part: CaptionedExamples, at: int) -> str:
        """Return the captions of a picture in a few letters that change when they do."""
        return f"{zlib.crc32(chr(0).join(part.captions[at]).encode()):08x}"


def check_pictures(batch_size: int, replicas: int) -> None:
    """Raise UsageError if replicas cannot share out the pictures that stand for so many captions.

    Args:
        batch_size: captions in a step.
    """
    if (pictures := _pictures(batch_size)) % replicas:
        near = max(1, round(pictures / replicas)) * replicas * _A_PICTURE
        raise UsageError(
            f"--batch-size {batch_size} is {pictures} pictures in --tune-epochs, which cannot be "
            f"shared out among {replicas} replicas; take {near}"
        )


def _pictures(batch_size: int) -> int:
    """Return how many pictures there are in a step that trains the backbone."""
    return max(1, batch_size // _A_PICTURE)
