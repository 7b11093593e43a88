"""What a finished training of a translator leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dltk.data.examples import Examples
from dltk.errors import printable
from dltk.training.outcome import draw_curves
from dltk.training.report import pictures_in, sections, write_report
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.wording import amount
from recipes._epoch_sheets import ANIMATION


def write_outcome(
    run: RunFolder,
    *,
    domains: tuple[str, str],
    pictures: Mapping[str, Examples],
    blocks: int,
    sheet: Path,
    passed_over: tuple[tuple[str, str], ...],
) -> None:
    """Write curves.png and report.md.

    Args:
        pictures: of both domains, by split.
        blocks: of each generator.
        sheet: of the last epoch.
        passed_over: (name, why) of files that took no part.
    """
    draw_curves(run)
    options = run.options
    names = [printable(domain) for domain in domains]
    model = shlex.quote(os.fspath(run.path / MODEL_FILE))
    lines = [
        f"# {run.path.name}",
        "",
        f"A translator between {' and '.join(names)}, of {options['size']} pixels, width "
        f"{options['width']} and {amount(blocks, 'block')} (CycleGAN), after "
        f"{amount(options['epochs'], 'epoch')}.",
        "",
        f"| pictures | {' | '.join(name.replace('|', '/') for name in names)} |",
        "|---|---|---|",
    ]
    for split, part in pictures.items():
        counts = np.bincount(part.labels, minlength=2)
        lines.append(f"| {split} | {counts[0]} | {counts[1]} |")
    lines += ["", f"Use it: `dltk translate PHOTOS -m {model} --to {shlex.quote(domains[1])}`", ""]
    lines += sections({f"Left out: {len(passed_over)}": passed_over})
    titles = {
        sheet.relative_to(run.path).as_posix(): "Pictures, each as the other, and back",
        ANIMATION: "The same, epoch by epoch",
        "curves.png": "Curves: losses and learning rate, epoch by epoch",
    }
    write_report(run, lines + pictures_in(run, titles))
