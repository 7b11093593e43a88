"""What the training of a captioner was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.augment import STRENGTHS
from dltk.geometry import Geometry
from dltk.models.find import ModelSource
from dltk.text.vectors import read_vectors
from recipes._checks import check_idle, check_multiple, check_number
from recipes._plans import check_options, check_tuned, network_of

PRESETS = ("show-attend-tell", "show-tell")
CELLS = ("lstm", "gru", "plain")
JUDGES = {"cider": "val_cider", "bleu4": "val_bleu4"}
"""What early stopping and the best epoch go by, and its column in the history."""
_WORDS = {
    "preset": PRESETS,
    "cell": CELLS,
    "judge": tuple(JUDGES),
    "augment": STRENGTHS,
}
_LEAST = {
    "places": 1, "units": 1, "embedding": 1, "attention": 1, "min_count": 1, "longest": 1,
    "tune_epochs": 0, "patience": 0,
}  # fmt: skip
_OF_ATTENTION = ("attention", "stochastic")
_STRIDE = 32  # pixels between places of the coarsest map


@dataclass(frozen=True)
class CaptionerPlan:
    """What follows from the options of a captioner's training.

    Attributes:
        source: the network it grows from.
        geometry: how a picture becomes the input.
        attends: whether it looks at places, word by word.
        embedding: channels of a word.
    """

    source: ModelSource
    geometry: Geometry
    attends: bool
    embedding: int


def plan_of(asked: SimpleNamespace, defaults: dict) -> CaptionerPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, options that do nothing, or no such file
            of vectors.
        DltkError: a file of vectors that is none.
    """
    check_options(asked, _WORDS, _LEAST)
    check_number("dropout", asked.dropout, 0, 0.95)
    check_number("sampling", asked.sampling, 0, 1)
    check_number("stochastic", asked.stochastic)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, 1024)
    attends = asked.preset == "show-attend-tell"
    if not attends:
        check_idle(_OF_ATTENTION, asked, defaults, "show-tell attends to nothing")
    check_tuned(asked, defaults)
    embedding = asked.embedding
    if asked.vectors is not None:
        check_idle(("embedding",), asked, defaults, "it is that of --vectors")
        embedding = read_vectors(asked.vectors, most=1).vectors.shape[1]
    source = network_of(asked)
    geometry = Geometry(asked.size, asked.size, fit="squash")
    return CaptionerPlan(source, geometry, attends, embedding)
