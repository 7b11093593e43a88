"""Features of many pictures, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dltk.batch.inputs import Item
from dltk.batch.pipeline import batched, ordered_map
from dltk.batch.predict import predict
from dltk.batch.store import FeatureStore
from dltk.geometry import Geometry
from dltk.strategy import cores
from dltk.weights import Report, silent

_STORED_AT_ONCE = 2048


def embed(
    sources: Sequence,
    digests: Sequence[str],
    network,
    geometry: Geometry,
    *,
    store: FeatureStore | None = None,
    report: Report = silent,
) -> tuple[np.ndarray, dict[int, str]]:
    """Return the features of pictures, and why some have none.

    Args:
        sources: what `dltk.images.decode` takes of each; read when indexed.
        digests: of their content.
        network: gives features (B, ...) of pixels (B, H, W, C), see `dltk.engine.Network`.
        geometry: of its input.
        store: where features are kept; what is there already is not computed.
        report: called now and then.
    Returns:
        float32 (N, D), the pictures without features left out; and index and reason of those.
    """
    vectors: list = [None] * len(sources)
    if store:
        known = store.get(digests)
        vectors = [known.get(digest) for digest in digests]
    first: dict[str, int] = {}  # of equal pictures only the first is computed
    for index, digest in enumerate(digests):
        first.setdefault(digest or str(index), index)
    missing = [index for index in first.values() if vectors[index] is None]
    failed: dict[int, str] = {}

    def load(item: Item) -> np.ndarray:
        return geometry.apply(item.decode(at_least=geometry.at_least))

    for chunk in batched(missing, _STORED_AT_ONCE):
        outcomes = predict(
            [Item(str(index), sources[index]) for index in chunk],
            load,
            lambda batch: network(np.stack(batch)) if batch else [],
            batch_size=network.batch_size,
            loaders=cores(),
            runners=network.workers,
        )
        for index, (_, vector, error) in zip(chunk, outcomes, strict=True):
            if error is None:
                vectors[index] = np.ravel(vector)
            else:
                failed[index] = error
        good = [index for index in chunk if index not in failed]
        if store and good:
            store.add([digests[i] for i in good], np.stack([vectors[i] for i in good]))
        if chunk[-1] != missing[-1]:
            report(f"features of {missing.index(chunk[-1]) + 1} of {len(missing)} pictures")
    for index, digest in enumerate(digests):
        same = first[digest or str(index)]
        vectors[index] = vectors[same]
        if same in failed:
            failed[index] = failed[same]
    kept = [vector for vector in vectors if vector is not None]
    return np.array(kept, np.float32).reshape(len(kept), -1 if kept else 0), failed


class Flattened:
    """The features of a linear classifier on pixels: the pixels, 0-1."""

    batch_size, workers = 32, 1

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, H·W·C) for pixels (B, H, W, C), 0-255."""
        return batch.reshape(len(batch), -1) / 255


def outputs_of(network, load: Callable[[np.ndarray], np.ndarray], count: int) -> np.ndarray:
    """Return a network's outputs for examples 0 to count - 1, loading ahead of it.

    Args:
        network: see `dltk.engine.Network`.
        load: from indices int64 (n,) to inputs (n, ...).
    """
    size = network.batch_size
    parts = [np.arange(count)[at : at + size] for at in range(0, count, size)]
    loaded = ordered_map(load, parts, workers=1, ahead=1)
    return np.concatenate([network(batch) for batch in loaded])
