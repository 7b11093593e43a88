"""What all trainings check alike before anything is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace

from dltk.errors import UsageError
from dltk.models.find import ModelSource, find_model
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES
from recipes._checks import check_choice, check_idle, check_number, check_whole

_WORDS = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
_OF_TUNING = ("unfreeze", "backbone_lr", "augment", "flip", "precision")


def check_options(
    asked: SimpleNamespace, words: Mapping[str, Sequence[str]], least: Mapping[str, int]
) -> None:
    """Raise UsageError on unknown words, and on numbers that cannot be.

    Args:
        words: choices of the recipe's own, by option. One without a choice of precision is fine.
        least: whole numbers of its own, and how small they may be; `epochs` and `batch_size` are
            1 at least.
    """
    for name, choices in {**words, **_WORDS}.items():
        if name != "precision" or hasattr(asked, name):
            check_choice(name, getattr(asked, name), choices)
    for name, smallest in {"epochs": 1, "batch_size": 1, **least}.items():
        check_whole(name, getattr(asked, name), smallest)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
    for name in ("lr", "backbone_lr"):
        if getattr(asked, name, None) not in (None, "auto"):
            check_number(name, getattr(asked, name), 0, above=True)
    for name in ("warmup", "weight_decay", "clip", "save_every"):
        check_number(name, getattr(asked, name))
    check_number("ema", asked.ema, 0, 1, below=True)
    if getattr(asked, "unfreeze", "all") not in ("none", "all"):
        check_whole("unfreeze", asked.unfreeze, 1)


def check_unfrozen(asked: SimpleNamespace, defaults: Mapping) -> None:
    """Raise UsageError if a rate is given for layers of the backbone, and none are trained."""
    if asked.unfreeze == "none":
        why = "no layers of the backbone are trained; say which with --unfreeze"
        check_idle(("backbone_lr",), asked, defaults, why)


def check_tuned(asked: SimpleNamespace, defaults: Mapping) -> None:
    """Raise UsageError if it is told how to train the backbone in the end, and it is not; or
    whether to flip pictures then, which are not varied."""
    if asked.unfreeze != "all":
        check_whole("unfreeze", asked.unfreeze, 1)
    if not asked.tune_epochs:
        why = "no layers of the backbone are trained; say for how long with --tune-epochs"
        check_idle(_OF_TUNING, asked, defaults, why)
    check_varied(asked, defaults)


def check_varied(asked: SimpleNamespace, defaults: Mapping) -> None:
    """Raise UsageError if it is told whether to flip pictures, which are not varied."""
    if asked.augment == "none":
        check_idle(("flip",), asked, defaults, "pictures are not varied; see --augment")


def network_of(asked: SimpleNamespace, *tasks: str, what: str = "a classifier") -> ModelSource:
    """Return the network that --backbone names.

    Args:
        tasks: which it may be for, beside classification and features.
        what: what to name, where it is for another.
    Raises:
        UsageError: it is for another task, or unknown.
    """
    source = find_model(asked.backbone)
    if source.task not in ("classify", "features", *tasks):
        raise UsageError(f"{source.name} is for the task {source.task}; name {what}")
    return source


def require_words(said: Iterable[Sequence[str]], least: int, what: str) -> None:
    """Raise UsageError if no word is said so often.

    Args:
        said: tokens of texts, see `dltk.text.tokens`.
        what: the texts are.
    """
    counts: Counter[str] = Counter()
    for words in said:
        counts.update(words)
        if any(counts[word] >= least for word in words):
            return
    raise UsageError(f"no word is in the {what} {least} times; take a smaller --min-count")
