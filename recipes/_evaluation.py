"""How good a classifier was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from dltk import __version__
from dltk.batch import write_csv
from dltk.data import Examples
from dltk.errors import InputError, UsageError, printable
from dltk.files import whole
from dltk.metrics import ClassificationReport
from dltk.plots import plot_calibration, plot_confusion, plot_worst

FORMAT = "dltk.evaluate"
_RECORD = "evaluation.json"
_RUN_RECORD, _RUN_FORMAT = "config.json", "dltk run"  # see dltk.training.run
_COLUMNS = ("path", "label", "predicted", "score", "label_score")
_MISTAKES = 24  # pictures on a sheet
_CONFUSED = 20  # pairs of classes in the record
_MISTAKE_PIXELS = 320


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a classifier was on N pictures.

    Attributes:
        model: its name in the catalog, or the path of its file as it was given.
        data, split: where the pictures came from, and which of them: "train", "val", "test", "all".
        report: the measures.
        classes: of the model, in the order of its outputs.
        names: of the pictures that were measured.
        labels: int64 (N,), their classes.
        probabilities: float32 (N, K), what the model gave.
        failed: (name, why) of pictures that could not be read and do not count.
        seen_in_training: how many of the N the model was trained on, by their content; None where
            no `split.csv` beside the model tells.
        examples: the data and the place in it of each picture.
    """

    TASK: ClassVar[str] = "classify"
    NOUN: ClassVar[str] = "picture"

    model: str
    data: str
    split: str
    report: ClassificationReport
    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    failed: tuple[tuple[str, str], ...]
    seen_in_training: int | None
    examples: Sequence[tuple[Examples, int]] = field(repr=False)

    def mistakes(self, count: int) -> list[int]:
        """Return which pictures were taken for another class, the surest mistakes first."""
        predictions = self.probabilities.argmax(axis=1)
        wrong = np.flatnonzero(predictions != self.labels)
        sure = self.probabilities[wrong, predictions[wrong]]
        return wrong[np.argsort(-sure, kind="stable")][:count].tolist()

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        pairs = self.report.most_confused(_CONFUSED)
        return {
            "format": FORMAT,
            "version": 1,
            "task": self.TASK,
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
        """Write the measures, diagrams, the worst mistakes and all predictions to `folder`.

        The files are evaluation.json, confusion.png, calibration.png, mistakes.png (unless there
        are none) and predictions.csv. Those of an earlier evaluation are replaced.

        Raises:
            UsageError: the folder is none for it, see `check_place`, or holds other things; not
                with `overwrite`.
            DltkError: they cannot be written.
        """
        if not overwrite:
            check_place(folder, self.data)
            check_contents(folder, self.TASK)
        folder = Path(folder)
        write_record(folder, self.to_dict())
        write_csv(folder / "predictions.csv", _COLUMNS, self._rows())
        plot_confusion(self.report, folder / "confusion.png")
        plot_calibration(self.report, folder / "calibration.png")
        self._save_mistakes(folder)

    def _rows(self) -> Iterator[dict]:
        for name, label, scores in zip(self.names, self.labels, self.probabilities, strict=True):
            best = int(scores.argmax())
            values = self.classes[label], self.classes[best], scores[best], scores[label]
            texts = [value if isinstance(value, str) else f"{value:.6f}" for value in values]
            yield dict(zip(_COLUMNS, (name, *texts), strict=True))

    def _save_mistakes(self, folder: Path) -> None:
        pictures, captions, path = [], [], folder / "mistakes.png"
        for index in self.mistakes(_MISTAKES):
            examples, place = self.examples[index]
            with suppress(InputError):  # gone since it was measured
                pictures.append(examples.decode(place, at_least=_MISTAKE_PIXELS))
                best = int(self.probabilities[index].argmax())
                score = self.probabilities[index, best]
                said, true = self.classes[best], self.classes[self.labels[index]]
                captions.append(f"said {printable(said)} {score:.2f},\nis {printable(true)}")
        if pictures:
            plot_worst(pictures, captions, path)
        else:
            path.unlink(missing_ok=True)  # of an earlier evaluation


def write_record(folder: Path, fields: dict) -> None:
    """Write the measures to evaluation.json.

    Raises:
        DltkError: it cannot be written.
    """
    with whole(folder / _RECORD) as part:
        text = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False)
        # A name that is not UTF-8 becomes \udcXX, which JSON reads back as it was.
        part.write_text(text + "\n", "utf-8", "backslashreplace")


def check_place(folder: str | os.PathLike, data: str | os.PathLike) -> None:
    """Raise UsageError if no evaluation belongs in `folder`, whatever it holds.

    It must not lie in the folder `data`, where it would be taken for a class; nor be that of a
    training, which has an evaluation of its own.
    """
    folder = Path(folder)
    if os.path.isdir(data) and folder.resolve().is_relative_to(Path(data).resolve()):
        raise UsageError(
            f"{printable(folder)} lies in the data, {printable(data)}; choose another folder"
        )
    if _record_in(folder / _RUN_RECORD).get("format") == _RUN_FORMAT:
        raise UsageError(
            f"{printable(folder)} holds a training run with its own evaluation; "
            "choose another folder"
        )


def check_contents(folder: str | os.PathLike, task: str | None = None) -> None:
    """Raise UsageError unless `folder` is missing, empty, or holds an earlier evaluation.

    Args:
        task: of what it is to be an evaluation, such as "classify". Those of different tasks
            have different files, and would stand side by side. Without it, of either.
    """
    folder = Path(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    earlier = _record_in(folder / _RECORD)
    if earlier.get("format") != FORMAT:
        what = "files that are no evaluation"
    elif task and (other := earlier.get("task", "classify")) != task:
        what = f"the evaluation of a model to {printable(other)}"
    else:
        return
    raise UsageError(f"{printable(folder)} holds {what}; choose another folder, or --overwrite")


def _record_in(path: Path) -> dict:
    """Return what a JSON file says of itself; nothing if there is none, or it says nothing."""
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
