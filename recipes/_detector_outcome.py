"""What a finished training of a detector leaves in its run folder to be read."""

from __future__ import annotations

import math
import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves, table_cell
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
    if chosen:
        lines += ["## Found on the way", "", *_listed(chosen.items()), ""]
    for title, entries in (("Left out", passed_over), ("Mended or left out boxes", repairs)):
        if entries:
            lines += [f"## {title}: {len(entries)}", "", *_listed(entries), ""]
    for name, title in _PICTURES.items():
        if (run.path / name).exists():
            lines += [f"## {title}", "", f"![{title}]({name})", ""]
    rates = sorted(path.name for path in run.path.glob("*-rate.png"))
    lines += [f"![Search for a learning rate]({name})" for name in rates]
    run.write_text("report.md", "\n".join(lines).rstrip() + "\n")


def _measured(evaluation: DetectionEvaluation, chosen: dict) -> list[str]:
    report = evaluation.report
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"mAP@[.5:.95] **{_share(report.map)}**, mAP@.5 {_share(report.map50)}, "
        f"mAP@.75 {_share(report.map75)}.",
        "",
    ]
    if evaluation.split == "val" and "best epoch" in chosen:
        lines += ["These pictures also chose the best epoch, so the figures flatter a little.", ""]
    lines += ["| class | AP | AP@.5 | objects |", "|---|---|---|---|"]
    lines += [
        f"| {table_cell(name)} | {_share(row['ap'])} | {_share(row['ap50'])} | {row['objects']} |"
        for name, row in report.per_class().items()
    ]
    return [*lines, ""]


def _share(value: float) -> str:
    """Return a share, or a dash where there is nothing to find."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def _listed(entries) -> list[str]:
    return [f"- {printable(name)}: {value}" for name, value in entries]
