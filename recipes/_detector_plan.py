"""What the training of a detector was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

from dltk.data.objects.augment import STRENGTHS
from dltk.errors import UsageError, nearest
from dltk.geometry import Geometry
from dltk.models.find import ModelSource, find_model
from dltk.models.rcnn.learning import Lessons
from dltk.models.rcnn.presets import DESIGNS, Design
from dltk.proposals import check_search
from dltk.training.optimizers import OPTIMIZERS, SCHEDULES

_STRIDE = 32  # pixels of the canvas between places of the coarsest map
_LESSONS = {
    "faster-rcnn": Lessons(anchors=128, regions=64, before=500, after=200),
    # Girshick 2015, Sec. 2.3: 64 regions of each picture, ground being what overlaps a little.
    "fast-rcnn": Lessons(regions=64, least_overlap=0.1),
    # Girshick et al. 2014, Sec. 2.3: a quarter with an object; here 16 of a picture.
    "rcnn": Lessons(regions=16),
    # The whole picture is to find what it overlaps most, however small.
    "localize": Lessons(regions=1, share=1.0, region_overlap=1e-6),
}
PRESETS = tuple(DESIGNS)
_OF_DESIGN = ("preset", "pooling", "proposals")
_BY_STEPS = (
    "epochs", "batch_size", "lr", "optimizer", "schedule", "warmup", "weight_decay", "augment",
    "flip", "patience", "clip", "ema", "precision",
)  # fmt: skip
_WORDS = {
    "preset": PRESETS,
    "pooling": ("align", "pool", None),
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": STRENGTHS,
    "precision": ("auto", "float32", "bfloat16", "float16"),
}


@dataclass(frozen=True)
class DetectorPlan:
    """What follows from the options of a detector's training.

    Attributes:
        source: the network it grows from, a detector perhaps.
        design: what is built on that.
        lessons: from how many regions of each picture it learns.
        geometry: how a picture becomes the input.
        tuned: whether layers of the backbone learn too.
        fitted: whether anything learns by gradient steps: not in R-CNN on a fixed network, whose
            SVMs and regressions are solved for.
    """

    source: ModelSource
    design: Design
    lessons: Lessons
    geometry: Geometry
    tuned: bool
    fitted: bool


def plan_of(asked: SimpleNamespace, defaults: dict) -> DetectorPlan:
    """Return what follows from the options `asked`.

    Where these grow from a detector they are given what that one's design is.

    Raises:
        UsageError: unknown words, options that do not go together or do nothing, no selective
            search where it is needed.
    """
    _check(asked)
    tuned = asked.unfreeze != "none"
    if not tuned and asked.backbone_lr is not None:
        raise UsageError(
            "--backbone-lr has no meaning here: no layers of the backbone are trained; say which "
            "with --unfreeze"
        )
    source = find_model(asked.backbone)
    if source.task not in ("classify", "features", "detect"):
        raise UsageError(f"{source.name} is for the task {source.task}; name a classifier")
    if source.task == "detect":
        _take_over(asked, defaults, source)
    fitted = asked.preset != "rcnn" or tuned
    if not fitted:
        _refuse(asked, defaults, _BY_STEPS, "R-CNN on a fixed network takes no gradient steps")
    if asked.augment == "none" and asked.flip != defaults["flip"]:
        raise UsageError("--flip has no meaning here: pictures are not varied; see --augment")
    design = DESIGNS[asked.preset]
    if design.cutting == "warp":
        _refuse(asked, defaults, ("pooling",), "R-CNN warps its regions")
    if design.regions == "outside" and asked.regions is None:
        check_search()
    if design.regions != "outside":
        _refuse(asked, defaults, ("regions",), f"{asked.preset} finds its regions itself")
    if design.regions == "whole":
        _refuse(asked, defaults, ("proposals",), "the whole picture is the only region")
    chosen = {"cutting": asked.pooling, "proposals": asked.proposals}
    design = replace(design, **{name: v for name, v in chosen.items() if v is not None})
    geometry = Geometry(asked.size, asked.size, fit="within")
    return DetectorPlan(source, design, _LESSONS[asked.preset], geometry, tuned, fitted)


def _take_over(asked: SimpleNamespace, defaults: dict, source: ModelSource) -> None:
    """Ask for the design that a detector has. Raises UsageError where another was asked for."""
    training = source.card.training if source.card is not None else {}
    own = defaults | training.get("options", {})
    for name in _OF_DESIGN:
        if getattr(asked, name) not in (defaults[name], own[name]):
            told = f"--{name} {getattr(asked, name)}"
            raise UsageError(f"{told} has no meaning here: {source.name} is a detector already")
        setattr(asked, name, own[name])


def _refuse(asked: SimpleNamespace, defaults: dict, names: tuple[str, ...], why: str) -> None:
    """Raise UsageError if one of these options was given, which do nothing here."""
    for name in names:
        if getattr(asked, name) != defaults[name]:
            raise UsageError(f"--{name.replace('_', '-')} has no meaning here: {why}")


def _check(asked: SimpleNamespace) -> None:
    """Raise UsageError on unknown words, and numbers that cannot be."""
    for name, words in _WORDS.items():
        if getattr(asked, name) not in words:
            hint = nearest(str(getattr(asked, name)), filter(None, words))
            raise UsageError(
                f"--{name.replace('_', '-')} is one of {', '.join(filter(None, words))}.{hint}"
            )
    for name in ("epochs", "batch_size"):
        if getattr(asked, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} must be at least 1")
    if asked.proposals is not None and asked.proposals < 1:
        raise UsageError("--proposals must be at least 1")
    least, most = 2 * _STRIDE, 2048
    if asked.size % _STRIDE or not least <= asked.size <= most:
        near = min(most, max(least, round(asked.size / _STRIDE) * _STRIDE))
        raise UsageError(
            f"--size {asked.size} is not a multiple of {_STRIDE} from {least} to {most}; "
            f"take {near}"
        )
    if not 0 <= asked.seed < 2**32:
        raise UsageError(f"--seed {asked.seed} is not from 0 to {2**32 - 1}")
