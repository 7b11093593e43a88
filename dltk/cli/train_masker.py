"""`dltk train masker`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train what proposes masks of objects, whatever they are.",
    epilog="\b\nExamples:\n"
    "  dltk samples scenes --scenes 1000\n"
    "  dltk train masker scenes/ --epochs 2\n"
    "  dltk train masker coco/ --patch 224 --epochs 1\n"
    "  dltk train masker --resume runs/train-masker/001-scenes-masker",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file: a classifier, or a masker that is to '
           "learn on."),
    option("--unfreeze", type=NumberOr(int, "none", "all", open_end=True), default="all",
           metavar="N|all|none", help="Train so many top layers of the backbone too."),
    option("--patch", type=click.IntRange(64, 512), default=128, metavar="PIXELS",
           help="Of the squares that are looked at, a multiple of 32; an object takes four "
           "sevenths."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=4, metavar="N",
           help="Times that each object is seen, at most; see --patience."),
    option("--batch-size", type=training.COUNT, default=8, metavar="N",
           help="Pairs of patches in one step, with and without an object, over all replicas."),
    *training.regime(weight_decay=1e-4),
)  # fmt: skip
@section(
    "Data",
    option("--augment", type=click.Choice(["none", "light", "strong"]), default="light",
           help="Vary colours; place and size are varied in any case."),
    option("--flip/--no-flip", default=True,
           help="Whether left and right may be exchanged."),
    training.VAL_SHARE,
    training.TEST_SHARE,
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-masker")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def masker(ctx, data, **choices):
    """Turn pictures with a mask of each object into a masker, which "dltk segment --instances"
    uses: for a patch of a picture it tells the mask of the object in the middle, and how sure it
    is that there is one (DeepMask).

    DATA is a COCO .json file, or a folder in COCO's layout, whose objects have polygons or run
    lengths, as those of "dltk samples scenes" do. Their classes play no part.

    Everything goes to a run folder: best.keras, report.md with the average recall of 10, 100 and
    1000 proposals a picture, curves, a sheet of pictures with the best proposals. A run that was
    stopped, however it was, goes on with --resume and ends as if it had not been.
    """
    from recipes.train_masker import resume_train_masker
    from recipes.train_masker import train_masker as recipe

    about = {"tables": _tables, "use": "dltk segment PICTURES --instances FILE"}
    training.train(ctx, data, choices, recipe, resume_train_masker, **about)


def _tables(evaluation) -> str:
    from dltk.training.report import share

    report = evaluation.report
    lines = [
        f"{report.objects} objects in {report.pictures} pictures of {evaluation.split}",
        "",
        "proposals  average recall  recall at 0.5",
    ]
    for limit, mean in report.average_recalls.items():
        lines.append(f"{limit:9}  {share(mean):>14}  {share(report.recalls[limit][0]):>13}")
    return "\n".join(lines)
