"""`dltk export`."""

from __future__ import annotations

import json

import click

from dltk.cli import options
from dltk.errors import printable


@click.command(
    short_help="Write a classifier as LiteRT, ONNX or SavedModel.",
    epilog="\b\nExamples:\n"
    "  dltk export flowers.keras --to onnx\n"
    "  dltk export efficientnet-lite0 --to savedmodel -o serving/1",
)
@click.argument("model", metavar="NAME|FILE", shell_complete=options.complete_model)
@click.option(
    "--to",
    type=click.Choice(["litert", "onnx", "savedmodel"]),
    default="litert",
    show_default=True,
    help="A .tflite file, an .onnx file, or a folder for TensorFlow.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PATH",
    help="The file or folder to write.  [default: the model's name, here]",
)
@options.labels
@options.pixel_range
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.offline
@options.quiet
@options.debug
def export(model, as_json, quiet, **choices):
    """Write a classifier for other runtimes: NAME from "dltk models list", or a .keras FILE.

    It takes raw pixels, float32 0-255 (batch, height, width, channels), and gives probabilities.
    Labels and geometry travel inside, as dltk.json. Before it gets its name, it must give the
    same probabilities as the network, on photographs and on random pixels.
    """
    from dltk.weights import silent
    from recipes.export import export as recipe

    say = silent if quiet else (lambda line: click.echo(line, err=True))
    exported = recipe(model, **choices, report=say)
    say(
        f"checked on {exported.checked_on} pictures: "
        f"no probability differs by more than {exported.largest_difference:.1e}"
    )
    click.echo(json.dumps(exported.to_dict()) if as_json else printable(exported.path))
