"""The `dltk` command: its subcommands in groups, and the door at which errors become messages."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from contextlib import suppress

import click

from dltk import __version__
from dltk.cli import options
from dltk.cli.caption import caption
from dltk.cli.classify import classify
from dltk.cli.completion import completion
from dltk.cli.data import data
from dltk.cli.detect import detect
from dltk.cli.doctor import doctor
from dltk.cli.dream import dream
from dltk.cli.evaluate import evaluate
from dltk.cli.export import export
from dltk.cli.features import features
from dltk.cli.finetune import finetune
from dltk.cli.generate import generate
from dltk.cli.models import models
from dltk.cli.recipes import recipes
from dltk.cli.samples import samples
from dltk.cli.segment import segment
from dltk.cli.stylize import stylize
from dltk.cli.text import text
from dltk.cli.train import train
from dltk.cli.translate import translate
from dltk.cli.visualize import visualize
from dltk.errors import DltkError, PipeClosedError

SECTIONS = {
    "Use a model": (classify, features, detect, segment, caption, evaluate),
    "Train one": (finetune, train),
    "Work on texts": (text,),
    "Make pictures": (stylize, dream, visualize, generate, translate),
    "Housekeeping": (models, data, export, samples, recipes, doctor, completion),
}
INTERRUPTED = 130


class Sections(click.Group):
    """A group whose help lists its commands in sections."""

    def format_commands(self, ctx, formatter):
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(c.name, c.get_short_help_str(80)) for c in commands])


@click.group(
    cls=Sections,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  dltk classify holiday/\n  dltk features holiday/ --query cat.jpg\n"
    "  dltk finetune flowers/\n  dltk stylize cat.jpg --style brush-strokes",
)
@click.version_option(__version__, prog_name="dltk")
def cli():
    """Classic deep-learning recipes for pictures and text."""


for section in SECTIONS.values():
    for command in section:
        cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    try:
        return cli.main(arguments, prog_name="dltk", standalone_mode=False) or 0
    except click.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (PipeClosedError, BrokenPipeError):
        _silence(sys.stdout)
        return 0
    except DltkError as error:
        if debug:
            raise
        kind = "" if error.exit_code == INTERRUPTED else "error: "
        click.secho(f"{kind}{error}", fg="red", err=True)
        return error.exit_code
    except OSError as error:
        if debug:
            raise
        _silence(sys.stdout)
        click.secho(f"error: {error}", fg="red", err=True)
        return 1
    except Exception as error:
        if debug:
            raise
        click.secho(
            f"internal error: {type(error).__name__}: {error}; --debug shows where",
            fg="red",
            err=True,
        )
        return 1


def _silence(stream) -> None:
    """Let what is left in a stream that cannot be written go nowhere, at the end too."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _as_ctrl_c():
    """Return a handler that takes a signal as Ctrl-C, and two within a second as one.

    `timeout` sends two, and a second Ctrl-C would not wait for what is under way.
    """
    last = -math.inf

    def handle(number, frame) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > 1:
            raise KeyboardInterrupt

    return handle


def run() -> None:
    """Entry point of the installed command."""
    signal.signal(signal.SIGTERM, _as_ctrl_c())  # asked to end, we keep what is done
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if "--debug" not in sys.argv:
        options.quiet_native_code()
    sys.exit(main())
