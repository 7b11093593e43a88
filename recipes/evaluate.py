"""Measure a classifier on labelled pictures: each class, calibration, the worst mistakes.

from recipes.evaluate import evaluate

result = evaluate("efficientnet-lite0", "photos/")  # photos/daisy/1.jpg, photos/tabby/2.jpg, …
print(result.report.top1, result.report.most_confused(3))
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from dltk.batch import predict
from dltk.data import Examples, LabelledData, read_data
from dltk.data.examples import SPLITS
from dltk.engine import Network, load_engine
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.images import Geometry
from dltk.metrics import measure
from dltk.models.labels import distinct_names, find_outputs
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._evaluation import Evaluation
from recipes.classify import find_models

_REPORT_EVERY_SECS = 10.0


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
    classes = distinct_names(source.labels)
    if not isinstance(data, LabelledData):
        data = read_data(data, report=report)
    if data.passed_over:
        name, why = data.passed_over[0]
        count = len(data.passed_over)
        report(f"{count} passed over in the data, such as {printable(name)}: {why}")
    split, chosen = _choose(data, split)
    examples = [(part, index) for part in chosen for index in range(len(part))]
    used, truth = np.unique(np.concatenate([part.labels for part in chosen]), return_inverse=True)
    wanted = [data.classes[label] for label in used]
    outputs = find_outputs(wanted, source.labels, where=data.where, model=source.name)
    truth = np.array(outputs, np.int64)[truth]
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
            f"{printable(source.name)} has {network.output_shape[0]} outputs "
            f"but {len(classes)} class names"
        )
    report(f"{printable(source.name)} on {network.running}, {len(examples)} pictures")
    probabilities, failed = _predict_all(examples, source.geometry, network, report)
    names = [part.names[index] for part, index in examples]
    read = [index for index in range(len(examples)) if index not in failed]
    if not read:
        why = next((f": {printable(names[i])}: {error}" for i, error in failed.items()), "")
        raise DltkError(f"{printable(data.where)}: no picture could be measured{why}")
    measured = [examples[index] for index in read]
    return Evaluation(
        model=source.entry.name if source.entry else os.fspath(model),
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


def _predict_all(
    examples: Sequence[tuple[Examples, int]], geometry: Geometry, network: Network, report: Report
) -> tuple[np.ndarray, dict[int, str]]:
    """Return float32 (N, K) of the pictures that can be read, and why each other one cannot."""
    probabilities = np.empty((len(examples), *network.output_shape), np.float32)
    count, failed = 0, {}

    def load(example: tuple[Examples, int]) -> np.ndarray:
        part, index = example
        return geometry.apply(part.decode(index, at_least=geometry.at_least))

    def run(loaded: list[np.ndarray]) -> Sequence[np.ndarray]:
        return network(np.stack(loaded)) if loaded else []

    outcomes = predict(
        examples, load, run, batch_size=network.batch_size, loaders=cores(), runners=network.workers
    )
    told = time.monotonic()
    with closing(outcomes):
        for index, (_, output, error) in enumerate(outcomes):
            if error is None:
                probabilities[count] = output
                count += 1
            else:
                failed[index] = error
            if time.monotonic() - told > _REPORT_EVERY_SECS:
                told = time.monotonic()
                report(f"measured {index + 1} of {len(examples)}")
    return probabilities[:count], failed


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
