"""`dltk train segmenter`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train a segmenter on pictures with label maps.",
    epilog="\b\nExamples:\n"
    "  dltk samples scenes --scenes 600\n"
    "  dltk train segmenter scenes/\n"
    "  dltk train segmenter VOC2012/ --size 512 --class-weights median --augment strong\n"
    "  dltk train segmenter --resume runs/train-segmenter/001-scenes-fcn-8s",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--preset", type=click.Choice(["fcn-8s", "fcn-16s", "fcn-32s"]), default="fcn-8s",
           help="Pixels between the finest places that are scored."),
    option("--staged/--at-once", default=True,
           help="Train fcn-32s first and go on from it with finer maps, or all at once."),
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file: a classifier, or a segmenter that is '
           "to learn other classes."),
    option("--unfreeze", type=NumberOr(int, "none", "all", open_end=True), default="all",
           metavar="N|all|none", help="Train so many top layers of the backbone too."),
    option("--hidden", type=click.IntRange(0), default=0, metavar="N",
           help="Channels of two more layers before the coarsest scores, as VGG's in the paper."),
    option("--size", type=click.IntRange(64, 2048), default=320, metavar="PIXELS",
           help="Of the square that pictures are fitted to; a multiple of 32."),
)  # fmt: skip
@section(
    "Training",
    option("--loss", type=click.Choice(["cross-entropy", "focal", "dice", "cross-entropy+dice"]),
           default="cross-entropy", help="What is made small."),
    option("--class-weights", type=click.Choice(["none", "balanced", "median", "log"]),
           default="none", help="How much more pixels of rare classes count."),
    option("--aux", type=training.NUMBER, default=0.0, metavar="WEIGHT",
           help="Of the loss of a second head lower down, such as 0.5."),
    option("--epochs", type=training.COUNT, default=12, metavar="N",
           help="Over all stages, at most, see --patience."),
    option("--batch-size", type=training.COUNT, default=8, metavar="N",
           help="Pictures in one step, over all replicas."),
    *training.regime(schedule="poly", weight_decay=1e-4),
)  # fmt: skip
@section(
    "Data",
    option("--augment", type=click.Choice(["none", "light", "strong"]), default="light",
           help="Vary pictures: size, part, colours."),
    option("--flip/--no-flip", default=True,
           help="Whether left and right may be exchanged."),
    training.VAL_SHARE,
    training.TEST_SHARE,
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-segmenter")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def segmenter(ctx, data, **choices):
    """Turn pictures with label maps into a segmenter that "dltk segment -m" uses.

    DATA is a folder with pictures in images/ and PNG masks of the same names in masks/, and the
    names of the classes in classes.txt; a folder in Pascal VOC's layout; a COCO .json file or
    folder with polygons or run lengths; a .csv file with the columns path, mask and maybe split; or
    tfds:NAME. Pixels of 255 are ignored. "dltk data check --for segment" tells beforehand what is
    wrong with it.

    Everything goes to a run folder: best.keras, report.md, curves, the IoU of each class, the worst
    mistakes. A run that was stopped, however it was, goes on with --resume and ends as if it had
    not been.
    """
    from dltk.cli.evaluate_segmentation import segmentation_tables
    from recipes.train_segmenter import resume_train_segmenter
    from recipes.train_segmenter import train_segmenter as recipe

    about = {"tables": segmentation_tables, "use": "dltk segment PICTURES -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_segmenter, **about)
