"""One stage of a training: compile a model, find a rate if asked, fit it in the run folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import keras
import tensorflow as tf

from dltk.errors import DltkError
from dltk.plots import plot_rate_search
from dltk.strategy import Placement
from dltk.training.fit import Progress, fit
from dltk.training.optimizers import RATES, Schedule, build_optimizer
from dltk.training.rates import search_rate
from dltk.training.run import RunFolder

_OF_LOADERS = re.compile(r"\b(InputError|DltkError): (.*)")
_SLOW_SCALE = 0.1
_WARMUP_MOST = 4  # at most one step in so many is warm-up


@dataclass(frozen=True)
class Regime:
    """How weights are moved; what all stages of a training have in common.

    Attributes:
        optimizer, schedule: see `dltk.training.optimizers`.
        warmup: epochs over which the learning rate rises, a quarter of all at most.
        weight_decay, clip, ema: see `build_optimizer`.
        precision: "float32", "bfloat16" or "float16".
        patience, save_every, keep, seed: see `dltk.training.fit.fit`.
    """

    optimizer: str = "adam"
    schedule: str = "cosine"
    warmup: float = 1.0
    weight_decay: float = 0.0
    clip: float = 0.0
    ema: float = 0.0
    precision: str = "float32"
    patience: int = 0
    save_every: float = 30.0
    keep: str = "none"
    seed: int = 0


def train_stage(
    model: keras.Model,
    batches,
    *,
    stage: str,
    epochs: int,
    rate: float | str,
    loss: keras.losses.Loss,
    metrics: Sequence,
    regime: Regime,
    placement: Placement,
    run: RunFolder,
    measure: Callable[[], dict[str, float]] | None = None,
    score: Callable[[dict], list[float]] | None = None,
    slow: Sequence = (),
    slow_rate: float | None = None,
    from_start: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Train `model`, built under the placement's strategy, and leave it with its best weights.

    Args:
        rate: the highest learning rate, or "auto" to look for one first.
        slow, slow_rate: variables with a rate of their own, a tenth of `rate` if None.
        Others: see `dltk.training.fit.fit`.
    Raises:
        DltkError: out of memory, a worker gone, or what `fit` raises.
    """
    strategy = placement.strategy

    def compile_with(learning_rate, rate: float) -> None:
        with strategy.scope():  # all variables of the optimiser are mirrored as the weights are
            optimizer = build_optimizer(
                regime.optimizer,
                learning_rate,
                weight_decay=regime.weight_decay,
                clip=regime.clip,
                ema=regime.ema,
                float16=regime.precision == "float16",
                slow=slow,
                slow_scale=slow_rate / rate if slow_rate is not None else _SLOW_SCALE,
            )
            optimizer.build(model.trainable_variables)
            # XLA fails under a strategy, and is slow on CPUs.
            model.compile(optimizer, loss, metrics=list(metrics), jit_compile=False)

    with _explained(run, placement):
        if rate == "auto":
            report("looking for a learning rate")
            found = run.once(
                f"{stage}-rate",
                lambda: _search(model, batches, compile_with, strategy, RATES[regime.optimizer]),
            )
            rate = found["chosen"]
            report(f"learning rate found: {rate:.2g}")
            if run.chief:
                picture = run.path / f"{stage}-rate.png"
                plot_rate_search(found["rates"], found["losses"], rate, picture)
        steps = epochs * batches.steps_per_epoch
        compile_with(
            Schedule(
                rate,
                shape=regime.schedule,
                steps=steps,
                warmup=min(round(regime.warmup * batches.steps_per_epoch), steps // _WARMUP_MOST),
            ),
            rate,
        )
        return fit(
            model,
            batches,
            strategy=strategy,
            epochs=epochs,
            run=run,
            stage=stage,
            measure=measure,
            score=score,
            from_start=from_start,
            patience=regime.patience,
            seed=regime.seed,
            save_every=regime.save_every,
            keep=regime.keep,
            report=report,
        )


def train_compiled(
    model: keras.Model,
    batches,
    *,
    stage: str,
    epochs: int,
    seed: int,
    save_every: float,
    placement: Placement,
    run: RunFolder,
    measure: Callable[[], dict[str, float]] | None = None,
    score: Callable[[dict], list[float] | None] | None = None,
    watch: Callable[[list[dict]], None] = lambda rows: None,
    report: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Train a model that is compiled in a way of its own, such as with several optimizers.

    Args: see `dltk.training.fit.fit`.
    Raises:
        DltkError: out of memory, a worker gone, or what `fit` raises.
    """
    with _explained(run, placement):
        return fit(
            model,
            batches,
            strategy=placement.strategy,
            epochs=epochs,
            run=run,
            stage=stage,
            measure=measure,
            score=score,
            seed=seed,
            save_every=save_every,
            watch=watch,
            report=report,
        )


def _search(model, batches, compile_with, strategy, default: float) -> dict:
    compile_with(default, default)
    return asdict(search_rate(model, batches, strategy=strategy, default=default))


@contextmanager
def _explained(run: RunFolder, placement: Placement) -> Iterator[None]:
    """Turn errors inside TensorFlow into DltkError."""
    try:
        yield
    except tf.errors.OpError as error:
        raise _told(error, run, placement) from error


def _told(error: tf.errors.OpError, run: RunFolder, placement: Placement) -> DltkError:
    """Return what to tell the user of an error inside TensorFlow."""
    text = str(error)
    go_on = f"go on with: {run.resume_command}"
    if placement.workers > 1:
        go_on = f"go on, on every worker, with: {run.resume_command}"
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return DltkError("out of memory; take a smaller --batch-size")
    for line in text.splitlines():  # of what a loader raised inside the pipeline
        if told := _OF_LOADERS.search(line):
            name, why = told.groups()
            about = "a picture changed while training on it: " if name == "InputError" else ""
            return DltkError(f"{about}{why}; {go_on}")
    lost = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError
    lost += tf.errors.InternalError, tf.errors.CancelledError
    if placement.workers > 1 and isinstance(error, lost):
        return DltkError(f"another worker was lost, its process or its connection; {go_on}")
    return DltkError(f"TensorFlow stopped: {text.splitlines()[0][:200]}; {go_on}")
