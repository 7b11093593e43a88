"""What the training of word vectors was asked for, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from dltk.text.tokenizer import Tokenizer
from recipes._checks import check_choice, check_idle, check_number, check_whole

PRESETS = ("skip-gram", "cbow")
UNITS = ("word", "space")
_LEAST = {"size": 1, "negatives": 1, "min_count": 1, "phrases": 0, "epochs": 1, "batch_size": 1}
_MOST_REACH = 100
# word2vec's for skip-gram; for cbow found here: its gradients are smaller, being those of a mean.
_RATES = {"skip-gram": 0.025, "cbow": 0.2}
_FARTHEST = 0.5


@dataclass(frozen=True)
class VectorsPlan:
    """What follows from the options of a training of word vectors.

    Attributes:
        tokenizer: how the text becomes words.
        rate: the learning rate at the beginning.
    """

    tokenizer: Tokenizer
    rate: float

    @property
    def longest(self) -> float:
        """Length of a row's gradient, at most: at the beginning it moves by half a unit."""
        return _FARTHEST / self.rate


def plan_of(asked: SimpleNamespace, defaults: Mapping[str, Any]) -> VectorsPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, options that do nothing.
    """
    check_choice("preset", asked.preset, PRESETS)
    check_choice("unit", asked.unit, UNITS)
    for name, least in _LEAST.items():
        check_whole(name, getattr(asked, name), least)
    check_whole("window", asked.window, 1, _MOST_REACH)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
    if asked.vocabulary is not None:
        check_whole("vocabulary", asked.vocabulary, 2)
    if asked.lr is not None:
        check_number("lr", asked.lr, above=True)
    check_number("subsample", asked.subsample, 0, 1)
    for name in ("phrase_threshold", "phrase_discount", "save_every"):
        check_number(name, getattr(asked, name))
    if not asked.phrases:
        options = "phrase_threshold", "phrase_discount"
        check_idle(options, asked, defaults, "no phrases are looked for; see --phrases")
    return VectorsPlan(
        tokenizer=Tokenizer(asked.unit, lower=asked.lower),
        rate=_RATES[asked.preset] if asked.lr is None else asked.lr,
    )
