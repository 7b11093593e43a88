"""What the training of a generator of texts was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.geometry import Geometry
from dltk.text.tokenizer import Tokenizer
from dltk.training.optimizers import RATES
from recipes._checks import check_number, check_text, check_whole
from recipes._plans import check_options

PRESETS = ("lstm", "gru", "rnn")
UNITS = ("character", "word")
_LEAST = {"layers": 1, "units": 1, "length": 1, "min_count": 1, "patience": 0}
_SIZE = {"character": 64, "word": 256}
_MOST_WORDS = 20_000
_RATE = 4e-3  # found best of 0.002, 0.004 and 0.008 on a million characters
_RATED = ("adam", "adamw", "rmsprop")


@dataclass(frozen=True)
class TextGeneratorPlan:
    """What follows from the options of a text generator's training.

    Attributes:
        tokenizer: how the text becomes tokens.
        size: numbers that stand for a token.
        most: tokens that are known, at most; None for all.
        rate: the highest learning rate, or "auto".
        geometry: None: it takes no pictures.
    """

    tokenizer: Tokenizer
    size: int
    most: int | None
    rate: float | str
    geometry: Geometry | None = None


def plan_of(asked: SimpleNamespace) -> TextGeneratorPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be.
    """
    check_options(asked, {"preset": PRESETS, "unit": UNITS}, _LEAST)
    check_text("prompt", asked.prompt)
    check_number("dropout", asked.dropout, 0, 0.95)
    for name in ("size", "vocabulary"):
        if getattr(asked, name) is not None:
            check_whole(name, getattr(asked, name), 1)
    words = asked.unit == "word"
    usual = _RATE if asked.optimizer in _RATED else RATES[asked.optimizer]
    return TextGeneratorPlan(
        tokenizer=tokenizer_of(asked.unit, lower=asked.lower),
        size=asked.size or _SIZE[asked.unit],
        most=asked.vocabulary or (_MOST_WORDS if words else None),
        rate=usual if asked.lr is None else asked.lr,
    )


def tokenizer_of(unit: str, *, lower: bool) -> Tokenizer:
    """Return how text is taken apart so that it can be put together again, line breaks included."""
    words = unit == "word"
    return Tokenizer(unit, lower=lower, marks=words, breaks=words)
