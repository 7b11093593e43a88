"""Losses of generative adversarial networks, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.losses.adversarial import (
    LOSSES,
    cross_entropy,
    gradient_penalty,
    hinge,
    least_squares,
    r1_penalty,
    wasserstein,
)

SCORES = np.array([-2.0, 0.0, 0.5, 3.0], np.float32)
CHANCES = 1 / (1 + np.exp(-SCORES))
PICTURES = np.random.default_rng(0).uniform(0, 255, (3, 4, 5, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("loss", "real", "made", "maker"),
    [
        (cross_entropy(), -np.log(CHANCES), -np.log(1 - CHANCES), -np.log(CHANCES)),
        (hinge(), [3, 1, 0.5, 0], [0, 1, 1.5, 4], -SCORES),
        (least_squares(), [4.5, 0.5, 0.125, 2], [2, 0, 0.125, 4.5], [4.5, 0.5, 0.125, 2]),
        (wasserstein(), -SCORES, SCORES, -SCORES),
    ],
    ids=["cross-entropy", "hinge", "least-squares", "wasserstein"],
)
def test_losses_are_those_of_their_papers(loss, real, made, maker):
    for found, wanted in ((loss.real, real), (loss.made, made), (loss.maker, maker)):
        np.testing.assert_allclose(found(tf.constant(SCORES)), wanted, rtol=1e-5)


def test_smoothing_moves_where_real_pictures_are_scored_and_nothing_else():
    smooth, plain = cross_entropy(0.1), cross_entropy()
    found = smooth.real(tf.constant(SCORES))
    np.testing.assert_allclose(found, -0.9 * np.log(CHANCES) - 0.1 * np.log(1 - CHANCES), rtol=1e-5)
    best = np.linspace(-5, 5, 2001, dtype=np.float32)
    chance = 1 / (1 + np.exp(-best[np.argmin(smooth.real(tf.constant(best)))]))
    assert chance == pytest.approx(0.9, abs=0.001)
    np.testing.assert_array_equal(smooth.made(SCORES), plain.made(SCORES))
    np.testing.assert_array_equal(smooth.maker(SCORES), plain.maker(SCORES))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_finite_however_sure_the_discriminator_is(name):
    loss = LOSSES[name]()
    for each in (loss.real, loss.made, loss.maker):
        with tf.GradientTape() as tape:
            scores = tf.Variable([-1e4, 1e4])
            found = each(scores)
        assert np.isfinite(found).all() and np.isfinite(tape.gradient(found, scores)).all()


def test_penalties_of_a_linear_critic_are_worked_out():
    """s = <w, x> has the slope w everywhere."""
    weights = np.random.default_rng(1).normal(size=PICTURES.shape[1:]).astype(np.float32)
    length = np.sqrt((weights**2).sum())

    def critic(pictures):
        return tf.reduce_sum(pictures * weights, axis=(1, 2, 3))

    shares = tf.constant([0.0, 0.3, 1.0])
    found = gradient_penalty(critic, tf.constant(PICTURES), tf.constant(PICTURES[::-1]), shares)
    np.testing.assert_allclose(found, [(length - 1) ** 2] * 3, rtol=1e-4)
    np.testing.assert_allclose(
        r1_penalty(critic, tf.constant(PICTURES)), [length**2 / 2] * 3, rtol=1e-4
    )


def test_penalties_look_where_they_should_and_can_be_learnt_from():
    """s = a |x|² has the slope 2 a x."""
    factor, shares = tf.Variable(0.5), tf.constant([0.0, 0.25, 1.0])
    made = PICTURES[::-1].copy()

    def critic(pictures):
        return factor * tf.reduce_sum(pictures**2, axis=(1, 2, 3))

    between = shares.numpy()[:, None, None, None] * PICTURES
    between += (1 - shares.numpy()[:, None, None, None]) * made
    lengths = np.sqrt((between**2).sum(axis=(1, 2, 3)))
    with tf.GradientTape() as tape:
        found = gradient_penalty(critic, tf.constant(PICTURES), tf.constant(made), shares)
    np.testing.assert_allclose(found, (lengths - 1) ** 2, rtol=1e-4)
    # By a: (2 a l - 1)² has the slope 4 l (2 a l - 1).
    slope = (4 * lengths * (lengths - 1)).sum()
    assert tape.gradient(found, factor).numpy() == pytest.approx(slope, rel=1e-4)
    found = r1_penalty(critic, tf.constant(PICTURES))
    np.testing.assert_allclose(found, (PICTURES**2).sum(axis=(1, 2, 3)) / 2, rtol=1e-4)
