"""What commands that train have in common: options, and going on with a run."""

from __future__ import annotations

import json
import shlex

import click
from click.core import ParameterSource

from dltk.cli import options
from dltk.cli.evaluate import noun_of
from dltk.cli.sections import NumberOr, option, section
from dltk.errors import UsageError, printable

SHARE = options.Share(0, 1, max_open=True)
COUNT = click.IntRange(1)
POSITIVE = NumberOr(float, open_end=True)
NUMBER = NumberOr(float)


def val_share(default: float):
    """--val-share."""
    how = "Of the pictures to validate on, where they are not divided yet."
    return option("--val-share", type=SHARE, default=default, metavar="SHARE", help=how)


def test_share(default: float):
    """--test-share."""
    how = "Of the pictures to measure on at the end."
    return option("--test-share", type=SHARE, default=default, metavar="SHARE", help=how)


VAL_SHARE, TEST_SHARE = val_share(0.15), test_share(0.15)
SEED = option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    metavar="N",
    help="Of all that is random.",
)


def regime(
    *,
    optimizer: str = "adamw",
    schedule: str = "cosine",
    warmup: float = 0.5,
    weight_decay: float | None = None,
    patience: int = 0,
    clip: float = 5.0,
    rates: str = "0.001, of SGD 0.01",
    backbone: bool = True,
):
    """Return the options of how weights are moved, with these defaults.

    Args:
        backbone: whether there is one, with a rate of its own.
        weight_decay: None leaves the option out.
        rates: the default of --lr, in words.
    """
    decay = [
        option("--weight-decay", type=NUMBER, default=weight_decay, metavar="SHARE",
               help="Apart from the gradient."),
    ]  # fmt: skip
    slow = [
        option("--backbone-lr", type=POSITIVE, metavar="RATE",
               help="That of the backbone's layers.  [default: a tenth of the other]"),
    ]  # fmt: skip
    optimizers = ["sgd", "momentum", "nesterov", "rmsprop", "adadelta", "adam", "adamw"]
    schedules = ["constant", "step", "cosine", "poly", "linear"]
    return (
        option("--lr", type=NumberOr(float, "auto", open_end=True), metavar="RATE|auto",
               help=f"The highest learning rate; auto looks for one.  [default: {rates}]"),
        *(slow if backbone else ()),
        option("--optimizer", default=optimizer, type=click.Choice(optimizers)),
        option("--schedule", default=schedule, type=click.Choice(schedules),
               help="How the learning rate goes down."),
        option("--warmup", type=NUMBER, default=warmup, metavar="EPOCHS",
               help="How long it goes up first."),
        *(() if weight_decay is None else decay),
        option("--patience", type=click.IntRange(0), default=patience, metavar="N",
               help="Stop a stage after so many epochs without progress; 0 for never."),
        option("--clip", type=NUMBER, default=clip, metavar="NORM",
               help="Largest norm of the gradient; 0 for any."),
        option("--ema", type=SHARE, default=0.0, metavar="MOMENTUM",
               help="Average the weights over steps, such as 0.99."),
    )  # fmt: skip


def run_options(runs: str, *more, float16: bool = True, precision: bool = True):
    """The section of options about the run folder and the machine.

    Args:
        runs: where run folders go.
        more: options of the command's own, among them.
        float16: whether that is among the precisions.
        precision: whether there is a choice of these.
    """
    precisions = ["auto", "float32", "bfloat16", *(["float16"] if float16 else ())]
    choice = [
        option("--precision", default="auto", type=click.Choice(precisions),
               help="auto is the fastest that is safe on this machine."),
    ]  # fmt: skip
    return section(
        "Run",
        option("--run-dir", type=options.Folder(), metavar="DIR",
               help=f"Exactly where to put the run folder.  [default: {runs}/NNN-…]"),
        option("--resume", type=options.Folder(), metavar="RUN",
               help="Go on with the run in this folder."),
        option("--save-every", type=NUMBER, default=30.0, metavar="SECONDS",
               help="How often to save the state, so that a killed run loses little; 0: each "
               "step."),
        *more,
        option("--devices", default="auto", metavar="KIND[:N]", help=options.DEVICES_HELP),
        option("--strategy", default="auto",
               type=click.Choice(["auto", "one", "mirrored", "multiworker", "tpu"]),
               help="tf.distribute: auto takes all GPUs, all workers of a cluster, or a TPU."),
        *(choice if precision else ()),
        option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object."),
    )  # fmt: skip


def train(ctx, data: str | None, choices: dict, recipe, resume, *, tables, use: str) -> None:
    """Run a recipe that trains, or go on with the run that --resume names, and tell the outcome.

    Args:
        choices: all options of the command, as_json and quiet among them.
        resume: takes a run folder and those options that were given beside it.
        tables: from an evaluation to what is shown of it.
        use: the command for which the model file is, "FILE" standing for it.
    Raises:
        UsageError: neither data nor run, or --run-dir beside --resume.
    """
    as_json, quiet = choices.pop("as_json"), choices.pop("quiet")

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    done = _train_or_resume(ctx, data, choices, recipe, resume, say)
    if not done.chief:
        say("this worker is done; the first one has the results")
        return
    if as_json:
        click.echo(json.dumps(done.to_dict()))
    elif not quiet:
        told = [tables(done.evaluation), ""] if done.evaluation else []
        click.echo("\n".join([*told, f"model: {printable(done.model)}"]))
    if done.evaluation and done.evaluation.seen_in_training and not quiet:
        seen, count = done.evaluation.seen_in_training, len(done.evaluation.examples)
        what = f"{noun_of(done.evaluation)}s"
        click.echo(f"{seen} of these {count} {what} were trained on too", err=True)
    if not as_json:
        say(f"use it: {use.replace('FILE', shlex.quote(str(done.model)))}")


def _train_or_resume(ctx, data: str | None, choices: dict, recipe, resume, say):
    given = {
        name: value
        for name, value in choices.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if choices["resume"]:
        given.pop("resume")
        if "run_dir" in given:
            raise UsageError("--run-dir is for new runs; --resume goes on where the run is")
        given |= {"data": data} if data is not None else {}
        return resume(choices["resume"], report=say, **given)
    if data is None:
        raise UsageError("name the DATA to train on, or a run to go on with: --resume RUN")
    return recipe(data, **choices, report=say)
