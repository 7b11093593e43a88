"""What the training of a detector was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

from dltk.data.objects.augment import STRENGTHS
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.models.find import ModelSource
from dltk.models.rcnn.learning import Lessons
from dltk.models.rcnn.presets import DESIGNS, Design
from dltk.proposals import check_search
from recipes._checks import check_idle, check_multiple
from recipes._plans import check_options, check_unfrozen, check_varied, network_of

_STRIDE = 32  # pixels of the canvas between places of the coarsest map
_LARGEST = 2048  # pixels of its side
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
    "augment": STRENGTHS,
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
    check_options(asked, _WORDS, {} if asked.proposals is None else {"proposals": 1})
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, _LARGEST)
    check_unfrozen(asked, defaults)
    tuned, source = asked.unfreeze != "none", network_of(asked, "detect")
    if source.task == "detect":
        _take_over(asked, defaults, source)
    fitted = asked.preset != "rcnn" or tuned
    if not fitted:
        check_idle(_BY_STEPS, asked, defaults, "R-CNN on a fixed network takes no gradient steps")
    check_varied(asked, defaults)
    design = DESIGNS[asked.preset]
    if design.cutting == "warp":
        check_idle(("pooling",), asked, defaults, "R-CNN warps its regions")
    if design.regions == "outside" and asked.regions is None:
        check_search()
    if design.regions != "outside":
        check_idle(("regions",), asked, defaults, f"{asked.preset} finds its regions itself")
    if design.regions == "whole":
        check_idle(("proposals",), asked, defaults, "the whole picture is the only region")
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
