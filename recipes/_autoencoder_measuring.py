"""How well pictures come back from their codes: auto-encoders beside principal components."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dltk.data.pixels import Pixels
from dltk.models.autoencoder import CODES
from dltk.objects import PIXELS
from recipes._autoencoder_pca import as_rows

NEIGHBOURS = 5
WORSE = "principal components do better here; more pictures, or more --epochs, may help"
_AT_ONCE = 256  # pictures

Way = Callable[[np.ndarray], dict[str, np.ndarray]]
"""From float32 (n, H, W, C), 0-255, to {CODES: float32 (n, K), PIXELS: float32 (n, H, W, C)}."""


@dataclass(frozen=True)
class Restored:
    """What N pictures became.

    Attributes:
        codes: float32 (N, K).
        errors: float64 (N,), the squared difference of pixels from 0 to 1, summed over each.
    """

    codes: np.ndarray
    errors: np.ndarray

    @property
    def error(self) -> float:
        """The mean of the errors."""
        return float(self.errors.mean())


class Comparison(NamedTuple):
    """How well pictures come back from so many codes, and from as many principal components.

    Attributes:
        codes, components: for each picture; components are fewer where PCA has no more.
        error, pca_error: the squared difference of pixels from 0 to 1, summed over a picture, in
            the mean over pictures: the paper's unit.
        accuracy, pca_accuracy: the share of pictures whose class is that of most of the 5 nearest
            training pictures by their codes; None where classes are not known.
    """

    codes: int
    components: int
    error: float
    pca_error: float
    accuracy: float | None = None
    pca_accuracy: float | None = None


@dataclass(frozen=True)
class AutoencoderReport:
    """How good an auto-encoder was, beside principal components.

    Attributes:
        pictures, numbers: how many there are, and how many numbers each has.
        own: of the network itself.
        compared: of each network that was trained, itself included, by their codes.
    """

    pictures: int
    numbers: int
    own: Comparison
    compared: tuple[Comparison, ...]

    @property
    def errors_a_pixel(self) -> tuple[float, float]:
        """The mean squared error of the network and of PCA: of each pixel and channel, 0-1."""
        return self.own.error / self.numbers, self.own.pca_error / self.numbers

    def to_dict(self) -> dict:
        """Return the measures of the network itself, ready for JSON."""
        error, pca_error = self.errors_a_pixel
        return {
            "pictures": self.pictures,
            "numbers": self.numbers,
            **self.own._asdict(),
            "error_a_pixel": error,
            "pca_error_a_pixel": pca_error,
        }


def restored(way: Way, pixels: Pixels) -> Restored:
    """Return what becomes of pictures on a way to codes and back."""
    codes, errors = [], []
    for chunk in chunks(pixels):
        made = way(chunk)
        codes.append(made[CODES])
        gone = as_rows(chunk).astype(np.float64) - as_rows(made[PIXELS])
        errors.append(np.square(gone).sum(axis=1))
    return Restored(np.concatenate(codes), np.concatenate(errors))


def chunks(pixels: Pixels) -> Iterator[np.ndarray]:
    """Yield all pictures in their order, some at a time, float32 (n, H, W, C), 0-255."""
    for at in range(0, len(pixels), _AT_ONCE):
        yield pixels(np.arange(at, min(at + _AT_ONCE, len(pixels))))


def compared(
    ways: tuple[Way, Way],
    train: tuple[Pixels, np.ndarray | None],
    held: tuple[Pixels, np.ndarray | None],
) -> tuple[Comparison, Restored, Restored]:
    """Compare an auto-encoder with principal components.

    Args:
        ways: of the one and of the others.
        train, held: pictures, and their classes, int (N,), or None.
    Returns:
        The measures, and what became of the held-out pictures in each way.
    """
    own, pca = (restored(way, held[0]) for way in ways)
    accuracies = [
        _accuracy(restored(way, train[0]).codes, train[1], each.codes, held[1])
        for way, each in zip(ways, (own, pca), strict=True)
        if held[1] is not None
    ]
    counts = own.codes.shape[1], pca.codes.shape[1]
    return Comparison(*counts, own.error, pca.error, *accuracies), own, pca


def _accuracy(codes: np.ndarray, labels: np.ndarray, held: np.ndarray, held_labels) -> float:
    """Return how often most of the 5 nearest of some codes, of known classes, are of one's own."""
    from sklearn.neighbors import KNeighborsClassifier

    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(codes))).fit(codes, labels)
    return float(neighbours.score(held, held_labels))
