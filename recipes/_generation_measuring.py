"""Measure made pictures against real ones, by the features of a network.

from recipes._generation_measuring import Measuring

against = Measuring(real, load_features("lite0"))  # their features are found once
print(against.of(generator.predict(noise)).fid)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dltk.errors import UsageError
from dltk.images import levels_of
from dltk.metrics.generation import LEAST, Likeness, Reference
from dltk.weights import Report, silent
from recipes._feature_networks import DEFAULT, FeatureNetwork, load_features

Pictures = np.ndarray | Iterable[np.ndarray]
"""Arrays of 0-255, (H, W, C) or (B, H, W, C) each, or one of (N, H, W, C); C is 1 or 3. Floats are
rounded, as in files."""


class Measuring:
    """Real pictures, ready to have others measured against them as often as wanted.

    Args:
        real: pictures of one size.
        network: see `recipes._feature_networks.load_features`.
    Raises:
        UsageError: fewer pictures than can be measured.
    """

    def __init__(self, real: Pictures, network: FeatureNetwork):
        self.network = network
        self.reference = Reference(_features(real, network, "real"))

    def of(self, made: Pictures) -> Likeness:
        """Return how like the real pictures these are. Raises UsageError: too few pictures."""
        return self.reference.likeness(_features(made, self.network, "made"))


def measure_generator(
    made: Pictures,
    real: Pictures,
    *,
    features: str = DEFAULT,
    report: Report = silent,
    **hardware,
) -> Likeness:
    """Return how like real pictures made ones are.

    Args:
        made, real: pictures of one size, see `Pictures`.
        features, report, hardware: see `recipes._feature_networks.load_features`.
    """
    return Measuring(real, load_features(features, report=report, **hardware)).of(made)


def single(pictures: Pictures) -> Iterator[np.ndarray]:
    """Yield each picture, uint8 (H, W, C)."""
    for some in pictures:
        some = levels_of(np.asarray(some))
        yield from some if some.ndim == 4 else [some]


def _features(pictures: Pictures, network: FeatureNetwork, which: str) -> np.ndarray:
    vectors = network.vectors(single(pictures))
    if len(vectors) < LEAST:
        raise UsageError(f"{len(vectors)} {which} pictures are too few to measure; {LEAST} will do")
    return vectors
