"""What the training of a segmenter was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.masks.augment import STRENGTHS
from dltk.errors import UsageError, nearest
from dltk.images import Geometry
from dltk.losses.segmentation import WEIGHTINGS
from dltk.models.fcn.presets import DESIGNS
from dltk.models.find import ModelSource, find_model
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES

PRESETS = tuple(DESIGNS)
LOSSES = ("cross-entropy", "focal", "dice", "cross-entropy+dice")
_STRIDE = 32  # pixels of the canvas between places of the coarsest map
_WORDS = {
    "preset": PRESETS,
    "loss": LOSSES,
    "class_weights": WEIGHTINGS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": STRENGTHS,
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
_OF_DESIGN = ("preset", "staged", "hidden")


@dataclass(frozen=True)
class SegmenterPlan:
    """What follows from the options of a segmenter's training.

    Attributes:
        source: the network it grows from, a segmenter perhaps.
        stages: name and epochs of each, in order. Of a new segmenter they are called as the
            designs that are trained.
        geometry: how a picture becomes the input.
    """

    source: ModelSource
    stages: tuple[tuple[str, int], ...]
    geometry: Geometry

    @property
    def is_new(self) -> bool:
        """Whether the segmenter is new, and does not grow from another."""
        return self.source.task != "segment"


def plan_of(asked: SimpleNamespace, defaults: dict) -> SegmenterPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, options that do not go together or do nothing.
    """
    _check(asked)
    if asked.unfreeze == "none" and asked.backbone_lr is not None:
        raise UsageError(
            "--backbone-lr has no meaning here: no layers of the backbone are trained; say which "
            "with --unfreeze"
        )
    source = find_model(asked.backbone)
    if source.task not in ("classify", "features", "segment"):
        raise UsageError(f"{source.name} is for the task {source.task}; name a classifier")
    if asked.augment == "none" and asked.flip != defaults["flip"]:
        raise UsageError("--flip has no meaning here: pictures are not varied; see --augment")
    if asked.loss == "dice" and asked.class_weights != "none":
        raise UsageError("--class-weights has no meaning here: Dice weighs all classes alike")
    if source.task == "segment":
        for name in _OF_DESIGN:
            if getattr(asked, name) != defaults[name]:
                raise UsageError(
                    f"--{name} has no meaning here: {source.name} is a segmenter already"
                )
        stages = (("segmenter", asked.epochs),)
    else:
        stages = _stages(asked)
    return SegmenterPlan(source, stages, Geometry(asked.size, asked.size, fit="within"))


def _stages(asked: SimpleNamespace) -> tuple[tuple[str, int], ...]:
    """Return the designs to train one after the other: the coarsest for half of the epochs."""
    designs = list(PRESETS)[: PRESETS.index(asked.preset) + 1] if asked.staged else [asked.preset]
    if len(designs) > asked.epochs:
        raise UsageError(
            f"--epochs {asked.epochs} is too few for the stages {', '.join(designs)}; "
            "train them --at-once, or longer"
        )
    later = len(designs) - 1
    each = max(1, round(asked.epochs / 2 / later)) if later else 0
    each = min(each, (asked.epochs - 1) // later) if later else 0
    return ((designs[0], asked.epochs - later * each), *((design, each) for design in designs[1:]))


def _check(asked: SimpleNamespace) -> None:
    """Raise UsageError on unknown words, and numbers that cannot be."""
    for name, words in _WORDS.items():
        if getattr(asked, name) not in words:
            hint = nearest(str(getattr(asked, name)), words)
            raise UsageError(f"--{name.replace('_', '-')} is one of {', '.join(words)}.{hint}")
    for name, least in {"epochs": 1, "batch_size": 1, "hidden": 0}.items():
        if getattr(asked, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} must be at least {least}")
    if not asked.aux >= 0:
        raise UsageError("--aux must be at least 0")
    least, most = 2 * _STRIDE, 2048
    if asked.size % _STRIDE or not least <= asked.size <= most:
        near = min(most, max(least, round(asked.size / _STRIDE) * _STRIDE))
        raise UsageError(
            f"--size {asked.size} is not a multiple of {_STRIDE} from {least} to {most}; "
            f"take {near}"
        )
    if not 0 <= asked.seed < 2**32:
        raise UsageError(f"--seed {asked.seed} is not from 0 to {2**32 - 1}")
