"""How far two sets of pictures are apart, as Gaussians of their features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Gaussian(NamedTuple):
    """The normal distribution that fits a set of vectors.

    Attributes:
        mean: float64 (D,).
        covariance: float64 (D, D).
    """

    mean: np.ndarray
    covariance: np.ndarray


def fitted(vectors: np.ndarray) -> Gaussian:
    """Return the Gaussian of some vectors, with the unbiased covariance.

    Args:
        vectors: float (N, D), two or more.
    """
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise ValueError(f"needs (N, D) with N of at least 2. Received: {vectors.shape}")
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    return Gaussian(mean, centred.T @ centred / (len(vectors) - 1))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Return the Fréchet distance of two Gaussians, 0 or more.

    Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", Sec. 3, https://arxiv.org/abs/1706.08500: |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½).
    It is the square of a distance. Of pictures' features in Inception it is FID; with other
    networks, and for few pictures, it is not comparable with published ones.

    The trace of the root is the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is
    symmetric: nothing need be added where a product of covariances has no root.
    """
    means, covariances = (np.stack(pair) for pair in zip(first, second, strict=True))
    root = _root(covariances[0])
    values = np.linalg.eigvalsh(root @ covariances[1] @ root)
    overlap = np.sqrt(np.maximum(values, 0)).sum()
    gap = ((means[0] - means[1]) ** 2).sum()
    return max(0.0, float(gap + np.trace(covariances.sum(axis=0)) - 2 * overlap))


def distance_of_few(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Fréchet distance of the Gaussians that fit two sets of vectors.

    It is that of `frechet_distance`, in less time for fewer vectors than each has numbers. With
    A and B for the centred vectors in rows, over √(N - 1), the covariances are AᵀA and BᵀB; the
    eigenvalues of their product that are not 0 are the squares of the singular values of ABᵀ.

    Args:
        first, second: float (N, D) and (M, D), two or more each.
    """
    pair = [np.asarray(vectors, np.float64) for vectors in (first, second)]
    means = [vectors.mean(axis=0) for vectors in pair]
    one, other = (
        (vectors - mean) / np.sqrt(len(vectors) - 1)
        for vectors, mean in zip(pair, means, strict=True)
    )
    overlap = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    gap = ((means[0] - means[1]) ** 2).sum()
    return max(0.0, float(gap + (one**2).sum() + (other**2).sum() - 2 * overlap))


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
