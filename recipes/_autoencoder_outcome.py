"""What a finished training of an auto-encoder leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from dltk.errors import printable
from dltk.models.autoencoder import Design
from dltk.training.outcome import draw_curves
from dltk.training.report import FLATTERED, pictures_in, sections, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.wording import amount
from recipes._autoencoder_evaluation import AutoencoderEvaluation
from recipes._autoencoder_measuring import NEIGHBOURS, WORSE, Comparison

_PICTURES = {
    "reconstruction.png": "Pictures, and what is made of their codes; above each its squared error",
    "map.png": "Pictures by their codes",
    "manifold.png": "What the decoder makes of codes on a grid",
    "errors.png": "Squared error by the number of codes",
    "curves.png": "Curves: loss and learning rate, epoch by epoch",
}


def write_outcome(
    run: RunFolder,
    *,
    evaluation: AutoencoderEvaluation | None,
    design: Design,
    pictures: dict[str, int],
    kept: Mapping[str, int],
    chosen: dict,
    passed_over: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        evaluation: on held-out pictures, or None without any.
        design: of the network.
        pictures: how many there are in each split.
        kept: the best epoch of each stage.
        chosen: what was found on the way.
        passed_over: (name, why) of files that took no part.
    """
    draw_curves(run, kept)
    counts = ", ".join(f"{count} {name}" for name, count in pictures.items())
    colours = "grey" if design.channels == 1 else "colour"
    model = shlex.quote(os.fspath(run.path / MODEL_FILE))
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(run.options['data'])} ({counts}): the auto-encoder "
        f'"{design.preset}", from {design.size} × {design.size} pixels in {colours} to '
        f"{amount(design.codes, 'code')} and back.",
        "",
        f"Codes of other pictures: `dltk features PICTURES -m {model}`",
        "",
    ]
    if evaluation:
        lines += _measured(evaluation, bool(chosen))
    else:
        lines += ["No pictures were held out.", ""]
    lines += sections(
        {"Found on the way": chosen.items(), f"Left out: {len(passed_over)}": passed_over}
    )
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: AutoencoderEvaluation, is_chosen: bool) -> list[str]:
    report, own = evaluation.report, evaluation.report.own
    lines = [
        f"## Measured on {report.pictures} pictures of the {evaluation.split} split",
        "",
        f"Squared error **{own.error:.2f}** a picture, against {own.pca_error:.2f} of "
        "principal components found in the same training pictures. Pixels go from 0 to 1, and the "
        "squares of all differences in a picture are summed.",
        "",
    ]
    if evaluation.split == "val" and is_chosen:
        lines += [FLATTERED, ""]
    if own.error >= own.pca_error:
        lines += [f"{WORSE.capitalize()}.", ""]
    if own.components < own.codes:
        lines += [f"There are no more than {own.components} principal components here.", ""]
    rows = {
        "codes": (own.codes, own.components),
        "squared error a picture": (f"{own.error:.2f}", f"{own.pca_error:.2f}"),
        "mean squared error a pixel": tuple(f"{error:.5f}" for error in report.errors_a_pixel),
    }
    if own.accuracy is not None:
        rows[f"class right by {NEIGHBOURS} nearest neighbours"] = (
            f"{own.accuracy:.1%}", f"{own.pca_accuracy:.1%}",
        )  # fmt: skip
    lines += ["| | auto-encoder | PCA |", "|---|---|---|"]
    lines += [f"| {name} | {mine} | {theirs} |" for name, (mine, theirs) in rows.items()]
    if len(report.compared) > 1:
        lines += ["", "| codes | auto-encoder | PCA | ratio |", "|---|---|---|---|"]
        lines += [
            f"| {each.codes} | {each.error:.2f} | {each.pca_error:.2f} | {_ratio(each)} |"
            for each in report.compared
        ]
    return [*lines, ""]


def _ratio(row: Comparison) -> str:
    return f"{row.error / row.pca_error:.2f}" if row.pca_error else "–"
