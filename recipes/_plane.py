"""Vectors laid out in the plane, the like beside the like."""

from __future__ import annotations

import numpy as np

_FEW = 5  # vectors, of which no neighbourhoods can be told


def places_of(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return float (N, 2), near for vectors that are alike.

    By t-SNE (van der Maaten & Hinton 2008), on the first 50 principal components as they do; of
    fewer than five vectors, the first two components themselves.

    Args:
        vectors: float (N, D).
        seed: of t-SNE.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    count = len(vectors)
    if not np.ptp(vectors, axis=0).any():  # all the same: neither method has anything to go by
        return np.zeros((count, 2))
    if count < _FEW:
        return components_of(vectors)
    few = PCA(min(50, count, vectors.shape[1]), random_state=seed).fit_transform(vectors)
    perplexity = min(30, (count - 1) / 3)
    init = "pca" if few.shape[1] > 1 else "random"
    with threadpool_limits(1):  # its threads wait spinning, for very long on a busy machine
        return TSNE(2, perplexity=perplexity, random_state=seed, init=init).fit_transform(few)


def components_of(vectors: np.ndarray) -> np.ndarray:
    """Return the first two principal components, float (N, 2), of vectors (N, D); 0 beyond D."""
    from sklearn.decomposition import PCA

    flat = np.zeros((len(vectors), 2))
    parts = min(2, len(vectors) - 1, vectors.shape[1])
    if parts > 0 and np.ptp(vectors, axis=0).any():
        flat[:, :parts] = PCA(parts, random_state=0).fit_transform(vectors)
    return flat
