"""Optimisers and learning-rate schedules by name, and what all of them share here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

import keras
import tensorflow as tf

from dltk.errors import UsageError, nearest

MOMENTUM = 0.9
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adadelta", "adam", "adamw")
# Taken where no learning rate is given: Keras's own, and for AdaDelta that of its paper.
RATES = {
    "sgd": 1e-2, "momentum": 1e-2, "nesterov": 1e-2, "rmsprop": 1e-3, "adadelta": 1.0,
    "adam": 1e-3, "adamw": 1e-3,
}  # fmt: skip
SCHEDULES = ("constant", "step", "cosine", "poly", "linear")
_STEP_FACTOR, _STEPS_AT = 0.1, (1 / 2, 3 / 4)
_POWER = 0.9
_ADAMW_DECAY = 0.01
_BETA = 0.9
_ADADELTA = {"rho": 0.95, "epsilon": 1e-6}
_NOT_DECAYED = {"bias", "gamma", "beta"}


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly from zero, then stays, or falls in one of some ways.

    A function of the step alone, so that a resumed run goes on with the right rate.

    Args:
        rate: the highest learning rate.
        shape: "constant"; "step", a tenth after half of the steps and again after three
            quarters, as He et al. 2016 (Sec. 4.2) train on CIFAR; "cosine", half a period down
            to zero (Loshchilov & Hutter 2017, eq. 5, without restarts); "poly", the share of
            steps that are left to the power of 0.9 (Chen et al. 2016, "DeepLab", Sec. 4.1.2); or
            "linear", straight down to zero after half of the steps (Zhu et al. 2017, Sec. 4).
        steps: in all.
        warmup: steps of linear rise at the start (Goyal et al. 2017, Sec. 2.2).
    """

    def __init__(self, rate: float, *, shape: str, steps: int, warmup: int = 0):
        super().__init__()
        if shape not in SCHEDULES:
            raise UsageError(f"unknown schedule {shape}.{nearest(shape, SCHEDULES)}")
        self.rate, self.shape, self.steps, self.warmup = rate, shape, steps, warmup

    def __call__(self, step):
        ops = keras.ops
        step = ops.cast(step, "float32")
        done = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        share = 1.0
        if self.shape == "cosine":
            share = 0.5 * (1.0 + ops.cos(math.pi * done))
        elif self.shape == "step":
            passed = sum(ops.cast(done >= at, "float32") for at in _STEPS_AT)
            share = ops.power(_STEP_FACTOR, passed)
        elif self.shape == "poly":
            share = ops.power(1.0 - done, _POWER)
        elif self.shape == "linear":
            share = ops.minimum(1.0, 2.0 * (1.0 - done))
        if self.warmup:
            share = share * ops.minimum(1.0, (step + 1.0) / self.warmup)
        return self.rate * share

    def get_config(self) -> dict:
        """Return the arguments."""
        names = ("rate", "shape", "steps", "warmup")
        return {name: getattr(self, name) for name in names}


def build_optimizer(
    name: str,
    learning_rate,
    *,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    ema: float = 0.0,
    beta: float = _BETA,
    float16: bool = False,
    slow: Iterable = (),
    slow_scale: float = 1.0,
) -> keras.Optimizer:
    """Build an optimiser by its name.

    Args:
        name: "sgd", "momentum" and "nesterov" (momentum 0.9), "rmsprop", "adadelta" (Zeiler 2012,
            https://arxiv.org/abs/1212.5701, Sec. 4: ρ 0.95, ε 1e-6), "adam" or "adamw".
        learning_rate: a number or a Schedule.
        weight_decay: share of each weight taken off in every step, times the learning rate,
            apart from the gradient (Loshchilov & Hutter 2019); biases and normalisation layers
            are spared. AdamW has 0.01 if 0 is given.
        clip: largest Euclidean norm of all gradients together (Pascanu et al. 2013); 0 for none.
        ema: keep an exponential moving average of the weights with this momentum; 0 for none.
        beta: how much of Adam's mean of gradients a step keeps; only for "adam" and "adamw".
        float16: scale the loss up, so that small gradients do not vanish.
        slow: variables that learn at `slow_scale` times the rate.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"unknown optimizer {name}.{nearest(name, OPTIMIZERS)}")
    momentum = {"momentum": {"momentum": MOMENTUM}}
    momentum["nesterov"] = {"momentum": MOMENTUM, "nesterov": True}
    means = {"beta_1": beta}
    own = momentum | {"adam": means, "adamw": means, "adadelta": _ADADELTA}
    kinds = {"rmsprop": "RMSprop", "adadelta": "Adadelta", "adam": "Adam", "adamw": "Adam"}
    optimizer = _two_rated(getattr(keras.optimizers, kinds.get(name, "SGD")))(
        learning_rate,
        global_clipnorm=clip or None,
        use_ema=bool(ema),
        ema_momentum=ema or 0.99,
        **own.get(name, {}),
    )
    optimizer.decay = weight_decay or (_ADAMW_DECAY if name == "adamw" else 0.0)
    optimizer.slow, optimizer.slow_scale = tuple(slow), slow_scale
    return _LossScale(optimizer) if float16 else optimizer


@cache
def _two_rated(kind: type) -> type:
    """Return the optimiser class `kind` with a second, smaller learning rate for some variables.

    Fine-tuning wants the pretrained layers to move less than the new ones (Howard & Ruder 2018,
    Sec. 3.2). Scaling their gradients would do nothing in Adam, which divides by their size.
    Weight decay, apart from the gradient, goes by the rate of each variable too.
    """

    class TwoRated(kind):
        def build(self, variables):
            super().build(variables)
            if (
                self.use_ema
            ):  # Keras has zeros until the first step, and they may be asked for before
                pairs = zip(variables, self._model_variables_moving_average, strict=True)
                for variable, average in pairs:
                    average.assign(variable)
            slow = {id(variable) for variable in self.slow}
            self._scales = [self.slow_scale if id(v) in slow else 1.0 for v in variables]
            self._decays = [0.0 if v.name in _NOT_DECAYED else self.decay for v in variables]

        def _clip_gradients(self, gradients):
            return gradients  # not yet: each replica has only its share of them

        def _all_reduce_sum_gradients(self, gradients_and_variables):
            summed = super()._all_reduce_sum_gradients(gradients_and_variables)
            gradients, variables = zip(*summed, strict=True)
            return list(zip(super()._clip_gradients(list(gradients)), variables, strict=True))

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            learning_rate = learning_rate * self._scales[index]
            if self._decays[index]:
                rate = keras.ops.cast(learning_rate, variable.dtype)
                self.assign_sub(variable, variable * rate * self._decays[index])
            super().update_step(gradient, variable, learning_rate)

        def finalize_variable_values(self, var_list):
            """Leave the weights alone: who keeps averages decides when to take them."""

    TwoRated.__name__ = f"TwoRated{kind.__name__}"
    return TwoRated


class _LossScale(keras.optimizers.LossScaleOptimizer):
    """Loss scaling that skips a step where the gradients of any replica are not finite."""

    def check_finite(self, grads):
        found = tf.cast(tf.logical_not(super().check_finite(grads)), tf.float32)
        return tf.equal(tf.distribute.get_replica_context().all_reduce("SUM", found), 0.0)


def averages(optimizer: keras.Optimizer) -> list[tuple]:
    """Return the trained variables with their moving averages, in pairs, if it keeps any."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.use_ema:
        return []
    trained = optimizer._trainable_variables
    return list(zip(trained, optimizer._model_variables_moving_average, strict=True))
