"""A sheet of pictures with what is asked about them, and answered."""

from __future__ import annotations

from collections import Counter

from PIL import Image

from dltk.data.captions.show import told_sheet
from dltk.data.datasets import QuestionData
from dltk.data.examples import Question, QuestionedExamples

_SHOWN = 9  # questions about one picture
_ANSWERS = 3  # of one question


def question_sheet(
    data: QuestionData, *, count: int = 24, size: int = 320, seed: int = 0
) -> Image.Image:
    """Return a sheet of pictures with questions and answers below, drawn at random from all splits.

    Of different answers the most frequent ones are shown, and of how many people each is. The rest
    is as in `dltk.data.captions.show.caption_sheet`, which raises the same.

    Args:
        count: pictures to show.
        size: pixels of a picture's longer side.
        seed: for the choice of the pictures.
    """
    return told_sheet(data, _texts, _SHOWN, count=count, size=size, seed=seed)


def _texts(examples: QuestionedExamples, index: int) -> list[str]:
    return [f"{question.text} {_answers(question)}" for question in examples.questions[index]]


def _answers(question: Question) -> str:
    counts = Counter(question.answers).most_common()
    if len(counts) == 1:
        return counts[0][0]
    shown = ", ".join(f"{answer} ({count})" for answer, count in counts[:_ANSWERS])
    return f"{shown}, …" if counts[_ANSWERS:] else shown
