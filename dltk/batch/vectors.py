"""The vectors of a batch, read back: which is whose, principal components, what is alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dltk.batch.shards import open_shards, remove_shards, write_shards
from dltk.errors import UsageError
from dltk.files import whole
from dltk.ops.similarity import near_duplicates, nearest_rows


def stored_rows(records: Iterable[dict], shard_size: int) -> int:
    """Return how many rows the shards hold that `records`, as `Feature.to_dict` gives, tell of."""
    places = (_row(fields, shard_size) for fields in records)
    return max((row + 1 for row in places if row is not None), default=0)


def index_of(records: Iterable[dict], shard_size: int) -> dict[int, str]:
    """Return the pictures' names by row, counted through all shards."""
    rows = ((_row(fields, shard_size), fields["path"]) for fields in records)
    return dict(sorted((row, name) for row, name in rows if row is not None))


def _row(fields: dict, shard_size: int) -> int | None:
    if "shard" not in fields:
        return None
    return int(fields["shard"].rsplit("-", 1)[1].split(".")[0]) * shard_size + fields["row"]


def reduce_vectors(
    folder: Path, count: int, *, shard_size: int, names: dict[int, str] | None = None
) -> None:
    """Reduce the shards "features" in `folder` to `count` principal components, as shards "pca".

    The components are found in one pass, shard by shard (incremental PCA, Ross et al. 2008), and
    kept in `pca.npz` ("mean", "components", "rows", "named") to reduce other pictures with. Nothing
    is done where that is done already.

    Args:
        names: of the pictures, by row; rows without a name are reduced, but components are not
            sought in them. None if all rows count.
    Raises:
        UsageError: fewer vectors, or shorter ones, than components.
    """
    blocks = [block.reshape(len(block), -1) for block in open_shards(folder)]
    known = blocks if names is None else _named(blocks, names)
    rows, named = sum(map(len, blocks)), sum(map(len, known))
    width = blocks[0].shape[1] if blocks else 0
    if not 1 <= count <= min(named, width):
        raise UsageError(
            f"--pca {count}: {named} vectors of {width} numbers have at most "
            f"{min(named, width)} components"
        )
    if (folder / "pca.npz").exists():
        with np.load(folder / "pca.npz") as done:
            if (done["rows"], done["named"], len(done["components"])) == (rows, named, count):
                return
    from sklearn.decomposition import IncrementalPCA

    forget_pca(folder)
    pca = IncrementalPCA(count)
    for part in _chunks(known, max(count, 1000)):
        pca.partial_fit(part)
    reduced = (pca.transform(np.asarray(block)) for block in blocks)
    write_shards(folder, reduced, name="pca", shape=(count,), shard_size=shard_size)
    with whole(folder / "pca.npz") as target:
        np.savez(target, mean=pca.mean_, components=pca.components_, rows=rows, named=named)


def forget_pca(folder: Path) -> None:
    """Delete what `reduce_vectors` made."""
    (folder / "pca.npz").unlink(missing_ok=True)
    remove_shards(folder, "pca")


def reduce_query(folder: Path, vectors: np.ndarray) -> np.ndarray:
    """Return other vectors (Q, D) in the components that `reduce_vectors` found in `folder`."""
    with np.load(folder / "pca.npz") as pca:
        return ((vectors - pca["mean"]) @ pca["components"].T).astype(np.float32)


def neighbors(
    query: np.ndarray,
    blocks: Sequence[np.ndarray],
    names: dict[int, str],
    *,
    count: int,
    metric: str,
) -> list[tuple[str, float]]:
    """Return (name, distance) of the pictures nearest to a query, nearest first.

    Args:
        query: float (D,).
        blocks: vectors in shards.
        names: of the pictures, by row through all shards, in the order of the rows; rows without
            a name, of pictures that have changed since, do not count.
    """
    rows, far = nearest_rows(query.reshape(1, -1), _named(blocks, names), count, metric)
    by_row = list(names.values())
    found = zip(rows[0].tolist(), far[0].tolist(), strict=True)
    return [(by_row[row], round(distance, 6)) for row, distance in found]


def duplicates(
    blocks: Sequence[np.ndarray], names: dict[int, str], *, threshold: float
) -> list[list[str]]:
    """Return groups of pictures whose vectors have a cosine similarity of at least `threshold`."""
    by_row = list(names.values())
    groups = near_duplicates(_named(blocks, names), threshold)
    return [[by_row[row] for row in group] for group in groups]


def _named(blocks: Sequence[np.ndarray], names: dict[int, str]) -> list[np.ndarray]:
    """Return the blocks as (N, D), without the rows of pictures that have changed since."""
    flat, before = [], 0
    for block in blocks:
        keep = [row - before for row in range(before, before + len(block)) if row in names]
        before += len(block)
        block = block.reshape(len(block), -1)
        flat.append(block if len(keep) == len(block) else block[keep])
    return flat


def take_rows(blocks: Sequence[np.ndarray], rows: Sequence[int]) -> np.ndarray:
    """Return the given rows, counted through all blocks, as float32 (N, D)."""
    size = len(blocks[0])
    return np.stack([np.ravel(blocks[row // size][row % size]) for row in rows])


def _chunks(blocks: Sequence[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield all rows in pieces of at least `size`, which a step of incremental PCA needs."""
    held: list[np.ndarray] = []
    pieces = (block[at : at + size] for block in blocks for at in range(0, len(block), size))
    left = sum(map(len, blocks))
    for piece in pieces:
        held.append(np.asarray(piece))
        left -= len(piece)
        if sum(map(len, held)) >= size and (left >= size or left == 0):
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)
