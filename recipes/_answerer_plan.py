"""What the training of an answerer was asked for, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.augment import STRENGTHS
from dltk.data.examples import QuestionData
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.models.find import ModelSource, find_model
from dltk.text.tokens import tokens
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES
from recipes._checks import check_choice, check_multiple, check_number, check_whole

_WORDS = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": STRENGTHS,
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
_LEAST = {
    "places": 1, "units": 1, "embedding": 1, "attention": 1, "min_count": 1, "answers": 2,
    "longest": 1, "epochs": 1, "tune_epochs": 0, "batch_size": 1, "patience": 0,
}  # fmt: skip
_OF_TUNING = ("unfreeze", "backbone_lr", "augment", "flip", "precision")
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
    for name, words in _WORDS.items():
        check_choice(name, getattr(asked, name), words)
    for name, least in _LEAST.items():
        check_whole(name, getattr(asked, name), least)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
    if asked.unfreeze != "all":
        check_whole("unfreeze", asked.unfreeze, 1)
    check_number("dropout", asked.dropout, 0, 0.95)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, 1024)
    for name in () if asked.tune_epochs else _OF_TUNING:
        if getattr(asked, name) != defaults[name]:
            raise UsageError(
                f"--{name.replace('_', '-')} has no meaning here: no layers of the backbone are "
                "trained; say for how long with --tune-epochs"
            )
    source = find_model(asked.backbone)
    if source.task not in ("classify", "features", "caption"):
        raise UsageError(
            f"{source.name} is for the task {source.task}; name a classifier or a captioner"
        )
    if source.task == "caption" and asked.places != defaults["places"]:
        raise UsageError("--places has no meaning here: a captioner has places of its own")
    return AnswererPlan(source, Geometry(asked.size, asked.size, fit="squash"))


def check_words(data: QuestionData, least: int) -> None:
    """Raise UsageError if no word is asked so often in the training questions."""
    counts: Counter[str] = Counter()
    for questions in data.splits["train"].questions:
        words = [word for question in questions for word in tokens(question.text)]
        counts.update(words)
        if any(counts[word] >= least for word in words):
            return
    raise UsageError(
        f"no word is in the training questions {least} times; take a smaller --min-count"
    )
