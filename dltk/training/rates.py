"""Finding a learning rate: raise it step by step and see where the loss falls fastest."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
_SMOOTHING = 0.9
_DIVERGED = 4.0
_LEFT_OUT = 10  # steps in which the average of the loss still settles


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    Attributes:
        rates, losses: tried, and the smoothed loss after each.
        chosen: the rate to train with.
    """

    rates: list[float]
    losses: list[float]
    chosen: float


def search_rate(model: keras.Model, batches, *, strategy, default: float) -> RateSearch:
    """Find a learning rate for a compiled model; its weights are as before afterwards.

    The learning-rate range test of Smith 2017, Sec. 3.3, as fastai does it: the rate grows by the
    same factor at each step, not linearly, until the loss, averaged exponentially, is four times
    its lowest or no longer a number. The choice is two thirds down the longest fall of the
    smoothed loss, see `valley`: where it still falls, well before it turns.

    Args:
        model: compiled with a constant learning rate, which is set here; optimiser built.
        batches: see `dltk.training.fit.fit`.
        default: chosen where the loss never falls.
    """
    weights = model.get_weights()
    optimizer = model.optimizer
    states = [np.asarray(variable) for variable in optimizer.variables]
    raising = _Raising()
    model.fit(
        batches.dataset(strategy, 0),
        epochs=1,
        steps_per_epoch=STEPS,
        callbacks=[raising],
        shuffle=False,
        verbose=0,
    )
    model.set_weights(weights)
    for variable, value in zip(optimizer.variables, states, strict=True):
        variable.assign(value)
    return RateSearch(raising.rates, raising.losses, valley(raising.rates, raising.losses, default))


def valley(rates: list[float], losses: list[float], default: float) -> float:
    """Return the rate two thirds down the longest fall of the losses.

    The longest fall is the longest sequence, not all in a row, in which each loss is less than
    the one before: single noisy batches do not end it.

    Args:
        rates, losses: of the same length, the rates rising.
        default: returned where no loss is less than one before it.
    """
    lengths, before = [1] * len(losses), [-1] * len(losses)
    for index, loss in enumerate(losses):
        for earlier in range(index):
            if losses[earlier] > loss and lengths[earlier] + 1 >= lengths[index]:
                lengths[index], before[index] = lengths[earlier] + 1, earlier
    if max(lengths, default=1) == 1:
        return default
    fall = [int(np.argmax(lengths))]
    while before[fall[-1]] >= 0:
        fall.append(before[fall[-1]])
    return rates[fall[::-1][round((len(fall) - 1) * 2 / 3)]]


class _Raising(keras.callbacks.Callback):
    """Raises the learning rate each step and notes the loss."""

    def __init__(self):
        super().__init__()
        self.rates, self.losses = [], []
        self._average, self._total, self._steps = 0.0, 0.0, 0

    def on_train_batch_begin(self, batch, logs=None):
        self._rate = LOWEST * (HIGHEST / LOWEST) ** (self._steps / (STEPS - 1))
        self.model.optimizer.learning_rate.assign(self._rate)

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        running = float(np.mean(logs["loss"])) * self._steps  # Keras logs the mean of the epoch
        loss, self._total = running - self._total, running
        self._average = _SMOOTHING * self._average + (1 - _SMOOTHING) * loss
        smoothed = self._average / (1 - _SMOOTHING**self._steps)
        if not np.isfinite(loss) or (
            self.losses and smoothed > _DIVERGED * max(1e-8, min(self.losses))
        ):
            self.model.stop_training = True
        elif self._steps > _LEFT_OUT:
            self.rates.append(self._rate)
            self.losses.append(float(smoothed))
