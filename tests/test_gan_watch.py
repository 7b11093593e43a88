"""Signs that the training of a generator goes wrong, by its history and its pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recipes._gan_watch import COLLAPSE, DEAD, OVERPOWERED, all_signs, new_signs, signs, variety

NOTHING = 2 * math.log(2)


def rows_of(**columns: list[float]) -> list[dict]:
    """Return rows of a history, healthy where nothing is said."""
    count = max(map(len, columns.values()))
    healthy = {"variety": [1.0] * count, "discriminator_loss": [0.8] * count}
    columns = healthy | columns
    return [{name: values[at] for name, values in columns.items()} for at in range(count)]


def test_variety_is_how_far_the_nearest_is_by_hand():
    """Of 0, 1, 3, 6 the nearest are 1, 1, 2, 3 away, 1.5 in the middle; of 0, 0, 9, 9 none is."""
    real = np.array([0, 1, 3, 6], np.uint8).reshape(4, 1, 1, 1)
    heaps = np.array([0, 0, 9, 9], np.uint8).reshape(4, 1, 1, 1)
    assert variety(real, real) == 1.0
    assert variety(2 * real, real) == 2.0
    assert variety(heaps, real) == 0.0
    assert variety(real, heaps) == 1.0  # nothing to compare with


def test_a_collapse_is_told_once_it_lasts_and_training_has_settled():
    early = rows_of(variety=[0.0, 0.1, 0.1, 0.1])
    assert signs(early, "hinge") == []
    lasting = rows_of(variety=[1.0, 1.0, 0.25, 0.1, 0.29])
    assert signs(lasting, "hinge") == [COLLAPSE]
    assert signs(rows_of(variety=[1.0, 1.0, 0.2, 0.31, 0.1]), "hinge") == []
    assert signs(rows_of(variety=[0.0, 0.0, 0.1, 0.15, 0.2]), "hinge") == []  # it grows yet


@pytest.mark.parametrize(
    ("loss", "nothing"), [("cross-entropy", NOTHING), ("hinge", 2.0), ("least-squares", 0.25)]
)
def test_a_discriminator_that_knows_nothing_or_all_is_told(loss, nothing):
    dead = rows_of(discriminator_loss=[nothing, nothing * 1.001, nothing * 0.999])
    assert signs(dead, loss) == [DEAD]
    assert signs(dead[1:], loss) == []
    sure = rows_of(discriminator_loss=[0.5 * nothing, 0.01 * nothing, 0.0, 0.02 * nothing])
    assert signs(sure, loss) == [OVERPOWERED]
    assert signs(sure[:3], loss) == []


def test_of_other_games_only_a_collapse_is_known():
    rows = rows_of(discriminator_loss=[0.0] * 6, variety=[0.1] * 6)
    assert signs(rows, "wasserstein") == signs(rows, "began") == [COLLAPSE]


def test_each_sign_is_told_when_it_comes_and_listed_once():
    rows = rows_of(discriminator_loss=[0.0, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0])
    told = [new_signs(rows[:epoch], "hinge") for epoch in range(1, 9)]
    assert told == [[], [], [OVERPOWERED], [], [], [], [], [OVERPOWERED]]
    assert all_signs(rows, "hinge") == [("epoch 3", OVERPOWERED)]
