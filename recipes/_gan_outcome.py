"""What a training of a generator leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

from dltk.errors import printable
from dltk.plots_generation import plot_adversaries
from dltk.training.report import pictures_in, sections, share, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._epoch_sheets import ANIMATION
from recipes._gan_plan import GanPlan
from recipes._generation_evaluation import GenerationEvaluation

_PICTURES = {
    "samples.png": "Pictures made",
    "real.png": "Real pictures",
    ANIMATION: "The same noise, epoch by epoch",
    "nearest.png": "Pictures made, and the real ones nearest to each",
    "curves.png": "Curves: losses, scores and variety, epoch by epoch",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: GenerationEvaluation | None,
    pictures: dict[str, int],
    plan: GanPlan,
    chosen: dict,
    signs: Iterable[tuple[str, str]],
    passed_over: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: None where there were too few pictures to measure by.
        pictures: how many there are in each split.
        chosen: what was found on the way.
        signs: (when, what) went wrong.
        passed_over: (name, why) of files that took no part.
    """
    rows = [row for stage in run.rows.values() for row in stage]
    if run.chief and rows:
        plot_adversaries(rows, run.path / "curves.png")
    options = run.options
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    colour = "grey" if plan.channels == 1 else "colour"
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): {options['preset']}, pictures of "
        f"{plan.size} pixels in {colour}, made from {plan.noise} numbers each.",
        "",
        f"Use it: `dltk generate {shlex.quote(os.fspath(run.path / MODEL_FILE))} -n 16`",
        "",
    ]
    lines += _measured(evaluation) if evaluation else ["It was not measured.", ""]
    lines += sections(
        {
            "Signs of trouble": signs,
            "Found on the way": chosen.items(),
            f"Left out: {len(passed_over)}": passed_over,
        }
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: GenerationEvaluation) -> list[str]:
    likeness, features = evaluation.likeness, evaluation.suffix
    lines = [
        f"## Measured: {likeness.count:,} pictures made, {likeness.real:,} of {evaluation.split}",
        "",
        f"| against the real ones | FID{features} | KID{features} | precision | recall |",
        "|---|---|---|---|---|",
    ]
    for name, each in (
        ("**pictures made**", likeness),
        ("one half, with the other", evaluation.halves),
        ("a Gaussian of their pixels", evaluation.gaussian),
    ):
        shares = f"{share(each.precision)} | {share(each.recall)}"
        lines.append(f"| {name} | {each.fid:.2f} | {each.kid:.4f} | {shares} |")
    return [*lines, "", *(line for note in evaluation.notes for line in (printable(note), ""))]
