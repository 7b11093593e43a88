"""What the training of a generator was asked for, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.losses.adversarial import LOSSES, AdversarialLoss
from dltk.models.gan.dcgan import SIZES, UPSAMPLINGS
from dltk.ops.diff_augment import POLICIES
from dltk.training.optimizers import SCHEDULES
from recipes._checks import (
    check_choice,
    check_idle,
    check_number,
    check_precision,
    check_whole,
)
from recipes._looked_over import CHANNELS

PRESETS = ("dcgan", "began")
_LEAST = {"width": 1, "epochs": 1, "batch_size": 2, "judge_every": 0, "samples": 0}
_NOT_OF_BEGAN = (
    "upsampling", "spectral", "loss", "smoothing", "gradient_penalty", "r1", "critics", "vary",
)  # fmt: skip
# Of the papers, where they differ from preset to preset.
_NOISE = {"dcgan": 100, "began": 64}
_RATE = {"dcgan": 2e-4, "began": 1e-4}
_BETA = 0.5
# Gulrajani et al. 2017, Alg. 1, but for Adam's second beta, which stays.
_WASSERSTEIN = {"lr": 1e-4, "beta": 0.0, "gradient_penalty": 10.0, "critics": 5}


@dataclass(frozen=True)
class GanPlan:
    """What follows from the options of a generator's training.

    Attributes:
        noise: numbers from which a picture is made.
        rate, discriminator_rate: highest learning rates of both sides.
        beta: of Adam.
        gradient_penalty: its weight.
        critics: turns of the discriminator in a step.
        policies: how pictures are varied for the discriminator.
        game: what both sides play for; None for began's.
        channels: 1 or 3; None where the pictures are to tell.
        size: pixels of a picture's side.
    """

    noise: int
    rate: float
    discriminator_rate: float
    beta: float
    gradient_penalty: float
    critics: int
    policies: tuple[str, ...]
    game: AdversarialLoss | None
    channels: int | None
    size: int

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes one to learn from, once the channels are known."""
        return Geometry(self.size, self.size, self.channels or 3, crop=1.0)


def plan_of(asked: SimpleNamespace, defaults: Mapping[str, Any]) -> GanPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, options that do nothing.
    """
    _check_words(asked)
    _check_numbers(asked)
    _check_idle(asked, defaults)
    usual = {"lr": _RATE[asked.preset], "beta": _BETA, "gradient_penalty": 0.0, "critics": 1}
    if asked.loss == "wasserstein":
        usual |= _WASSERSTEIN
    given = {
        name: value if getattr(asked, name) is None else getattr(asked, name)
        for name, value in usual.items()
    }
    return GanPlan(
        noise=_NOISE[asked.preset] if asked.noise is None else asked.noise,
        rate=given["lr"],
        discriminator_rate=asked.discriminator_lr or given["lr"],
        beta=given["beta"],
        gradient_penalty=given["gradient_penalty"],
        critics=given["critics"],
        policies=_policies(asked.vary),
        game=_game(asked),
        channels=CHANNELS[asked.channels],
        size=asked.size,
    )


def check_side(size) -> None:
    """Raise UsageError unless there are networks for pictures of `size` pixels a side."""
    if size not in SIZES:
        check_whole("size", size, 1)
        near = min(SIZES, key=lambda known: abs(known - size))
        raise UsageError(
            f"--size {size}: networks are for {', '.join(map(str, SIZES))} pixels; take {near}"
        )


def _check_words(asked: SimpleNamespace) -> None:
    words = {
        "preset": PRESETS, "channels": tuple(CHANNELS), "upsampling": UPSAMPLINGS, "loss": LOSSES,
        "schedule": SCHEDULES,
    }  # fmt: skip
    for name, choices in words.items():
        check_choice(name, getattr(asked, name), choices)
    check_precision(asked.precision)
    check_side(asked.size)


def _check_numbers(asked: SimpleNamespace) -> None:
    for name, least in _LEAST.items():
        check_whole(name, getattr(asked, name), least)
    for name in ("noise", "critics"):
        if getattr(asked, name) is not None:
            check_whole(name, getattr(asked, name), 1)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
    for name in ("lr", "discriminator_lr"):
        if getattr(asked, name) is not None:
            check_number(name, getattr(asked, name), above=True)
    check_number("smoothing", asked.smoothing, 0, 1, below=True)
    check_number("balance", asked.balance, 0, 1, above=True)
    check_number("ema", asked.ema, 0, 1, below=True)
    for name in ("r1", "save_every"):
        check_number(name, getattr(asked, name))
    if asked.beta is not None:
        check_number("beta", asked.beta, 0, 1, below=True)
    if asked.gradient_penalty is not None:
        check_number("gradient_penalty", asked.gradient_penalty)


def _check_idle(asked: SimpleNamespace, defaults: Mapping[str, Any]) -> None:
    if asked.preset == "began":
        why = "began enlarges and scores in its own way: its discriminator is an auto-encoder"
        check_idle(("by_class",), asked, defaults, "began knows no classes")
        check_idle(_NOT_OF_BEGAN, asked, defaults, why)
    else:
        check_idle(("balance",), asked, defaults, "only began is kept in balance")
    if asked.loss != "cross-entropy":
        check_idle(("smoothing",), asked, defaults, "only cross-entropy is told how sure to be")
    free = asked.gradient_penalty == 0 and not asked.spectral and not asked.r1
    if asked.loss == "wasserstein" and free:
        raise UsageError(
            "--loss wasserstein needs a discriminator that is held in: by --gradient-penalty, "
            "--spectral or --r1"
        )


def _game(asked: SimpleNamespace) -> AdversarialLoss | None:
    """Return what is played for; None for began's balance."""
    if asked.preset == "began":
        return None
    game = LOSSES[asked.loss]
    return game(asked.smoothing) if asked.loss == "cross-entropy" else game()


def _policies(vary: str) -> tuple[str, ...]:
    """Return the ways to vary that are named, such as "colour,cutout"; "none" for none."""
    if vary == "none":
        return ()
    named = POLICIES if vary == "all" else tuple(name.strip() for name in vary.split(","))
    for name in named:
        check_choice("vary", name, ("none", "all", *POLICIES))
        if name in ("none", "all"):
            raise UsageError(f"--vary {vary}: {name} stands alone")
    return tuple(name for name in POLICIES if name in named)
