"""Signs that the training of a generator goes wrong, by its history and its pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from dltk.losses.adversarial import LOSSES
from recipes._gan_watch import COLLAPSE, DEAD, OVERPOWERED, all_signs, new_signs, signs, variety

HINGE = LOSSES["hinge"]()


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


def test_a_collapse_is_told_once_pictures_have_come_to_be_alike():
    assert signs(rows_of(variety=[0.9, 1.0, 0.2, 0.1, 0.29]), HINGE) == [COLLAPSE]
    assert signs(rows_of(variety=[0.9, 1.0, 0.2, 0.31, 0.1]), HINGE) == []
    assert signs(rows_of(variety=[0.1, 0.4, 0.25, 0.28, 0.29]), HINGE) == []  # half of it is left


def test_a_generator_that_has_not_begun_is_no_collapse_unless_it_stays_so():
    growing = rows_of(variety=[0.005 * epoch for epoch in range(40)])
    assert all_signs(growing, HINGE) == []
    stuck = rows_of(variety=[0.05] * 40)
    assert all_signs(stuck, HINGE) == [("epoch 21", COLLAPSE)]


@pytest.mark.parametrize(
    ("game", "everything", "nothing"),
    [
        (LOSSES["cross-entropy"](), 0.0, 2 * math.log(2)),
        (LOSSES["cross-entropy"](0.1), 0.3250830, 1.3762867),
        (LOSSES["hinge"](), 0.0, 2.0),
        (LOSSES["least-squares"](), 0.0, 0.25),
    ],
    ids=["cross-entropy", "smoothed", "hinge", "least squares"],
)
def test_a_discriminator_that_knows_nothing_or_all_is_told(game, everything, nothing):
    dead = rows_of(discriminator_loss=[nothing, nothing * 1.001, nothing * 0.999])
    assert signs(dead, game) == [DEAD]
    assert signs(dead[1:], game) == []
    ways = (0.5, 0.01, 0.0, 0.02)
    sure = rows_of(discriminator_loss=[everything + (nothing - everything) * way for way in ways])
    assert signs(sure, game) == [OVERPOWERED]
    assert signs(sure[:3], game) == []


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_the_limits_of_a_game_are_the_least_losses_there_are(smoothing):
    """By trying: the same score for all, and any two scores for real and made pictures."""
    game = LOSSES["cross-entropy"](smoothing)
    scores = tf.linspace(-20.0, 20.0, 8001)
    real, made = game.real(scores).numpy(), game.made(scores).numpy()
    assert game.knows_nothing == pytest.approx((real + made).min(), abs=1e-5)
    assert game.knows_all == pytest.approx(real.min() + made.min(), abs=1e-5)


def test_of_other_games_only_a_collapse_is_known():
    rows = rows_of(discriminator_loss=[0.0] * 6, variety=[1.0] + [0.1] * 5)
    assert signs(rows, LOSSES["wasserstein"]()) == signs(rows, None) == [COLLAPSE]


def test_each_sign_is_told_when_it_comes_and_listed_once():
    rows = rows_of(discriminator_loss=[0.0, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0])
    told = [new_signs(rows[:epoch], HINGE) for epoch in range(1, 9)]
    assert told == [[], [], [OVERPOWERED], [], [], [], [], [OVERPOWERED]]
    assert all_signs(rows, HINGE) == [("epoch 3", OVERPOWERED)]
