"""`dltk train translator`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train what turns pictures of one kind into another, and back.",
    epilog="\b\nExamples:\n"
    "  dltk train translator horses/ zebras/\n"
    "  dltk train translator horse2zebra/ --size 256\n"
    "  dltk train translator photos/ paintings/ --size 64 --width 16 --epochs 40\n"
    "  dltk train translator --resume runs/train-translator/001-horses-translator",
)
@click.argument("data", metavar="[DATA", required=False)
@click.argument("other", metavar="[OTHER]]", required=False)
@section(
    "Network",
    option("--size", type=click.IntRange(1), default=128, metavar="PIXELS",
           help="Of the squares that are learnt from, a side; a multiple of 4."),
    option("--width", type=training.COUNT, default=64, metavar="N",
           help="Channels of the first layers; fewer are faster and know less."),
    option("--blocks", type=training.COUNT, metavar="N",
           help="Of each generator.  [default: 6 up to 128 pixels, else 9]"),
)  # fmt: skip
@section(
    "Game",
    option("--cycle", type=training.POSITIVE, default=10.0, metavar="WEIGHT",
           help="How much of a picture is to be found again on the way back."),
    option("--identity", type=training.NUMBER, default=0.5, metavar="SHARE",
           help="Of that: how much pictures are to stay that are of the kind already; it keeps "
           "colours. 0 for not at all."),
    option("--pool", type=click.IntRange(0, 500), default=50, metavar="N",
           help="Made pictures that are kept for the discriminators to see again."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=200, metavar="N",
           help="Times that each picture of the larger kind is seen."),
    option("--batch-size", type=training.COUNT, default=1, metavar="N",
           help="Pictures of each kind in one step, over all replicas."),
    option("--lr", type=training.POSITIVE, default=2e-4, metavar="RATE",
           help="The highest learning rate."),
    option("--schedule", default="linear",
           type=click.Choice(["constant", "step", "cosine", "poly", "linear"]),
           help="How the learning rate goes down; linear begins half way."),
)  # fmt: skip
@section(
    "Data",
    option("--flip/--no-flip", default=True,
           help="Whether left and right may be exchanged."),
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-translator", float16=False)
@options.offline
@options.quiet
@options.debug
@click.pass_context
def translator(ctx, data, **choices):
    """Turn pictures of two kinds, none of which belong together, into a translator between them,
    which "dltk translate" uses: horses and zebras, photos and paintings (CycleGAN).

    DATA and OTHER are folders of pictures, searched to the bottom; or DATA alone holds two: of any
    names, or trainA/ and trainB/, and maybe testA/ and testB/, as published data sets have. Test
    pictures are not learnt from, but shown.

    Everything goes to a run folder: best.keras, report.md, curves, and after each epoch a sheet of
    pictures, each as the other kind and back, all of which become an animation. A run that was
    stopped, however it was, goes on with --resume and ends as if it had not been.
    """
    from recipes.train_translator import resume_train_translator
    from recipes.train_translator import train_translator as recipe

    about = {"tables": str, "use": "dltk translate PHOTOS -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_translator, **about)
