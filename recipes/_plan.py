"""What a fine-tuning was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

from dltk.data.augment import STRENGTHS
from dltk.errors import UsageError, nearest, printable
from dltk.geometry import Geometry
from dltk.layers.neighbours import METRICS
from dltk.models.find import ModelSource, find_model, is_file
from dltk.models.scratch import SCRATCH, smallest_side
from recipes._checks import check_idle
from recipes._plans import check_options

_WORDS = {
    "head": ("softmax", "svm", "knn"),
    "augment": ("auto", *STRENGTHS),
    "class_weights": ("none", "auto"),
    "metric": (*METRICS, None),
    "keep_epochs": ("none", "doubling", "all"),
}
_GRADIENT_OPTIONS = (
    "keep_epochs",
    "epochs",
    "batch_size",
    "lr",
    "optimizer",
    "schedule",
    "warmup",
    "dropout",
    "l1",
    "weight_decay",
    "augment",
    "mixup",
    "label_smoothing",
    "patience",
    "clip",
    "ema",
    "members",
    "class_weights",
    "balance",
    "precision",
)


@dataclass(frozen=True)
class Plan:
    """What follows from the options of a fine-tuning.

    Attributes:
        source: the backbone's, None for a network from scratch.
        geometry: of the input.
        scratch: whether all of the network is trained from random weights.
        tuned: whether layers of a pretrained backbone are trained, after the head.
        augmentation: "none", "light" or "strong".
        fixed: whether features are, at first: nothing in front of the head learns or is random.
    """

    source: ModelSource | None
    geometry: Geometry
    scratch: bool
    tuned: bool
    augmentation: str
    fixed: bool


def plan_of(asked: SimpleNamespace, defaults: dict) -> Plan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, options that do not go together or do nothing.
    """
    _check(asked)
    source, geometry = _network(asked)
    scratch, tuned = source is None or asked.weights == "none", asked.unfreeze != "none"
    augmentation = asked.augment
    if augmentation == "auto":
        augmentation = "light" if tuned else "none"
    learns = scratch and asked.backbone != "linear"
    is_random = not tuned and (augmentation != "none" or asked.mixup > 0)
    plan = Plan(source, geometry, scratch, tuned, augmentation, not learns and not is_random)
    _refuse_idle(asked, plan, defaults)
    return plan


def _check(asked: SimpleNamespace) -> None:
    """Raise UsageError on unknown words, and on options that do not go together."""
    check_options(asked, _WORDS, {"tune_epochs": 1, "members": 1})
    if asked.lr == "auto" and asked.backbone_lr is not None:
        raise UsageError("--backbone-lr beside --lr auto: it is a tenth of the rate that is found")
    small, file = asked.backbone in SCRATCH, is_file(asked.backbone)
    scratch, tuned = small or asked.weights == "none", asked.unfreeze != "none"
    own_weights = asked.weights not in ("imagenet", "none")
    if own_weights and (small or file):
        raise UsageError(f"--weights {asked.weights}: {asked.backbone} takes no weight file")
    if own_weights and not Path(asked.weights).is_file():
        raise UsageError(f"--weights {printable(asked.weights)}: no such file")
    if asked.weights == "none" and file:
        raise UsageError("--weights none: a model file is its weights; name a backbone")
    if scratch and tuned:
        raise UsageError("--unfreeze is for pretrained backbones; from scratch, all is trained")
    if asked.head != "softmax" and (tuned or (scratch and asked.backbone != "linear")):
        raise UsageError(
            f"--head {asked.head} needs fixed features: a pretrained backbone without --unfreeze, "
            "or --backbone linear"
        )
    if asked.head == "svm" and asked.l2 == 0:
        raise UsageError("--l2 0: a support vector machine needs some penalty")
    if asked.balance and asked.class_weights == "auto":
        raise UsageError("--balance and --class-weights auto do the same twice; take one")


def _refuse_idle(asked: SimpleNamespace, plan: Plan, defaults: dict) -> None:
    """Raise UsageError if an option was given that does nothing beside the others."""
    searches = asked.head == "knn" or (plan.fixed and asked.l2 == "auto")
    why = {
        f"--head {asked.head} takes no gradient steps": (
            asked.head != "softmax",
            _GRADIENT_OPTIONS,
        ),
        "--head knn has no weights": (asked.head == "knn", ("l2",)),
        "it is for --head knn": (asked.head != "knn", ("k", "metric")),
        "it is for convnet, linear and mlp": (
            asked.backbone not in SCRATCH,
            ("size", "channels"),
        ),
        "no layers of a backbone are trained; say which with --unfreeze": (
            not plan.tuned,
            ("tune_epochs", "backbone_lr"),
        ),
        "pictures are not varied; see --augment": (plan.augmentation == "none", ("flip",)),
        "nothing is chosen by cross-validation": (not searches, ("folds",)),
        "only a head on fixed features is trained, in float32": (
            plan.fixed and not plan.tuned,
            ("precision", "keep_epochs"),
        ),
    }
    for reason, (holds, names) in why.items():
        check_idle(names if holds else (), asked, defaults, reason)


def _network(asked: SimpleNamespace) -> tuple[ModelSource | None, Geometry]:
    """Return the backbone's source, None for one from scratch, and the geometry of its input."""
    if asked.backbone in SCRATCH:
        plain = SCRATCH[asked.backbone]
        size = asked.size or plain.height
        if size < smallest_side(asked.backbone):
            raise UsageError(
                f"--size {size}: {asked.backbone} needs {smallest_side(asked.backbone)}"
            )
        channels = asked.channels or plain.channels
        return None, replace(plain, height=size, width=size, channels=channels)
    try:
        source = find_model(asked.backbone)
    except UsageError as error:
        if is_file(asked.backbone):
            raise
        hint = nearest(asked.backbone, SCRATCH)
        if not hint:
            raise
        raise UsageError(f'unknown backbone "{asked.backbone}".{hint}') from error
    if source.task not in ("classify", "features"):
        raise UsageError(f"{source.name} is for the task {source.task}, not a classifier")
    return source, source.geometry
