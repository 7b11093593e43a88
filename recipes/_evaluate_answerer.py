"""Measure an answerer on pictures with questions, run as `recipes.caption` runs it."""

from __future__ import annotations

import os
from contextlib import closing

from dltk.batch import predict
from dltk.data.examples import (
    CaptionData,
    LabelledData,
    MaskData,
    ObjectData,
    QuestionData,
    QuestionedExamples,
)
from dltk.data.questions import holds_questions, read_questions
from dltk.errors import DltkError, UsageError, printable
from dltk.metrics.answers import measure_answers
from dltk.models.find import ModelSource
from dltk.strategy import cores
from dltk.weights import Report
from recipes._answer_evaluation import AnswerEvaluation
from recipes._answer_results import Answer
from recipes._answerers import load_answerer
from recipes._measuring import choose_split, seen_in_training, tell_left_out, told


def evaluate_answerer(
    source: ModelSource,
    data: str | os.PathLike | QuestionData,
    *,
    name: str,
    split: str,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> AnswerEvaluation:
    """Measure an answerer on pictures with questions; what `evaluate` does for one.

    Questions with answers that it does not know count as others do.

    Args:
        source: of the answerer.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    if engine == "litert":
        raise UsageError("answerers run on the keras engine; leave --engine out")
    data = _read(source, data, report)
    split, chosen = choose_split(data, split)
    examples = [(part, index) for part in chosen for index in range(len(part))]
    answerer = load_answerer(
        source,
        batch_size=batch_size,
        devices=devices,
        strategy=strategy,
        precision=precision,
        pictures=len(examples),
        report=report,
    )
    found, failed = _answered(examples, answerer, report)
    names = [part.names[index] for part, index in examples]
    if not found:
        why = next((f": {printable(names[i])}: {why}" for i, why in failed.items()), "")
        raise DltkError(f"{printable(data.where)}: no picture could be measured{why}")
    measured = [examples[index] for index in found]
    return AnswerEvaluation(
        model=name,
        data=data.where,
        split=split,
        report=measure_answers(
            [answer.text for answers in found.values() for answer in answers],
            [question for part, index in measured for question in part.questions[index]],
            pictures=len(measured),
        ),
        names=tuple(names[index] for index in found),
        answers=tuple(found.values()),
        failed=tuple((names[index], why) for index, why in failed.items()),
        seen_in_training=seen_in_training(source.path, measured, report),
        examples=measured,
    )


def _answered(
    examples: list[tuple[QuestionedExamples, int]], answerer, report: Report
) -> tuple[dict[int, tuple[Answer, ...]], dict[int, str]]:
    """Return the best answers about the pictures that can be read, and why each other one
    cannot."""
    answers, failed = {}, {}

    def load(example):
        part, index = example
        picture = part.decode(index, at_least=answerer.at_least)
        return answerer.load(picture, [question.text for question in part.questions[index]])

    outcomes = predict(
        examples,
        load,
        answerer,
        batch_size=answerer.batch_size,
        loaders=cores(),
        runners=answerer.workers,
    )
    with closing(outcomes):
        for index, (_, found, error) in enumerate(told(outcomes, len(examples), report)):
            if error is None:
                answers[index] = tuple(each.answers[0] for each in found)
            else:
                failed[index] = error
    return answers, failed


def _read(source: ModelSource, data, report: Report) -> QuestionData:
    """Return the pictures with questions at `data`. Raises UsageError where they have none."""
    answers = f"{printable(source.name)} answers questions about pictures"
    if isinstance(data, (LabelledData, ObjectData, MaskData, CaptionData)):
        raise UsageError(f"{answers}, but {printable(data.where)} has no questions")
    if not isinstance(data, QuestionData):
        try:
            data = read_questions(data, report=report)
        except UsageError as error:
            if os.path.exists(data) and not holds_questions(data):
                raise UsageError(f"{answers}, but {error}") from error
            raise
    tell_left_out(data, report)
    return data
