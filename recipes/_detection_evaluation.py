"""How good a detector was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from dltk import __version__
from dltk.batch import write_csv
from dltk.data.examples import AnnotatedExamples
from dltk.errors import InputError
from dltk.metrics import DetectionReport
from dltk.metrics.mistakes import IGNORED, OUTCOMES, RIGHT, Judgement, judge
from dltk.objects import Detections, Objects
from dltk.plots_detection import plot_boxes_sheet, plot_precision_recall
from recipes._evaluation import FORMAT, check_contents, check_place, write_record

LEAST_SCORE = 0.01  # from which what a detector finds is measured; COCO looks at unsure boxes too
_TASK = "detect"
_COLUMNS = ("path", "label", "score", "left", "top", "right", "bottom", "outcome", "true_label")
_SHOWN = 12  # pictures on a sheet
_CONFUSED = 20  # pairs of classes in the record


@dataclass(frozen=True, eq=False)
class DetectionEvaluation:
    """How good a detector was on N pictures.

    Attributes:
        model: its name in the catalog, or the path of its file as it was given.
        data, split: where the pictures came from, and which of them: "train", "val", "test", "all".
        report: the measures.
        classes: of the model, in the order of its labels; those of `truth` and `found`.
        names: of the pictures that were measured.
        truth: the objects in each.
        found: what the model found in each, unsure answers too; see `LEAST_SCORE`.
        failed: (name, why) of pictures that could not be read and do not count.
        seen_in_training: how many of the N the model was trained on, by their content; None where
            no `split.csv` beside the model tells.
        examples: the data and the place in it of each picture.
    """

    model: str
    data: str
    split: str
    report: DetectionReport
    classes: tuple[str, ...]
    names: tuple[str, ...]
    truth: tuple[Objects, ...]
    found: tuple[Detections, ...]
    failed: tuple[tuple[str, str], ...]
    seen_in_training: int | None
    examples: Sequence[tuple[AnnotatedExamples, int]] = field(repr=False)

    @cached_property
    def judgements(self) -> list[Judgement]:
        """What became of each picture's detections and objects."""
        return judge(self.truth, self.found)

    def mistakes(self, count: int) -> list[int]:
        """Return which pictures have mistakes at the report's score, those with the most first."""
        score = self.report.mistakes.score
        wrong = np.array(
            [
                np.count_nonzero(
                    (found.scores >= score) & ~np.isin(judged.outcomes, (RIGHT, IGNORED))
                )
                + np.count_nonzero(judged.missed(score))
                for found, judged in zip(self.found, self.judgements, strict=True)
            ]
        )
        order = np.argsort(-wrong, kind="stable")[:count]
        return order[wrong[order] > 0].tolist()

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        pairs = self.report.most_confused(_CONFUSED)
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
            "most_confused": [{"true": t, "predicted": p, "count": n} for t, p, n in pairs],
            "failed": [{"path": name, "error": why} for name, why in self.failed],
        }

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures, curves, the worst pictures and all detections to `folder`.

        The files are evaluation.json, precision_recall.png, mistakes.png (unless there are none)
        and detections.csv. The last has a row for every detection, with its outcome (see
        `dltk.metrics.mistakes.Judgement`) and the class of the object that this is about; and one,
        without a score, for every object that none of them finds. Files of an earlier
        evaluation are replaced.

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
        write_csv(folder / "detections.csv", _COLUMNS, self._rows())
        plot_precision_recall(self.report, folder / "precision_recall.png")
        self._save_mistakes(folder / "mistakes.png")

    def _rows(self) -> Iterator[dict]:
        for picture, name in enumerate(self.names):
            truth, found = self.truth[picture], self.found[picture]
            judged = self.judgements[picture]
            for at, box in enumerate(found.boxes):
                label, about = found.labels[at], judged.objects[at]
                values = [self.classes[label], f"{found.scores[at]:.6f}", *_corners(box)]
                true = self.classes[truth.labels[about]] if about >= 0 else ""
                values += [OUTCOMES[judged.outcomes[at]], true]
                yield dict(zip(_COLUMNS, (name, *values), strict=True))
            for at in np.flatnonzero(judged.missed()):
                true = self.classes[truth.labels[at]]
                values = [name, "", "", *_corners(truth.boxes[at]), "missed", true]
                yield dict(zip(_COLUMNS, values, strict=True))

    def _save_mistakes(self, path: Path) -> None:
        chosen, pictures = [], []
        for index in self.mistakes(_SHOWN):
            examples, place = self.examples[index]
            with suppress(InputError):  # gone since it was measured
                pictures.append(examples.decode(place))
                chosen.append(index)
        if not pictures:
            path.unlink(missing_ok=True)  # of an earlier evaluation
            return
        plot_boxes_sheet(
            pictures,
            [self.truth[index] for index in chosen],
            [self.found[index] for index in chosen],
            self.classes,
            path,
            names=[self.names[index] for index in chosen],
            score=self.report.mistakes.score,
        )


def _corners(box: np.ndarray) -> list[str]:
    return [f"{value:.2f}" for value in box]
