"""`dltk features`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table, printer
from dltk.errors import UsageError, printable

_COLUMNS = ("path", "status", "error", "width", "height", "shard", "row", "vector")


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

    def check(items):
        if asked["plot"]:
            check_plot(items, asked["plot"], asked["query"])
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


def check_plot(items, plot: str, queries) -> None:
    """Raise UsageError if the map cannot be written to `plot`, or would replace a picture."""
    from dltk.images import encodable

    if encodable(plot) != plot:
        raise UsageError(f"--plot {printable(plot)}: name a picture file, such as map.png")
    inputs = [item.path for item in items] + [Path(query) for query in queries]
    if any(_same_file(path, Path(plot)) for path in inputs):
        raise UsageError(f"--plot {printable(plot)} is an input; write the map somewhere else")


_QUESTIONS = ("pca", "query", "neighbors", "metric", "dedupe", "threshold", "plot", "seed")


def write_index(folder: Path, names: dict[int, str], shard_size: int) -> None:
    """Write index.csv: which row of which shard belongs to which picture."""
    from dltk.batch import write_csv

    rows = (
        {"shard": f"features-{row // shard_size:05d}.npy", "row": row % shard_size, "path": name}
        for row, name in names.items()
    )
    write_csv(folder / "index.csv", ("shard", "row", "path"), rows)


def answer(
    inputs,
    folder,
    names,
    features_of,
    outputs,
    shard_size,
    *,
    pca,
    query,
    neighbors,
    metric,
    dedupe,
    threshold,
    plot,
    seed,
):
    """Answer what was asked about the vectors in `folder`, whose rows belong to `names`.

    Args:
        features_of: gives the features of other pictures, by the same network.
    """
    from dltk.batch import vectors
    from dltk.batch.shards import open_shards

    if pca:
        vectors.reduce_vectors(folder, pca, shard_size=shard_size)
    blocks = open_shards(folder, "pca" if pca else "features")
    if query:
        found = []
        for asked in features_of(query):
            if asked.error is not None:
                raise UsageError(f"--query {printable(asked.name)}: {asked.error}")
            vector = asked.vector.reshape(1, -1)
            vector = vectors.reduce_query(folder, vector)[0] if pca else vector[0]
            itself = {item.name for item in inputs if _same_file(item.path, asked.path)}
            near = vectors.neighbors(
                vector, blocks, names, count=neighbors + len(itself), metric=metric
            )
            near = [(name, distance) for name, distance in near if name not in itself][:neighbors]
            found.append((asked.name, near))
        _show_neighbors(found, outputs)
    if dedupe:
        whole = open_shards(folder)  # a few components tell kinds apart, not pictures
        _show_duplicates(vectors.duplicates(whole, names, threshold=threshold), outputs)
    if plot:
        _draw_map(inputs, blocks, names, plot, seed, outputs)


def _draw_map(inputs, blocks, names, plot, seed, outputs) -> None:
    from dltk.batch.vectors import take_rows
    from dltk.images import encode
    from recipes.features import draw_map, map_rows

    by_name = {item.name: item for item in inputs}
    chosen = map_rows([row for row, name in names.items() if name in by_name])
    items = [by_name[names[row]] for row in chosen]
    encode(draw_map(items, take_rows(blocks, chosen), seed=seed), plot)
    if not outputs.quiet:
        click.echo(f"map of {len(items)} pictures in {printable(plot)}", err=True)


def _same_file(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and one.resolve() == other.resolve()


def _show_neighbors(found, outputs: Outputs) -> None:
    rows = [
        {"query": query, "rank": rank, "path": name, "distance": distance}
        for query, near in found
        for rank, (name, distance) in enumerate(near, start=1)
    ]
    _show(
        rows,
        ("query", "rank", "path", "distance"),
        "neighbors",
        outputs,
        lambda row: (
            f"{printable(row['query']):30}  {row['rank']:3}  {row['distance']:.4f}  "
            f"{printable(row['path'])}"
        ),
    )


def _show_duplicates(groups, outputs: Outputs) -> None:
    rows = [
        {"group": number, "path": name}
        for number, group in enumerate(groups, start=1)
        for name in group
    ]
    _show(
        rows,
        ("group", "path"),
        "duplicates",
        outputs,
        lambda row: f"group {row['group']:3}  {printable(row['path'])}",
    )
    if not outputs.quiet:
        click.echo(f"{len(groups)} groups of near-duplicates", err=True)


def _show(rows, columns, name: str, outputs: Outputs, line) -> None:
    """Print an answer in the wanted form; with --output also write it there as NAME.csv."""
    from dltk.batch import write_csv

    if outputs.output:
        write_csv(Path(outputs.output) / f"{name}.csv", columns, iter(rows))
    show = printer(outputs.format, columns, dict, line)
    for row in rows:
        show(row)


def _row(fields: dict) -> dict:
    return fields | {"vector": " ".join(f"{value:.6g}" for value in fields.get("vector", ()))}


def _cells(fields: dict) -> tuple[str, str]:
    if "shard" in fields:
        return f"row {fields['row']} of {fields['shard']}", ""
    vector = fields["vector"]
    some = " ".join(f"{value:.3g}" for value in vector[:6])
    return f"{len(vector)} numbers", some + " …" * (len(vector) > 6)
