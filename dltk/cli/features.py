"""`dltk features`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from dltk.cli import options
from dltk.cli.answers import answer, check_plot, write_index
from dltk.cli.batch import Outputs, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.errors import UsageError, printable

_COLUMNS = ("path", "status", "error", "width", "height", "shard", "row", "vector")


_OWN_FILES = ("features-*.npy", "pca*.np[yz]", "index.csv", "neighbors.csv", "duplicates.csv")
_QUESTIONS = ("pca", "query", "neighbors", "metric", "dedupe", "threshold", "plot", "seed")


@click.command(
    short_help="Turn pictures into vectors; find similar ones.",
    epilog="\b\nExamples:\n"
    "  dltk features holiday/ -o vectors --query cat.jpg --neighbors 3\n"
    "  dltk features holiday/ -o vectors --dedupe --plot map.png",
)
@options.inputs
@options.model
@click.option(
    "--layer",
    metavar="NAME|N",
    help='A layer from "dltk models layers", by name or '
    "number (-2 is the last but one). Default: the last feature map.",
)
@click.option(
    "--pool",
    type=click.Choice(["avg", "max", "none"]),
    default="avg",
    show_default=True,
    help="How a feature map becomes a vector.",
)
@click.option("--l2", is_flag=True, help="Scale every vector to length 1.")
@click.option(
    "--pca",
    type=click.IntRange(1),
    metavar="K",
    help="Also reduce the vectors to K principal components.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Vectors in one .npy file.",
)
@click.option(
    "--query",
    type=click.Path(),
    multiple=True,
    metavar="PHOTO",
    help="Find the pictures most like this one.",
)
@click.option(
    "--neighbors",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="K",
    help="How many, for each --query.",
)
@click.option(
    "--metric",
    type=click.Choice(["cosine", "l2", "l1"]),
    default="cosine",
    show_default=True,
    help="Distance for --query.",
)
@click.option("--dedupe", is_flag=True, help="Find groups of near-duplicates.")
@click.option(
    "--threshold",
    type=options.Share(-1, 1),
    default=0.9,
    show_default=True,
    metavar="C",
    help="Cosine similarity from which --dedupe takes two for one.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Draw a map of thumbnails, the like beside the like.",
)
@click.option("--seed", default=0, show_default=True, help="For --plot.")
@options.outputs
@options.hardware
@options.common
@click.pass_context
def features(ctx, images, **choices):
    """Turn pictures into vectors, by any layer of any network, and find what is alike.

    With --output, vectors go to features-00000.npy and on, and index.csv says which row belongs
    to which picture. --query, --dedupe and --plot answer from those; running the command again
    with another question computes nothing twice.
    """
    from dltk.batch.shards import mend_shards
    from dltk.batch.vectors import index_of, stored_rows
    from recipes.features import features as recipe
    from recipes.features import stored

    outputs = Outputs.take(choices)
    if len(choices["model"]) > 1:
        raise UsageError("features come from one model; name one with -m")
    choices["model"] = choices["model"][0]
    _check_questions(ctx, choices)
    asked = {name: choices.pop(name) for name in _QUESTIONS}
    shard_size = choices.pop("shard_size")
    asks = bool(asked["query"] or asked["dedupe"] or asked["plot"])
    if asked["pca"] and not outputs.output:
        raise UsageError("--pca writes files; say where with --output")
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=bool(outputs.output or asks)
    )

    def describe() -> dict:
        from dltk.models.find import find_model

        source = find_model(choices["model"], pixel_range=choices["pixel_range"])
        what = {name: choices[name] for name in ("layer", "pool", "l2", "precision")}
        return {
            "model": [source.describe(reporter.say)],
            "options": what | {"shard_size": shard_size},
        }

    def run(items, record):
        results = recipe(items, **choices, report=reporter.say)
        if record is None:
            return results
        rows = stored_rows(record.earlier(), shard_size)
        return stored(results, record.folder, rows=rows, shard_size=shard_size)

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        if not outputs.overwrite and not has_record(outputs.output):
            check_unowned(outputs.output, _OWN_FILES)
        if asked["plot"]:
            check_plot(inputs, asked["plot"], asked["query"], outputs)
        for photo in asked["query"]:
            if not Path(photo).is_file():
                raise UsageError(f"--query {printable(photo)}: no such file")

    def prepare(record):
        if outputs.overwrite:
            return
        rows = stored_rows(record.earlier(), shard_size)
        mend_shards(record.folder, rows=rows, shard_size=shard_size)

    def finish(inputs, record):
        names = index_of(record.rows(), shard_size)
        if outputs.output:
            write_index(record.folder, names, shard_size)
        if names:
            questions = lambda paths: recipe(list(paths), **choices)  # noqa: E731
            answer(inputs, record.folder, names, questions, outputs, shard_size, **asked)

    with ExitStack() as stack:
        folder = outputs.output
        if folder is None and asks:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dltk-"))
        code = run_command(
            run,
            images,
            outputs,
            name="features",
            describe=describe,
            reporter=reporter,
            table=Table(_COLUMNS, _row, _cells),
            folder=folder,
            check=check,
            prepare=prepare,
            finish=finish,
            answers=asks,
            temporary=folder is not outputs.output,
        )
    ctx.exit(code)


def _check_questions(ctx, choices) -> None:
    """Raise UsageError for an option about a question that is not asked."""
    needs = {"neighbors": "query", "metric": "query", "threshold": "dedupe", "seed": "plot"}
    for name, question in needs.items():
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and not choices[question]:
            raise UsageError(f"--{name} is about --{question}, which is not given")


def _row(fields: dict) -> dict:
    return fields | {"vector": " ".join(f"{value:.6g}" for value in fields.get("vector", ()))}


def _cells(fields: dict) -> tuple[str, str]:
    if "shard" in fields:
        return f"row {fields['row']} of {fields['shard']}", ""
    vector = fields["vector"]
    some = " ".join(f"{value:.3g}" for value in vector[:6])
    return f"{len(vector)} numbers", some + " …" * (len(vector) > 6)
