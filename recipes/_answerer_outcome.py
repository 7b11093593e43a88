"""What a training of an answerer leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import (
    FLATTERED,
    pictures_in,
    sections,
    share,
    table_cell,
    write_report,
)
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._answer_evaluation import AnswerEvaluation

_PICTURES = {
    "curves.png": "Curves: loss, accuracy and learning rate, epoch by epoch",
    "mistakes.png": "Wrong answers, and what is right",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: AnswerEvaluation | None,
    pictures: dict[str, int],
    words: int,
    answers: int,
    kept: dict[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
    repairs: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: on held-out pictures, or None without any.
        pictures: how many there are in each split.
        words, answers: how many the answerer knows.
        kept: the best epoch of each stage, see `dltk.training.outcome.draw_curves`.
        chosen: what was found on the way.
        passed_over, repairs: (name, why) of files that took no part, and of questions changed.
    """
    draw_curves(run, kept)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    options, model = run.options, shlex.quote(os.fspath(run.path / MODEL_FILE))
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(options['data'])} ({counts}): an answerer on "
        f"{printable(options['backbone'])}, pictures of {options['size']} pixels, {words} words, "
        f"{answers} answers.",
        "",
        f'Use it: `dltk caption PICTURES --question "…" -m {model}`',
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


def _measured(evaluation: AnswerEvaluation, is_chosen: bool) -> list[str]:
    report = evaluation.report
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"Accuracy **{share(report.accuracy)}** over {report.questions} questions; of the "
        f"commonest answer to each kind of question, {share(report.commonest)}.",
        "",
    ]
    if evaluation.split == "val" and is_chosen:
        lines += [FLATTERED, ""]
    lines += ["| kind | accuracy | questions | commonest answer | its accuracy |"]
    lines += ["|---|---|---|---|---|"]
    for name, kind in report.kinds.items():
        cells = table_cell(name or "–"), share(kind.accuracy), kind.questions
        common = table_cell(kind.answer), share(kind.commonest)
        lines.append(f"| {' | '.join(map(str, (*cells, *common)))} |")
    return lines
