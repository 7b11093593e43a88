"""What the training of a captioner was asked for, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.augment import STRENGTHS
from dltk.data.examples import CaptionData
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.models.find import ModelSource, find_model
from dltk.text.tokens import tokens
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES
from recipes._checks import check_choice, check_multiple, check_number, check_whole

PRESETS = ("show-attend-tell", "show-tell")
CELLS = ("lstm", "gru", "plain")
JUDGES = {"cider": "val_cider", "bleu4": "val_bleu4"}
"""What early stopping and the best epoch go by, and its column in the history."""
_WORDS = {
    "preset": PRESETS,
    "cell": CELLS,
    "judge": tuple(JUDGES),
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": STRENGTHS,
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
_LEAST = {
    "places": 1, "units": 1, "embedding": 1, "attention": 1, "min_count": 1, "longest": 1,
    "epochs": 1, "tune_epochs": 0, "batch_size": 1, "patience": 0,
}  # fmt: skip
_OF_ATTENTION = ("attention", "stochastic")
_OF_TUNING = ("unfreeze", "backbone_lr", "augment", "flip", "precision")
_STRIDE = 32  # pixels between places of the coarsest map


@dataclass(frozen=True)
class CaptionerPlan:
    """What follows from the options of a captioner's training.

    Attributes:
        source: the network it grows from.
        geometry: how a picture becomes the input.
        attends: whether it looks at places, word by word.
    """

    source: ModelSource
    geometry: Geometry
    attends: bool


def plan_of(asked: SimpleNamespace, defaults: dict) -> CaptionerPlan:
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
    check_number("sampling", asked.sampling, 0, 1)
    check_number("stochastic", asked.stochastic)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, 1024)
    attends = asked.preset == "show-attend-tell"
    _refuse(not attends, _OF_ATTENTION, asked, defaults, "show-tell attends to nothing")
    without = "no layers of the backbone are trained; say for how long with --tune-epochs"
    _refuse(not asked.tune_epochs, _OF_TUNING, asked, defaults, without)
    source = find_model(asked.backbone)
    if source.task not in ("classify", "features"):
        raise UsageError(f"{source.name} is for the task {source.task}; name a classifier")
    geometry = Geometry(asked.size, asked.size, fit="squash")
    return CaptionerPlan(source, geometry, attends)


def check_words(data: CaptionData, least: int) -> None:
    """Raise UsageError if no word is said so often in the training captions."""
    counts: Counter[str] = Counter()
    for captions in data.splits["train"].captions:
        words = [word for caption in captions for word in tokens(caption)]
        counts.update(words)
        if any(counts[word] >= least for word in words):
            return
    raise UsageError(
        f"no word is said {least} times in the training captions; take a smaller --min-count"
    )


def _refuse(when: bool, names, asked: SimpleNamespace, defaults: dict, why: str) -> None:
    """Raise UsageError if an option is given when it has no meaning."""
    for name in names if when else ():
        if getattr(asked, name) != defaults[name]:
            raise UsageError(f"--{name.replace('_', '-')} has no meaning here: {why}")
