"""What the training of an auto-encoder was asked for, and what follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

from dltk.errors import UsageError, printable
from dltk.geometry import Geometry
from dltk.losses.reconstruction import LOSSES
from dltk.models.autoencoder import LARGEST, PRESETS, SMALLEST, Design
from recipes._checks import check_whole
from recipes._looked_over import CHANNELS
from recipes._plans import check_options

_MOST_COMPARED = 20  # networks of one run


@dataclass(frozen=True)
class AutoencoderPlan:
    """What follows from the options of an auto-encoder's training.

    Attributes:
        design: of the network; with channels "auto", for grey pictures until all were looked at.
        compared: numbers of codes of other networks, whose errors stand beside its own.
    """

    design: Design
    compared: tuple[int, ...]

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes the input."""
        design = self.design
        return Geometry(design.size, design.size, design.channels, fit="crop", crop=1.0)

    def of_channels(self, channels: int) -> AutoencoderPlan:
        """Return the plan for pictures of so many channels."""
        return replace(self, design=replace(self.design, channels=channels))


def plan_of(asked: SimpleNamespace) -> AutoencoderPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be.
    """
    words = {"preset": PRESETS, "loss": tuple(LOSSES), "channels": tuple(CHANNELS)}
    check_options(asked, words, {"codes": 1})
    check_whole("size", asked.size, SMALLEST, max(LARGEST.values()))
    if asked.size > LARGEST[asked.preset]:
        raise UsageError(
            f"--size {asked.size}: the {asked.preset} preset takes {LARGEST[asked.preset]} pixels "
            "at most; take --preset conv for larger pictures"
        )
    design = Design(asked.preset, asked.size, CHANNELS[asked.channels] or 1, asked.codes)
    if asked.preset == "conv" and asked.size % design.step:
        below = asked.size // design.step * design.step
        near = " or ".join(str(side) for side in (below, below + design.step) if side >= SMALLEST)
        raise UsageError(
            f"--size {asked.size}: the conv preset halves its maps until 8 pixels or less are "
            f"left, and halves are whole; take {near}"
        )
    compared = _compared(asked.compare)
    most = max((asked.codes, *compared))
    if most >= design.numbers:
        raise UsageError(
            f"{most} codes bring nothing down: a picture of {design.size} × {design.size} pixels "
            f"has {design.numbers} numbers; take fewer"
        )
    return AutoencoderPlan(design, tuple(codes for codes in compared if codes != asked.codes))


def _compared(told: str | None) -> tuple[int, ...]:
    """Return the numbers that a text such as "2-4,8" means, in order. Raises UsageError."""
    if told is None:
        return ()
    found: set[int] = set()
    for part in str(told).replace(" ", "").split(","):
        ends = re.fullmatch(r"([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?", part, re.ASCII)
        if ends is None or int(ends[2] or ends[1]) < int(ends[1]):
            raise UsageError(
                f"--compare is numbers of codes such as 2-8 or 2,4,8, not {printable(told)}"
            )
        found |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    if len(found) > _MOST_COMPARED:
        raise UsageError(
            f"--compare {printable(told)} means {len(found)} networks; name {_MOST_COMPARED} at "
            "most"
        )
    return tuple(sorted(found))
