"""Learning rates step by step, optimisers against Keras's own, and the search for a rate."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.pipeline import Batches
from dltk.errors import UsageError
from dltk.training.model import TrainingModel
from dltk.training.optimizers import OPTIMIZERS, RATES, Schedule, averages, build_optimizer
from dltk.training.rates import HIGHEST, LOWEST, STEPS, search_rate, valley


def rates(at, **options):
    """The rates, of 0.8 at most, at some steps."""
    schedule = Schedule(0.8, **options)
    return [float(schedule(step)) for step in at]


# Schedules


def test_a_constant_rate_stays():
    assert rates([0, 5, 99], shape="constant", steps=10) == pytest.approx([0.8] * 3)


def test_the_rate_rises_linearly_to_its_highest_in_the_last_step_of_warm_up():
    found = rates(range(6), shape="constant", steps=10, warmup=4)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_the_cosine_goes_from_all_over_half_to_nothing():
    found = rates([0, 25, 50, 75, 100, 120], shape="cosine", steps=100)
    root = 2**-0.5
    expected = [0.8, 0.4 * (1 + root), 0.4, 0.4 * (1 - root), 0, 0]
    assert found == pytest.approx(expected, abs=1e-7)


def test_the_polynomial_falls_a_little_slower_than_a_line():
    found = rates([0, 50, 90, 100, 120], shape="poly", steps=100)
    assert found == pytest.approx([0.8, 0.8 * 0.5**0.9, 0.8 * 0.1**0.9, 0, 0], abs=1e-6)


def test_the_cosine_begins_where_warm_up_ends():
    found = rates([0, 9, 10, 60, 110], shape="cosine", steps=110, warmup=10)
    assert found == pytest.approx([0.08, 0.8, 0.8, 0.4, 0], abs=1e-7)


def test_the_rate_falls_to_a_tenth_at_half_and_again_at_three_quarters():
    found = rates([0, 49, 50, 74, 75, 100], shape="step", steps=100)
    assert found == pytest.approx([0.8, 0.8, 0.08, 0.08, 0.008, 0.008])


def test_warm_up_may_take_all_the_steps():
    found = rates([0, 1, 3, 4], shape="cosine", steps=4, warmup=4)
    assert found == pytest.approx([0.2, 0.4, 0.8, 0.8])


def test_a_rate_that_stays_for_half_the_steps_and_goes_straight_down():
    found = rates([0, 49, 50, 75, 99, 100], shape="linear", steps=100)
    assert found == pytest.approx([0.8, 0.8, 0.8, 0.4, 0.016, 0.0])


def test_a_schedule_is_rebuilt_from_its_configuration():
    schedule = Schedule(0.3, shape="cosine", steps=50, warmup=5)
    again = Schedule.from_config(schedule.get_config())
    assert [float(again(s)) for s in range(50)] == [float(schedule(s)) for s in range(50)]


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r'unknown schedule cosin\. Did you mean "cosine"\?'):
        Schedule(0.1, shape="cosin", steps=1)
    with pytest.raises(UsageError, match=r'unknown optimizer adamm\. Did you mean "adam'):
        build_optimizer("adamm", 0.1)


# Optimisers

START = np.array([1.0, -2.0, 3.0], np.float32)
GRADIENTS = np.array([[0.5, -1.0, 2.0], [0.1, 0.2, -0.3], [-1.0, 0.0, 4.0]], np.float32)


def variable(value=START, name="kernel"):
    return keras.Variable(np.asarray(value, np.float32), name=name)


def moved(optimizer, *variables, gradients=GRADIENTS):
    """The values of the variables after steps with the same gradients for each."""
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)] * len(variables), list(variables))
    return [v.numpy() for v in variables]


THEIRS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1),
    "adadelta": lambda: keras.optimizers.Adadelta(0.1, rho=0.95, epsilon=1e-6),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimiser_is_that_of_keras(name):
    ours, theirs = moved(build_optimizer(name, 0.1), variable()), moved(THEIRS[name](), variable())
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_momentum_is_as_worked_by_hand():
    """v = 0.9 v - 0.1 g: of gradients 1 and 1, the steps are 0.1 and 0.19."""
    [value] = moved(build_optimizer("momentum", 0.1), variable([0.0]), gradients=[[1.0], [1.0]])
    assert value == pytest.approx([-0.29])
    # Nesterov looks ahead: 0.9 v - 0.1 g on top, 0.19 and then 0.271.
    [value] = moved(build_optimizer("nesterov", 0.1), variable([0.0]), gradients=[[1.0], [1.0]])
    assert value == pytest.approx([-0.461])


def test_adadelta_is_as_worked_by_hand():
    """Of gradient 2: E[g²] = 0.2, Δ = 2 √(1e-6 / (0.2 + 1e-6)); then E[Δ²] = 0.05 Δ²."""
    steps, squares, moves = [], 0.0, 0.0
    for gradient in (2.0, -1.0):
        squares = 0.95 * squares + 0.05 * gradient**2
        steps.append(gradient * math.sqrt((moves + 1e-6) / (squares + 1e-6)))
        moves = 0.95 * moves + 0.05 * steps[-1] ** 2
    assert steps[0] == pytest.approx(2 * math.sqrt(1e-6 / 0.200001))
    optimizer = build_optimizer("adadelta", RATES["adadelta"])
    [value] = moved(optimizer, variable([0.0]), gradients=[[2.0], [-1.0]])
    assert value == pytest.approx([-sum(steps)], rel=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_slow_variables_move_their_share_of_the_way(name):
    slow, fast = variable(), variable()
    moved(build_optimizer(name, 0.1, slow=[slow], slow_scale=0.25), slow, fast,
          gradients=GRADIENTS[:1])  # fmt: skip
    np.testing.assert_allclose(slow - START, 0.25 * (fast - START), rtol=1e-5, atol=1e-7)
    assert np.abs(fast - START).min() > 0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_takes_a_share_of_the_weight_apart_from_the_gradient(name):
    """Without a gradient, each step takes off rate · decay, whatever the optimiser divides by."""
    kernel, slow = variable(), variable()
    spared = [variable(name=name) for name in ("bias", "gamma", "beta")]
    optimizer = build_optimizer(name, 0.1, weight_decay=0.5, slow=[slow], slow_scale=0.1)
    moved(optimizer, kernel, slow, *spared, gradients=np.zeros((2, 3), np.float32))
    np.testing.assert_allclose(kernel.numpy(), START * 0.95**2, rtol=1e-6)
    np.testing.assert_allclose(slow.numpy(), START * 0.995**2, rtol=1e-6)
    for value in spared:
        np.testing.assert_array_equal(value.numpy(), START)


def test_decay_is_added_to_the_step_of_the_gradient():
    [value] = moved(build_optimizer("sgd", 0.1, weight_decay=0.5), variable([2.0]),
                    gradients=[[3.0]])  # fmt: skip
    assert value == pytest.approx([2.0 - 0.1 * 0.5 * 2.0 - 0.1 * 3.0])


def test_the_norm_of_all_gradients_together_is_clipped():
    first, second = variable([0.0]), variable([0.0])
    optimizer = build_optimizer("sgd", 1.0, clip=1.0)
    optimizer.apply([tf.constant([3.0]), tf.constant([4.0])], [first, second])
    assert [first.numpy()[0], second.numpy()[0]] == pytest.approx([-0.6, -0.8])
    optimizer.apply([tf.constant([0.3]), tf.constant([0.4])], [first, second])  # short enough
    assert [first.numpy()[0], second.numpy()[0]] == pytest.approx([-0.9, -1.2])


def test_adam_keeps_as_much_of_its_mean_as_asked_for():
    """Gradients 1 and 0 at a rate of 1: a step of 1, then of the kept mean over the kept scale."""
    weight = variable([0.0])
    optimizer = build_optimizer("adam", 1.0, beta=0.5)
    optimizer.build([weight])
    optimizer.apply([tf.constant([1.0])], [weight])
    assert weight.numpy() == pytest.approx([-1.0], rel=1e-4)
    optimizer.apply([tf.constant([0.0])], [weight])
    mean, square = 0.5 * 0.5 / (1 - 0.5**2), 0.999 * 0.001 / (1 - 0.999**2)
    assert weight.numpy() == pytest.approx([-1.0 - mean / square**0.5], rel=1e-3)


@pytest.mark.parametrize("float16", [False, True])
def test_averages_are_kept_beside_the_weights(float16):
    """Weights 0 → -1 → -3 → -4; averages, begun at the first, of momentum 0.75."""
    weight = variable([0.0])
    optimizer = build_optimizer("sgd", 1.0, ema=0.75, float16=float16)
    optimizer.build([weight])
    scale = float(optimizer.scale_loss(1.0)) if float16 else 1.0
    expected = [-1.0, -1.5, -2.125]
    for gradient, value in zip([1.0, 2.0, 1.0], expected, strict=True):
        optimizer.apply([tf.constant([gradient * scale])], [weight])
        assert averages(optimizer)[0][1].numpy() == pytest.approx([value])
    optimizer.finalize_variable_values([weight])
    assert weight.numpy() == pytest.approx([-4.0])


def test_averages_are_the_weights_until_the_first_step():
    optimizer = build_optimizer("sgd", 1.0, ema=0.75)
    optimizer.build([variable([2.0, -3.0])])
    assert averages(optimizer)[0][1].numpy().tolist() == [2.0, -3.0]


def test_without_averages_there_are_none():
    optimizer = build_optimizer("adam", 0.1)
    optimizer.build([variable()])
    assert averages(optimizer) == []


def test_float16_scales_the_loss_and_leaves_a_step_out_where_it_overflows():
    optimizer = build_optimizer("sgd", 0.1, float16=True)
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    weight = variable([1.0])
    optimizer.build([weight])
    scale = float(optimizer.scale_loss(1.0))
    assert scale > 1
    optimizer.apply([tf.constant([np.inf])], [weight])
    assert weight.numpy() == [1.0]
    smaller = float(optimizer.scale_loss(1.0))
    assert smaller < scale
    optimizer.apply([tf.constant([2.0 * smaller])], [weight])
    assert weight.numpy() == pytest.approx([0.8])


def test_slow_variables_stay_slow_where_the_loss_is_scaled():
    slow, fast = variable(), variable()
    optimizer = build_optimizer("adam", 0.1, float16=True, slow=[slow], slow_scale=0.25)
    moved(optimizer, slow, fast, gradients=GRADIENTS[:1])
    np.testing.assert_allclose(slow - START, 0.25 * (fast - START), rtol=1e-5, atol=1e-7)


# The search for a rate


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        ([5, 4, 3, 2, 3, 4], 2),  # the fall from 0 to 3
        ([3, 4, 5, 4, 3, 2, 1, 0, 9], 5),  # from 2 to 7, rounded to 3 steps along
        ([5, 4, 5, 4, 3, 5, 4], 3),  # the longer of two; 1.33 steps are 1
        ([5, 4, 3, 9, 8, 7], 1),  # of two as long, the first
        ([2, 2, 1, 1], 2),  # standing still is no fall
    ],
)
def test_the_valley_is_two_thirds_down_the_longest_fall(losses, place):
    tried = [10.0**index for index in range(len(losses))]
    assert valley(tried, losses, 0.5) == tried[place]


@pytest.mark.parametrize("losses", [[], [1.0], [1, 2, 3], [2, 2]])
def test_without_a_fall_the_default_is_taken(losses):
    assert valley([0.1] * len(losses), losses, 0.5) == 0.5


def separable(strategy, optimizer, *, scale=1.0, batch_size=16):
    """A compiled linear classifier, and batches of two classes it can tell apart."""
    random = np.random.default_rng(0)
    labels = np.arange(64) % 2
    rows = random.normal(labels[:, None] * 2.0 - 1, 1, (64, 2)).astype(np.float32) * scale
    with strategy.scope():
        inputs = keras.Input((2,))
        initial = keras.initializers.GlorotUniform(seed=0)
        model = TrainingModel(inputs, keras.layers.Dense(2, kernel_initializer=initial)(inputs))
        made = build_optimizer(optimizer, 1e-3)
        made.build(model.trainable_variables)
        model.compile(
            made, keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False
        )
    return (
        model,
        Batches(lambda indices, epoch: rows[indices], labels, 2, batch_size=batch_size),
        rows,
    )


@pytest.mark.parametrize("batch_size", [64, 16], ids=["quiet", "noisy"])
def test_the_search_finds_a_rate_that_trains_and_leaves_no_trace(batch_size):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    model, batches, rows = separable(strategy, "momentum", batch_size=batch_size)
    weights = model.get_weights()
    states = [v.numpy() for v in model.optimizer.variables]
    found = search_rate(model, batches, strategy=strategy, default=1e-3)
    for now, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)
    for now, before in zip(model.optimizer.variables, states, strict=True):
        np.testing.assert_array_equal(now.numpy(), before)
    assert len(found.rates) == len(found.losses) <= STEPS
    assert found.chosen in found.rates and 1e-3 < found.chosen < HIGHEST
    factors = np.diff(np.log(found.rates))
    np.testing.assert_allclose(factors, np.log(HIGHEST / LOWEST) / (STEPS - 1), rtol=1e-6)

    def loss():
        labels = np.arange(64) % 2
        losses = keras.losses.sparse_categorical_crossentropy(labels, model(rows), True)
        return float(np.mean(losses))

    model.optimizer.learning_rate.assign(found.chosen)
    before = loss()
    model.fit(batches.dataset(strategy), steps_per_epoch=40, shuffle=False, verbose=0)
    assert loss() < 0.6 * before


def test_the_search_ends_where_the_loss_explodes():
    """Inputs a thousand times as large diverge at a rate a million times as small."""
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    model, batches, _ = separable(strategy, "sgd", scale=1e3)
    weights = model.get_weights()
    found = search_rate(model, batches, strategy=strategy, default=1e-3)
    assert max(found.rates) < HIGHEST / 10
    assert np.isfinite(found.losses).all()
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])
