"""BEGAN: its networks, and what keeps its sides in balance."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.opposed import OpposedBatches
from dltk.models.gan.began import new_autoencoder, new_decoder
from dltk.models.gan.dcgan import SIZES, Design
from dltk.models.gan.equilibrium import Equilibrium
from dltk.objects import PIXELS
from dltk.opponents import NOISE, REAL
from dltk.strategy import place

COUNT, BATCH = 16, 4
DESIGN = Design(28, 1, noise=6, width=2)
PICTURES = np.random.default_rng(0).uniform(0, 255, (COUNT, 28, 28, 1)).astype(np.float32)
RATE, GAIN, BALANCE = 0.1, 0.01, 0.5


def equilibrium(**options) -> Equilibrium:
    keras.utils.set_random_seed(0)
    how = {"balance": BALANCE, "gain": GAIN} | options
    made = Equilibrium(new_decoder(DESIGN), new_autoencoder(DESIGN), **how)
    made.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE))
    return made


def batches() -> OpposedBatches:
    how = {"noise": DESIGN.noise, "batch_size": BATCH}
    return OpposedBatches(lambda indices, epoch: PICTURES[indices], COUNT, **how)


def take_steps(model, strategy=None, steps: int = 1) -> dict[str, float]:
    """Train, and return the last logs."""
    strategy = strategy or tf.distribute.OneDeviceStrategy("CPU:0")
    told = model.fit(
        batches().dataset(strategy), steps_per_epoch=steps, shuffle=False, verbose=0
    ).history
    return {name: values[-1] for name, values in told.items()}


@pytest.mark.parametrize("size", SIZES)
def test_networks_take_noise_to_pictures_and_pictures_to_themselves(size):
    design = Design(size, 3, noise=5, width=2)
    decoder, autoencoder = new_decoder(design), new_autoencoder(design)
    assert decoder.input[NOISE].shape == (None, 5)
    assert decoder.output_shape == (None, size, size, 3)
    assert autoencoder.input[PIXELS].shape == autoencoder.output_shape == (None, size, size, 3)


def test_the_decoder_is_built_as_the_generator():
    """16 pixels from 8: dense 64 to 8·8·n, 2 · levels convolutions n to n, and one to colours."""
    design = Design(64, 3, noise=64, width=64)
    convolutions = 2 * 4 * (9 * 64 * 64 + 64)
    expected = 64 * 64 * 64 + 64 * 64 + convolutions + 9 * 64 * 3 + 3
    assert new_decoder(design).count_params() == expected
    names = [layer.name for layer in new_decoder(design).layers[1:-1]]
    others = [layer.name for layer in new_autoencoder(design).layers]
    assert names == others[-len(names) - 1 : -1]


def test_a_step_makes_the_losses_of_the_paper_small():
    model, other = equilibrium(), equilibrium()
    model._made_k.assign(0.3)
    batch = batches().share(0, 0, 1)
    error = lambda pictures: tf.reduce_mean(  # noqa: E731
        tf.abs(pictures - other.discriminator({PIXELS: pictures}))
    )
    with tf.GradientTape() as tape:
        made = tf.stop_gradient(other.generator({NOISE: batch[NOISE][:, 0]}))
        real_error = error(batch[REAL][:, 0]) / 127.5
        loss = real_error - 0.3 * error(made) / 127.5
    variables = other.discriminator.trainable_variables
    for variable, slope in zip(variables, tape.gradient(loss, variables), strict=True):
        variable.assign_sub(RATE * slope)
    with tf.GradientTape() as tape:
        made_error = error(other.generator({NOISE: batch[NOISE][:, 1]})) / 127.5
    variables = other.generator.trainable_variables
    for variable, slope in zip(variables, tape.gradient(made_error, variables), strict=True):
        variable.assign_sub(RATE * slope)
    told = take_steps(model)
    for one, by_hand in zip(
        model.generator.get_weights() + model.discriminator.get_weights(),
        other.generator.get_weights() + other.discriminator.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(one, by_hand, rtol=1e-3, atol=1e-6)
    gap = BALANCE * float(real_error) - float(made_error)
    assert told["real_error"] == pytest.approx(float(real_error), rel=1e-5)
    assert told["generator_loss"] == pytest.approx(float(made_error), rel=1e-4)
    assert told["discriminator_loss"] == pytest.approx(float(loss), rel=1e-4)
    assert told["made_k"] == pytest.approx(0.3 + GAIN * gap, rel=1e-4)
    assert told["convergence"] == pytest.approx(float(real_error) + abs(gap), rel=1e-4)


def test_k_stays_between_0_and_1():
    for balance, at_first, expected in ((0.001, 0.0, 0.0), (1.0, 1.0, 1.0)):
        model = equilibrium(balance=balance, gain=100.0)
        model._made_k.assign(at_first)
        if balance == 1.0:  # made pictures are copied best where all is grey
            for weight in model.generator.trainable_variables:
                weight.assign(tf.zeros_like(weight))
        assert take_steps(model)["made_k"] == expected


def test_two_replicas_do_what_one_does():
    one = equilibrium()
    take_steps(one, steps=3)
    strategy = place("cpu:2", "auto").strategy
    with strategy.scope():
        two = equilibrium()
    take_steps(two, strategy, steps=3)
    for alone, shared in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(alone, shared, rtol=1e-3, atol=1e-5)
    assert float(two._made_k.numpy()) == pytest.approx(float(one._made_k.numpy()), rel=1e-4)
