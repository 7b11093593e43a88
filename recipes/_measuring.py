"""What measuring any model begins and ends with: which pictures, and which it was trained on."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from dltk.batch import predict
from dltk.data.datasets import (
    SPLITS,
    CaptionData,
    LabelledData,
    MaskData,
    ObjectData,
    PictureData,
    QuestionData,
    TextData,
)
from dltk.data.examples import Pictures
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.strategy import cores
from dltk.weights import Report

_REPORT_EVERY_SECS = 10.0
_HAVE = {
    LabelledData: "classes",
    ObjectData: "boxes",
    MaskData: "label maps",
    CaptionData: "captions",
    QuestionData: "questions",
    PictureData: "pictures",
    TextData: "texts",
}
_KINDS = tuple(_HAVE)

Outcome = TypeVar("Outcome")


def data_to_measure(data, kind: type, read: Callable, holds: Callable, does: str, report: Report):
    """Return the data to measure on.

    Args:
        data: what the user named, or data of `dltk.data.datasets`.
        kind: the class of data wanted.
        read: from what is named to such data.
        holds: whether what is named holds such data.
        does: what the model does, with its name.
    Raises:
        UsageError: it is data of another kind, or cannot be read.
    """
    if isinstance(data, _KINDS) and not isinstance(data, kind):
        raise UsageError(f"{does}, but {printable(data.where)} has no {_HAVE[kind]}")
    if not isinstance(data, kind):
        try:
            data = read(data, report=report)
        except UsageError as error:
            if os.path.exists(data) and not holds(data):
                raise UsageError(f"{does}, but {error}") from error
            raise
    tell_left_out(data, report)
    return data


def examples_of(parts: Iterable[Pictures]) -> list[tuple[Pictures, int]]:
    """Return all pictures of some splits, each by its split and the place in it."""
    return [(part, index) for part in parts for index in range(len(part))]


def found_in(
    examples: Sequence[tuple[Pictures, int]],
    load: Callable,
    run: Callable[[list], Iterable],
    network,
    report: Report,
) -> Iterator[tuple[int, Any, str | None]]:
    """Yield the place of each example, what a network gives for it, and why it could not be read.

    Args:
        load: from an example to what is given to the network; called on several threads.
        run: from a list of these, not empty, to what the network gives for each.
        network: has `batch_size` and `workers`.
    """
    outcomes = predict(
        examples,
        load,
        lambda loaded: run(loaded) if loaded else [],
        batch_size=network.batch_size,
        loaders=cores(),
        runners=network.workers,
    )
    told = progressing(outcomes, len(examples), "measured", report)
    with closing(outcomes):
        for index, (_, output, error) in enumerate(told):
            yield index, output, error


def none_measured(data, names: Sequence[str], failed: Mapping[int, str]) -> DltkError:
    """Return what to tell where no picture could be measured: why the first could not."""
    why = next((f": {printable(names[index])}: {why}" for index, why in failed.items()), "")
    return DltkError(f"{printable(data.where)}: no picture could be measured{why}")


def choose_split(data, split: str) -> tuple[str, list[Pictures]]:
    """Return the name of the split meant, and its pictures.

    Args:
        data: a `LabelledData`, `ObjectData` or `MaskData` of `dltk.data.datasets`.
        split: "train", "val", "test", "all", or "auto" for the test pictures if the data has such,
            else all.
    Raises:
        UsageError: there is no such split.
    """
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


def tell_left_out(data, report: Report) -> None:
    """Report how much of the data is no example, and the first of it."""
    if data.passed_over:
        name, why = data.passed_over[0]
        count = len(data.passed_over)
        report(f"{count} passed over in the data, such as {printable(name)}: {printable(why)}")


def progressing(
    outcomes: Iterable[Outcome],
    count: int,
    does: str,
    report: Report,
    *,
    every: float = _REPORT_EVERY_SECS,
) -> Iterator[Outcome]:
    """Yield `outcomes`, of which there are `count`; report now and then how far it is.

    Args:
        does: what is done with each, such as "measured".
        every: seconds between reports, at least.
    """
    last = time.monotonic()
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        if time.monotonic() - last > every:
            last = time.monotonic()
            report(f"{does} {done:,} of {count:,}")


def seen_in_training(
    model: Path | None, measured: Sequence[tuple[Pictures, int]], report: Report
) -> int | None:
    """Return how many pictures have the content of one that the model was trained on.

    Args:
        model: its file; None for one of the catalog.
        measured: the pictures, each by its data and the place in it.
    Returns:
        None where no split.csv beside the model tells what it was trained on.
    """
    trained = None if model is None else digests_trained_on(model, report)
    if trained is None:
        return None
    return sum(part.digests[index] in trained for part, index in measured)


def digests_trained_on(model: Path, report: Report) -> set[str] | None:
    """Return the digests of what a model was trained on; None where no split.csv tells."""
    path = model.with_name("split.csv")
    try:
        # Names of files need not be UTF-8.
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if not {"split", "digest"} <= set(rows.fieldnames or ()):  # another split.csv
                return None
            return {row["digest"] for row in rows if row["split"] == "train"} - {"", None}
    except FileNotFoundError:  # not in the folder of a run
        return None
    except (OSError, ValueError, csv.Error) as error:
        report(f"cannot read {printable(path)}: {reason(error)}; what was trained on is unknown")
        return None
