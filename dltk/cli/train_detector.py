"""`dltk train detector`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train a detector on pictures with boxes.",
    epilog="\b\nExamples:\n"
    "  dltk samples scenes --scenes 600\n"
    "  dltk train detector scenes/\n"
    "  dltk train detector annotations.json --unfreeze 20 --size 512 --augment strong\n"
    "  dltk train detector --resume runs/train-detector/001-scenes-faster-rcnn",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--preset", type=click.Choice(["faster-rcnn", "fast-rcnn", "rcnn", "localize"]),
           default="faster-rcnn",
           help="After which paper; fast-rcnn and rcnn take their regions from selective search, "
           "localize finds one object a picture."),
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file: a classifier, or a detector that is to '
           "learn other classes."),
    option("--unfreeze", type=NumberOr(int, "none", "all", open_end=True), default="none",
           metavar="N|all|none", help="Train so many top layers of the backbone too."),
    option("--size", type=click.IntRange(64, 2048), default=320, metavar="PIXELS",
           help="Of the square that pictures are fitted to; a multiple of 32."),
    option("--pooling", type=click.Choice(["align", "pool"]),
           help="RoIAlign, or RoI pooling.  [default: align; fast-rcnn: pool]"),
    option("--proposals", type=training.COUNT, metavar="N",
           help="Regions of each picture.  [default: 300; fast-rcnn: 500]"),
    option("--regions", type=click.Path(), metavar="FILE",
           help="Take the regions for fast-rcnn and rcnn from this file of JSON lines: path and "
           "boxes."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=12, metavar="N",
           help="At most, see --patience."),
    option("--batch-size", type=training.COUNT, default=8, metavar="N",
           help="Pictures in one step, over all replicas."),
    *training.regime(weight_decay=1e-4),
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
@training.run_options("runs/train-detector")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def detector(ctx, data, **choices):
    """Turn pictures with boxes into a detector that "dltk detect -m" uses.

    DATA is a COCO .json file or a folder in COCO's, Pascal VOC's or YOLO's layout; a .csv file with
    the columns path, label, left, top, right, bottom and maybe split; or tfds:NAME. Pictures
    without objects are welcome. "dltk data check" tells beforehand what is wrong with it.

    Everything goes to a run folder: best.keras, report.md, curves, precision and recall, the worst
    mistakes. A run that was stopped, however it was, goes on with --resume and ends as if it had
    not been.
    """
    from dltk.cli.evaluate_detection import detection_tables
    from recipes.train_detector import resume_train_detector
    from recipes.train_detector import train_detector as recipe

    about = {"tables": detection_tables, "use": "dltk detect PICTURES -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_detector, **about)
