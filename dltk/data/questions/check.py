"""Look pictures with questions over before training on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from dltk.data.check_told import IN_ALL, ToldFindings, found_in
from dltk.data.datasets import QuestionData
from dltk.data.examples import Question
from dltk.data.look import some
from dltk.errors import printable
from dltk.text.answers import plain_answer

_LISTED = 50  # commonest answers
_SAME = 0.9  # share of the questions of a kind, from which on one answer is nearly always right
_LEAST = 20  # questions of a kind, to say so


@dataclass(frozen=True)
class Inquired:
    """What is asked about the pictures of a split, in numbers.

    Attributes:
        pictures, questions: how many there are.
        people: the median of how many answers a question has.
        distinct: answers, each question's most frequent one, without regard to capitals.
        unseen: how many questions have one that none of the split "train" has; 0 there.
    """

    pictures: int
    questions: int
    people: float
    distinct: int
    unseen: int


@dataclass(frozen=True)
class KindAsked:
    """The questions of one kind.

    Attributes:
        questions: how many there are by split, and of all together in "in all".
        answer: their commonest one, and so the best guess without a look at picture and question.
        share: of them all, for which that is right.
    """

    questions: dict[str, int]
    answer: str
    share: float


@dataclass(frozen=True, kw_only=True)
class QuestionFindings(ToldFindings):
    """What was found in a data set of pictures with questions.

    Attributes:
        asked: what is asked, by split, and of all together in "in all".
        kinds: the same by kind, the most frequent first; "" where it is not known.
        answers: (answer, questions) of the commonest, the most frequent first.
    """

    asked: dict[str, Inquired]
    kinds: dict[str, KindAsked] = field(default_factory=dict)
    answers: tuple[tuple[str, int], ...] = ()

    def _pictures(self) -> int:
        return self.asked[IN_ALL].pictures

    def _doubts(self) -> Iterable[str]:
        same = [
            f'{printable(kind) or "(not told)"} "{printable(found.answer)}" ({found.share:.0%})'
            for kind, found in self.kinds.items()
            if found.share >= _SAME and found.questions[IN_ALL] >= _LEAST
        ]
        if same:
            yield f"kinds nearly always answered the same: {some(same)}"
        unseen = [
            f"{split} {found.unseen} of {found.questions}"
            for split, found in self.asked.items()
            if found.unseen and split != IN_ALL
        ]
        if unseen:
            yield f"questions with an answer that train has not: {', '.join(unseen)}"


def check_questions(data: QuestionData, *, decode: bool, threads: int) -> QuestionFindings:
    """Return what is found in `data`, divided or not. Its questions were looked at in reading.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    asked = {
        split: [question for of_picture in examples.questions for question in of_picture]
        for split, examples in data.splits.items()
    }
    every = [question for of_split in asked.values() for question in of_split]
    trained = {_answer(question) for question in asked.get("train", ())} or None
    inquired = {
        split: _inquired(len(examples), asked[split], trained)
        for split, examples in data.splits.items()
    }
    return QuestionFindings(
        asked=inquired | {IN_ALL: _inquired(len(data), every, trained)},
        kinds=_kinds(asked | {IN_ALL: every}),
        answers=tuple(Counter(map(_answer, every)).most_common(_LISTED)),
        **found_in(data, decode=decode, threads=threads),
    )


def _inquired(pictures: int, asked: list[Question], trained: set[str] | None) -> Inquired:
    answers = [_answer(question) for question in asked]
    return Inquired(
        pictures=pictures,
        questions=len(asked),
        people=float(median([len(question.answers) for question in asked] or [0])),
        distinct=len(set(answers)),
        unseen=sum(answer not in trained for answer in answers) if trained else 0,
    )


def _kinds(asked: dict[str, list[Question]]) -> dict[str, KindAsked]:
    counts = {split: Counter(q.kind for q in questions) for split, questions in asked.items()}
    kinds = {}
    for kind, number in counts[IN_ALL].most_common():
        answers = Counter(_answer(question) for question in asked[IN_ALL] if question.kind == kind)
        answer, right = answers.most_common(1)[0]
        of_split = {split: counts[split][kind] for split in asked}
        kinds[kind] = KindAsked(of_split, answer, right / number)
    return kinds


def _answer(question: Question) -> str:
    """Return the most frequent answer in plain form, the first one of several."""
    return Counter(map(plain_answer, question.answers)).most_common(1)[0][0]
