"""What a training of a generator of texts leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import pictures_in, sections, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from recipes._text_generator_evaluation import TextGeneratorEvaluation

_PICTURES = {"curves.png": "Curves: losses, bits and perplexity, epoch by epoch"}
_FLATTERED = "This part also chose the best epoch, so the figures flatter a little."
_FENCE = "~~~~~~~~~~"


def write_outcome(
    run: RunFolder,
    *,
    where: str,
    evaluation: TextGeneratorEvaluation | None,
    tokens: dict[str, int],
    known: int,
    chosen: dict,
    best: int,
) -> None:
    """Write curves.png and report.md.

    Args:
        where: the text comes from.
        evaluation: on held-out text, or None without any.
        tokens: how many there are in each split.
        known: how many different ones the network knows.
        chosen: what was found on the way.
        best: the epoch that was kept.
    """
    draw_curves(run, dict.fromkeys(run.rows, best) if chosen else {})
    options = run.options
    counts = ", ".join(f"{count:,} {name}" for name, count in tokens.items())
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(where)} ({counts} {options['unit']}s, {known:,} of them "
        f"different): {options['preset']}, {options['layers']} layers of {options['units']} units.",
        "",
        f"Use it: `dltk text generate -m {shlex.quote(os.fspath(run.path / MODEL_FILE))}`",
        "",
    ]
    lines += _measured(evaluation, known) if evaluation else ["No text was held out.", ""]
    lines += _sample(run, best)
    lines += sections({"Found on the way": chosen.items()})
    write_report(run, lines + pictures_in(run, _PICTURES))


def _measured(evaluation: TextGeneratorEvaluation, known: int) -> list[str]:
    report, unit = evaluation.report, evaluation.report.unit
    lines = [
        f"## Measured on {report.tokens:,} {unit}s of the {evaluation.split} split",
        "",
        f"| foretold by | bits per {unit} | perplexity |",
        "|---|---|---|",
        f"| **the network** | **{report.bits:.3f}** | **{report.perplexity:.2f}** |",
    ]
    if evaluation.unigram:
        told = evaluation.unigram
        lines.append(f"| how frequent {unit}s are | {told.bits:.3f} | {told.perplexity:.2f} |")
    lines += ["", f"{report.unknown:.2%} of them are not known, and count as one and the same.", ""]
    return lines + ([_FLATTERED, ""] if evaluation.split == "val" else [])


def _sample(run: RunFolder, epoch: int) -> list[str]:
    path = run.path / "samples" / f"{epoch:03d}.txt"
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8").rstrip()
    title = f"## Written after epoch {epoch}"
    return [title, "", f"{_FENCE}text", *text.split("\n"), _FENCE, ""]
