"""What a finished training leaves in its run folder to be read: curves and a report."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from dltk.errors import printable
from dltk.metrics import ClassificationReport
from dltk.plots import plot_curves
from dltk.training.report import FLATTERED, pictures_in, sections, table_cell, write_report
from dltk.training.run import MODEL_FILE, RunFolder

_PICTURES = {
    "curves.png": "Curves: loss, accuracy and learning rate, epoch by epoch",
    "folds.png": "Cross-validation",
    "confusion.png": "Confusion matrix",
    "calibration.png": "Calibration: how sure it was, and how often right",
    "mistakes.png": "The worst mistakes",
    "templates.png": "The weights of each pixel for each class",
}
_LISTED = 20
_SCORES = "val_miou", "val_accuracy", "val_map", "val_ar"  # by which epochs are chosen
_NOT_SHOWN = ("epoch", "seconds")


def draw_curves(run: RunFolder, kept: Mapping[str, int] | None = None) -> None:
    """Draw the history of all stages of a run to curves.png.

    Args:
        kept: of stages one after the other, of which each goes on from the best epoch of the one
            before, the number of that epoch, 0 for the beginning; None to find it by the scores.
    """
    if not run.chief or not any(run.rows.values()):
        return
    rows = [row for stage in run.rows.values() for row in stage]
    names = dict.fromkeys(name for row in rows for name in row if name not in _NOT_SHOWN)
    history = {name: [row.get(name) for row in rows] for name in names}
    stages, first = [], 0
    for name, stage in run.rows.items():
        stages.append((name, first))
        first += len(stage)
    if kept is None:
        best = _kept(rows, stages)
    else:
        places = [first + kept[name] - 1 for name, first in stages if kept.get(name)]
        best = places[-1] if places else None
    plot_curves(history, run.path / "curves.png", stages=stages, best=best)


def _kept(rows: list[dict], stages: list[tuple[str, int]]) -> int | None:
    """Return the place of the epoch whose weights the last network kept.

    Its stages have names of the same beginning; each goes on from the best of the one before.
    """
    score = next((name for name in _SCORES if name in rows[-1]), None)
    if score is None:
        return None
    network = stages[-1][0].rpartition("-")[0]
    first = next(first for name, first in stages if name.rpartition("-")[0] == network)
    own = range(first, len(rows))
    return max(own, key=lambda place: (rows[place][score], -rows[place].get("val_loss", 0)))


def write_outcome(
    run: RunFolder,
    *,
    measured: ClassificationReport | None,
    split: str | None,
    pictures: dict[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        measured: on the pictures of `split`, or None without held-out pictures.
        pictures: how many there are in each split.
        chosen: what was found by search.
        passed_over: (name, why) of files that took no part.
    """
    draw_curves(run)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(run.options['data'])} ({counts}), "
        f"backbone {printable(run.options['backbone'])}, head {run.options['head']}.",
        "",
        f"Use it: `dltk classify PICTURES -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    note = FLATTERED if split == "val" and run.rows else None
    lines += (
        measured_lines(measured, split, note) if measured else ["No pictures were held out.", ""]
    )
    lines += sections(
        {"Found on the way": chosen.items(), f"Left out: {len(passed_over)}": passed_over}
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def measured_lines(
    report: ClassificationReport, split: str, note: str | None, *, noun: str = "picture"
) -> list[str]:
    """Return a section on how good a classifier is.

    Args:
        split: that it was measured on.
        note: what else to say of the figures.
        noun: what was classified.
    """
    top5 = f"top-5 {report.top5:.1%}, " if report.outputs > 5 else ""  # else it says nothing
    lines = [
        f"## Measured on {report.examples} {noun}s of the {split} split",
        "",
        f"Top-1 accuracy **{report.top1:.1%}**, {top5}macro F1 {report.macro_f1:.3f}, log loss "
        f"{report.loss:.3f}, calibration error {report.ece:.3f}.",
        "",
    ]
    if note:
        lines += [note, ""]
    lines += [f"| class | precision | recall | F1 | {noun}s |", "|---|---|---|---|---|"]
    for name, row in report.per_class().items():
        numbers = " | ".join(f"{row[key]:.3f}" for key in ("precision", "recall", "f1"))
        lines.append(f"| {table_cell(name)} | {numbers} | {row['support']} |")
    pairs = report.most_confused(_LISTED)
    if pairs:
        lines += ["", "Most confused:", ""]
        lines += [f"- {printable(t)} taken for {printable(p)}: {n}" for t, p, n in pairs]
    return [*lines, ""]
