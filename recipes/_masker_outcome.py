"""What a finished training of a masker leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import FLATTERED, pictures_in, sections, share, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._proposal_evaluation import ProposalEvaluation

_PICTURES = {
    "curves.png": "Curves: losses, average recall and learning rate, epoch by epoch",
    "proposals.png": "Pictures, their objects, and the best proposals",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: ProposalEvaluation | None,
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
        passed_over, repairs: (name, why) of files that took no part, and of masks changed.
    """
    draw_curves(run)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    options = run.options
    model = shlex.quote(os.fspath(run.path / MODEL_FILE))
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): a masker on "
        f"{printable(options['backbone'])}, patches of {options['patch']} pixels.",
        "",
        f"Use it: `dltk segment PICTURES --instances {model}`",
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


def _measured(evaluation: ProposalEvaluation, is_chosen: bool) -> list[str]:
    report = evaluation.report
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"AR@100 **{share(report.average_recalls[100])}**: the share of {report.objects:,} objects "
        "that one of a picture's best 100 proposals covers, averaged over overlaps (IoU) from 0.5 "
        "to 0.95.",
        "",
    ]
    if evaluation.split == "val" and is_chosen:
        lines += [FLATTERED, ""]
    lines += [
        "| proposals a picture | average recall | recall at 0.5 | at 0.7 |",
        "|---|---|---|---|",
    ]
    for limit, mean in report.average_recalls.items():
        loose, tight = report.recalls[limit][0], report.recalls[limit][4]
        lines.append(f"| {limit} | {share(mean)} | {share(loose)} | {share(tight)} |")
    return [*lines, ""]
