"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import logging
import os
import sys
import warnings

import click

PLACING = ("batch_size", "devices", "strategy")  # where it runs: without influence on results
DEVICES_HELP = "auto, cpu, gpu, or how many of them: gpu:2; cpu:2 splits this CPU in two."
_ENGINE_HELP = "litert (CPU, without TensorFlow), keras (any device), or what suits this machine."


def complete_model(ctx, param, incomplete: str) -> list[str]:
    """Return the names of the catalog that begin like `incomplete`, for shell completion."""
    from dltk.models.catalog import entries

    return [name for name in entries() if name.startswith(incomplete)]


def inputs(command):
    """IMAGES..., and which of them to take."""
    command = click.option(
        "--limit", type=click.IntRange(1), help="Take only the first N inputs.", metavar="N"
    )(command)
    return click.argument(
        "images",
        nargs=-1,
        required=True,
        metavar="IMAGES...",
        type=click.Path(allow_dash=True),
    )(command)


class Folder(click.Path):
    """A folder's name; unlike Click's, not an empty one, as an unset variable gives."""

    def __init__(self):
        super().__init__(file_okay=False)

    def convert(self, value, param, ctx):
        if not value:
            self.fail("the name is empty.", param, ctx)
        return super().convert(value, param, ctx)


class Share(click.FloatRange):
    """A number in a range, such as a share; unlike Click's, not NaN."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def pixel_range(command):
    """--pixel-range."""
    return click.option(
        "--pixel-range",
        type=click.Choice(["0..255", "0..1", "-1..1"]),
        default="0..255",
        show_default=True,
        help="Pixels that a file saved by plain Keras expects.",
    )(command)


def labels(command):
    """--labels."""
    return click.option(
        "--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file."
    )(command)


def model(command):
    """-m/--model, once or several times, and how to understand a file that plain Keras saved."""
    command = pixel_range(command)
    return click.option(
        "-m",
        "--model",
        multiple=True,
        metavar="NAME|FILE",
        default=("efficientnet-lite0",),
        show_default="efficientnet-lite0",
        help='A name from "dltk models list", or a .keras file.',
        shell_complete=complete_model,
    )(command)


def outputs(command):
    """-o/--output, the form of the results, and what to do with earlier ones."""
    return outputs_to(None)(command)


def outputs_to(folder: str | None):
    """The same, where results that are pictures go to `folder` unless told otherwise."""

    def decorate(command):
        for option in _output_options(folder):
            command = option(command)
        return command

    return decorate


def _output_options(folder: str | None):
    return (
        click.option(
            "--on-error",
            type=click.Choice(["skip", "stop"]),
            default="skip",
            show_default=True,
            help="Go on after an input that cannot be used, or stop.",
        ),
        click.option("--overwrite", is_flag=True, help="Do again what is done already."),
        click.option(
            "--json",
            "format",
            flag_value="jsonl",
            help="The same as --format jsonl.",
        ),
        click.option(
            "--format",
            type=click.Choice(["auto", "table", "jsonl", "csv"]),
            default="auto",
            help="Of the results: a table on a terminal, JSON lines elsewhere, CSV. "
            "With --output, csv adds results.csv to results.jsonl.",
        ),
        click.option(
            "-o",
            "--output",
            type=Folder(),
            metavar="DIR",
            default=folder,
            show_default=folder is not None,
            help="Write the results to this folder, and go on there after a stop.",
        ),
    )


def hardware(command):
    """What the network runs on."""
    for option in _hardware_options(_ENGINE):
        command = option(command)
    return command


def keras_hardware(command):
    """The same, of networks that no engine but Keras runs."""
    for option in _hardware_options():
        command = option(command)
    return command


def text_hardware(command):
    """The same, of networks of texts."""
    for option in _hardware_options(batch=128, what="Texts"):
        command = option(command)
    return command


_ENGINE = click.option(
    "--engine",
    type=click.Choice(["auto", "litert", "keras"]),
    default="auto",
    show_default=True,
    help=_ENGINE_HELP,
)


def _hardware_options(*engine, batch: int = 16, what: str = "Pictures"):
    return (
        click.option(
            "--precision",
            type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
            default="auto",
            show_default=True,
            help="Of the keras engine; auto is float32." if engine else "auto is float32.",
        ),
        click.option(
            "--strategy",
            type=click.Choice(["auto", "one", "mirrored"]),
            default="auto",
            show_default=True,
            help="tf.distribute: auto mirrors over two or more devices.",
        ),
        click.option(
            "--devices",
            default="auto",
            show_default=True,
            metavar="KIND[:N]",
            help=DEVICES_HELP,
        ),
        *engine,
        click.option(
            "--batch-size",
            type=click.IntRange(1),
            default=batch,
            show_default=True,
            metavar="N",
            help=f"{what} in one step, over all devices.",
        ),
    )


def painters(command, *, precision="bfloat16 where the hardware is made for it and it gains"):
    """What pictures are painted on: commands whose variables are pixels.

    Args:
        precision: what auto is.
    """
    for option in (
        click.option(
            "--precision",
            type=click.Choice(["auto", "float32", "bfloat16"]),
            default="auto",
            show_default=True,
            help=f"auto is {precision}.",
        ),
        click.option(
            "--strategy",
            type=click.Choice(["auto", "one", "mirrored"]),
            default="auto",
            show_default=True,
            help="tf.distribute: auto shares the pictures out over two or more devices.",
        ),
        click.option(
            "--devices",
            default="auto",
            show_default=True,
            metavar="KIND[:N]",
            help=DEVICES_HELP,
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(1),
            metavar="N",
            help="Pictures under way at a time, over all devices; by default one on each.",
        ),
    ):
        command = option(command)
    return command


def measurers(command):
    """The same for commands that tell numbers, which should not depend on the machine."""
    return painters(command, precision="float32")


def debug(command):
    """--debug; the door in main.py looks for it by itself."""
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Show tracebacks and native messages."
    )(command)


def offline(command):
    """--offline."""

    def switch_off(ctx, param, value):
        if value and "DLTK_OFFLINE" not in os.environ:
            os.environ["DLTK_OFFLINE"] = "1"
            ctx.call_on_close(lambda: os.environ.pop("DLTK_OFFLINE", None))

    return click.option(
        "--offline",
        is_flag=True,
        callback=switch_off,
        expose_value=False,
        help="Never use the network (or set DLTK_OFFLINE=1).",
    )(command)


def quiet(command):
    """-q/--quiet."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="No progress and no summary; errors only."
    )(command)


def common(command):
    """--offline, -v, -q and --debug, for commands that run a network."""
    verbose = click.option("-v", "--verbose", is_flag=True, help="Say what runs where.")
    return offline(verbose(quiet(debug(command))))


def quiet_native_code() -> None:
    """Keep what native libraries write to standard error, and Python's warnings, off the screen.

    Python's own standard error goes on to the old place through a copy of it.
    """
    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        kept = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # standard error is closed
        return
    sys.stderr.flush()
    os.dup2(null, 2)
    os.close(null)
    sys.stderr = os.fdopen(
        kept, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"
    )
