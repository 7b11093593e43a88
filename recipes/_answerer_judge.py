"""What an answerer answers while it is trained: asked after every epoch, measured, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from dltk.batch import batched
from dltk.data.examples import QuestionedExamples
from dltk.data.questions.batches import padded, question_words
from dltk.drawing_captions import in_columns, with_texts
from dltk.engine.answers import SCORES, AnswerNetwork
from dltk.errors import InputError, printable
from dltk.files import whole
from dltk.images import encode
from dltk.metrics.answers import measure_answers, vqa_accuracy
from dltk.models.answerer.network import WORDS
from dltk.text.vocabulary import Vocabulary
from recipes._answer_results import Answer
from recipes._sights import Load

_JUDGED = 500  # pictures about which questions are asked after every epoch
_AT_ONCE = 32
_SHOWN, _ACROSS = 8, 4  # pictures on a sheet of an epoch
_EDGE = 320  # pixels of each

Answered = list[list[Answer]]
"""The best answer to every question about each of some pictures."""


class Judge:
    """Asks an answerer, with one compiled graph for all epochs of a stage.

    Args:
        answerer: which is trained, and computes in one precision while this lives.
        vocabulary: the words of questions that it knows.
        answers: that it knows.
        strategy: under which it was built.
        loads: of the pictures of each split.
    """

    def __init__(
        self,
        answerer: keras.Model,
        vocabulary: Vocabulary,
        answers: Sequence[str],
        strategy,
        loads: Mapping[str, Load],
    ):
        self._vocabulary, self._answers, self._loads = vocabulary, answers, loads
        self._network = AnswerNetwork(answerer, strategy, _AT_ONCE)

    def best(
        self, split: str, part: QuestionedExamples, chosen: Sequence[int], longest: int
    ) -> Iterator[list[Answer]]:
        """Yield the best answers to all questions about some pictures of a split.

        Args:
            longest: words of a question.
        """
        asked = [
            [question_words(each.text, self._vocabulary, longest) for each in part.questions[at]]
            for at in chosen
        ]
        # One shape for all batches, and so one graph.
        shape = max(map(len, asked)), max(len(words) for rows in asked for words in rows)
        for places in batched(range(len(asked)), _AT_ONCE):
            indices = np.array([chosen[at] for at in places])
            words = padded([asked[at] for at in places], shape)
            found = self._network(self._loads[split](indices, 0) | {WORDS: words})[SCORES]
            for at, scores in zip(places, found, strict=True):
                yield [self._best_of(each) for each in scores[: len(asked[at])]]

    def _best_of(self, scores: np.ndarray) -> Answer:
        best = int(scores.argmax())
        return Answer(self._answers[best], float(scores[best]))

    def measure(
        self,
        part: QuestionedExamples,
        longest: int,
        keep: Callable[[Sequence[int], Answered], None],
    ) -> dict[str, float]:
        """Ask about validation pictures, and return how good the answers are.

        Args:
            part: the split "val".
            longest: words of a question.
            keep: called with indices of the pictures, and what was answered.
        """
        chosen = np.unique(np.linspace(0, len(part) - 1, min(_JUDGED, len(part))).astype(int))
        chosen = chosen.tolist()
        found = list(self.best("val", part, chosen, longest))
        keep(chosen, found)
        questions = [question for at in chosen for question in part.questions[at]]
        texts = [answer.text for answers in found for answer in answers]
        report = measure_answers(texts, questions, pictures=len(chosen))
        return {"val_accuracy": report.accuracy}


def keep_samples(
    path: Path, part: QuestionedExamples, chosen: Sequence[int], found: Answered
) -> None:
    """Write what was answered in an epoch, and what is right, and the first few pictures with that.

    Args:
        path: of a .txt; the pictures go beside it, as PNG.
        chosen: indices of the pictures.
        found: the answers to the questions about each.
    Raises:
        DltkError: they cannot be written.
    """
    lines, tiles = [], []
    for at, answers in zip(chosen, found, strict=True):
        told = list(zip(part.questions[at], answers, strict=True))
        for question, answer in told:
            right = " | ".join(question.answers)
            cells = part.names[at], question.text, answer.text, right
            lines.append("\t".join(map(printable, cells)) + "\n")
        if len(tiles) < _SHOWN:
            with suppress(InputError):  # gone since it was looked at
                texts = [told_of(question, answer) for question, answer in told]
                tiles.append(with_texts(part.decode(at), texts, width=_EDGE))
    with whole(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")
    if tiles:
        encode(in_columns(tiles, _ACROSS), path.with_suffix(".png"))


def told_of(question, answer: Answer) -> str:
    """Return a question with its answer, and if that is wrong with what is right, as one line."""
    told = f"{question.text} {answer.text}"
    if vqa_accuracy(answer.text, question.answers) >= 1:
        return told
    return f"{told} ({', '.join(dict.fromkeys(question.answers))})"
