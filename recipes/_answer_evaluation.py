"""How good an answerer was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dltk import __version__
from dltk.batch import write_csv
from dltk.data.examples import Question, QuestionedExamples
from dltk.drawing_captions import in_columns, with_texts
from dltk.errors import InputError
from dltk.images import encode
from dltk.metrics.answers import AnswerReport
from recipes._answer_results import Answer
from recipes._evaluation import FORMAT, check_contents, check_place, write_record

_TASK = "answer"
_COLUMNS = ("path", "kind", "accuracy", "question", "answer", "score", "answers")
_SHOWN, _ACROSS = 12, 4  # mistakes on a sheet
_EDGE = 320  # pixels of each


@dataclass(frozen=True, eq=False)
class AnswerEvaluation:
    """How good an answerer was on N pictures.

    Attributes:
        model: the path of its file as it was given.
        data, split: where the pictures came from, and which of them: "train", "val", "test", "all".
        report: the measures.
        names: of the pictures that were measured.
        answers: the best answer to each question about each of them.
        failed: (name, why) of pictures that could not be read and do not count.
        seen_in_training: how many of the N the model was trained on, by their content; None where
            no `split.csv` beside the model tells.
        examples: the data and the place in it of each picture.
    """

    model: str
    data: str
    split: str
    report: AnswerReport
    names: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]
    failed: tuple[tuple[str, str], ...]
    seen_in_training: int | None
    examples: Sequence[tuple[QuestionedExamples, int]] = field(repr=False)

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        return {
            "format": FORMAT,
            "version": 1,
            "task": _TASK,
            "dltk": __version__,
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "seen_in_training": self.seen_in_training,
            **self.report.to_dict(),
            "failed": [{"path": name, "error": why} for name, why in self.failed],
        }

    def mistakes(self, count: int) -> list[tuple[int, Question, Answer]]:
        """Return answers that are wrong altogether, those of which it was surest first: index of
        the picture, question and answer."""
        told = zip(self._told(), self.report.each, strict=True)
        wrong = [each for each, accuracy in told if not accuracy]
        return sorted(wrong, key=lambda each: -each[2].score)[:count]

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures, a table of all answers, and a sheet of mistakes to `folder`.

        The files are evaluation.json, answers.csv, and mistakes.png unless there are none. Those of
        an earlier evaluation are replaced.

        Raises:
            UsageError: the folder is none for it, see `check_place`, or holds other things; not
                with `overwrite`.
            DltkError: they cannot be written.
        """
        if not overwrite:
            check_place(folder, self.data)
            check_contents(folder, _TASK)
        folder = Path(folder)
        write_record(folder, self.to_dict())
        write_csv(folder / "answers.csv", _COLUMNS, self._rows())
        self._save_mistakes(folder / "mistakes.png")

    def _told(self) -> Iterator[tuple[int, Question, Answer]]:
        """Yield every question, with the index of its picture before and its answer behind it."""
        pairs = zip(self.examples, self.answers, strict=True)
        for at, ((part, place), answers) in enumerate(pairs):
            for question, answer in zip(part.questions[place], answers, strict=True):
                yield at, question, answer

    def _rows(self) -> Iterator[dict]:
        for (at, question, answer), accuracy in zip(self._told(), self.report.each, strict=True):
            values = (
                self.names[at],
                question.kind,
                f"{accuracy:.6f}",
                question.text,
                answer.text,
                f"{answer.score:.6f}",
                " | ".join(question.answers),
            )
            yield dict(zip(_COLUMNS, values, strict=True))

    def _save_mistakes(self, path: Path) -> None:
        tiles = []
        for at, question, answer in self.mistakes(_SHOWN):
            part, place = self.examples[at]
            with suppress(InputError):  # gone since it was measured
                right = ", ".join(dict.fromkeys(question.answers))
                texts = [question.text, f"said {answer.text} {answer.score:.2f}, is {right}"]
                tiles.append(with_texts(part.decode(place), texts, width=_EDGE))
        if tiles:
            encode(in_columns(tiles, _ACROSS), path)
        else:
            path.unlink(missing_ok=True)  # of an earlier evaluation
