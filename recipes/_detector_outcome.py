"""What a finished training of a detector leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import FLATTERED, pictures_in, sections, share, table_cell, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._detection_evaluation import DetectionEvaluation

_PICTURES = {
    "curves.png": "Curves: losses, mAP and learning rate, epoch by epoch",
    "precision_recall.png": "Precision and recall at IoU 0.5",
    "mistakes.png": "The worst pictures: true boxes and predicted ones",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: DetectionEvaluation | None,
    pictures: dict[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
    repairs: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: on held-out pictures, or None without any.
        pictures: how many there are in each split.
        chosen: what was found on the way.
        passed_over, repairs: (name, why) of files that took no part, and of boxes changed.
    """
    draw_curves(run)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    options = run.options
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): {options['preset']} on "
        f"{printable(options['backbone'])}, pictures of {options['size']} pixels.",
        "",
        f"Use it: `dltk detect PICTURES -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    if evaluation:
        lines += _measured(evaluation, chosen)
    else:
        lines += ["No pictures were held out.", ""]
    lines += sections(
        {
            "Found on the way": chosen.items(),
            f"Left out: {len(passed_over)}": passed_over,
            f"Mended or left out boxes: {len(repairs)}": repairs,
        }
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: DetectionEvaluation, chosen: dict) -> list[str]:
    report = evaluation.report
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"mAP@[.5:.95] **{share(report.map)}**, mAP@.5 {share(report.map50)}, "
        f"mAP@.75 {share(report.map75)}.",
        "",
    ]
    if evaluation.split == "val" and "best epoch" in chosen:
        lines += [FLATTERED, ""]
    lines += ["| class | AP | AP@.5 | objects |", "|---|---|---|---|"]
    lines += [
        f"| {table_cell(name)} | {share(row['ap'])} | {share(row['ap50'])} | {row['objects']} |"
        for name, row in report.per_class().items()
    ]
    return [*lines, ""]
