"""Measure a classifier on labelled pictures: each class, calibration, the worst mistakes.

from recipes.evaluate import evaluate

result = evaluate("efficientnet-lite0", "photos/")  # photos/daisy/1.jpg, photos/tabby/2.jpg, …
print(result.report.top1, result.report.most_confused(3))
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dltk import __version__
from dltk.batch import predict, write_csv
from dltk.data import Examples, LabelledData, read_data
from dltk.data.examples import SPLITS
from dltk.engine import Network, load_engine
from dltk.errors import DltkError, InputError, UsageError, nearest, printable, reason
from dltk.files import whole
from dltk.images import Geometry
from dltk.metrics import ClassificationReport, measure
from dltk.models.catalog import Label
from dltk.plots import plot_calibration, plot_confusion, plot_worst
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes.classify import find_models

_FORMAT = "dltk.evaluate"
_RECORD = "evaluation.json"
_COLUMNS = ("path", "label", "predicted", "score", "label_score")
_MISTAKES = 24  # pictures on a sheet
_CONFUSED = 20  # pairs of classes in the record
_MISTAKE_PIXELS = 320
_NAMED = 3  # unknown classes in a message
_REPORT_EVERY_SECS = 10.0


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a classifier was on N pictures.

    Attributes:
        model: its name, or that of its file.
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
            "format": _FORMAT,
            "version": 1,
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
            UsageError: the folder holds other things; not with `overwrite`.
            DltkError: they cannot be written.
        """
        if not overwrite:
            check_folder(folder)
        folder = Path(folder)
        with whole(folder / _RECORD) as part:
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
            # A name that is not UTF-8 becomes \udcXX, which JSON reads back as it was.
            part.write_text(text + "\n", "utf-8", "backslashreplace")
        write_csv(folder / "predictions.csv", _COLUMNS, self._rows())
        plot_confusion(self.report, folder / "confusion.png")
        plot_calibration(self.report, folder / "calibration.png")
        self._save_mistakes(folder / "mistakes.png")

    def _rows(self) -> Iterator[dict]:
        for name, label, scores in zip(self.names, self.labels, self.probabilities, strict=True):
            best = int(scores.argmax())
            values = self.classes[label], self.classes[best], scores[best], scores[label]
            texts = [value if isinstance(value, str) else f"{value:.6f}" for value in values]
            yield dict(zip(_COLUMNS, (name, *texts), strict=True))

    def _save_mistakes(self, path: Path) -> None:
        pictures, captions = [], []
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


def evaluate(
    model: str | os.PathLike,
    data: str | os.PathLike | LabelledData,
    *,
    split: str = "auto",
    labels: str | os.PathLike | None = None,
    pixel_range: str = "0..255",
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Evaluation:
    """Measure a classifier on labelled pictures.

    Args:
        model: a name in the catalog, or the path of a `.keras` file.
        data: see `dltk.data.read_data`. Its classes are found among the model's by name or id
            (WordNet's, for ImageNet), first as they are spelled, then whatever the case and with
            "_" and "-" for spaces. It need not have all classes of the model.
        split: "train", "val", "test", "all", or "auto" for the test pictures if the data has such,
            else all.
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, and now and then on the way.
    Raises:
        UsageError: a model that does not classify, classes that it does not know, no such split.
        DltkError: a model that cannot be loaded, or no picture that can be read.
        WeightsError: weights or data out of reach.
    """
    source = find_models(model, ensemble=False, labels=labels, pixel_range=pixel_range)[0]
    classes = _distinct_names(source.labels)
    if not isinstance(data, LabelledData):
        data = read_data(data, report=report)
    if data.passed_over:
        name, why = data.passed_over[0]
        count = len(data.passed_over)
        report(f"{count} passed over in the data, such as {printable(name)}: {why}")
    split, chosen = _choose(data, split)
    examples = [(part, index) for part in chosen for index in range(len(part))]
    truth = np.concatenate([part.labels for part in chosen])
    truth = _match(data, truth, source.labels, classes, source.name)[truth]
    network = load_engine(
        source,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        batch_size=batch_size,
        pictures=len(examples),
        report=report,
    )
    if network.output_shape != (len(classes),):
        raise UsageError(
            f"{source.name} has {network.output_shape[0]} outputs but {len(classes)} class names"
        )
    report(f"{source.name} on {network.running}, {len(examples)} pictures")
    probabilities, failed = _predict_all(examples, source.geometry, network, report)
    names = [part.names[index] for part, index in examples]
    read = [index for index in range(len(examples)) if index not in failed]
    if not read:
        why = next((f": {printable(names[i])}: {error}" for i, error in failed.items()), "")
        raise DltkError(f"{printable(data.where)}: no picture could be measured{why}")
    measured = [examples[index] for index in read]
    return Evaluation(
        model=source.name,
        data=data.where,
        split=split,
        report=measure(probabilities, truth[read], classes),
        classes=classes,
        names=tuple(names[index] for index in read),
        labels=truth[read],
        probabilities=probabilities,
        failed=tuple((names[index], error) for index, error in failed.items()),
        seen_in_training=_seen_in_training(source.path, measured, report),
        examples=measured,
    )


def check_folder(
    folder: str | os.PathLike, data: str | os.PathLike | LabelledData | None = None
) -> None:
    """Raise UsageError unless an evaluation may be written to `folder`.

    It must be missing, empty or hold an earlier evaluation; and it must not lie in the folder
    `data`, where it would be taken for a class.
    """
    folder = Path(folder)
    searched = isinstance(data, (str, os.PathLike)) and os.path.isdir(data)
    if searched and folder.resolve().is_relative_to(Path(data).resolve()):
        raise UsageError(
            f"{printable(folder)} lies in the data, {printable(data)}; choose another folder"
        )
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        ours = json.loads((folder / _RECORD).read_bytes())["format"] == _FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise UsageError(
            f"{printable(folder)} holds files that are no evaluation; choose another folder, "
            "or --overwrite"
        )


def _choose(data: LabelledData, split: str) -> tuple[str, list[Examples]]:
    """Return the name of the split meant, and its examples."""
    if split not in ("auto", "all", *SPLITS):
        raise UsageError(f'split "{split}" is not auto, all, {", ".join(SPLITS)}')
    if split == "auto":
        split = "test" if "test" in data.splits else "all"
    if split == "all":
        return split, list(data.splits.values())
    if split not in data.splits:
        has = f"it has {', '.join(data.splits)}" if data.divided else "it is not divided"
        raise UsageError(f"{printable(data.where)} has no split {split}: {has}; try --split all")
    return split, [data.splits[split]]


def _distinct_names(labels: Sequence[Label]) -> tuple[str, ...]:
    """Return the names of classes; those that several share with the number of the output."""
    often = Counter(label.name for label in labels)
    return tuple(
        label.name if often[label.name] == 1 else f"{label.name} (output {index})"
        for index, label in enumerate(labels)
    )


def _match(
    data: LabelledData, used: np.ndarray, labels: Sequence[Label], names: Sequence[str], model: str
) -> np.ndarray:
    """Return the model's output for each class of the data, int64; -1 for classes without examples.

    Raises:
        UsageError: classes that the model does not know, or two that are one to it.
    """
    exact = {label.id: index for index, label in enumerate(labels) if label.id}
    exact |= {name: index for index, name in enumerate(names)}
    spelled = Counter(map(_folded, exact))
    folded = {_folded(name): i for name, i in exact.items() if spelled[_folded(name)] == 1}
    outputs = np.full(len(data.classes), -1, np.int64)
    taken: dict[int, str] = {}
    unknown = []
    for index in np.unique(used):
        name = data.classes[index]
        output = exact.get(name, folded.get(_folded(name)))
        if output is None:
            unknown.append(f'"{printable(name)}".{nearest(name, names)}')
        elif output in taken:
            raise UsageError(
                f"{printable(data.where)}: the classes {printable(taken[output])} and "
                f"{printable(name)} are both {printable(names[output])} to {model}; make them one"
            )
        else:
            outputs[index], taken[output] = output, name
    if unknown:
        more = f" And {len(unknown) - _NAMED} more." if len(unknown) > _NAMED else ""
        raise UsageError(
            f"{printable(data.where)}: {model} has no class {' Nor '.join(unknown[:_NAMED])}{more} "
            "Classes of the data are named as the model's, or by their ids"
        )
    return outputs


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _predict_all(
    examples: Sequence[tuple[Examples, int]], geometry: Geometry, network: Network, report: Report
) -> tuple[np.ndarray, dict[int, str]]:
    """Return float32 (N, K) of the pictures that can be read, and why each other one cannot."""

    def load(example: tuple[Examples, int]) -> np.ndarray:
        part, index = example
        return geometry.apply(part.decode(index, at_least=geometry.at_least))

    def run(loaded: list[np.ndarray]) -> Sequence[np.ndarray]:
        return network(np.stack(loaded)) if loaded else []

    outcomes = predict(
        examples, load, run, batch_size=network.batch_size, loaders=cores(), runners=network.workers
    )
    rows, failed = [], {}
    told = time.monotonic()
    with closing(outcomes):
        for index, (_, output, error) in enumerate(outcomes):
            if error is None:
                rows.append(output)
            else:
                failed[index] = error
            if time.monotonic() - told > _REPORT_EVERY_SECS:
                told = time.monotonic()
                report(f"measured {index + 1} of {len(examples)}")
    return np.array(rows, np.float32).reshape(len(rows), *network.output_shape), failed


def _seen_in_training(
    model: Path | None, measured: Sequence[tuple[Examples, int]], report: Report
) -> int | None:
    """Return how many pictures have the content of one that the model was trained on."""
    if model is None:
        return None
    path = model.with_name("split.csv")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if not {"split", "digest"} <= set(rows.fieldnames or ()):  # another split.csv
                return None
            trained = {row["digest"] for row in rows if row["split"] == "train"}
    except FileNotFoundError:  # not in the folder of a run
        return None
    except (OSError, ValueError, csv.Error) as error:
        report(f"cannot read {printable(path)}: {reason(error)}; what was trained on is unknown")
        return None
    trained -= {"", None}
    return sum(part.digests[index] in trained for part, index in measured)
