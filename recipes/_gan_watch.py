"""What a generator makes while it is trained, and the signs that its training goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltk.losses.adversarial import AdversarialLoss
from dltk.ops.similarity import distances

_EPOCHS = 3  # in a row, that a sign must be there for
_LONG = 20  # epochs, in which pictures come to differ if they ever do
_ALIKE = 0.3  # of the variety of real pictures
_GROWS = 1.2  # times: where it does, pictures come to differ still
# Of the way from what a discriminator loses that knows all to what one loses that knows nothing.
_SURE, _BLIND = 0.05, 0.005

COLLAPSE = (
    "mode collapse: the pictures made are much more alike than the real ones; try another --seed, "
    "--vary all, --r1 10, or a smaller --lr"
)
OVERPOWERED = (
    "the discriminator tells nearly all real pictures from made ones, and the generator learns "
    "little from it; try --smoothing 0.1, a smaller --discriminator-lr, or --vary all"
)
DEAD = (
    "dead discriminator: it cannot tell real pictures from made ones, nor does it learn to; try a "
    "smaller --lr, or another --seed"
)


def variety(made: np.ndarray, real: np.ndarray) -> float:
    """Return how far made pictures are apart, 1 for as far as real ones, 0 for all the same.

    It is the median distance of a picture to the one most like it, so that several heaps of like
    pictures count as little as one.

    Args:
        made, real: (N, H, W, C) and (M, H, W, C), two or more each, in the same unit.
    """
    apart = _nearest(real)
    return _nearest(made) / apart if apart > 0 else 1.0


def _nearest(pictures: np.ndarray) -> float:
    vectors = pictures.reshape(len(pictures), -1).astype(np.float32)
    between = distances(vectors, vectors, "l2")
    np.fill_diagonal(between, np.inf)
    return float(np.median(between.min(axis=1)))


def signs(rows: Sequence[dict], game: AdversarialLoss | None) -> list[str]:
    """Return what is wrong with a training by the rows of its history so far.

    Args:
        game: None for one whose discriminator cannot be told dead from alive by its loss.
    """
    last = rows[-_EPOCHS:]
    if len(last) < _EPOCHS:
        return []
    found = []
    if _collapsed([row["variety"] for row in rows]):
        found.append(COLLAPSE)
    if game:
        reach = game.knows_nothing - game.knows_all  # NaN, and no sign, where there are no limits
        shares = [(row["discriminator_loss"] - game.knows_all) / reach for row in last]
        if all(share < _SURE for share in shares):
            found.append(OVERPOWERED)
        if all(abs(share - 1) < _BLIND for share in shares):
            found.append(DEAD)
    return found


def _collapsed(apart: Sequence[float]) -> bool:
    """Return whether pictures have come to be alike, or stay so, by their variety so far.

    At first they are: what a young generator makes differs little, and more from epoch to epoch.
    """
    if max(apart[-_EPOCHS:]) >= _ALIKE:
        return False
    fallen = apart[-1] < max(apart) / 2 and max(apart) >= _ALIKE
    stuck = len(apart) > _LONG and apart[-1] <= _GROWS * apart[-1 - _LONG]
    return fallen or stuck


def new_signs(rows: Sequence[dict], game: AdversarialLoss | None) -> list[str]:
    """Return the signs that were not there an epoch ago."""
    before = signs(rows[:-1], game)
    return [sign for sign in signs(rows, game) if sign not in before]


def all_signs(rows: Sequence[dict], game: AdversarialLoss | None) -> list[tuple[str, str]]:
    """Return each sign with the epoch in which it was first told."""
    found: dict[str, int] = {}
    for epoch in range(1, len(rows) + 1):
        for sign in signs(rows[:epoch], game):
            found.setdefault(sign, epoch)
    return [(f"epoch {epoch}", sign) for sign, epoch in found.items()]
