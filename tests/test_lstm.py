"""An LSTM over time: what Keras's gives, and the same gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.lstm import lstm

STEPS, BATCH, INPUTS, UNITS = 7, 3, 5, 4


def drawn(*shape: int) -> tf.Tensor:
    random = np.random.default_rng(sum(shape))
    return tf.constant(random.normal(size=shape).astype(np.float32))


@pytest.fixture(scope="module")
def layer():
    keras.utils.set_random_seed(0)
    layer = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    layer.build((None, None, INPUTS))
    layer.cell.bias.assign(drawn(4 * UNITS))
    return layer


def by_keras(layer, inputs, hidden, cell):
    return layer(inputs, initial_state=[hidden, cell])


def by_hand(layer, inputs, hidden, cell):
    kernel, recurrent, bias = map(tf.convert_to_tensor, layer.trainable_variables)
    given = tf.tensordot(tf.transpose(inputs, (1, 0, 2)), kernel, axes=1) + bias
    hiddens, *last = lstm(given, recurrent, hidden, cell)
    return tf.transpose(hiddens, (1, 0, 2)), *last


def slopes(run, layer, steps: int) -> list[np.ndarray]:
    """Return the outputs, and the gradient of a weighted sum of all of them by all that goes in."""
    given = [drawn(BATCH, steps, INPUTS), drawn(BATCH, UNITS), drawn(BATCH + 1, UNITS)[1:]]
    weights = drawn(BATCH, steps, UNITS), drawn(BATCH, UNITS), drawn(BATCH, UNITS)[::-1]
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs = run(layer, *given)
        loss = sum(map(tf.reduce_sum, map(tf.multiply, outputs, weights)))
    return [*outputs, *tape.gradient(loss, [*given, *layer.trainable_variables])]


@pytest.mark.parametrize("steps", [1, STEPS])
def test_outputs_and_gradients_are_those_of_keras(layer, steps):
    expected = slopes(by_keras, layer, steps)
    for wrapped in (lambda run: run, lambda run: tf.function(run, autograph=False)):
        found = wrapped(lambda: slopes(by_hand, layer, steps))()
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_state_that_nothing_is_told_from_has_a_gradient_too(layer):
    """Only the last h counts, as where a text is read for its end."""
    hidden, cell = drawn(BATCH, UNITS), drawn(BATCH, UNITS)
    inputs = drawn(BATCH, STEPS, INPUTS)

    def slope(run):
        with tf.GradientTape() as tape:
            tape.watch(cell)
            loss = tf.reduce_sum(run(layer, inputs, hidden, cell)[1])
        return tape.gradient(loss, cell)

    np.testing.assert_allclose(slope(by_hand), slope(by_keras), rtol=1e-4, atol=1e-6)


def test_batches_and_lengths_may_be_left_open(layer):
    signature = [tf.TensorSpec((None, None, 4 * UNITS)), tf.TensorSpec((None, UNITS))]
    recurrent = tf.convert_to_tensor(layer.cell.recurrent_kernel)

    @tf.function(input_signature=signature)
    def run(given, state):
        return lstm(given, recurrent, state, state)

    for steps, batch in ((2, 1), (5, 3)):
        given, state = drawn(steps, batch, 4 * UNITS), drawn(batch, UNITS)
        for one, other in zip(run(given, state), lstm(given, recurrent, state, state), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
