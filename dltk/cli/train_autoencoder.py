"""`dltk train autoencoder`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Train what brings pictures down to a few numbers, and back.",
    epilog="\b\nExamples:\n"
    "  dltk train autoencoder digits/\n"
    "  dltk train autoencoder digits/ --compare 2-8\n"
    "  dltk train autoencoder tfds:mnist --codes 30 --epochs 20\n"
    "  dltk train autoencoder flowers/ --preset conv --size 64 --codes 64\n"
    "  dltk train autoencoder --resume runs/train-autoencoder/001-digits-deep-2",
)
@click.argument("data", metavar="[DATA]", required=False)
@section(
    "Network",
    option("--preset", type=click.Choice(["deep", "conv"]), default="deep",
           help="deep has dense layers, 784-1000-500-250 for 28 × 28 pixels; conv convolutions."),
    option("--codes", type=training.COUNT, default=2, metavar="N",
           help="Numbers that a picture is brought down to."),
    option("--size", type=click.IntRange(8, 256), default=28, metavar="PIXELS",
           help="Of a side, to which pictures are brought; of what is not square, the middle."),
    option("--channels", type=click.Choice(["auto", "grey", "colour"]), default="auto",
           help="auto is grey if all pictures are."),
    option("--compare", metavar="N,N-N",
           help="Train networks of other numbers of codes too, such as 2-8, and draw their errors "
           "in one diagram."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=40, metavar="N",
           help="Times that each picture is seen, at most; see --patience."),
    option("--batch-size", type=training.COUNT, default=32, metavar="N",
           help="Pictures in one step, over all replicas."),
    option("--loss", type=click.Choice(["squared", "cross-entropy"]), default="squared",
           help="What is made small: the error that is measured, or the paper's."),
    *training.regime(optimizer="adam", weight_decay=0.0, backbone=False),
)  # fmt: skip
@section("Data", training.VAL_SHARE, training.TEST_SHARE, training.SEED)
@training.run_options("runs/train-autoencoder")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def autoencoder(ctx, data, **choices):
    """Turn pictures into an auto-encoder, which brings each down to a few numbers, its codes, and
    makes a picture of these again (Hinton & Salakhutdinov 2006).

    DATA is a folder of pictures, with class folders or without, a .csv file with the column path,
    or tfds:NAME. Nothing need be known of them; where classes are, the maps are coloured by them.

    Everything goes to a run folder: best.keras, report.md with the error beside that of principal
    components (PCA), pictures given back by both, maps of their codes, and for two codes the
    pictures that the decoder makes of a grid of them. A run that was stopped, however it was, goes
    on with --resume and ends as if it had not been.
    """
    from recipes.train_autoencoder import resume_train_autoencoder
    from recipes.train_autoencoder import train_autoencoder as recipe

    about = {"tables": _tables, "use": "dltk features PICTURES -m FILE"}
    training.train(ctx, data, choices, recipe, resume_train_autoencoder, **about)


def _tables(evaluation) -> str:
    report, own = evaluation.report, evaluation.report.own
    lines = [
        f"{report.pictures} pictures of {evaluation.split}",
        "",
        f"{'':20}  auto-encoder       PCA",
        f"{'codes':20}  {own.codes:12}  {own.components:8}",
        f"{'error a picture':20}  {own.error:12.2f}  {own.pca_error:8.2f}",
    ]
    if own.accuracy is not None:
        mine, theirs = f"{own.accuracy:.1%}", f"{own.pca_accuracy:.1%}"
        lines.append(f"{'class by neighbours':20}  {mine:>12}  {theirs:>8}")
    if len(report.compared) > 1:
        lines += ["", "codes  auto-encoder       PCA"]
        lines += [f"{row.codes:5}  {row.error:12.2f}  {row.pca_error:8.2f}"
                  for row in report.compared]  # fmt: skip
    return "\n".join(lines)
