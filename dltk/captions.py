"""How captions are looked for, and what is found. Plain NumPy, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Writing:
    """How captions are looked for; by default as `recipes.caption` does.

    Attributes:
        beams: texts that are gone on with at a time; 1 takes the likeliest word every time.
        best: captions of each picture.
        longest, shortest: words of a caption.
        penalty: strength of `dltk.ops.decoding.length_penalty`: more makes captions longer.
        no_repeat: so many words in a row never come twice; 0 for no such rule.
        prefix: the words that every caption begins with.
        temperature: of words chosen by chance instead; 0 for none of that.
        top_k, top_p: of these, see `dltk.ops.decoding.sample`.
    """

    beams: int = 3
    best: int = 1
    longest: int = 40
    shortest: int = 1
    penalty: float = 0.0
    no_repeat: int = 0
    prefix: tuple[str, ...] = ()
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0


@dataclass(frozen=True, eq=False)
class Caption:
    """What a captioner wrote of a picture.

    Attributes:
        words: tokens, see `dltk.text.tokens`.
        score: the logarithm of the caption's probability, over `length_penalty`.
        ended: whether it came to its end by itself, and was not cut off.
        chances: of each word, given those before it, float32 (T,), 0-1; None if not asked for.
        attention: for each word, how much each place of the picture counted, float32 (T, L); None
            without attention, or if not asked for.
    """

    words: tuple[str, ...]
    score: float
    ended: bool
    chances: np.ndarray | None = None
    attention: np.ndarray | None = None
