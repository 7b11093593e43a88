"""`dltk train answerer`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train an answerer on pictures with questions and answers.",
    epilog="\b\nExamples:\n"
    "  dltk samples scenes --scenes 3000\n"
    "  dltk train answerer scenes/ --tune-epochs 5\n"
    "  dltk train answerer vqa/ --min-count 5 --answers 3000\n"
    "  dltk train answerer questions.csv --backbone captioner.keras\n"
    "  dltk train answerer --resume runs/train-answerer/001-scenes-answerer",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--units", type=training.COUNT, default=256, metavar="N",
           help="Of the LSTM that reads questions, and of what answers are told from."),
    option("--embedding", type=training.COUNT, default=128, metavar="N",
           help="Channels of a word."),
    option("--attention", type=training.COUNT, default=256, metavar="N",
           help="Units that tell where to look."),
    option("--places", type=training.COUNT, default=256, metavar="N",
           help="Channels of a place of the picture."),
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file of a classifier or a captioner.'),
    option("--size", type=click.IntRange(64, 1024), default=224, metavar="PIXELS",
           help="Of the square that pictures are drawn to; a multiple of 32."),
    option("--unfreeze", type=NumberOr(int, "all", open_end=True), default="all",
           metavar="N|all", help="Layers of the backbone that --tune-epochs train, from the top."),
)  # fmt: skip
@section(
    "Words",
    option("--min-count", type=training.COUNT, default=1, metavar="N",
           help="How often a word must be asked to be learnt."),
    option("--answers", type=click.IntRange(2), default=3000, metavar="N",
           help="How many are learnt, at most: those that fit most questions."),
    option("--longest", type=training.COUNT, default=30, metavar="WORDS",
           help="Of a question; what is behind is cut off."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=20, metavar="N",
           help="With the backbone as it is, at most; see --patience."),
    option("--tune-epochs", type=click.IntRange(0), default=0, metavar="N",
           help="Then, with layers of the backbone."),
    option("--batch-size", type=training.COUNT, default=16, metavar="N",
           help="Pictures in one step, over all replicas, each with its questions."),
    option("--dropout", type=options.Share(0, 0.95), default=0.2, metavar="SHARE",
           help="Of what is seen, and of what answers are told from."),
    *training.regime(optimizer="adam", weight_decay=0.0, patience=5),
)  # fmt: skip
@section(
    "Data",
    option("--augment", type=click.Choice(["none", "light", "strong"]), default="none",
           help="Vary pictures in --tune-epochs: size, part, colours."),
    option("--flip/--no-flip", default=False,
           help="Whether left and right may be exchanged, which most questions tell apart."),
    training.val_share(0.1),
    training.test_share(0.1),
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-answerer")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def answerer(ctx, data, **choices):
    """Turn pictures with questions and answers into an answerer for "dltk caption --question".

    DATA is a folder with VQA's files of questions and annotations, or one of two such files; or a
    .csv or .tsv file with the columns path, question, answer and maybe kind and split, a row for
    each answer. "dltk data check --for questions" tells beforehand what is wrong with it.

    What the backbone sees is worked out once and kept in dltk's cache, 0.2 megabytes a picture by
    default. Everything else goes to a run folder: best.keras, report.md with the accuracy of each
    kind of question, curves, samples/ with what it answered after each epoch, and its mistakes. A
    run that was stopped, however it was, goes on with --resume and ends as if it had not been.
    """
    from dltk.cli.evaluate_answers import answer_tables
    from recipes.train_answerer import resume_train_answerer
    from recipes.train_answerer import train_answerer as recipe

    about = {"tables": answer_tables, "use": "dltk caption PICTURES --question '…' -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_answerer, **about)
