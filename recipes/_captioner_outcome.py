"""What a training of a captioner leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import FLATTERED, pictures_in, sections, share, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._caption_evaluation import CaptionEvaluation

_PICTURES = {
    "curves.png": "Curves: losses, CIDEr-D, BLEU-4 and learning rate, epoch by epoch",
    "best.png": "The best captions, and what people say",
    "worst.png": "The worst captions, and what people say",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: CaptionEvaluation | None,
    pictures: dict[str, int],
    words: int,
    kept: dict[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
    repairs: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: on held-out pictures, or None without any.
        pictures: how many there are in each split.
        words: how many the captioner knows.
        kept: the best epoch of each stage, see `dltk.training.outcome.draw_curves`.
        chosen: what was found on the way.
        passed_over, repairs: (name, why) of files that took no part, and of captions changed.
    """
    draw_curves(run, kept)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    options = run.options
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): {options['preset']} on "
        f"{printable(options['backbone'])}, pictures of {options['size']} pixels, {words} words.",
        "",
        f"Use it: `dltk caption PICTURES -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    lines += _measured(evaluation, bool(chosen)) if evaluation else ["No pictures were held out."]
    lines += [
        "",
        *sections(
            {
                "Found on the way": chosen.items(),
                f"Left out: {len(passed_over)}": passed_over,
                f"Mended or left out: {len(repairs)}": repairs,
            }
        ),
    ]
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: CaptionEvaluation, is_chosen: bool) -> list[str]:
    report = evaluation.report
    first, second, third, fourth = map(share, report.bleu)
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"CIDEr-D **{share(report.cider_d)}**, BLEU-1 to -4 {first}, {second}, {third}, {fourth}, "
        f"ROUGE-L {share(report.rouge_l)}.",
        "",
        f"{share(report.distinct)} of the captions are distinct, {share(report.copied)} are copies "
        f"of training captions; they have {report.length:.1f} words on average.",
    ]
    return [*lines, "", FLATTERED] if evaluation.split == "val" and is_chosen else lines
