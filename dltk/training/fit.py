"""Fit a model inside a run folder: measured, kept, killed and resumed without a trace."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from dltk.errors import DltkError
from dltk.training.checkpoint import stoppable
from dltk.training.optimizers import averages
from dltk.training.run import RunFolder

# A save may take one part in so many of the time, and comes no more often than asked.
_SAVE_COST = 50
_HISTORY_EVERY_SECS = 1.0
_TOLD_EVERY_SECS = 10.0


@dataclass
class Progress:
    """How far a stage of training is; plain JSON but for the weights.

    Attributes:
        step: steps taken in all.
        rows: one for every finished epoch: loss, metrics, learning rate, seconds.
        sums: of the epoch under way: steps taken and the sum of each log over them.
        rate: the learning rate in the middle of that epoch; at its end it may be 0.
        best_score: the largest score so far, None before the first.
        best_epoch: of the best score, from 1.
        best: its weights, or None.
        done: whether the stage is finished.
    """

    step: int = 0
    rows: list[dict] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    rate: float = 0.0
    best_score: list[float] | None = None
    best_epoch: int = 0
    best: list[np.ndarray] | None = None
    done: bool = False


def fit(
    model: keras.Model,
    batches,
    *,
    strategy,
    epochs: int,
    run: RunFolder,
    stage: str,
    measure: Callable[[], dict[str, float]] | None = None,
    score: Callable[[dict], list[float] | None] | None = None,
    from_start: bool = False,
    patience: int = 0,
    seed: int = 0,
    save_every: float = 30.0,
    keep: str = "none",
    watch: Callable[[list[dict]], None] = lambda rows: None,
    report: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Train `model`, compiled, and leave it with its best weights.

    The state is saved as often as `save_every` says, so that a run killed at any moment and
    started again ends with the weights of one never killed: weights, the optimiser's variables,
    random seeds, the best weights, and the number of the step, on which alone the data depend.

    Args:
        model: compiled, and its optimiser built, under `strategy`. One that moves its weights by
            several has them all in `optimizers`; the first one's learning rate is told.
        batches: has `batch_size`, `steps_per_epoch`, `dataset(strategy, first_step)` and
            `describe(step)`.
        strategy: the tf.distribute strategy.
        stage: name of this training within the run.
        measure: measures the model on held-out data after every epoch.
        score: larger is better, lexically, made of what `measure` gives; None for
            an epoch that is not compared. Without it the last epoch counts as the best.
        from_start: count the weights that the stage begins with as epoch 0: they are kept if
            no epoch makes them better.
        patience: stop after so many epochs without a better score; 0 for never.
        seed: of dropout, which depends on it and the epoch.
        save_every: seconds between saves, at least; longer if saving takes long. 0 saves after
            every step, whatever that takes.
        keep: after which epochs the weights are kept in the run folder for good, as they are
            measured (see `RunFolder.keep_weights`): "none"; "doubling": 0, 1, 2, 4, 8 and so on,
            and the last; or "all".
        watch: called with the rows of `Progress` after each epoch.
        report: called with a line after each epoch.
    Raises:
        DltkError: the loss is no longer finite; the state cannot be written.
        KeyboardInterrupt: after Ctrl-C, once the step under way is finished and saved.
    """
    stop = run.stop
    with stoppable(stop, patient=True):
        keeper = Keeper(
            model,
            batches,
            epochs=epochs,
            run=run,
            stage=stage,
            measure=measure and (lambda: agreed(strategy, measure())),
            score=score,
            patience=patience,
            seed=seed,
            save_every=save_every,
            keep=keep,
            watch=watch,
            report=report,
        )
        if keep != "none" and not keeper.progress.step and not keeper.progress.done:
            run.keep_weights(stage, 0, model.get_weights())
        if from_start and measure and keeper.progress.best_score is None:
            keeper.consider(0)
        per_epoch = batches.steps_per_epoch
        while not keeper.progress.done:
            epoch, place = divmod(keeper.progress.step, per_epoch)
            model.fit(
                batches.dataset(strategy, keeper.progress.step),
                initial_epoch=epoch,
                epochs=epoch + 1 if place else epochs,  # first what is left of an epoch
                steps_per_epoch=per_epoch - place,
                callbacks=[keeper],
                shuffle=False,
                verbose=0,
            )
        keeper.finish()
        stop.obey()
    return keeper.progress


class Keeper(keras.callbacks.Callback):
    """Watches the loss, measures, keeps the best weights, and saves the state."""

    def __init__(
        self,
        model: keras.Model,
        batches,
        *,
        epochs: int,
        run: RunFolder,
        stage: str,
        measure,
        score,
        patience: int,
        seed: int,
        save_every: float,
        keep: str,
        watch,
        report,
    ):
        super().__init__()
        self.set_model(model)
        self._batches, self._epochs, self._run, self._stage = batches, epochs, run, stage
        self._stop = run.stop
        self._measure, self._score, self._patience = measure, score, patience
        self._seed, self._save_every, self._report = seed, save_every, report
        self._keep, self._watch = keep, watch
        self._generators = [
            layer.seed_generator
            for layer in model._flatten_layers()
            if hasattr(layer, "seed_generator")
        ]
        self._optimizers = getattr(model, "optimizers", [model.optimizer])
        self._averages = [pair for each in self._optimizers for pair in averages(each)]
        self.progress = self._restored() or Progress()
        run.rows[stage] = self.progress.rows
        self._saved_at = self._written_at = self._told_at = self._began = time.monotonic()
        self._cost = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Begin the sums of an epoch, unless it is one gone on with."""
        self._began = time.monotonic()
        if self.progress.step % self._batches.steps_per_epoch == 0:
            self.progress.sums = {}
            for number, generator in enumerate(self._generators):
                state = np.random.SeedSequence((self._seed, epoch, number)).generate_state(2)
                generator.state.assign(state.astype(generator.state.dtype))
        self._earlier = dict(self.progress.sums)
        self._epoch_step = 0

    def on_train_batch_begin(self, batch, logs=None):
        """Note the learning rate in the middle of an epoch."""
        per_epoch = self._batches.steps_per_epoch
        if self.progress.step % per_epoch == per_epoch // 2:
            rate = self._optimizers[0].learning_rate
            self.progress.rate = float(keras.ops.convert_to_numpy(rate))

    def on_train_batch_end(self, batch, logs=None):
        """Check the loss; save if it is time."""
        self._epoch_step += 1
        progress = self.progress
        step, progress.step = progress.step, progress.step + 1
        sums = {name: float(value) * self._epoch_step for name, value in logs.items()}
        if not math.isfinite(sums["loss"]):
            raise DltkError(self._not_finite(step))
        sums["steps"] = self._epoch_step
        progress.sums = {name: sums[name] + self._earlier.get(name, 0.0) for name in sums}
        at_end = progress.step % self._batches.steps_per_epoch == 0
        if self._stop.asked and not at_end:
            self.save()
            self._stop.obey()
        if not at_end:  # there, it is saved after the measuring
            self._save_if_due()
            self._tell_if_due()

    def on_epoch_end(self, epoch, logs=None):
        """Measure, keep the best, stop early, save."""
        progress = self.progress
        steps = progress.sums.pop("steps")
        row = {"epoch": epoch + 1} | {k: v / steps for k, v in progress.sums.items()}
        row |= self.consider(epoch + 1)
        row["learning_rate"] = progress.rate
        row["seconds"] = round(time.monotonic() - self._began, 3)
        progress.rows.append(row)
        progress.sums = {}
        stale = epoch + 1 - progress.best_epoch
        if epoch + 1 == self._epochs or (self._patience and stale >= self._patience):
            progress.done = True
            self.model.stop_training = True
        if self._keeps(epoch + 1):
            self._swap_averages()
            self._run.keep_weights(self._stage, epoch + 1, self.model.get_weights())
            self._swap_averages()
        self._report(_epoch_line(row, self._epochs))
        self._watch(progress.rows)
        self._write_history()
        if self._stop.asked and not progress.done:
            self.save()
            self._stop.obey()
        if not progress.done:
            self._save_if_due()

    def _keeps(self, epoch: int) -> bool:
        """Return whether the weights after `epoch` are kept for good."""
        doubled = epoch & (epoch - 1) == 0 or self.progress.done
        return self._keep == "all" or (self._keep == "doubling" and doubled)

    def consider(self, epoch: int) -> dict[str, float]:
        """Measure the weights, or their averages, and keep them if they are the best so far.

        Raises:
            DltkError: they or their measures are no longer numbers.
        """
        progress = self.progress
        self._swap_averages()
        measures = self._measure() if self._measure else {}
        weights = self.model.get_weights()
        if not all(map(math.isfinite, measures.values())) or not all(
            np.isfinite(values).all() for values in weights
        ):
            raise DltkError(self._not_finite(max(0, progress.step - 1)))
        score = self._score(measures) if self._score else [epoch]
        best = progress.best_score
        if score is not None and (best is None or score > best):
            progress.best_score, progress.best_epoch = list(score), epoch
            progress.best = weights
        self._swap_averages()
        return measures

    def finish(self) -> None:
        """Give the model its best weights, and say on disk that this stage is done."""
        if self.progress.best is not None:
            self.model.set_weights(self.progress.best)
        self._run.write_history()
        self.save(finished=True)

    def save(self, *, finished: bool = False) -> None:
        """Write the state, whole or not at all."""
        began = time.monotonic()
        if self._run.chief:
            progress = self.progress
            facts = {k: v for k, v in vars(progress).items() if k != "best"}
            arrays = {"best": progress.best or []}
            if not finished:
                arrays["weights"] = self.model.get_weights()
                arrays["optimizer"] = [np.asarray(v) for v in self._moving]
                arrays["seeds"] = [np.asarray(g.state) for g in self._generators]
            self._run.save(self._stage, arrays, facts)
            self._cost = time.monotonic() - began
        self._saved_at = time.monotonic()

    def _save_if_due(self) -> None:
        since = time.monotonic() - self._saved_at
        if since >= max(self._save_every, _SAVE_COST * self._cost) or not self._save_every:
            self.save()

    def _tell_if_due(self) -> None:
        """Report how far an epoch is, if it is a long one."""
        now = time.monotonic()
        if now - max(self._told_at, self._began) < _TOLD_EVERY_SECS:
            return
        self._told_at = now
        rate = self._epoch_step / (now - self._began)
        per_epoch = self._batches.steps_per_epoch
        epoch, place = divmod(self.progress.step, per_epoch)
        left = (per_epoch - place) / rate
        self._report(
            f"epoch {epoch + 1} of {self._epochs}, step {place} of {per_epoch}: "
            f"{_told(rate * self._batches.batch_size)} examples a second, {left:.0f} s left in it"
        )

    def _write_history(self) -> None:
        if time.monotonic() - self._written_at > _HISTORY_EVERY_SECS:
            self._run.write_history()
            self._written_at = time.monotonic()

    def _restored(self) -> Progress | None:
        state = self._run.load(self._stage)
        if state is None:
            return None
        arrays, facts = state
        progress = Progress(**facts, best=arrays.get("best"))
        if not progress.done:
            self.model.set_weights(arrays["weights"])
            seeds = [generator.state for generator in self._generators]  # not among the weights
            for variables, name in ((self._moving, "optimizer"), (seeds, "seeds")):
                for variable, value in zip(variables, arrays.get(name, ()), strict=True):
                    variable.assign(value)
        return progress

    def _swap_averages(self) -> None:
        """Exchange the weights and their moving averages, if there are any."""
        for variable, average in self._averages:
            value = variable.numpy()
            variable.assign(average.numpy())
            average.assign(value)

    @property
    def _moving(self) -> list:
        """The variables of all optimizers."""
        return [variable for each in self._optimizers for variable in each.variables]

    def _not_finite(self, step: int) -> str:
        epoch, place = divmod(step, self._batches.steps_per_epoch)
        return (
            f"the loss is no longer a number in epoch {epoch + 1}, batch {place + 1} "
            f"({self._batches.describe(step)}); try a smaller --lr, or --clip 1"
        )


def agreed(strategy, values: dict[str, float]) -> dict[str, float]:
    """Return the means over all workers, so that they decide alike on when to stop."""
    alone = not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    if alone or not values:
        return values
    own = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(list(values.values()), tf.float64)
    )
    means = strategy.reduce("MEAN", own, axis=None).numpy()
    return dict(zip(values, map(float, means), strict=True))


def _told(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _epoch_line(row: dict, epochs: int) -> str:
    shown = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in row.items()
        if name not in ("epoch", "learning_rate", "seconds")
    ]
    seconds = f" ({row['seconds']:.0f} s)" if row["seconds"] >= 1 else ""
    return f"epoch {row['epoch']} of {epochs}{seconds}: {', '.join(shown)}"
