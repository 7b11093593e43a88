"""What `caption` gives for a question: answers about one picture, and where the network looked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.drawing import draw_labels
from dltk.drawing_attention import attention_panel
from dltk.errors import InputError
from dltk.images import encode
from recipes._of_picture import OfPicture

_DIGITS = 4  # of scores in the record; further ones depend on the hardware


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        text: one of those that the answerer knows.
        score: how right it is likely to be by what people answer, 0-1: each answer has one by
            itself, and those of several need not add up to 1.
    """

    text: str
    score: float

    def to_dict(self) -> dict:
        """Return the record of this answer, ready for JSON."""
        return {"answer": self.text, "score": round(self.score, _DIGITS)}


@dataclass(slots=True)
class Answered(OfPicture):
    """What is answered to a question about one picture.

    Attributes:
        question: as it was asked.
        answers: the best first; empty where it failed.
        looked: how much each place of the picture counted for what the first of two glimpses saw,
            float32 (h, w), which adds up to 1; None where it failed.
        counted: how much of each place went into its sum, float32 (h, w), 0-1.
        error: why it failed, or None.
        files: what was written for it, by kind: "attention".
    """

    question: str
    answers: list[Answer] = field(default_factory=list)
    looked: np.ndarray | None = None
    counted: np.ndarray | None = None
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The best answer, or "" where it failed."""
        return self.answers[0].text if self.answers else ""

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        best, *others = (answer.to_dict() for answer in self.answers)
        fields = {"path": self.name, "status": "ok", "question": self.question, **best}
        if others:
            fields["others"] = others
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture with the question and its answer on it.

        Raises:
            InputError: the picture failed, or can no longer be read.
            DltkError: the copy cannot be written.
        """
        if self.error is not None:
            raise InputError(self.error)
        encode(draw_labels(self.item.decode(), [f"{self.question} {self.text}"]), path)


def draw_looks(picture: Image.Image, result: Answered, path: Path) -> None:
    """Write where the network looked, and what it counted. Raises DltkError where it cannot be
    written."""
    words = f"looked: {result.text}", "counted"
    encode(attention_panel(picture, words, np.stack([result.looked, result.counted])), path)
