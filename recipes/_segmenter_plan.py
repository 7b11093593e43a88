"""What the training of a segmenter was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.masks.augment import STRENGTHS
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.losses.segmentation import WEIGHTINGS
from dltk.models.fcn.presets import DESIGNS
from dltk.models.find import ModelSource
from recipes._checks import check_idle, check_multiple, check_number
from recipes._plans import check_options, check_unfrozen, check_varied, network_of

PRESETS = tuple(DESIGNS)
LOSSES = ("cross-entropy", "focal", "dice", "cross-entropy+dice")
_STRIDE = 32  # pixels of the canvas between places of the coarsest map
_LARGEST = 2048  # pixels of its side
_WORDS = {
    "preset": PRESETS,
    "loss": LOSSES,
    "class_weights": WEIGHTINGS,
    "augment": STRENGTHS,
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
    check_options(asked, _WORDS, {"hidden": 0})
    check_number("aux", asked.aux)
    check_multiple("size", asked.size, _STRIDE, 2 * _STRIDE, _LARGEST)
    check_unfrozen(asked, defaults)
    source = network_of(asked, "segment")
    check_varied(asked, defaults)
    if asked.loss == "dice":
        check_idle(("class_weights",), asked, defaults, "Dice weighs all classes alike")
    if source.task == "segment":
        check_idle(_OF_DESIGN, asked, defaults, f"{source.name} is a segmenter already")
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
