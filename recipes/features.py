"""Turn pictures into vectors, by any layer of any network; find what is alike.

from recipes.features import features

vectors = [result.vector for result in features("holiday/", layer="block5c_add")]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.batch import Item, gather, predict
from dltk.batch.shards import ShardWriter, open_shards, remove_shards, write_shards
from dltk.drawing import thumbnail_sheet
from dltk.engine import load_engine
from dltk.errors import InputError, UsageError
from dltk.files import whole
from dltk.models.find import find_model
from dltk.ops.similarity import near_duplicates, nearest_rows, normalised
from dltk.strategy import cores
from dltk.weights import Report, silent

DEFAULT_MODEL = "efficientnet-lite0"
POOLS = ("avg", "max", "none")
_MAP_PICTURES = 2000  # more thumbnails than that hide each other


@dataclass(slots=True)
class Feature:
    """The vector of one picture.

    Attributes:
        size: (width, height) upright, in pixels; None where it failed.
        vector: float32 (D,), or the shape of the layer's output with pool "none".
        error: why it failed, or None.
        place: name of the shard and number of the row, once stored.
    """

    item: Item
    size: tuple[int, int] | None = None
    vector: np.ndarray | None = None
    error: str | None = None
    place: tuple[str, int] | None = None

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def path(self) -> Path | None:
        return self.item.path

    def to_dict(self) -> dict:
        """Return the record of this picture: where its vector is stored, else the vector."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        fields = {"path": self.name, "status": "ok", "width": self.size[0], "height": self.size[1]}
        if self.place is not None:
            return fields | {"shard": self.place[0], "row": self.place[1]}
        return fields | {"vector": [float(f"{value:.6g}") for value in self.vector.ravel()]}


def features(
    images,
    *,
    model: str = DEFAULT_MODEL,
    pixel_range: str = "0..255",
    layer: str | None = None,
    pool: str = "avg",
    l2: bool = False,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Feature]:
    """Turn pictures into vectors.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a name in the catalog, or the path of a `.keras` file.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        layer: a layer's name or index, see `dltk models layers`; None for the last feature map,
            which averaged is the vector that the classifier sees.
        pool: how a map becomes a vector: "avg" or "max" over its places, or "none" to keep it.
        l2: scale every vector to Euclidean length 1.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, such as a download.
    Yields:
        A Feature for every picture, in order. One that cannot be read has `error` set.
    Raises:
        UsageError: unknown model or layer.
        DltkError: a model that cannot be loaded, weights out of reach.
    """
    source = find_model(model, pixel_range=pixel_range)
    items = gather(images)
    network = load_engine(
        source,
        output="features",
        layer=layer,
        pool=pool,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        batch_size=batch_size,
        pictures=len(items) if hasattr(items, "__len__") else None,
        report=report,
    )
    report(f"{source.name} on {network.running}, vectors of {network.output_shape}")

    def load(item: Item):
        picture, size = item.decode_sized(at_least=source.geometry.at_least)
        return size, source.geometry.apply(picture)

    def run(loaded: list):
        if not loaded:
            return []
        vectors = network(np.stack([pixels for _, pixels in loaded]))
        if l2:
            vectors = normalised(vectors.reshape(len(vectors), -1)).reshape(vectors.shape)
        return zip((size for size, _ in loaded), vectors, strict=True)

    outcomes = predict(
        items, load, run, batch_size=batch_size, loaders=cores(), runners=network.workers
    )
    with closing(outcomes):
        for item, output, error in outcomes:
            yield Feature(item, *output) if error is None else Feature(item, error=error)


def stored(
    results: Iterable[Feature], folder: Path, *, rows: int, shard_size: int
) -> Iterator[Feature]:
    """Yield `results` again, each with its vector appended to the shards in `folder`.

    Args:
        rows: how many rows are there already and count; with 0, old shards are deleted.
    """
    if rows == 0:
        remove_shards(folder, "features")
        _forget_pca(folder)
    writer = None
    try:
        for result in results:
            if result.error is None:
                if writer is None:
                    shape = result.vector.shape
                    writer = ShardWriter(folder, shape, rows=rows, shard_size=shard_size)
                result.place = writer.append(result.vector)
            yield result
    finally:
        if writer is not None:
            writer.close()


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


def reduce_vectors(folder: Path, count: int, *, shard_size: int) -> None:
    """Reduce the shards "features" in `folder` to `count` principal components, as shards "pca".

    The components are found in one pass, shard by shard (incremental PCA, Ross et al. 2008), and
    kept in `pca.npz` ("mean", "components", "rows") to reduce other pictures with. Nothing is
    done where that is done already.

    Raises:
        UsageError: fewer vectors, or shorter ones, than components.
    """
    blocks = [block.reshape(len(block), -1) for block in open_shards(folder)]
    rows, width = sum(map(len, blocks)), blocks[0].shape[1] if blocks else 0
    if not 1 <= count <= min(rows, width):
        raise UsageError(
            f"--pca {count}: {rows} vectors of {width} numbers have at most "
            f"{min(rows, width)} components"
        )
    if (folder / "pca.npz").exists():
        with np.load(folder / "pca.npz") as done:
            if done["rows"] == rows and len(done["components"]) == count:
                return
    from sklearn.decomposition import IncrementalPCA

    _forget_pca(folder)
    pca = IncrementalPCA(count)
    for part in _chunks(blocks, max(count, 1000)):
        pca.partial_fit(part)
    reduced = (pca.transform(np.asarray(block)) for block in blocks)
    write_shards(folder, reduced, name="pca", shape=(count,), shard_size=shard_size)
    with whole(folder / "pca.npz") as target:
        np.savez(target, mean=pca.mean_, components=pca.components_, rows=rows)


def _forget_pca(folder: Path) -> None:
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
        names: of the pictures, by row through all shards; rows without a name do not count.
    """
    flat = [block.reshape(len(block), -1) for block in blocks]
    spare = sum(map(len, flat)) - len(names)
    rows, far = nearest_rows(query.reshape(1, -1), flat, count + spare, metric)
    found = zip(rows[0].tolist(), far[0].tolist(), strict=True)
    return [(names[row], round(distance, 6)) for row, distance in found if row in names][:count]


def duplicates(
    blocks: Sequence[np.ndarray], names: dict[int, str], *, threshold: float
) -> list[list[str]]:
    """Return groups of pictures whose vectors have a cosine similarity of at least `threshold`."""
    flat = [block.reshape(len(block), -1) for block in blocks]
    groups = near_duplicates(flat, threshold)
    named = [[names[row] for row in group if row in names] for group in groups]
    return [group for group in named if len(group) > 1]


def map_rows(rows: Sequence[int]) -> list[int]:
    """Return the rows to draw on a map: all, or an evenly spaced share of very many."""
    if len(rows) <= _MAP_PICTURES:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, _MAP_PICTURES).round().astype(int)]


def take_rows(blocks: Sequence[np.ndarray], rows: Sequence[int]) -> np.ndarray:
    """Return the given rows, counted through all blocks, as float32 (N, D)."""
    size = len(blocks[0])
    return np.stack([np.ravel(blocks[row // size][row % size]) for row in rows])


def draw_map(
    items: Sequence[Item], vectors: np.ndarray, *, seed: int = 0, size: int = 2400
) -> Image.Image:
    """Draw thumbnails on a grid, the like beside the like.

    Vectors are laid out in the plane by t-SNE (van der Maaten & Hinton 2008), on the first 50
    principal components as they do, and then moved to the cells of a grid, as little as possible
    in all, so that no thumbnail hides another. With fewer than five pictures, two principal
    components. Pictures that can no longer be read are left out.

    Args:
        vectors: float (N, D), one for each of `items`.
        size: pixels of the longer side, about.
    """
    side = max(1, int(np.ceil(np.sqrt(1.4 * len(items)))))
    edge = int(np.clip(size / side, 24, 256))
    pictures, cells = [], []
    for item, cell in zip(items, _cells(_places(vectors, seed), side), strict=True):
        try:
            picture = item.decode(at_least=edge).copy()
        except InputError:
            continue
        picture.thumbnail((edge, edge))
        pictures.append(picture)
        cells.append(cell)
    return thumbnail_sheet(pictures, cells, edge=edge)


def _cells(places: np.ndarray, side: int) -> list[tuple[int, int]]:
    """Give each place (N, 2) a cell of its own on a grid of `side` by `side`, near to it."""
    from scipy.optimize import linear_sum_assignment

    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.where(high > low, high - low, 1) * (side - 1)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    cost = ((scaled[:, None] - grid[None]) ** 2).sum(axis=-1)
    _, chosen = linear_sum_assignment(cost)
    used = grid[chosen] - grid[chosen].min(axis=0)
    return [(int(column), int(row)) for column, row in used]


def _places(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return float (N, 2), near for vectors that are alike."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = len(vectors)
    if not np.ptp(vectors, axis=0).any():  # all the same: neither method has anything to go by
        return np.zeros((count, 2))
    if count < 5:
        flat = np.zeros((count, 2))
        parts = min(2, count - 1, vectors.shape[1])
        if parts > 0:
            flat[:, :parts] = PCA(parts).fit_transform(vectors)
        return flat
    few = PCA(min(50, count, vectors.shape[1]), random_state=seed).fit_transform(vectors)
    perplexity = min(30, (count - 1) / 3)
    init = "pca" if few.shape[1] > 1 else "random"
    return TSNE(2, perplexity=perplexity, random_state=seed, init=init).fit_transform(few)


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
