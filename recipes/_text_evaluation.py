"""How good a text classifier was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dltk.data.examples import Texts
from dltk.files import whole
from recipes._evaluation import Evaluation
from recipes._text_explanation import escaped

_MISTAKES = 100
_LETTERS = 2000  # of a text that are shown

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The worst mistakes</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; color: #1e293b; }}
article {{ border-top: 1px solid #cbd5e1; padding: .75rem 0; }}
article p {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0; }}
small {{ color: #64748b; }}
.said {{ color: #c2410c; }}
.is {{ color: #1d4ed8; }}
</style>
<h1>The worst mistakes</h1>
<p>{head}</p>
{mistakes}
</html>
"""
_MISTAKE = """<article>
<strong>said <span class="said">{said}</span> {score:.2f}, is <span class="is">{true}</span>
{own:.2f}</strong> <small>{name}</small>
<p dir="auto">{text}</p>
</article>
"""


@dataclass(frozen=True, eq=False)
class TextEvaluation(Evaluation):
    """How good a classifier was on N texts: an `Evaluation` of texts instead of pictures.

    Attributes:
        model: the path of its file as it was given.
        data, split, report, classes, labels, probabilities, seen_in_training: see `Evaluation`.
        names: of the texts that were measured.
        failed: (name, why) of texts that could not be read and do not count.
        examples: the data and the place in it of each text.
    """

    TASK: ClassVar[str] = "classify texts"
    NOUN: ClassVar[str] = "text"

    examples: Sequence[tuple[Texts, int]] = field(repr=False)

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures, diagrams, the worst mistakes and all predictions to `folder`.

        The files are evaluation.json, confusion.png, calibration.png, mistakes.html (unless there
        are none) and predictions.csv. For what is raised, see `Evaluation.save`.
        """
        super().save(folder, overwrite=overwrite)

    def _save_mistakes(self, folder: Path) -> None:
        path, worst = folder / "mistakes.html", self.mistakes(_MISTAKES)
        if not worst:
            path.unlink(missing_ok=True)  # of an earlier evaluation
            return
        wrong = int((self.probabilities.argmax(axis=1) != self.labels).sum())
        head = f"{wrong:,} of {self.report.examples:,} texts were taken for another class"
        head += f"; these {len(worst)} the surest." if wrong > len(worst) else ", the surest first."
        with whole(path) as part:
            mistakes = "".join(map(self._mistake, worst))
            part.write_text(_PAGE.format(head=head, mistakes=mistakes), encoding="utf-8")

    def _mistake(self, index: int) -> str:
        part, place = self.examples[index]
        text, best = part.text(place), int(self.probabilities[index].argmax())
        label = int(self.labels[index])
        return _MISTAKE.format(
            said=escaped(self.classes[best]),
            score=self.probabilities[index, best],
            true=escaped(self.classes[label]),
            own=self.probabilities[index, label],
            name=escaped(self.names[index]),
            text=html.escape(text[:_LETTERS] + "…" * (len(text) > _LETTERS)),
        )
