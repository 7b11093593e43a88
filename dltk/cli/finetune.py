"""`dltk finetune`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train a classifier on your own pictures.",
    epilog="\b\nExamples:\n"
    "  dltk finetune flowers/\n"
    "  dltk finetune flowers/ --unfreeze 20 --augment light --run-dir flowers-run\n"
    "  dltk finetune digits/ --backbone convnet --lr auto\n"
    "  dltk finetune --resume runs/finetune/001-flowers-efficientnet-lite0",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file; or, to train from scratch, convnet, '
           "linear (the head sees the pixels) or mlp."),
    option("--weights", default="imagenet", metavar="imagenet|none|FILE",
           help="What the backbone begins with; none trains all of it from scratch."),
    option("--head", type=click.Choice(["softmax", "svm", "knn"]), default="softmax",
           help="What tells the classes apart."),
    option("--unfreeze", type=NumberOr(int, "none", "all", open_end=True), default="none",
           metavar="N|all|none", help="Then train so many top layers of the backbone too."),
    option("--size", type=click.IntRange(1, 2048), metavar="PIXELS",
           help="Of the input, from scratch."),
    option("--channels", type=click.Choice([1, 3]), metavar="1|3",
           help="Grey or colour, from scratch."),
    option("--members", type=training.COUNT, default=1, metavar="N",
           help="Train so many networks and average them, in one model file."),
    option("--k", type=training.COUNT, help="Neighbours of knn.  [default: by cross-validation]"),
    option("--metric", type=click.Choice(["l1", "l2", "cosine"]),
           help="Distance of knn.  [default: by cross-validation]"),
    option("--folds", type=click.IntRange(2), default=5, metavar="N", help="Of cross-validation."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=30, metavar="N",
           help="Of the head, or of a network from scratch; at most, see --patience."),
    option("--tune-epochs", type=training.COUNT, default=10, metavar="N",
           help="Of the second stage, with --unfreeze."),
    option("--batch-size", type=training.COUNT, default=32, metavar="N",
           help="Pictures in one step, over all replicas."),
    *training.regime(
        optimizer="adam", warmup=1.0, patience=10, clip=0.0,
        rates="0.001, of SGD 0.01; linear: 10 times that",
    ),
)  # fmt: skip
@section(
    "Against overfitting",
    option("--augment", type=click.Choice(["auto", "none", "light", "strong"]), default="auto",
           help="Vary pictures; auto is light with --unfreeze, else none."),
    option("--flip/--no-flip", default=True,
           help="Whether left and right may be exchanged."),
    option("--dropout", type=training.SHARE, default=0.0, metavar="SHARE"),
    option("--l1", type=training.NUMBER, default=0.0, metavar="STRENGTH",
           help="Penalty on absolute weights."),
    option("--l2", type=NumberOr(float, "auto"), default="auto", metavar="STRENGTH|auto",
           help="Penalty on squared weights; auto chooses by cross-validation on fixed features."),
    option("--weight-decay", type=training.NUMBER, default=0.0, metavar="SHARE",
           help="Apart from the gradient; adamw has 0.01."),
    option("--mixup", type=training.NUMBER, default=0.0, metavar="ALPHA",
           help="Average pairs of pictures, such as 0.2."),
    option("--label-smoothing", type=training.SHARE, default=0.0, metavar="SHARE"),
)  # fmt: skip
@section(
    "Data",
    training.VAL_SHARE,
    training.TEST_SHARE,
    option("--class-weights", type=click.Choice(["none", "auto"]), default="none",
           help="auto lets rare classes weigh more."),
    option("--balance", is_flag=True, help="Draw from all classes equally often."),
    training.SEED,
)  # fmt: skip
@training.run_options(
    "runs/finetune",
    option("--keep-epochs", type=click.Choice(["none", "doubling", "all"]), default="none",
           help="Keep the weights after epochs 0, 1, 2, 4, ... and the last, or after all, for "
           '"dltk visualize training".'),
)  # fmt: skip
@options.offline
@options.quiet
@options.debug
@click.pass_context
def finetune(ctx, data, **choices):
    """Turn labelled pictures into a classifier that "dltk classify -m" uses.

    DATA is a folder with a folder for each class, maybe below train/, val/ and test/; a .csv file
    with the columns path, label and maybe split; or tfds:NAME.

    A network that knows ImageNet gives the features, and a new head learns your classes from
    them, in seconds; --unfreeze trains the network's top layers too. Everything goes to a run
    folder: best.keras, report.md, curves and the worst mistakes. A run that was stopped, however
    it was, goes on with --resume and ends as if it had not been.
    """
    from dltk.cli.evaluate import tables
    from recipes.finetune import finetune as recipe
    from recipes.finetune import resume_finetune

    about = {"tables": tables, "use": "dltk classify PICTURES -m FILE"}
    training.train(ctx, data, choices, recipe, resume_finetune, **about)
