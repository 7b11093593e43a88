"""What `caption` gives: sentences about one picture, and where the network looked for each word."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.animation import write_gif
from dltk.drawing_attention import attention_frames, attention_panel
from dltk.drawing_captions import with_texts
from dltk.errors import InputError
from dltk.images import encode
from dltk.text.tokens import joined
from recipes._of_picture import OfPicture

_SECONDS_PER_WORD = 0.6
_DIGITS = 4  # of scores in the record; further ones depend on the hardware


@dataclass(frozen=True, eq=False)
class Sentence:
    """A caption.

    Attributes:
        words: its tokens, see `dltk.text.tokens`.
        score: the logarithm of its probability, over the penalty of its length: nearer to 0 is
            better.
        ended: whether it came to its end by itself; else it was cut off.
        chances: of each word, given those before it, float32 (T,), 0-1; None if not asked for.
        attention: for each word, how much each place of the picture counted, float32 (T, h, w),
            which sums to 1; None of a captioner without attention, or if not asked for.
    """

    words: tuple[str, ...]
    score: float
    ended: bool
    chances: np.ndarray | None = None
    attention: np.ndarray | None = None

    @property
    def text(self) -> str:
        return joined(self.words)

    def to_dict(self) -> dict:
        """Return the record of this caption, ready for JSON."""
        fields = {"caption": self.text, "score": round(self.score, _DIGITS)}
        return fields if self.ended else fields | {"cut_off": True}


@dataclass(slots=True)
class Captioned(OfPicture):
    """What `caption` says of one picture.

    Attributes:
        sentences: the best first; empty where it failed.
        error: why it failed, or None.
        files: what was written for it, by kind: "attention", "animation", "text".
    """

    sentences: list[Sentence] = field(default_factory=list)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The best caption, or "" where it failed."""
        return self.sentences[0].text if self.sentences else ""

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        best, *others = (sentence.to_dict() for sentence in self.sentences)
        fields = {"path": self.name, "status": "ok", **best}
        if others:
            fields["others"] = others
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture with its caption below it.

        Raises:
            InputError: the picture failed, or can no longer be read.
            DltkError: the copy cannot be written.
        """
        if self.error is not None:
            raise InputError(self.error)
        picture = self.item.decode()
        encode(with_texts(picture, [self.text], width=max(picture.size)), path)


def draw_attention(picture: Image.Image, sentence: Sentence, path: Path) -> None:
    """Write where the network looked for each word. Raises DltkError where it cannot be written."""
    encode(attention_panel(picture, sentence.words, sentence.attention), path)


def animate_attention(picture: Image.Image, sentence: Sentence, path: Path) -> None:
    """Write the same as an animated GIF."""
    frames = attention_frames(picture, sentence.words, sentence.attention)
    write_gif(frames, path, seconds_per_frame=_SECONDS_PER_WORD)
