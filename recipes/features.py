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
from dltk.batch.shards import ShardWriter, remove_shards
from dltk.batch.vectors import forget_pca
from dltk.drawing import thumbnail_sheet
from dltk.engine import load_engine
from dltk.errors import InputError
from dltk.models.find import find_model
from dltk.ops.similarity import normalised
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._of_picture import OfPicture
from recipes._plane import places_of

DEFAULT_MODEL = "efficientnet-lite0"
_MAP_PICTURES = 2000  # more thumbnails than that hide each other


@dataclass(slots=True)
class Feature(OfPicture):
    """The vector of one picture.

    Attributes:
        size: (width, height) upright, in pixels; None where it failed.
        vector: float32 (D,), or the shape of the layer's output with pool "none".
        error: why it failed, or None.
        place: name of the shard and number of the row, once stored.
    """

    size: tuple[int, int] | None = None
    vector: np.ndarray | None = None
    error: str | None = None
    place: tuple[str, int] | None = None

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
    layer: str | int | None = None,
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
    layer = None if layer is None else str(layer)
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
        items, load, run, batch_size=network.batch_size, loaders=cores(), runners=network.workers
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
    writer = None
    try:
        for result in results:
            if result.error is None:
                if writer is None:
                    forget_pca(folder)  # of fewer rows
                    shape = result.vector.shape
                    writer = ShardWriter(folder, shape, rows=rows, shard_size=shard_size)
                result.place = writer.append(result.vector)
            yield result
    finally:
        if hasattr(results, "close"):
            results.close()
        if writer is not None:
            writer.close()


def map_rows(rows: Sequence[int]) -> list[int]:
    """Return the rows to draw on a map: all, or an evenly spaced share of very many."""
    if len(rows) <= _MAP_PICTURES:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, _MAP_PICTURES).round().astype(int)]


def draw_map(
    items: Sequence[Item], vectors: np.ndarray, *, seed: int = 0, size: int = 2400
) -> Image.Image:
    """Draw thumbnails on a grid, the like beside the like.

    Vectors are laid out in the plane, see `recipes._plane.places_of`, and then moved to the cells
    of a grid, as little as possible in all, so that no thumbnail hides another. Pictures that can
    no longer be read are left out.

    Args:
        vectors: float (N, D), one for each of `items`.
        size: pixels of the longer side, about.
    """
    side = max(1, int(np.ceil(np.sqrt(1.4 * len(items)))))
    edge = int(np.clip(size / side, 24, 256))
    pictures, cells = [], []
    for item, cell in zip(items, _cells(places_of(vectors, seed), side), strict=True):
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
