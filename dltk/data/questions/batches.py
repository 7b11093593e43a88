"""Batches of pictures with questions and answers, as an answerer learns from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.data.examples import Question
from dltk.data.pipeline import SAMPLE, Stream, random_of
from dltk.text.tokens import tokens
from dltk.text.vocabulary import PADDING, UNKNOWN, Vocabulary

MOST_QUESTIONS = 10
"""Questions about a picture that are learnt from in one step; of more, chance takes some."""


@dataclass(frozen=True)
class Asked:
    """A question as numbers.

    Attributes:
        words: int32 (T,), of its words.
        answers: int64 (A,), of those of its answers that are known, perhaps none.
        right: float32 (A,), how right each is, 0-1.
    """

    words: np.ndarray
    answers: np.ndarray
    right: np.ndarray


def question_words(text: str, vocabulary: Vocabulary, longest: int | None = None) -> np.ndarray:
    """Return the words of a question as numbers, int32 (T,), cut to `longest`.

    Words that are not known are left out: where all words of the training are known, nothing would
    have been learnt of what stands for others. A question without any is UNKNOWN alone.
    """
    known = [word for word in tokens(text)[:longest] if word in vocabulary]
    return np.array(vocabulary.encode(known) or [UNKNOWN], np.int32)


def asked(
    question: Question,
    vocabulary: Vocabulary,
    answers: dict[str, int],
    right: Callable[[Sequence[str]], dict[str, float]],
    longest: int,
) -> Asked:
    """Return a question as numbers.

    Args:
        vocabulary: of the words of questions.
        answers: their numbers.
        right: from what people answer to how right each answer is.
        longest: words of a question; what is behind is cut off.
    """
    shares = {answers[a]: share for a, share in right(question.answers).items() if a in answers}
    return Asked(
        question_words(question.text, vocabulary, longest),
        np.array(list(shares), np.int64),
        np.array(list(shares.values()), np.float32),
    )


def padded(questions: Sequence[Sequence[np.ndarray]], shape: tuple[int, int]) -> np.ndarray:
    """Return questions about pictures, int32 (B, Q, T), with PADDING for what is not there.

    Args:
        questions: the words of each question about each picture.
        shape: (Q, T), or more than is needed.
    """
    words = np.full((len(questions), *shape), PADDING, np.int32)
    for place, rows in enumerate(questions):
        for row, numbers in enumerate(rows):
            words[place, row, : len(numbers)] = numbers
    return words


class QuestionBatches(Stream):
    """Batches of pictures with as many questions each.

    A step gives what `load` makes of the pictures, by name, `words` int32 (B, Q, T) and `truth`
    float32 (B, Q, V), how right each answer is; and {name of a loss: float32 (B,)}, zeros for
    losses to be compared with.

    Args:
        load: from indices of pictures int64 (n,) and an epoch to arrays (n, ...) by name.
        questions: about each picture, one or more.
        answers: V.
        words, truth: names among the inputs.
        losses: names of what the network gives.
        batch_size, seed, names: see `Stream`.
    """

    def __init__(
        self,
        load: Callable[[np.ndarray, int], dict[str, np.ndarray]],
        questions: Sequence[Sequence[Asked]],
        *,
        answers: int,
        words: str,
        truth: str,
        losses: Sequence[str],
        batch_size: int,
        seed: int = 0,
        names: Sequence[str] = (),
    ):
        super().__init__(len(questions), batch_size=batch_size, seed=seed, names=names)
        self._load, self._questions, self._answers = load, questions, answers
        self._words, self._truth, self._losses = words, truth, tuple(losses)
        self._rows = min(MOST_QUESTIONS, max(map(len, questions)))
        self._longest = max(len(each.words) for rows in questions for each in rows)

    def share(self, step: int, replica: int, replicas: int) -> tuple[dict, dict]:
        """Return what one replica sees of a step: inputs and the zeros."""
        size, epoch = self.batch_size // replicas, step // self.steps_per_epoch
        mine = self.indices(step)[replica * size : (replica + 1) * size]
        picked = [self._picked(int(index), epoch) for index in mine]
        words = [[each.words for each in rows] for rows in picked]
        truth = np.zeros((size, self._rows, self._answers), np.float32)
        for place, rows in enumerate(picked):
            for row, each in enumerate(rows):
                truth[place, row, each.answers] = each.right
        inputs = self._load(mine, epoch) | {
            self._words: padded(words, (self._rows, self._longest)),
            self._truth: truth,
        }
        return inputs, {name: np.zeros(size, np.float32) for name in self._losses}

    def _picked(self, index: int, epoch: int) -> Sequence[Asked]:
        rows = self._questions[index]
        if len(rows) <= self._rows:
            return rows
        chosen = random_of(self._seed, SAMPLE, epoch, index).permutation(len(rows))
        return [rows[at] for at in chosen[: self._rows]]
