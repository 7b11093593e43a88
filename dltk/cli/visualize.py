"""`dltk visualize`: filters, channel, class, training; those that take photos are beside it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.cli.sections import NumberOr, SectionCommand, option, section
from dltk.cli.visualize_photos import MODEL, PHOTO_COMMANDS
from dltk.errors import printable

_SOME_FAILED = 3

_LABELS = option(
    "--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file."
)
_CHANNELS = "Which, such as 0-15,40."


def _output(folder: str):
    return (
        option("-o", "--output", type=options.Folder(), default=folder, metavar="DIR",
               help="Where pictures go."),
        option("--overwrite", is_flag=True,
               help="Write over files that are not of this command."),
        option("--json", "as_json", is_flag=True, help="Print the outcome as JSON lines."),
    )  # fmt: skip


def _painting(command):
    """The options that `channel` and `class` have in common."""
    return section(
        "Painting",
        option("--method", type=click.Choice(["fourier", "simonyan"]), default="fourier",
               help="fourier: decorrelated coefficients seen through random transforms (Olah et "
               "al. 2017); simonyan: plain pixels with an L2 penalty (Simonyan et al. 2013)."),
        option("--size", type=click.IntRange(1, 4096), metavar="PIXELS",
               help="Of a side.  [default: the network's own]"),
        option("--steps", type=click.IntRange(1), default=256, metavar="N"),
        option("--l2", type=NumberOr(float), metavar="W",
               help="Penalty on pixels far from grey.  [default: 10 with simonyan, else 0]"),
        option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, metavar="N",
               help="Of the first picture and of the transforms."),
        option("--snapshots", type=click.IntRange(0), default=0, metavar="N",
               help="Write each picture as it is after every N steps too."),
    )(command)  # fmt: skip


@click.group(
    short_help="Show what networks see.",
    epilog="\b\nExamples:\n"
    "  dltk visualize gradcam holiday/\n"
    '  dltk visualize class --label daisy --label "Egyptian cat"\n'
    "  dltk visualize channel -m vgg16-hed --layer block4_conv2 --channel 0-8",
)
def visualize():
    """Pictures of what a network looks for, and of what it sees in photos."""


@visualize.command(
    "filters",
    cls=SectionCommand,
    short_help="Draw the first layer's filters, or another's.",
    epilog="\b\nExamples:\n"
    "  dltk visualize filters -m vgg16-hed\n"
    "  dltk visualize filters --layer block1a_depthwise_conv --raw",
)
@section(
    "Network",
    *MODEL,
    option("--layer", metavar="NAME|N",
           help="A convolution, by name or number.  [default: the first]"),
    option("--channel", metavar="LIST",
           help="Filters, such as 0-15,40.  [default: all; 0-15 of deeper layers]"),
    option("--limit-channels", type=click.IntRange(1), metavar="N",
           help="Slices of a filter of a deeper layer, at most.  [default: 16]"),
)  # fmt: skip
@section(
    "Results",
    option("--raw", is_flag=True, help="Write the kernels as .npy too."),
    *_output("visualized/filters"),
)
@options.common
def filters(quiet, verbose, as_json, **choices):
    """Draw the kernels of a convolution, in the colours of the picture where it sees those.

    Middle grey is zero, and each kernel is scaled by its own largest weight. Filters of deeper
    layers are rows of slices, one for each channel of the layer before.
    """
    from recipes.visualize import filters as recipe

    found = recipe(**choices, report=_reporter(quiet, verbose).say)
    _print([found], as_json, lambda fields: fields["files"]["sheet"])


@visualize.command(
    "channel",
    cls=SectionCommand,
    short_help="Paint what channels of a layer like best.",
    epilog="\b\nExamples:\n"
    "  dltk visualize channel -m vgg16-hed --layer block4_conv2 --channel 0-15,40\n"
    "  dltk visualize channel --layer block3b_add --steps 512 --size 320 -o painted",
)
@section(
    "Network",
    *MODEL,
    option("--layer", metavar="NAME|N",
           help='From "dltk models layers".  [default: a deep one]'),
    option("--channel", default="0-8", metavar="LIST", help=_CHANNELS),
)  # fmt: skip
@_painting
@section("Results", *_output("visualized/channel"))
@options.painters
@options.common
@click.pass_context
def channel(ctx, quiet, verbose, as_json, **choices):
    """Paint the picture that excites a channel most (the mean over its map), or a dense unit.

    Each picture gets a trace of its optimisation beside it, and all are on a sheet. Ctrl-C writes
    pictures as they are.
    """
    from recipes.visualize import channels as recipe

    results = recipe(**choices, report=_reporter(quiet, verbose).say)
    ctx.exit(_print(results, as_json, _painted))


@visualize.command(
    "class",
    cls=SectionCommand,
    short_help="Paint what a class looks like to a network.",
    epilog="\b\nExamples:\n"
    '  dltk visualize class --label daisy --label "Egyptian cat"\n'
    "  dltk visualize class -m shapes-run/best.keras --method simonyan",
)
@section(
    "Network",
    *MODEL,
    _LABELS,
    option("--label", multiple=True, metavar="NAME",
           help="A class, by name, id or number; again for more.  [default: all, if few]"),
)  # fmt: skip
@_painting
@section("Results", *_output("visualized/class"))
@options.painters
@options.common
@click.pass_context
def class_(ctx, quiet, verbose, as_json, **choices):
    """Paint the picture that scores highest for a class, before softmax.

    Each picture gets a trace of its optimisation beside it, and all are on a sheet. Ctrl-C writes
    pictures as they are.
    """
    from recipes.visualize import classes as recipe

    results = recipe(**choices, report=_reporter(quiet, verbose).say)
    ctx.exit(_print(results, as_json, _painted))


@visualize.command(
    "training",
    cls=SectionCommand,
    short_help="Show how a network changed while it was trained.",
    epilog="\b\nExamples:\n"
    "  dltk finetune shapes/ --backbone convnet --keep-epochs doubling --run-dir run\n"
    "  dltk visualize training run shapes/star/00001.jpg",
)
@click.argument("run", metavar="RUN", type=options.Folder())
@click.argument("photos", metavar="[PHOTOS...]", nargs=-1, type=click.Path())
@section(
    "Network",
    option("--layer", multiple=True, metavar="NAME|N",
           help="With a feature map; again for more.  [default: three, over the depth]"),
    option("--count", type=click.IntRange(1), default=4, metavar="N",
           help="Channels of each layer: those that are strongest in the end."),
)  # fmt: skip
@section("Results", *_output("visualized/training"))
@options.common
@click.pass_context
def training(ctx, run, photos, quiet, verbose, as_json, **choices):
    """Draw the first filters, and feature maps of PHOTOS, after each epoch kept of a run.

    RUN is the folder of a "dltk finetune" with --keep-epochs that trained a whole network or
    layers of a backbone. A column has one scale, so that growth is seen. Without PHOTOS, two
    samples are shown.
    """
    from dltk.batch import find_inputs
    from recipes.visualize import training as recipe

    items = find_inputs(photos, exclude=[choices["output"]]) if photos else ()
    results = recipe(run, items, **choices, report=_reporter(quiet, verbose).say)
    ctx.exit(_print(results, as_json, lambda fields: fields["files"]["sheet"]))


for command in PHOTO_COMMANDS:
    visualize.add_command(command)


def _reporter(quiet: bool, verbose: bool) -> Reporter:
    return Reporter(verbose=verbose, quiet=quiet, bar=False)


def _painted(fields: dict) -> str:
    return f"{fields['files']['picture']}  {fields['name']}, {fields['activation']:.4g}"


def _print(results: Iterable, as_json: bool, line) -> int:
    """Print results as they come, those that failed to standard error; return the exit code."""
    from dltk.batch import to_line

    failed = 0
    for result in results:
        fields = result.to_dict()
        bad = fields.get("status") == "failed"
        failed += bad
        if as_json:
            click.echo(to_line(fields), nl=False)
        elif not bad:
            click.echo(printable(line(fields)))
        if bad:
            what = fields.get("name", fields.get("what"))
            click.echo(f"failed: {printable(what)}: {fields['error']}", err=True)
    return _SOME_FAILED if failed else 0
