"""`dltk train gan`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train a generator of pictures like your own.",
    epilog="\b\nExamples:\n"
    "  dltk train gan faces/\n"
    "  dltk train gan digits/ --size 28 --by-class\n"
    "  dltk train gan few/ --size 128 --vary all --ema 0.999 --flip\n"
    "  dltk train gan faces/ --preset began --balance 0.7\n"
    "  dltk train gan --resume runs/train-gan/001-faces-dcgan",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--preset", type=click.Choice(["dcgan", "began"]), default="dcgan",
           help="began has an auto-encoder for a discriminator."),
    option("--size", type=click.IntRange(1), default=64, metavar="PIXELS",
           help="Of the pictures made, a side: 28, 32, 64, 128 or 256."),
    option("--channels", type=click.Choice(["auto", "grey", "colour"]), default="auto",
           help="auto is grey if all pictures are."),
    option("--noise", type=training.COUNT, metavar="N",
           help="Numbers from which a picture is made.  [default: 100, of began 64]"),
    option("--width", type=training.COUNT, default=64, metavar="N",
           help="Channels of the finest hidden layer; 128 in the papers."),
    option("--by-class", is_flag=True,
           help="Let pictures of a class be asked for; DATA has a folder for each. Of dcgan."),
    option("--upsampling", type=click.Choice(["transposed", "nearest"]), default="transposed",
           help="How dcgan goes from coarse to fine: by transposed convolutions, as in the paper, "
           "or by repeating, which leaves no checkerboard."),
    option("--spectral", is_flag=True,
           help="Hold the discriminator in by spectral normalisation, in place of batch "
           "normalisation."),
)  # fmt: skip
@section(
    "Game",
    option("--loss", default="cross-entropy",
           type=click.Choice(["cross-entropy", "hinge", "least-squares", "wasserstein"]),
           help="What both sides of dcgan play for."),
    option("--smoothing", type=options.Share(0, 1, max_open=True), default=0.0, metavar="SHARE",
           help="How far below 1 real pictures are to be scored, such as 0.1."),
    option("--gradient-penalty", type=training.NUMBER, metavar="WEIGHT",
           help="Of slopes between real and made pictures other than 1.  [default: 0, of "
           "wasserstein 10]"),
    option("--r1", type=training.NUMBER, default=0.0, metavar="WEIGHT",
           help="Of a penalty on slopes at real pictures, such as 10."),
    option("--critics", type=training.COUNT, metavar="N",
           help="Turns of the discriminator in a step.  [default: 1, of wasserstein 5]"),
    option("--vary", default="none", metavar="none|all|WAYS",
           help="Vary what the discriminator sees, which helps where pictures are few: some of "
           "colour,translation,cutout."),
    option("--balance", type=options.Share(0, 1, min_open=True), default=0.5, metavar="SHARE",
           help="Of began: lower for better and less varied pictures."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=100, metavar="N",
           help="Of as many steps as the pictures fill batches."),
    option("--batch-size", type=click.IntRange(2), default=64, metavar="N",
           help="Pictures in one step, over all replicas; 128 in the paper."),
    option("--lr", type=training.POSITIVE, metavar="RATE",
           help="The learning rate.  [default: 0.0002, of began and wasserstein 0.0001]"),
    option("--discriminator-lr", type=training.POSITIVE, metavar="RATE",
           help="That of the discriminator.  [default: the same]"),
    option("--beta", type=options.Share(0, 1, max_open=True), metavar="SHARE",
           help="How much of its mean of gradients Adam keeps.  [default: 0.5, of wasserstein 0]"),
    option("--schedule", default="constant",
           type=click.Choice(["constant", "step", "cosine", "poly", "linear"]),
           help="How the learning rate goes down."),
    option("--ema", type=training.SHARE, default=0.0, metavar="MOMENTUM",
           help="Average the generator's weights over steps, such as 0.999."),
    option("--judge-every", type=click.IntRange(0), default=0, metavar="N",
           help="Measure FID-lite0 after so many epochs, and keep the best networks; 0 for never."),
    option("--samples", type=click.IntRange(0), default=2000, metavar="N",
           help="Pictures made to measure it by in the end; 0 to leave that out."),
)  # fmt: skip
@section(
    "Data",
    option("--flip/--no-flip", default=False,
           help="Whether left and right may be exchanged."),
    training.test_share(0.0),
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-gan", float16=False)
@options.offline
@options.quiet
@options.debug
@click.pass_context
def gan(ctx, data, **choices):
    """Turn pictures into a generator of others like them, which "dltk generate" uses.

    DATA is a folder of pictures, searched to the bottom; a .csv file with the column path and maybe
    split; or tfds:NAME. A few thousand pictures that are alike in what they show do best: with less
    than a thousand, try --vary all. Of each the square in the middle is taken.

    Everything goes to a run folder: best.keras, report.md, what the same noise gave after each
    epoch as pictures and as an animation, losses and scores, FID and KID by the embedded network,
    the real pictures nearest to those made. Signs of a collapse are told when they are there. A run
    that was stopped, however it was, goes on with --resume and ends as if it had not been.
    """
    from dltk.cli.evaluate_generation import generation_tables
    from recipes.train_gan import resume_train_gan
    from recipes.train_gan import train_gan as recipe

    about = {"tables": generation_tables, "use": "dltk generate FILE -n 16"}
    training.train(ctx, data, choices, recipe, resume_train_gan, **about)
