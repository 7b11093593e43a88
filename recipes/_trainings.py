"""What every training is, whatever is learnt: begun or gone on with, and finished."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from dltk.data.pipeline import fitting_batch_size
from dltk.modelfile import ModelCard, read_card, save_model
from dltk.strategy import Placement, cores, place_training
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.weights import Report, silent
from recipes._runs import begin_run, tell_findings

FREE = frozenset({"data", "run_dir", "resume", "devices", "strategy", "save_every", "report"})
"""Options that say where and how often, not what: a resumed run may have others."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished training.

    Attributes:
        run: the run folder.
        model: the model file in it.
        evaluation: how good it is on held-out pictures, "test" or, without those, "val"; None
            without any.
        chosen: what was found on the way, such as the best epoch of each stage.
        passed_over: (name, why) of files that are no examples.
        chief: False for a worker of several that does not write the run folder.
    """

    run: Path
    model: Path
    evaluation: Any | None
    chosen: dict
    passed_over: tuple[tuple[str, str], ...]
    chief: bool = True

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        shared = {field.name for field in fields(Trained)}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in shared}
        return {
            "run": str(self.run),
            "model": str(self.model),
            **{name: list(told) if isinstance(told, tuple) else told for name, told in own.items()},
            "evaluation": self.evaluation.to_dict() if self.evaluation else None,
            "chosen": self.chosen,
            "passed_over": [{"path": name, "why": why} for name, why in self.passed_over],
        }


class DataKind(NamedTuple):
    """How the data of a training come about.

    Attributes:
        holds: the class of data that are in memory already, or several.
        read: from what a user names to such data.
        split: from these to data with splits; takes `val_share`, `test_share` and `seed`.
        check: from data to findings; takes `decode` and `threads`.
    """

    holds: type | tuple[type, ...]
    read: Callable
    split: Callable
    check: Callable


class Begun(NamedTuple):
    """What a training goes on with: see `begun`."""

    data: Any
    placement: Placement
    run: RunFolder
    log: Report


def asked_for(given: dict) -> SimpleNamespace:
    """Return the options among the arguments of a recipe, `given` by their names.

    NumPy's numbers become Python's: the run folder keeps options as JSON.
    """
    options = {name: value for name, value in given.items() if name not in ("data", "report")}
    plain = {n: v.item() if isinstance(v, np.generic) else v for n, v in options.items()}
    return SimpleNamespace(**plain)


def defaults_of(recipe: Callable) -> dict:
    """Return the defaults of a recipe's options, by name."""
    return {name: told.default for name, told in inspect.signature(recipe).parameters.items()}


@contextmanager
def begun(
    command: str,
    asked: SimpleNamespace,
    data,
    kind: DataKind,
    *,
    slug: str,
    files: Collection[str] = (),
    free: Collection[str] = FREE,
    fits: Callable[[Any, Placement], str | None] = lambda data, placement: None,
    report: Report,
) -> Iterator[Begun]:
    """Read the data and open the run folder, which is closed when the training ends or fails.

    What cannot be gone on with is told before the data are read, and what `fits` finds before there
    is a folder.

    Args:
        command: of the command line, such as "train detector".
        asked: all options but the data.
        data: what the user named, or what is in memory.
        slug, files, free: see `recipes._runs.begin_run`.
        fits: raises UsageError where the data do not do for the options; may return what a step
            takes, for the log.
    Raises:
        UsageError, DltkError: what cannot be read, placed or gone on with.
        InterruptedRunError: Ctrl-C.
    """
    placement = place_training(asked.devices, asked.strategy, report)
    say = report if placement.chief else silent
    where = data.where if isinstance(data, kind.holds) else os.fspath(data)
    about = {"slug": slug, "files": files, "free": free, "chief": placement.chief}
    open_run = partial(begin_run, command, asked, where, **about)
    run = None if asked.resume is None else open_run()
    data = data if isinstance(data, kind.holds) else kind.read(data, report=say)
    shares = {name: getattr(asked, name, 0.0) for name in ("val_share", "test_share")}
    data = kind.split(data, **shares, seed=asked.seed)
    step = fits(data, placement)
    run = run or open_run()

    def log(line: str) -> None:
        run.log(line)
        say(line)

    with run.going():
        log(f"run folder: {run.path}")
        log(f"{placement.reason}, {step}" if step else placement.reason)
        if placement.chief:
            tell_findings(kind.check(data, decode=False, threads=cores()), log)
        yield Begun(data, placement, run, log)


def pictures_a_step(batch_size: int, data, placement: Placement) -> str:
    """Return how many pictures a step takes, in words. Raises UsageError if there are too few."""
    fitting = fitting_batch_size(batch_size, len(data.splits["train"]), placement.replicas)
    return f"{fitting // placement.replicas} pictures a replica and step"


def gone_on(recipe: Callable, command: str, run, report: Report, free: dict):
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        recipe: trains, with options as they are in the run folder.
        free: options that may be others now.
    """
    known = defaults_of(recipe)
    stored = RunFolder.open(run, command).options
    options = {name: value for name, value in stored.items() if name in known}
    return recipe(**options | free, resume=run, report=report)


def finished(
    training,
    network,
    outcome: type[Trained],
    *,
    task: str,
    labels: tuple[str, ...],
    vocabulary: tuple[str, ...] = (),
    text: dict | None = None,
    noun: str = "picture",
    metrics: Collection[str] | Callable[[Any], dict] | None = None,
    **own,
):
    """Save a network, measure it on held-out pictures, and write the report.

    The model file is there before it is measured; what is measured is noted in it afterwards.

    Args:
        training: with `asked`, `plan`, `data`, `run`, `chosen`, `evaluate` and `write_outcome`.
        outcome: what to return.
        task, labels, vocabulary, text: of the model file, see `dltk.modelfile.ModelCard`.
        noun: what the examples are.
        metrics: which figures of the evaluation's report to note in the model file, or what gives
            them; None for all.
        own: fields of `outcome` that other outcomes have not.
    """
    data, run, path = training.data, training.run, training.run.path / MODEL_FILE

    def save(measured: dict) -> None:
        card = ModelCard(
            task=task,
            labels=labels,
            geometry=training.plan.geometry,
            backbone=getattr(training.asked, "backbone", None),
            training={
                "options": run.options,
                "chosen": training.chosen,
                f"{noun}s": {name: len(part) for name, part in data.splits.items()},
            },
            metrics=measured,
            words=vocabulary,
            text=text or {},
        )
        if run.chief:
            save_model(network, path, card)

    measured_before = path.exists() and bool(read_card(path).metrics)
    if not path.exists():
        save({})  # measuring may take long, and be interrupted
    evaluation = training.evaluate(network, path)
    if evaluation and not measured_before:
        save(_figures(evaluation, metrics) | {"split": evaluation.split})
    if run.chief:
        training.write_outcome(evaluation)
        run.log(f"finished: {path}")
    return outcome(
        run=run.path,
        model=path,
        evaluation=evaluation,
        chosen=training.chosen,
        passed_over=data.passed_over,
        chief=run.chief,
        **own,
    )


def _figures(evaluation, metrics: Collection[str] | Callable[[Any], dict] | None) -> dict:
    """Return what the model file notes of an evaluation, see `finished`."""
    if metrics is None:
        return evaluation.report.to_dict()
    if callable(metrics):
        return metrics(evaluation)
    return {name: getattr(evaluation.report, name) for name in metrics}
