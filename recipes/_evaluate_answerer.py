"""Measure an answerer on pictures with questions, run as `recipes.caption` runs it."""

from __future__ import annotations

import os

from dltk.data.datasets import QuestionData
from dltk.data.examples import QuestionedExamples
from dltk.data.questions import holds_questions, read_questions
from dltk.errors import UsageError, printable
from dltk.metrics.answers import measure_answers
from dltk.models.find import ModelSource
from dltk.weights import Report
from recipes._answer_evaluation import AnswerEvaluation
from recipes._answer_results import Answer
from recipes._answerers import load_answerer
from recipes._measuring import (
    choose_split,
    data_to_measure,
    examples_of,
    found_in,
    none_measured,
    seen_in_training,
)


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
    does = f"{printable(source.name)} answers questions about pictures"
    data = data_to_measure(data, QuestionData, read_questions, holds_questions, does, report)
    split, chosen = choose_split(data, split)
    examples = examples_of(chosen)
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
        raise none_measured(data, names, failed)
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

    for index, found, error in found_in(examples, load, answerer, answerer, report):
        if error is None:
            answers[index] = tuple(each.answers[0] for each in found)
        else:
            failed[index] = error
    return answers, failed
