"""What a training of a text classifier leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves, measured_lines
from dltk.training.report import flattered, pictures_in, sections, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.wording import amount
from recipes._cross_validation import CrossValidation
from recipes._text_evaluation import TextEvaluation

_PICTURES = {
    "curves.png": "Curves: loss, accuracy, macro F1 and learning rate, epoch by epoch",
    "confusion.png": "Confusion matrix",
    "calibration.png": "Calibration: how sure it was, and how often right",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: TextEvaluation | None,
    folds: CrossValidation | None,
    texts: dict[str, int],
    words: int,
    length: int,
    kept: dict[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
    repairs: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: on held-out texts, or None without any.
        folds: of cross-validation, None without any.
        texts: how many there are in each split.
        words: how many the network knows.
        length: tokens of a text that it looks at.
        kept: the best epoch of each stage, see `dltk.training.outcome.draw_curves`.
        chosen: what was found on the way.
        passed_over, repairs: (name, why) of files and rows that took no part, and of texts.
    """
    draw_curves(run, kept)
    counts = ", ".join(f"{count:,} {name}" for name, count in texts.items())
    options = run.options
    begins = "" if options["preset"] == "bow" else f", {options['embedding']} vectors"
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): {options['preset']}{begins}, "
        f"{words:,} words, {amount(length, 'token')} of a text.",
        "",
        f"Use it: `dltk text classify TEXTS -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    lines += _measured(run, evaluation) if evaluation else ["No texts were held out.", ""]
    lines += _cross_validated(folds) if folds else []
    lines += sections(
        {
            "Found on the way": chosen.items(),
            "Left out": passed_over,
            "Texts left out": repairs,
        }
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(run: RunFolder, evaluation: TextEvaluation) -> list[str]:
    note = flattered("text") if evaluation.split == "val" else None
    lines = measured_lines(evaluation.report, evaluation.split, note, noun="text")
    if (run.path / "mistakes.html").exists():
        lines += ["[The worst mistakes](mistakes.html), the surest first.", ""]
    return lines


def _cross_validated(folds: CrossValidation) -> list[str]:
    rows = [
        f"| {number} | {fold.examples:,} | {fold.accuracy:.1%} | {fold.macro_f1:.3f} |"
        for number, fold in enumerate(folds.folds, 1)
    ]
    f1 = f"{folds.mean('macro_f1'):.3f} ± {folds.deviation('macro_f1'):.3f}"
    return [
        f"## Cross-validation, {len(rows)} folds of the training texts",
        "",
        f"Accuracy **{folds.told()}**, macro F1 {f1}: mean and standard deviation over the folds, "
        "each measured with a network that was trained on the others.",
        "",
        "| fold | texts | accuracy | macro F1 |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
