"""The steps of training an answerer, which `recipes.train_answerer` is the front of."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from dltk.data.examples import Question, QuestionedExamples
from dltk.data.pipeline import fitting_batch_size
from dltk.data.questions.batches import Asked, QuestionBatches, asked
from dltk.losses.given import Given
from dltk.metrics.answers import measure_answers, right_answers
from dltk.models.answerer.learning import LOSS, TRUTH, Learner
from dltk.models.answerer.network import WORDS, Parts, new_answerer
from dltk.strategy import apply_precision, reset_precision
from dltk.text.answers import frequent_answers, plain_answer
from dltk.text.tokens import tokens
from dltk.text.vocabulary import Vocabulary
from dltk.training.stage import train_stage
from recipes._answer_evaluation import AnswerEvaluation
from recipes._answerer_judge import Answered, Judge, keep_samples
from recipes._answerer_outcome import write_outcome
from recipes._answerer_plan import check_answers
from recipes._plans import require_words
from recipes._runs import agreed_precision, rate_of, regime_of
from recipes._sighted_training import SightedTraining


class AnswererTraining(SightedTraining):
    """One training of an answerer, step by step."""

    FIRST = "answer"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the training questions. Raises UsageError where there are none."""
        said = [tokens(question.text) for question in self._questions("train")]
        require_words(said, self.asked.min_count, "training questions")
        return Vocabulary.of(said, least=self.asked.min_count)

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The answers to choose from, the most frequent first."""
        given = (question.answers for question in self._questions("train"))
        found = frequent_answers(given, self.asked.answers)
        check_answers(found)
        return found

    def _questions(self, split: str) -> list[Question]:
        return [each for questions in self.data.splits[split].questions for each in questions]

    def _new(self) -> keras.Model:
        asked = self.asked
        return new_answerer(
            self.plan.source,
            len(self.vocabulary),
            len(self.answers),
            channels=asked.places,
            embedding=asked.embedding,
            units=asked.units,
            attention=asked.attention,
            dropout=asked.dropout,
        )

    def _fit(self, answerer: keras.Model, stage: str, epochs: int, *, slow: list = ()) -> None:
        """Train the answerer, of whose variables `slow` belong to the backbone, in one stage."""
        asked, tuned = self.asked, bool(slow)
        if asked.tune_epochs:
            self.report(f"{stage}:")
        backbone, precision = Parts.of(answerer).backbone, "float32"
        if tuned:
            about = self.placement, self.run, self.report
            precision = agreed_precision(asked.precision, backbone, *about)
        part = self.data.splits["train"]
        with self.strategy.scope():
            apply_precision(backbone, precision)
            learner = Learner(answerer)
        batches = QuestionBatches(
            self._sights.to_learn(tuned=tuned),
            self._numbered(),
            answers=len(self.answers),
            words=WORDS,
            truth=TRUTH,
            losses=(LOSS,),
            batch_size=fitting_batch_size(asked.batch_size, len(part), self.placement.replicas),
            seed=asked.seed,
            names=part.names,
        )
        judged = self.data.splits.get("val")
        measure = None
        if judged:
            judge, keep = self._judge(answerer, tuned), partial(self._keep, stage)
            measure = partial(judge.measure, judged, asked.longest, keep)
        progress = train_stage(
            learner,
            batches,
            stage=stage,
            epochs=epochs,
            rate=rate_of(asked),
            loss={LOSS: Given()},
            metrics=[],
            measure=measure,
            score=(lambda row: [row["val_accuracy"]]) if judged else None,
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

    def _numbered(self) -> list[list[Asked]]:
        numbers = {answer: number for number, answer in enumerate(self.answers)}
        known = self.vocabulary, numbers, right_answers, self.asked.longest
        return [
            [asked(question, *known) for question in questions]
            for questions in self.data.splits["train"].questions
        ]

    def _judge(self, answerer: keras.Model, tuned: bool) -> Judge:
        """Return what asks the answerer: of pixels, once its backbone is another."""
        loads = self._sights.as_they_are(tuned=tuned)
        return Judge(answerer, self.vocabulary, self.answers, self.strategy, loads)

    def _keep(self, stage: str, chosen: Sequence[int], found: Answered) -> None:
        """Keep what was answered after an epoch."""
        if self.run.chief:
            keep_samples(self._samples(stage), self.data.splits["val"], chosen, found)

    def evaluate(self, answerer: keras.Model, model: Path) -> AnswerEvaluation | None:
        """Return how good the answerer is on held-out pictures, if there are any."""
        data, split = self.data, self._held_out()
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        judge = self._judge(answerer, self.asked.tune_epochs > 0)
        found = list(judge.best(split, part, range(len(part)), self.asked.longest))
        return AnswerEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=measure_answers(
                [answer.text for answers in found for answer in answers],
                self._questions(split),
                pictures=len(part),
            ),
            names=tuple(part.names),
            answers=tuple(map(tuple, found)),
            failed=(),
            seen_in_training=self._seen_in_training(split),
            examples=[(part, index) for index in range(len(part))],
        )

    def write_outcome(self, evaluation: AnswerEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            evaluation=evaluation,
            pictures={name: len(part) for name, part in self.data.splits.items()},
            words=len(self.vocabulary.words),
            answers=len(self.answers),
            kept=self._kept,
            chosen=self.chosen,
            passed_over=self.data.passed_over,
            repairs=self.data.repairs,
        )

    def _tell_words(self) -> None:
        questions, known = self._questions("train"), set(self.answers)
        share = np.mean(
            [not known.isdisjoint(map(plain_answer, each.answers)) for each in questions]
        )
        self.report(
            f"{len(self.vocabulary.words)} words; {len(known)} answers, which {share:.1%} of "
            f"{len(questions)} questions to train on have"
        )
        longest = self.asked.longest
        if cut := sum(len(tokens(each.text)) > longest for each in questions):
            self.report(f"note: questions of more than {longest} words: {cut}, cut")

    @staticmethod
    def _label(part: QuestionedExamples, at: int) -> str:
        """Return what is asked about a picture in a few letters that change when it does."""
        return f"{zlib.crc32(repr([tuple(each) for each in part.questions[at]]).encode()):08x}"
