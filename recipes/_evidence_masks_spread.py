"""From a blurred heat map to the outline of a thing, along the edges of the picture.

The heat map of a classifier peaks at the most telling part of a thing, stays low on the rest, and
reaches over its edge by half a cell. So it is only believed where it is high or low, and what
lies between is asked of the places around, in two rounds:

1. Random walkers start at every place. A step across an edge of the picture is unlikely (Grady
   2006, "Random Walks for Image Segmentation", https://doi.org/10.1109/TPAMI.2006.233, Sec. 3.1),
   and at every step a few stop (Kim, Lee & Lee 2008, "Generative Image Segmentation Using Random
   Walks with Restart", https://doi.org/10.1007/978-3-540-88690-7_20). A place is as much part of
   the thing as the heat at the places where its walkers stop says, weighed by how decided it is
   (Knutsson & Westin 1993, normalised convolution, https://doi.org/10.1109/CVPR.1993.341081).
2. The colours inside and outside of that are counted (Boykov & Jolly 2001, "Interactive Graph
   Cuts", https://doi.org/10.1109/ICCV.2001.937505, Sec. 4), speak for or against every place
   beside the heat, and walkers are sent out once more.

All walkers' ways are known at once from one sparse matrix, which is factorised once for a picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import splu

_PIXELS = 40_000  # of the picture that walkers cross
_BLUR = 1.0  # of its pixels: so that soft edges count more, fur and leaves less
_EDGE = 0.3  # of the mean squared difference of neighbours: over that a step is e times less likely
_LEAST = 1e-4  # chance of a step over the sharpest edge, to 1 where all is of one colour
_STOP = 7e-4  # chance to stop at a place, to 1 of a step where all is of one colour
_BINS = 24  # to a channel
_SMOOTHED = 1.2  # bins
_LEAST_LIKELY = 0.02  # so that nothing is certain


class Outliner:
    """Finds outlines of things in one picture.

    Args:
        picture: RGB.
    Attributes:
        size: (width, height) at which it works.
        picture: uint8 (h, w, 3), of that size.
    """

    def __init__(self, picture: Image.Image):
        scale = min(1, np.sqrt(_PIXELS / (picture.width * picture.height)))
        self.size = tuple(max(1, round(side * scale)) for side in picture.size)
        small = picture.resize(self.size, Image.Resampling.BOX)
        self.picture = np.asarray(small)
        self._ways = splu(  # symmetric, and no diagonal is small: it need not look for pivots
            _steps(self.picture),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
        self._bins = _bins(small)

    def outlined(self, heat: np.ndarray) -> np.ndarray:
        """Return how much each place is part of a thing, float32 (h, w), 0-1.

        Args:
            heat: float32 (h, w), 0-1, 0.5 being undecided.
        """
        first = self._spread(heat)
        both = (_logit(heat) + _logit(first)) / 2
        return self._spread(1 / (1 + np.exp(-both - self._by_colour(first))))

    def _spread(self, shares: np.ndarray) -> np.ndarray:
        """Return the shares that the places say at which a place's walkers stop."""
        decided = np.abs(2.0 * shares.ravel() - 1) + 1e-6
        votes = np.stack([decided * (shares.ravel() > 0.5), decided], axis=1)
        inside, all_ = self._ways.solve(votes).T
        return (inside / all_).clip(0, 1).reshape(shares.shape).astype(np.float32)

    def _by_colour(self, inside: np.ndarray) -> np.ndarray:
        """Return what the colour of each place says, as the logarithm of odds (h, w).

        A colour as frequent inside as outside speaks for the larger of the two, but less than
        their areas would have it, which are not known well: by their square roots.
        """
        odds = 0.0
        for share, sign in ((inside, 1), (1 - inside, -1)):
            counts = np.bincount(self._bins.ravel(), share.ravel(), _BINS**3)
            likely = gaussian_filter(counts.reshape((_BINS,) * 3), _SMOOTHED).ravel()
            area = max(float(share.sum()), 1e-6)
            odds = odds + sign * np.log(likely[self._bins] / np.sqrt(area) + 1e-6)
        return odds


def _steps(picture: np.ndarray) -> sparse.csc_matrix:
    """Return the matrix (N, N) whose inverse says where walkers from each of N places stop: the
    Laplacian of the graph of neighbouring places, and the chance to stop."""
    high, wide = picture.shape[:2]
    blurred = gaussian_filter(picture / 255.0, (_BLUR, _BLUR, 0))
    places = np.arange(high * wide).reshape(high, wide)
    pairs, contrasts = [], []
    for axis, count in enumerate((high, wide)):
        one, other = np.arange(count - 1), np.arange(1, count)
        pairs.append([places.take(one, axis).ravel(), places.take(other, axis).ravel()])
        apart = blurred.take(one, axis) - blurred.take(other, axis)
        contrasts.append(np.square(apart).sum(axis=-1).ravel())
    (starts, ends), contrast = np.concatenate(pairs, axis=1), np.concatenate(contrasts)
    edge = _EDGE * max(float(contrast.mean()) if len(contrast) else 0, 1e-6)
    chances = np.exp(-contrast / edge) + _LEAST
    rows, columns = np.concatenate([starts, ends]), np.concatenate([ends, starts])
    both = np.concatenate([chances, chances])
    leaving = np.bincount(rows, both, high * wide) + _STOP
    neighbours = sparse.coo_matrix((both, (rows, columns)), shape=(high * wide,) * 2)
    return (sparse.diags(leaving) - neighbours).tocsc()


def _bins(picture: Image.Image) -> np.ndarray:
    """Return the bin of a histogram in L*a*b* that each pixel's colour lies in, int (h, w)."""
    lab = np.asarray(picture.convert("LAB")).astype(np.int64)
    lab[..., 1:] = (lab[..., 1:] + 128) % 256  # Pillow's are signed
    lab[..., 1:] = np.clip((lab[..., 1:] - 64) * 2, 0, 255)  # few colours are beyond
    light, green, blue = np.moveaxis(lab * _BINS // 256, -1, 0)
    return (light * _BINS + green) * _BINS + blue


def _logit(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, _LEAST_LIKELY, 1 - _LEAST_LIKELY)
    return np.log(share / (1 - share))
