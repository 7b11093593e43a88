"""What a finished training of a segmenter leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import FLATTERED, pictures_in, sections, share, table_cell, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._segmentation_evaluation import SegmentationEvaluation

_PICTURES = {
    "curves.png": "Curves: losses, mean IoU and learning rate, epoch by epoch",
    "iou.png": "IoU of each class",
    "confusion.png": "What pixels were taken for",
    "mistakes.png": "The worst pictures: true classes and predicted ones",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: SegmentationEvaluation | None,
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
        passed_over, repairs: (name, why) of files that took no part, and of label maps changed.
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
        f"Use it: `dltk segment PICTURES -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    if evaluation:
        lines += _measured(evaluation, bool(chosen))
    else:
        lines += ["No pictures were held out.", ""]
    lines += sections(
        {
            "Found on the way": chosen.items(),
            f"Left out: {len(passed_over)}": passed_over,
            f"Mended or left out: {len(repairs)}": repairs,
        }
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: SegmentationEvaluation, is_chosen: bool) -> list[str]:
    report = evaluation.report
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"Mean IoU **{share(report.mean_iou)}**, pixel accuracy {share(report.pixel_accuracy)}, "
        f"mean accuracy {share(report.mean_accuracy)}, frequency-weighted IoU "
        f"{share(report.frequency_weighted_iou)}, boundary F {share(report.boundary_f)}.",
        "",
    ]
    if evaluation.split == "val" and is_chosen:
        lines += [FLATTERED, ""]
    columns = ("iou", "precision", "recall", "boundary_f")
    lines += [
        "| class | IoU | precision | recall | boundary F | pixels |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in report.per_class().items():
        cells = " | ".join(share(row[column]) for column in columns)
        lines.append(f"| {table_cell(name)} | {cells} | {row['pixels']:,} |")
    return [*lines, ""]
