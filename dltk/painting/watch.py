"""What is done at every step of painting a picture: check it, note it, tell of it, stop."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from threading import Event

import numpy as np

from dltk.batch import to_line
from dltk.errors import DltkError
from dltk.files import whole
from dltk.weights import Report, silent

_TELL_EVERY_SECS = 10.0


class PaintingStoppedError(DltkError):
    """The picture is not finished: Ctrl-C, a step whose values are not finite, no memory left.

    `Watch.pixels` is the last good state of it.
    """


class Stop(Event):
    """Set when all painting is to end: at Ctrl-C, when what is done so far is kept.

    Attributes:
        abandoned: nobody wants what is under way; nothing of it is to be written.
    """

    def __init__(self):
        super().__init__()
        self.abandoned = False

    def abandon(self) -> None:
        """End all painting, and let what is under way go."""
        self.abandoned = True
        self.set()


class Watch:
    """Follows the painting of one picture.

    Args:
        name: what is painted, for messages.
        stop: set when the user wants all painting to end.
        report: called with a line every ten seconds.
        snapshot_every: steps between two calls of `on_snapshot`; 0 for never.
        on_snapshot: called with the step's number, counted from 1 over all scales, and pixels.

    Attributes:
        trace: one dictionary for each step: "step" (from 1, over all scales), "size" (width,
            height), "loss", its terms by name, and "seconds" since the beginning.
        pixels: the last picture whose loss was finite, (1, H, W, 3); None before the first step.
    """

    def __init__(
        self,
        name: str,
        *,
        stop: Stop | None = None,
        report: Report = silent,
        snapshot_every: int = 0,
        on_snapshot: Callable[[int, object], None] | None = None,
    ):
        self.trace: list[dict] = []
        self.pixels = None
        self.planned = 0
        self._name, self._report = name, report
        self._stop = stop or Stop()
        self._every, self._on_snapshot = snapshot_every, on_snapshot
        self._begun = self._told = time.monotonic()

    def plan(self, steps: int) -> None:
        """Say how many more steps are going to come."""
        self.planned += steps

    def step(self, terms: dict, pixels) -> None:
        """Note a step: the terms of the loss (scalars by name) at `pixels`, float32 (1, H, W, C).

        Raises:
            PaintingStoppedError: Ctrl-C, or a term that is not finite; it is named.
        """
        number = len(self.trace) + 1
        values = {name: float(value) for name, value in terms.items()}
        size = int(pixels.shape[2]), int(pixels.shape[1])
        for name, value in values.items():
            if not math.isfinite(value):
                raise PaintingStoppedError(
                    f"{name} is {value} at step {number} of {self.planned}, {size[0]} × {size[1]} "
                    "pixels; the picture is as it was before; smaller steps may help"
                )
        self.pixels = pixels
        now = time.monotonic()
        self.trace.append(
            {"step": number, "size": list(size), "loss": sum(values.values())}
            | values
            | {"seconds": round(now - self._begun, 3)}
        )
        if self._every and number % self._every == 0:
            self._on_snapshot(number, pixels)
        if now - self._told > _TELL_EVERY_SECS:
            self._told = now
            self._report(self._line(values, size, number))
        if self._stop.is_set():
            raise PaintingStoppedError(
                f"stopped at step {number} of {self.planned}; the picture is as it was then"
            )

    def finished(self, pixels):
        """Return the finished `pixels`. Raises PaintingStoppedError if not all are finite."""
        if not np.isfinite(np.asarray(pixels)).all():
            raise PaintingStoppedError(
                f"pixels are not finite after step {len(self.trace)} of {self.planned}; "
                "the picture is as it was before; smaller steps may help"
            )
        self.pixels = pixels
        return pixels

    def _line(self, values: dict, size: tuple[int, int], number: int) -> str:
        terms = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        each = (time.monotonic() - self._begun) / number
        return (
            f"{self._name}: step {number} of {self.planned}, {size[0]} × {size[1]}, {terms}, "
            f"{each:.2f} s a step"
        )


def save_trace(trace: Sequence[dict], path: str | os.PathLike) -> None:
    """Write a trace as JSON lines, whole or not at all."""
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(map(to_line, trace))
