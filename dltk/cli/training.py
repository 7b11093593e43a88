"""What commands that train have in common: options, and going on with a run."""

from __future__ import annotations

import click
from click.core import ParameterSource

from dltk.cli import options
from dltk.cli.sections import NumberOr, option, section
from dltk.errors import UsageError

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


def optimizer(default: str):
    """--optimizer."""
    words = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
    return option("--optimizer", default=default, type=click.Choice(words))


def schedule(default: str):
    """--schedule."""
    words = ["constant", "step", "cosine", "poly"]
    how = "How the learning rate goes down."
    return option("--schedule", default=default, type=click.Choice(words), help=how)


def run_options(runs: str, *more):
    """The section of options about the run folder and the machine.

    Args:
        runs: where run folders go.
        more: options of the command's own, among them.
    """
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
        option("--precision", default="auto",
               type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
               help="auto is the fastest that is safe on this machine."),
        option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object."),
    )  # fmt: skip


def train_or_resume(ctx, data: str | None, choices: dict, recipe, resume, say):
    """Call the recipe on `data`, or go on with the run that --resume names; return the outcome.

    Args:
        resume: takes a run folder and those options that were given beside it.
    Raises:
        UsageError: neither data nor run, or --run-dir beside --resume.
    """
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
