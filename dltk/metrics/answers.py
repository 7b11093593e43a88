"""How good answers to questions about pictures are, by what people answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.data.examples import Question
from dltk.text.answers import plain_answer

_ENOUGH = 3  # people who agree make an answer wholly right


def vqa_accuracy(answer: str, given: Sequence[str]) -> float:
    """Return how right an answer is, 0-1.

    Antol et al. 2015, "VQA: Visual Question Answering", Sec. 3, "Answers",
    https://arxiv.org/abs/1505.00468: min(matches / 3, 1), and as their evaluation has it, the mean
    of that over all sets of people but one. Of fewer than three others, all make it wholly right;
    one person alone is agreed with or not.

    Args:
        given: what people answer, one or more; compared in plain form, see
            `dltk.text.answers.plain_answer`.
    """
    wanted, others = plain_answer(answer), len(given) - 1
    matches = sum(plain_answer(each) == wanted for each in given)
    if not others:
        return float(matches)
    enough = min(_ENOUGH, others)
    agreed, not_agreed = min((matches - 1) / enough, 1), min(matches / enough, 1)
    return (matches * agreed + (len(given) - matches) * not_agreed) / len(given)


def right_answers(given: Sequence[str]) -> dict[str, float]:
    """Return how right each answer is that people give, by its plain form; see `vqa_accuracy`."""
    return {answer: vqa_accuracy(answer, given) for answer in set(map(plain_answer, given))}


@dataclass(frozen=True, eq=False)
class Share:
    """How good answers to some of the questions are.

    Attributes:
        questions: how many.
        accuracy: the mean of `vqa_accuracy`, 0-1.
        commonest: the accuracy of always giving the answer that fits most of them.
        answer: which that is.
    """

    questions: int
    accuracy: float
    commonest: float
    answer: str

    def to_dict(self) -> dict:
        """Return the fields, ready for JSON."""
        return vars(self) | {name: round(vars(self)[name], 6) for name in ("accuracy", "commonest")}


@dataclass(frozen=True, eq=False)
class AnswerReport:
    """How good answers to N questions are.

    Attributes:
        pictures: about how many pictures they are.
        each: float64 (N,), the accuracy of every answer.
        kinds: the same by kind of question, in the order of the alphabet.
    """

    pictures: int
    each: np.ndarray
    kinds: Mapping[str, Share]

    @property
    def questions(self) -> int:
        """How many questions."""
        return len(self.each)

    @property
    def accuracy(self) -> float:
        """The mean accuracy of all answers, 0-1."""
        return float(self.each.mean())

    @property
    def commonest(self) -> float:
        """The accuracy of giving the commonest answer to each kind of question, 0-1."""
        return sum(kind.questions * kind.commonest for kind in self.kinds.values()) / self.questions

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        return {
            "pictures": self.pictures,
            "questions": self.questions,
            "accuracy": round(self.accuracy, 6),
            "commonest": round(self.commonest, 6),
            "kinds": {name: kind.to_dict() for name, kind in self.kinds.items()},
        }


def measure_answers(
    answers: Sequence[str], questions: Sequence[Question], *, pictures: int
) -> AnswerReport:
    """Return how good answers are.

    Args:
        answers: to each of the questions, one or more.
        pictures: about how many pictures they are.
    """
    each = np.array([vqa_accuracy(a, q.answers) for a, q in zip(answers, questions, strict=True)])
    places = defaultdict(list)
    for at, question in enumerate(questions):
        places[question.kind].append(at)
    kinds = {}
    for kind in sorted(places):
        answer, commonest = _commonest([questions[at] for at in places[kind]])
        count = len(places[kind])
        kinds[kind] = Share(count, float(each[places[kind]].mean()), commonest, answer)
    return AnswerReport(pictures, each, kinds)


def _commonest(questions: Sequence[Question]) -> tuple[str, float]:
    """Return the answer that is right for most of some questions, and its mean accuracy."""
    totals: Counter[str] = Counter()
    for question in questions:
        totals.update(right_answers(question.answers))
    answer = min(totals, key=lambda each: (-totals[each], each))
    return answer, totals[answer] / len(questions)
