"""`dltk train masker`."""

from __future__ import annotations

import json
import shlex

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section
from dltk.errors import printable


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
    option("--lr", type=NumberOr(float, "auto", open_end=True), metavar="RATE|auto",
           help="The highest learning rate; auto looks for one.  "
           "[default: 0.001, of SGD 0.01]"),
    option("--backbone-lr", type=training.POSITIVE, metavar="RATE",
           help="That of the backbone's layers.  [default: a tenth of the other]"),
    training.optimizer("adamw"),
    training.schedule("cosine"),
    option("--warmup", type=training.NUMBER, default=0.5, metavar="EPOCHS",
           help="How long it goes up first."),
    option("--weight-decay", type=training.NUMBER, default=1e-4, metavar="SHARE",
           help="Apart from the gradient."),
    option("--patience", type=click.IntRange(0), default=0, metavar="N",
           help="Stop after so many epochs without progress; 0 for never."),
    option("--clip", type=training.NUMBER, default=5.0, metavar="NORM",
           help="Largest norm of the gradient; 0 for any."),
    option("--ema", type=training.SHARE, default=0.0, metavar="MOMENTUM",
           help="Average the weights over steps, such as 0.99."),
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
def masker(ctx, data, as_json, quiet, **choices):
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

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    done = training.train_or_resume(ctx, data, choices, recipe, resume_train_masker, say)
    if not done.chief:
        say("this worker is done; the first one has the results")
        return
    click.echo(json.dumps(done.to_dict()) if as_json else _told(done))
    if done.evaluation and done.evaluation.seen_in_training:
        seen, count = done.evaluation.seen_in_training, done.evaluation.report.pictures
        click.echo(f"{seen} of these {count} pictures were trained on too", err=True)
    if not as_json:
        say(f"use it: dltk segment PICTURES --instances {shlex.quote(str(done.model))}")


def _told(done) -> str:
    from dltk.training.report import share

    lines = []
    if done.evaluation:
        report = done.evaluation.report
        lines = [
            f"{report.objects} objects in {report.pictures} pictures of {done.evaluation.split}",
            "",
            "proposals  average recall  recall at 0.5",
        ]
        for limit, mean in report.average_recalls.items():
            lines.append(f"{limit:9}  {share(mean):>14}  {share(report.recalls[limit][0]):>13}")
    return "\n".join([*lines, "", f"model: {printable(done.model)}"]).lstrip()
