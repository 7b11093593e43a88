"""What `dltk features` answers about its vectors: neighbors, duplicates, a map."""

from __future__ import annotations

from pathlib import Path

import click

from dltk.cli.batch import Outputs
from dltk.cli.results import printer
from dltk.errors import UsageError, printable

MAP = "map of dltk features"  # stands in the file, by which an earlier map is known


def check_plot(inputs, plot: str, queries, outputs: Outputs) -> None:
    """Raise UsageError if the map cannot be written to `plot`, or would replace a picture.

    In a folder of inputs it would be taken for one next time; only an earlier map is replaced.
    """
    from dltk.images import encodable
    from dltk.metadata import software_of

    path = Path(plot).resolve()
    if encodable(plot) != plot:
        raise UsageError(f"--plot {printable(plot)}: name a picture file, such as map.png")
    pictures = [item.path for item in inputs] + [Path(query) for query in queries]
    if any(_same_file(picture, path) for picture in pictures):
        raise UsageError(f"--plot {printable(plot)} is an input; write the map somewhere else")
    among_outputs = outputs.output and path.is_relative_to(Path(outputs.output).resolve())
    if not among_outputs and any(path.is_relative_to(f.resolve()) for f in inputs.searched):
        raise UsageError(
            f"--plot {printable(plot)} lies in a folder of inputs; write the map somewhere else"
        )
    if path.exists() and software_of(path) != MAP and not outputs.overwrite:
        raise UsageError(f"--plot {printable(plot)} is there already and no map; name another file")


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
        vectors.reduce_vectors(folder, pca, shard_size=shard_size, names=names)
    blocks = open_shards(folder, "pca" if pca else "features")
    if query:
        found = []
        for photo, asked in zip(query, features_of(query), strict=True):
            if asked.error is not None:
                raise UsageError(f"--query {printable(photo)}: {asked.error}")
            vector = asked.vector.reshape(1, -1)
            vector = vectors.reduce_query(folder, vector)[0] if pca else vector[0]
            itself = {_name_under(inputs.root, asked.path)} & set(names.values())
            near = vectors.neighbors(
                vector, blocks, names, count=neighbors + len(itself), metric=metric
            )
            near = [(name, distance) for name, distance in near if name not in itself][:neighbors]
            found.append((photo, near))
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
    sheet = draw_map(items, take_rows(blocks, chosen), seed=seed)
    encode(sheet, plot, software=MAP)
    if not outputs.quiet:
        click.echo(f"map of {len(items)} pictures in {printable(plot)}", err=True)


def _name_under(root: Path, path: Path) -> str | None:
    """Return the name that a file has, or would have, among inputs with that root."""
    path, root = path.resolve(), root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


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
    show = printer(outputs.format, columns, lambda fields: [fields], line)
    for row in rows:
        show(row)
