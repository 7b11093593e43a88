"""`dltk train captioner`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train a captioner on pictures with captions.",
    epilog="\b\nExamples:\n"
    "  dltk samples scenes --scenes 3000\n"
    "  dltk train captioner scenes/\n"
    "  dltk train captioner flickr8k/ --preset show-tell --cell gru --epochs 30\n"
    "  dltk train captioner dataset_coco.json --min-count 5 --stochastic 1 --tune-epochs 5\n"
    "  dltk train captioner --resume runs/train-captioner/001-scenes-show-attend-tell",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--preset", type=click.Choice(["show-attend-tell", "show-tell"]),
           default="show-attend-tell",
           help="Look at the picture anew for every word, or once."),
    option("--cell", type=click.Choice(["lstm", "gru", "plain"]), default="lstm",
           help="The recurrent one; plain is h = tanh(W x + U h + b)."),
    option("--units", type=training.COUNT, default=256, metavar="N", help="Of the cell."),
    option("--embedding", type=training.COUNT, default=256, metavar="N",
           help="Channels of a word."),
    option("--vectors", type=click.Path(), metavar="FILE",
           help="Vectors that words begin with, of word2vec or GloVe."),
    option("--attention", type=training.COUNT, default=128, metavar="N",
           help="Units that tell where to look."),
    option("--places", type=training.COUNT, default=256, metavar="N",
           help="Channels of a place of the picture."),
    option("--backbone", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='From "dltk models list", or a .keras file of a classifier.'),
    option("--size", type=click.IntRange(64, 1024), default=224, metavar="PIXELS",
           help="Of the square that pictures are drawn to; a multiple of 32."),
    option("--unfreeze", type=NumberOr(int, "all", open_end=True), default="all",
           metavar="N|all", help="Layers of the backbone that --tune-epochs train, from the top."),
)  # fmt: skip
@section(
    "Words",
    option("--min-count", type=training.COUNT, default=2, metavar="N",
           help="How often a word must be said to be learnt."),
    option("--longest", type=training.COUNT, default=50, metavar="WORDS",
           help="Of a caption; what is behind is cut off."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=20, metavar="N",
           help="With the backbone as it is, at most; see --patience."),
    option("--tune-epochs", type=click.IntRange(0), default=0, metavar="N",
           help="Then, with layers of the backbone."),
    option("--batch-size", type=training.COUNT, default=64, metavar="N",
           help="Captions in one step, over all replicas; a quarter as many pictures with "
           "--tune-epochs."),
    option("--dropout", type=options.Share(0, 0.95), default=0.3, metavar="SHARE",
           help="Of what words are told from."),
    option("--stochastic", type=training.NUMBER, default=0.0, metavar="WEIGHT",
           help="Of the doubly stochastic loss, which asks that every place be looked at."),
    option("--sampling", type=options.Share(0, 1), default=0.0, metavar="SHARE",
           help="How often its own last word stands for the true one, by the end of a stage."),
    option("--judge", type=click.Choice(["cider", "bleu4"]), default="cider",
           help="What of validation captions chooses the best epoch."),
    *training.regime(optimizer="adam", weight_decay=0.0, patience=5),
)  # fmt: skip
@section(
    "Data",
    option("--augment", type=click.Choice(["none", "light", "strong"]), default="none",
           help="Vary pictures in --tune-epochs: size, part, colours."),
    option("--flip/--no-flip", default=False,
           help="Whether left and right may be exchanged, which most captions tell apart."),
    training.val_share(0.1),
    training.test_share(0.1),
    training.SEED,
)  # fmt: skip
@training.run_options("runs/train-captioner")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def captioner(ctx, data, **choices):
    """Turn pictures with captions into a captioner that "dltk caption -m" uses.

    DATA is Karpathy's or COCO's .json file, or a folder with one; Flickr8k's NAME.token.txt; a
    .csv or .tsv file with the columns path, caption and maybe split; metadata.jsonl with file_name
    and text; a folder with a .txt file beside each picture, a caption a line; or tfds:NAME. "dltk
    data check --for captions" tells beforehand what is wrong with it.

    What the backbone sees is worked out once and kept in dltk's cache, 0.2 megabytes a picture by
    default. Everything else goes to a run folder: best.keras, report.md, curves, samples/ with what
    it said after each epoch, the best and the worst captions. A run that was stopped, however it
    was, goes on with --resume and ends as if it had not been.
    """
    from dltk.cli.evaluate_captions import caption_tables
    from recipes.train_captioner import resume_train_captioner
    from recipes.train_captioner import train_captioner as recipe

    about = {"tables": caption_tables, "use": "dltk caption PICTURES -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_captioner, **about)
