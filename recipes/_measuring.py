"""What measuring any model begins and ends with: which pictures, and which it was trained on."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dltk.data.examples import SPLITS, Pictures
from dltk.errors import UsageError, printable, reason
from dltk.weights import Report

_REPORT_EVERY_SECS = 10.0


def choose_split(data, split: str) -> tuple[str, list[Pictures]]:
    """Return the name of the split meant, and its pictures.

    Args:
        data: a `LabelledData`, `ObjectData` or `MaskData` of `dltk.data.examples`.
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


def told(outcomes: Iterable, count: int, report: Report) -> Iterator:
    """Yield `outcomes`, of which there are `count`; report now and then how far it is."""
    last = time.monotonic()
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        if time.monotonic() - last > _REPORT_EVERY_SECS:
            last = time.monotonic()
            report(f"measured {done} of {count}")


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
    if model is None:
        return None
    path = model.with_name("split.csv")
    try:
        # Names of files need not be UTF-8.
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
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
