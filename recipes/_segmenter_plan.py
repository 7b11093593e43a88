"""What the training of a segmenter was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.masks.augment import STRENGTHS
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.losses.segmentation import WEIGHTINGS
from dltk.models.fcn.presets import DESIGNS
from dltk.models.find import ModelSource, find_model
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES
from recipes._checks import check_choice, check_multiple, check_number, check_whole

PRESETS = tuple(DESIGNS)
LOSSES = ("cross-entropy", "focal", "dice", "cross-entropy+dice")
_STRIDE = 32  # pixels of the canvas between places of the coarsest map
_LARGEST = 2048  # pixels of its side
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
    """Return the designs to train one after the other: the finest for half of the epochs."""
    designs = list(PRESETS)[: PRESETS.index(asked.preset) + 1] if asked.staged else [asked.preset]
    if len(designs) > asked.epochs:
        raise UsageError(
            f"--epochs {asked.epochs} is too few for the stages {', '.join(designs)}; "
            "train them --at-once, or longer"
        )
    *earlier, last = designs
    each = max(1, asked.epochs // 2 // len(earlier)) if earlier else 0
    return (*((design, each) for design in earlier), (last, asked.epochs - each * len(earlier)))


def _check(asked: SimpleNamespace) -> None:
    """Raise UsageError on unknown words, and numbers that cannot be."""
    for name, words in _WORDS.items():
        check_choice(name, getattr(asked, name), words)
    for name, least in {"epochs": 1, "batch_size": 1, "hidden": 0}.items():
        check_whole(name, getattr(asked, name), least)
    check_number("aux", asked.aux)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, _LARGEST)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
