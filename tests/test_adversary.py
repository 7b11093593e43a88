"""A generator and its discriminator in training: whose turn it is, and what of."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.opposed import OpposedBatches
from dltk.losses.adversarial import cross_entropy, hinge
from dltk.models.gan.dcgan import Design, new_discriminator, new_generator
from dltk.models.gan.learning import Adversary, Rules
from dltk.objects import PIXELS
from dltk.opponents import CLASSES, NOISE, REAL, SEEDS
from dltk.strategy import place

SIZE, COUNT, LENGTH, BATCH = 28, 20, 6, 4
PICTURES = np.random.default_rng(0).uniform(0, 255, (COUNT, SIZE, SIZE, 1)).astype(np.float32)
DESIGN = Design(SIZE, 1, noise=LENGTH, width=4)


def batches_of(**options) -> OpposedBatches:
    how = {"noise": LENGTH, "batch_size": BATCH} | options
    return OpposedBatches(lambda indices, epoch: PICTURES[indices], COUNT, **how)


def adversary_of(rules: Rules | None = None, design: Design = DESIGN, *, rate: float = 0.1):
    """Return an adversary whose sides take plain steps downhill."""
    keras.utils.set_random_seed(0)
    adversary = Adversary(new_generator(design), new_discriminator(design), rules or Rules())
    adversary.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return adversary


def take_steps(adversary, batches, strategy=None, steps: int = 1):
    strategy = strategy or tf.distribute.OneDeviceStrategy("CPU:0")
    return adversary.fit(
        batches.dataset(strategy), steps_per_epoch=steps, shuffle=False, verbose=0
    ).history


def freeze_statistics(adversary) -> None:
    """Let batch normalisation take its first statistics, whatever the batch."""
    for network in (adversary.generator, adversary.discriminator):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False


# Batches


def test_a_step_depends_on_the_seed_and_its_number_alone():
    batches, again = batches_of(critics=3), batches_of(critics=3)
    for step in (0, 7):
        for one, other in zip(
            *(tf.nest.flatten(each.share(step, 0, 1)) for each in (batches, again)), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    first, later = batches.share(0, 0, 1), batches.share(1, 0, 1)
    assert all((first[name] != later[name]).any() for name in first)
    other = batches_of(critics=3, seed=1).share(0, 0, 1)
    assert (first[NOISE] != other[NOISE]).any() and (first[SEEDS] != other[SEEDS]).any()


def test_replicas_share_out_what_one_would_see():
    classes = np.arange(COUNT) % 3
    batches = batches_of(critics=2, classes=classes)
    whole = batches.share(2, 0, 1)
    halves = [batches.share(2, replica, 2) for replica in range(2)]
    for name, values in whole.items():
        np.testing.assert_array_equal(values, np.concatenate([half[name] for half in halves]))
    assert (whole[SEEDS] == whole[SEEDS][:1]).all()  # which every replica knows
    assert whole[REAL].shape == (BATCH, 2, SIZE, SIZE, 1) and whole[REAL].dtype == np.float32
    assert whole[NOISE].shape == (BATCH, 3, LENGTH) and whole[SEEDS].shape == (BATCH, 3, 2)
    for picture, label in zip(
        whole[REAL].reshape(-1, SIZE, SIZE, 1), whole[CLASSES].ravel(), strict=True
    ):
        (at,) = np.flatnonzero((picture == PICTURES).all(axis=(1, 2, 3)))
        assert label == classes[at]


def test_noise_is_even_over_its_range():
    drawn = np.concatenate([batches_of().share(step, 0, 1)[NOISE].ravel() for step in range(200)])
    assert -1 <= drawn.min() < -0.99 and 0.99 < drawn.max() <= 1
    assert drawn.mean() == pytest.approx(0, abs=0.03)
    assert drawn.var() == pytest.approx(1 / 3, abs=0.02)


# A step


def test_a_step_is_a_turn_of_each_with_the_loss_of_the_paper():
    adversary, batches = adversary_of(), batches_of()
    batch = {name: tf.constant(value) for name, value in batches.share(0, 0, 1).items()}
    other = adversary_of()  # the same weights, moved by hand
    np.testing.assert_array_equal(*(a.get_weights()[0] for a in (adversary, other)))
    logs = take_steps(adversary, batches)
    generator, discriminator, loss = other.generator, other.discriminator, cross_entropy()
    made = generator({NOISE: batch[NOISE][:, 0]}, training=True)
    with tf.GradientTape() as tape:
        of_real = discriminator({PIXELS: batch[REAL][:, 0]}, training=True)
        of_made = discriminator({PIXELS: made}, training=True)
        value = tf.reduce_mean(loss.real(of_real)) + tf.reduce_mean(loss.made(of_made))
    slopes = tape.gradient(value, discriminator.trainable_variables)
    for variable, slope in zip(discriminator.trainable_variables, slopes, strict=True):
        variable.assign_sub(0.1 * slope)
    with tf.GradientTape() as tape:
        made = generator({NOISE: batch[NOISE][:, 1]}, training=True)
        maker = tf.reduce_mean(loss.maker(discriminator({PIXELS: made}, training=True)))
    slopes = tape.gradient(maker, generator.trainable_variables)
    for variable, slope in zip(generator.trainable_variables, slopes, strict=True):
        variable.assign_sub(0.1 * slope)
    for one, by_hand in zip(adversary.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, by_hand, rtol=1e-4, atol=1e-6)
    told = {name: values[0] for name, values in logs.items()}
    assert told["discriminator_loss"] == pytest.approx(float(value), rel=1e-5)
    assert told["generator_loss"] == pytest.approx(float(maker), rel=1e-5)
    assert told["loss"] == pytest.approx(float(value + maker), rel=1e-5)
    assert told["d_real"] == pytest.approx(tf.sigmoid(of_real).numpy().mean(), rel=1e-5)
    assert told["d_made"] == pytest.approx(tf.sigmoid(of_made).numpy().mean(), rel=1e-5)


def test_the_discriminator_may_have_several_turns():
    adversary = adversary_of()
    take_steps(adversary, batches_of(critics=3), steps=2)
    assert [int(each.iterations) for each in adversary.optimizers] == [6, 2]


@pytest.mark.parametrize(
    ("classes", "rules"),
    [
        (0, Rules(r1=0.5)),
        (3, Rules(hinge(), policies=("colour", "translation", "cutout"))),
        (0, Rules(gradient_penalty=10.0, policies=("translation",))),
    ],
    ids=["r1", "varied, of classes", "gradient penalty"],
)
def test_two_replicas_train_as_one(classes, rules):
    design = Design(SIZE, 1, noise=LENGTH, width=4, classes=classes, batch_norm=False)
    labels = np.arange(COUNT) % 3 if classes else None
    found = []
    for strategy in (place("cpu", "auto").strategy, place("cpu:2", "auto").strategy):
        with strategy.scope():
            adversary = adversary_of(rules, design)
            freeze_statistics(adversary)
        logs = take_steps(adversary, batches_of(classes=labels, critics=2), strategy, steps=3)
        found.append((adversary.get_weights(), logs))
    for one, two in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=2e-6)
    for name, values in found[0][1].items():
        np.testing.assert_allclose(values, found[1][1][name], rtol=1e-4)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(hinge(), policies=("colour", "translation", "cutout")),
        Rules(gradient_penalty=10.0),
        Rules(r1=1.0),
    ],
    ids=["varied", "gradient penalty", "r1"],
)
def test_rules_change_what_is_learnt_and_both_sides_move(rules):
    design = Design(SIZE, 1, noise=LENGTH, width=4, batch_norm=not rules.gradient_penalty)
    plain, other = adversary_of(design=design), adversary_of(rules, design)
    before = [np.asarray(weight).copy() for weight in other.trainable_weights]
    take_steps(plain, batches_of(), steps=2)
    logs = take_steps(other, batches_of(), steps=2)
    assert all(np.isfinite(values).all() for values in logs.values())
    moved = [
        (np.asarray(weight) != first).any()
        for weight, first in zip(other.trainable_weights, before, strict=True)
    ]
    assert all(moved)
    assert not np.array_equal(
        plain.discriminator.get_weights()[0], other.discriminator.get_weights()[0]
    )


def test_it_learns_to_make_what_it_is_shown():
    """Plain pictures of two greys: brightness that the generator cannot have at first."""
    greys = np.repeat([[40.0], [220.0]], COUNT // 2, axis=0)[:, :, None, None]
    pictures = np.broadcast_to(greys, (COUNT, SIZE, SIZE, 1)).astype(np.float32)
    batches = OpposedBatches(
        lambda indices, epoch: pictures[indices], COUNT, noise=LENGTH, batch_size=10
    )
    keras.utils.set_random_seed(1)
    design = Design(SIZE, 1, noise=LENGTH, width=8)
    adversary = Adversary(new_generator(design), new_discriminator(design), Rules())
    adversary.compile(*(keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)))
    noise = np.random.default_rng(5).uniform(-1, 1, (60, LENGTH)).astype(np.float32)

    def far() -> float:
        """How far made pixels are from the nearer grey, in the mean."""
        made = np.asarray(adversary.generator({NOISE: noise}, training=False))
        return np.minimum(abs(made - 40), abs(made - 220)).mean()

    before = far()
    take_steps(adversary, batches, steps=200)
    assert before > 60 and far() < 0.6 * before


def test_classes_are_told_to_both_sides():
    design = Design(SIZE, 1, noise=LENGTH, width=4, classes=3)
    adversary = adversary_of(design=design)
    before = [network.get_layer("class").get_weights()[0].copy()
              for network in (adversary.generator, adversary.discriminator)]  # fmt: skip
    take_steps(adversary, batches_of(classes=np.full(COUNT, 2)), steps=2)
    for network, first in zip((adversary.generator, adversary.discriminator), before, strict=True):
        changed = (network.get_layer("class").get_weights()[0] != first).any(axis=1)
        assert changed.tolist() == [False, False, True]
    noise = {NOISE: np.zeros((2, LENGTH), np.float32), CLASSES: np.array([0, 2])}
    assert adversary(noise).shape == (2, SIZE, SIZE, 1)
