"""The steps of training an answerer, which `recipes.train_answerer` is the front of."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from dltk.data.examples import Question, QuestionData, QuestionedExamples
from dltk.data.pipeline import fitting_batch_size
from dltk.data.questions.batches import Asked, QuestionBatches, asked
from dltk.errors import UsageError, printable
from dltk.losses.given import Given
from dltk.metrics.answers import measure_answers, right_answers
from dltk.models.answerer.learning import LOSS, TRUTH, Learner
from dltk.models.answerer.network import WORDS, Parts, new_answerer
from dltk.models.classifier import freeze
from dltk.strategy import apply_precision, reset_precision
from dltk.text.answers import frequent_answers, plain_answer
from dltk.text.tokens import tokens
from dltk.text.vocabulary import Vocabulary
from dltk.training.stage import train_stage
from recipes._answer_evaluation import AnswerEvaluation
from recipes._answerer_judge import Answered, Judge, keep_samples
from recipes._answerer_outcome import write_outcome
from recipes._answerer_plan import AnswererPlan
from recipes._plans import check_words
from recipes._runs import agreed_precision, keep_data, less, rate_of, regime_of, unreadable_in
from recipes._sights import Sights


class AnswererTraining:
    """One training of an answerer, step by step."""

    def __init__(self, asked, plan: AnswererPlan, data: QuestionData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return the trained answerer."""
        asked = self.asked
        self.plan.source.weights(self.report)
        self._use_readable()
        with self.strategy.scope():
            keras.utils.set_random_seed(asked.seed)
            answerer = self._new()
            Parts.of(answerer).backbone.trainable = False
        self._sights.keep(Parts.of(answerer).backbone)
        self._fit(answerer, "answer", asked.epochs)
        if asked.tune_epochs:
            with self.strategy.scope():
                Parts.of(answerer).backbone.trainable = True
                slow = freeze(Parts.of(answerer).backbone, asked.unfreeze)
            self._fit(answerer, "tune", asked.tune_epochs, slow=slow)
        return answerer

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the training questions. Raises UsageError where there are none."""
        said = [tokens(question.text) for question in self._questions("train")]
        check_words(said, self.asked.min_count, "training questions")
        return Vocabulary.of(said, least=self.asked.min_count)

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The answers to choose from, the most frequent first."""
        given = (question.answers for question in self._questions("train"))
        found = frequent_answers(given, self.asked.answers)
        if len(found) == 1:
            raise UsageError(
                f'all training questions have the answer "{printable(found[0])}": there is nothing '
                "to choose"
            )
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

    @cached_property
    def _sights(self) -> Sights:
        about = self.plan.source, self.plan.geometry, self.asked, self.strategy, self.report
        return Sights(self.data, *about)

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
            self.chosen[f"best epoch of {stage}"] = progress.best_epoch

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
            name = f"{stage}-{len(self.run.rows.get(stage, ())) + 1:03d}"
            keep_samples(self.run, name, self.data.splits["val"], chosen, found)

    def evaluate(self, answerer: keras.Model, model: Path) -> AnswerEvaluation | None:
        """Return how good the answerer is on held-out pictures, if there are any."""
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        judge = self._judge(answerer, self.asked.tune_epochs > 0)
        found = list(judge.best(split, part, range(len(part)), self.asked.longest))
        trained_on = set(data.splits["train"].digests) - {""}
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
            seen_in_training=sum(digest in trained_on for digest in part.digests),
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


def _told(part: QuestionedExamples, at: int) -> str:
    """Return what is asked about a picture in a few letters that change when it does."""
    return f"{zlib.crc32(repr([tuple(each) for each in part.questions[at]]).encode()):08x}"
