"""How good a generator of texts was: what there is to know, and where it is written to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dltk import __version__
from dltk.metrics.language import LanguageReport
from recipes._evaluation import FORMAT, check_contents, check_place, write_record


@dataclass(frozen=True, eq=False)
class TextGeneratorEvaluation:
    """How well a generator of texts foretells a text.

    Attributes:
        model: the path of its file as it was given.
        data, split: where the text came from, and which part of it: "val", "test", "all".
        report: the measures.
        unigram: those of foretelling by nothing but how frequent tokens are in what was learnt
            from; None where that is not known.
        seen_in_training: how many of its first tokens the generator was trained on; None where no
            split.csv beside the model tells.
        failed, examples: nothing; so that it can be told of as others are.
    """

    TASK: ClassVar[str] = "generate texts"

    model: str
    data: str
    split: str
    report: LanguageReport
    unigram: LanguageReport | None = None
    failed: tuple[tuple[str, str], ...] = ()
    seen_in_training: int | None = None
    examples: tuple = ()

    @property
    def NOUN(self) -> str:  # noqa: N802
        """What is measured on."""
        return self.report.unit

    @property
    def names(self) -> range:
        """Of the tokens that are foretold: their places."""
        return range(self.report.tokens)

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        return {
            "format": FORMAT,
            "version": 1,
            "task": self.TASK,
            "dltk": __version__,
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "seen_in_training": self.seen_in_training,
            **self.report.to_dict(),
            "unigram": self.unigram and self.unigram.to_dict(),
        }

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures to evaluation.json in `folder`, in place of earlier ones.

        Raises:
            UsageError: the folder is none for it, see `recipes._evaluation.check_place`, or holds
                other things; not with `overwrite`.
            DltkError: it cannot be written.
        """
        if not overwrite:
            check_place(folder, self.data)
            check_contents(folder, self.TASK)
        write_record(Path(folder), self.to_dict())
