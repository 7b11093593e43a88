"""Keeping or lending colours when a style is transferred, in NumPy.

Gatys, Ecker, Bethge, Hertzmann & Shechtman 2017, "Controlling Perceptual Factors in Neural Style
Transfer", CVPR, Sec. 5. There are two ways to keep the colours of the content: lend them to the
style beforehand (`match_mean_covariance` or `match_histogram`), or transfer the style in luminance
only (`match_luminance` beforehand, `with_luminance` afterwards).

Pictures are float32 or float64 (H, W, 3), RGB in 0-255, and are returned in the same dtype. Nothing
is clipped: results may leave 0-255.
"""

from __future__ import annotations

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, the Y of YIQ and YUV
_LEAST_VARIANCE = 1e-5 * 255**2  # added along every direction: a picture of one colour has none


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the luminance Y (H, W) of a picture, 0.299 R + 0.587 G + 0.114 B."""
    return (image @ _LUMA).astype(image.dtype)


def with_luminance(image: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Return `image` with another luminance (H, W) and its own colours (Sec. 5.1).

    I and Q of YIQ stay. As Y weighs 1 in each of R, G and B when YIQ is turned back into RGB, that
    is to add the difference in luminance to all three.
    """
    return image + (luma - luminance(image))[..., None].astype(image.dtype)


def match_luminance(luma: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a luminance shifted and scaled to the mean and the standard deviation of `like`.

    Sec. 5.1, for a style in luminance only. Sizes may differ; what is constant stays so.
    """
    values, other = luma.astype(np.float64), like.astype(np.float64)
    spread = values.std()
    scale = other.std() / spread if spread > 0 else 0
    return ((values - values.mean()) * scale + other.mean()).astype(luma.dtype)


def match_mean_covariance(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return `image` with the mean and the covariance of RGB that `like` has (Sec. 5.2).

    The linear map is the symmetric one of Image Analogies (Hertzmann et al. 2001): with the square
    root Q = E √Λ Eᵀ of a covariance E Λ Eᵀ, it is Q(like) Q(image)⁻¹. Sizes may differ.
    """
    colours, others = (a.reshape(-1, 3).astype(np.float64) for a in (image, like))
    turn = _root(others) @ np.linalg.inv(_root(colours))
    mapped = (colours - colours.mean(0)) @ turn.T + others.mean(0)
    return mapped.reshape(image.shape).astype(image.dtype)


def _root(colours: np.ndarray) -> np.ndarray:
    """Return the symmetric square root (3, 3) of the covariance of `colours` (N, 3)."""
    covariance = np.cov(colours, rowvar=False, bias=True) + _LEAST_VARIANCE * np.eye(3)
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values) @ vectors.T


def match_histogram(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return `image` with the histogram that `like` has, in each of its channels.

    A value becomes the one of the same rank, so the order of values stays, and equal values stay
    equal. Sizes may differ.
    """
    matched = np.empty_like(image)
    for channel in range(image.shape[-1]):
        _, where, counts = np.unique(image[..., channel], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - counts / 2) / counts.sum()
        others = np.sort(like[..., channel], axis=None)
        places = (np.arange(others.size) + 0.5) / others.size
        matched[..., channel] = np.interp(ranks, places, others)[where].reshape(image.shape[:-1])
    return matched
