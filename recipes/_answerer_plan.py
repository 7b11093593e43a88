"""What the training of an answerer was asked for, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.augment import STRENGTHS
from dltk.errors import UsageError, printable
from dltk.geometry import Geometry
from dltk.models.find import ModelSource
from recipes._checks import check_idle, check_multiple, check_number
from recipes._plans import check_options, check_tuned, network_of

_LEAST = {
    "places": 1, "units": 1, "embedding": 1, "attention": 1, "min_count": 1, "answers": 2,
    "longest": 1, "tune_epochs": 0, "patience": 0,
}  # fmt: skip
_STRIDE = 32  # pixels between places of the coarsest map


@dataclass(frozen=True)
class AnswererPlan:
    """What follows from the options of an answerer's training.

    Attributes:
        source: the network it grows from.
        geometry: how a picture becomes the input.
    """

    source: ModelSource
    geometry: Geometry


def plan_of(asked: SimpleNamespace, defaults: dict) -> AnswererPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, options that do nothing.
    """
    check_options(asked, {"augment": STRENGTHS}, _LEAST)
    check_number("dropout", asked.dropout, 0, 0.95)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, 1024)
    check_tuned(asked, defaults)
    source = network_of(asked, "caption", what="a classifier or a captioner")
    if source.task == "caption":
        check_idle(("places",), asked, defaults, "a captioner has places of its own")
    return AnswererPlan(source, Geometry(asked.size, asked.size, fit="squash"))


def check_answers(answers: Sequence[str]) -> None:
    """Raise UsageError if all training questions have one answer."""
    if len(answers) == 1:
        raise UsageError(
            f'all training questions have the answer "{printable(answers[0])}": there is nothing '
            "to choose"
        )
