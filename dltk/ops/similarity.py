"""Which vectors are near which: nearest rows and groups of near-duplicates, block by block.

Matrices come as sequences of blocks of rows (the shards of a store, opened as memory maps), so that
a million vectors need not fit into memory at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

METRICS = ("cosine", "l2", "l1")
_ROUNDING = 1e-6  # of a cosine in float32
_MAX_CELLS = 1 << 22  # distances held at a time: 16 MiB of float32


def distances(queries: np.ndarray, rows: np.ndarray, metric: str = "cosine") -> np.ndarray:
    """Return the distance of each query to each row, float32 (Q, N); smaller is nearer.

    "cosine" is 1 - cos, in [0, 2], and 1 for a vector of zeros; "l2" is Euclid's; "l1" the sum of
    absolute differences.

    Args:
        queries: float (Q, D).
        rows: float (N, D).
    """
    queries, rows = np.asarray(queries, np.float32), np.asarray(rows, np.float32)
    if metric == "cosine":
        return np.clip(1 - normalised(queries) @ normalised(rows).T, 0, 2)
    if metric == "l2":
        # In float64: in float32 the three terms cancel to a distance of its own noise.
        queries, rows = queries.astype(np.float64), rows.astype(np.float64)
        squared = (queries**2).sum(1)[:, None] + (rows**2).sum(1)[None] - 2 * queries @ rows.T
        return np.sqrt(np.maximum(squared, 0)).astype(np.float32)
    if metric == "l1":
        return np.stack([np.abs(rows - query).sum(1) for query in queries])
    raise ValueError(f"metric is one of {METRICS}. Received: metric={metric!r}")


def normalised(rows: np.ndarray) -> np.ndarray:
    """Return `rows` (N, D) with Euclidean length 1; rows of zeros stay zeros."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(length == 0, 1, length)


def nearest_rows(
    queries: np.ndarray, blocks: Sequence[np.ndarray], count: int, metric: str = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest rows of each query, nearest first; ties in the order of the rows.

    Args:
        queries: float (Q, D).
        blocks: float (N_i, D) each; rows are counted through all of them.
        count: how many rows, at most.
    Returns:
        int64 (Q, k) row numbers and float32 (Q, k) distances, k = min(count, rows there are).
    """
    found = np.zeros((len(queries), 0), np.int64)
    far = np.zeros((len(queries), 0), np.float32)
    for start, rows in _pieces(blocks, max(1, _MAX_CELLS // max(1, len(queries)))):
        numbers = np.broadcast_to(np.arange(start, start + len(rows)), (len(queries), len(rows)))
        far = np.concatenate([far, distances(queries, rows, metric)], axis=1)
        found = np.concatenate([found, numbers], axis=1)
        order = np.argsort(far, axis=1, kind="stable")[:, :count]
        far, found = np.take_along_axis(far, order, 1), np.take_along_axis(found, order, 1)
    return found, far


def near_duplicates(
    blocks: Sequence[np.ndarray], threshold: float, edge: int = 2048
) -> list[list[int]]:
    """Return groups of rows whose cosine similarity is at least `threshold`, linked by chains.

    Each group is sorted and has two rows or more; groups are in the order of their first rows.
    All pairs are compared, `edge` x `edge` at a time.
    """
    parent: dict[int, int] = {}

    def head(row: int) -> int:
        while (above := parent.setdefault(row, row)) != row:
            parent[row] = parent.setdefault(above, above)
            row = above
        return row

    pieces = list(_pieces(blocks, edge))
    for index, (start, rows) in enumerate(pieces):
        unit = normalised(np.asarray(rows, np.float32))
        for other_start, others in pieces[index:]:
            alike = unit @ normalised(np.asarray(others, np.float32)).T >= threshold - _ROUNDING
            for one, other in np.argwhere(alike):
                low, high = start + int(one), other_start + int(other)
                if low < high:
                    first, second = sorted((head(low), head(high)))
                    parent[second] = first
    groups: dict[int, list[int]] = {}
    for row in sorted(parent):
        groups.setdefault(head(row), []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def _pieces(blocks: Sequence[np.ndarray], size: int):
    """Yield (number of the first row, rows) with at most `size` rows."""
    before = 0
    for rows in blocks:
        for index in range(0, len(rows), size):
            yield before + index, rows[index : index + size]
        before += len(rows)
