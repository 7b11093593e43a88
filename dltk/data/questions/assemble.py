"""What every reader of questions ends with: texts are put right, and become data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

from dltk.data.captions.clean import Fault, cleaned
from dltk.data.datasets import QuestionData
from dltk.data.examples import Question, QuestionedExamples
from dltk.data.objects.json_files import shown
from dltk.data.questions.questioned import Asked, GatheredQuestions, Questioned


def assemble(found: GatheredQuestions, root: Path) -> QuestionData:
    """Return the data that a reader has gathered: one question or more about each picture.

    Questions and answers are put on one line, and what is no text, or has no words, is left out; so
    is a question without an answer. Numbers become text. Each change is a line in `repairs`.
    Pictures about which nothing is asked are passed over, those that lie beside the others too.
    Pictures are not looked at: those that cannot be read are found by
    `dltk.data.questions.check_questions`, and where they are used.

    Pictures that are all of "train" are undivided, as a data set that knows no other split is.

    Args:
        root: of the data, to which names are relative.
    Raises:
        UsageError: there is not one question that can be used.
    """
    found.pass_over_beside(found.pictures, root)
    splits = found.in_splits(found.usable(partial(_usable, found)), QuestionedExamples)
    rest = map(tuple, (found.passed_over, found.repairs, found.damaged))
    return QuestionData(found.where, splits, *rest)


def _usable(found: GatheredQuestions, picture: Questioned) -> tuple[Question, ...]:
    """Return the questions about a picture, those of one key taken together."""
    merged: dict[str, tuple[str, Asked]] = {}
    for where, asked in picture.told:
        first = merged.setdefault(asked.key, (where, asked))[1]
        if first is not asked:
            first.answers += asked.answers
            first.kind = first.kind or asked.kind
    questions = []
    for where, asked in merged.values():
        place = f"{picture.file}, {where}"
        text, faults = _cleaned(asked.text, "question")
        _note(found, picture, place, faults)
        if text is None:
            continue
        if answers := tuple(_answers(found, picture, asked)):
            questions.append(Question(text, answers, _kind(found, picture, place, asked.kind)))
        else:
            _note(found, picture, place, [("a question without answers", shown(text), "left out")])
    return tuple(questions)


def _kind(found: GatheredQuestions, picture: Questioned, where: str, kind: object) -> str:
    if kind is None or isinstance(kind, str):
        return " ".join((kind or "").split())
    _note(found, picture, where, [("a kind that is no text", shown(kind), "left out")])
    return ""


def _answers(found: GatheredQuestions, picture: Questioned, asked: Asked) -> Iterator[str]:
    for place, answers in asked.answers:
        for number, answer in enumerate(answers, 1):
            text, faults = _cleaned(answer, "answer")
            if faults:
                where = f"{place}, answer {number}" if len(answers) > 1 else place
                _note(found, picture, where, faults)
            if text is not None:
                yield text


def _note(found: GatheredQuestions, picture: Questioned, where: str, faults: list[Fault]) -> None:
    for kind, what, action in faults:
        found.repair(where, kind, ", ".join(filter(None, (what, f"of {picture.name}", action))))


def _cleaned(said: object, noun: str) -> tuple[str | None, list[Fault]]:
    """Return a text on one line, None if it cannot be used; and what is amiss with it."""
    if isinstance(said, str):
        return _cleaned_text(said, noun)
    if noun == "answer" and (text := _numeral(said)) is not None:
        return text, [("a number for an answer", text, "taken for text")]
    return cleaned(said, noun)


@lru_cache(1 << 16)  # of millions of answers nearly all are the same few
def _cleaned_text(said: str, noun: str) -> tuple[str | None, list[Fault]]:
    return cleaned(said, noun)


def _numeral(answer: object) -> str | None:
    """Return a number as text, None if it is none; those of counts have no point."""
    if isinstance(answer, float) and math.isfinite(answer):
        return str(int(answer) if answer.is_integer() else answer)
    return str(answer) if isinstance(answer, int) and not isinstance(answer, bool) else None
