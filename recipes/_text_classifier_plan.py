"""What the training of a text classifier was asked for, and what follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace

from dltk.errors import UsageError, printable
from dltk.models.text_classifier.network import EMBEDDINGS, PRESETS, RECURRENT, Design
from dltk.text.tokenizer import UNITS, Tokenizer
from dltk.text.vectors import read_vectors
from recipes._checks import check_idle, check_number, check_whole
from recipes._plans import check_options

JUDGES = {"accuracy": "val_accuracy", "macro-f1": "val_macro_f1"}
"""What early stopping and the best epoch go by, and its column in the history."""
CLASS_WEIGHTS = ("none", "balanced")
_WORDS = {
    "preset": PRESETS,
    "embedding": EMBEDDINGS,
    "unit": UNITS,
    "class_weights": CLASS_WEIGHTS,
    "judge": tuple(JUDGES),
}
_LEAST = {
    "size": 1, "units": 1, "maps": 1, "min_count": 1, "vocabulary": 1, "patience": 0, "folds": 0,
}  # fmt: skip
_LONGEST = 1 << 16  # tokens of a text that can be looked at
_WIDEST = 50  # tokens in a window
_IDLE = {
    "textcnn": ("units",),
    "bow": ("embedding", "vectors", "size", "units", "windows", "maps", "max_norm", "dropout"),
    **dict.fromkeys(RECURRENT, ("windows", "maps", "max_norm")),
}


@dataclass(frozen=True)
class TextClassifierPlan:
    """What follows from the options of a text classifier's training.

    Attributes:
        tokenizer: takes texts apart.
        windows: tokens that filters see at once.
        size: of a token's vector.
        precision: "auto" where the machine may decide.
        geometry: None, as there are no pictures.
    """

    tokenizer: Tokenizer
    windows: tuple[int, ...]
    size: int
    precision: str
    geometry: None = None

    def design(self, asked: SimpleNamespace, *, classes: int, vocabulary: int) -> Design:
        """Return what the network looks like.

        Args:
            vocabulary: how many numbers of tokens there are.
        """
        return Design(
            preset=asked.preset,
            classes=classes,
            vocabulary=vocabulary,
            embedding=asked.embedding,
            size=self.size,
            units=asked.units,
            windows=self.windows,
            maps=asked.maps,
            dropout=asked.dropout,
            max_norm=asked.max_norm,
        )


def plan_of(asked: SimpleNamespace, defaults: dict) -> TextClassifierPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, options that do nothing, or no such file
            of vectors.
        DltkError: a file of vectors that is none.
    """
    check_options(asked, _WORDS, _LEAST)
    check_number("dropout", asked.dropout, 0, 0.95)
    check_number("max_norm", asked.max_norm)
    if asked.length != "auto":
        check_whole("length", asked.length, 1, _LONGEST)
    if asked.folds == 1:
        raise UsageError("--folds is 0, for no cross-validation, or 2 and up, not 1")
    why = f"the {asked.preset} preset has none such"
    check_idle(_IDLE[asked.preset], asked, defaults, why)
    if asked.unit != "word":
        check_idle(("marks",), asked, defaults, f"every {asked.unit} is taken as it is")
    size = _size(asked, defaults)
    # Recurrent networks gain nothing by fewer digits, and those that count lose by them.
    auto = asked.precision == "auto" and asked.preset != "textcnn"
    return TextClassifierPlan(
        Tokenizer(asked.unit, lower=asked.lower, marks=asked.marks and asked.unit == "word"),
        _windows(asked.windows),
        size,
        "float32" if auto else asked.precision,
    )


def _size(asked: SimpleNamespace, defaults: dict) -> int:
    """Return the numbers of a token's vector: those of the file, if there is one."""
    if asked.embedding == "random":
        check_idle(
            ("vectors",),
            asked,
            defaults,
            "vectors begin at random; add --embedding static, non-static or both",
        )
        return asked.size
    if asked.vectors is None:
        raise UsageError(f"--embedding {asked.embedding} needs vectors to begin with: --vectors")
    check_idle(("size",), asked, defaults, "it is that of --vectors")
    return read_vectors(asked.vectors, most=1).vectors.shape[1]


def _windows(told: str) -> tuple[int, ...]:
    """Return the numbers that a text such as "3,4,5" means, in order, each once."""
    parts = str(told).replace(" ", "").split(",")
    if not all(re.fullmatch(r"[1-9]\d?", part, re.ASCII) for part in parts):
        raise UsageError(f"--windows is numbers of tokens such as 3,4,5, not {printable(told)}")
    for width in map(int, parts):
        check_whole("windows", width, 1, _WIDEST)
    return tuple(sorted(set(map(int, parts))))
