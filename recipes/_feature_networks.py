"""Networks whose features generators are measured by, and what such measures may be compared with.

Real and made pictures, uint8 (H, W, C), go through them alike: grey ones as RGB, the whole of each
brought to the size that the network sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from dltk.batch import predict
from dltk.engine import Network, load_engine
from dltk.models.catalog import lookup
from dltk.models.find import find_model
from dltk.strategy import cores
from dltk.weights import Report, fetch, keras_folder, silent
from recipes._checks import check_choice

DEFAULT = "lite0"
FEATURES = (DEFAULT, "inception", "inception-keras")
_CATALOG = {"lite0": "efficientnet-lite0", "inception-keras": "inceptionv3"}
_NO_DOWNLOAD = f"--features {DEFAULT}"
_COMPARABLE = {
    "lite0": "Of features of EfficientNet-Lite0: not comparable with published FID and KID.",
    "inception": "Of the features of published FID and KID (Inception of 2015-12-05, weights from "
    "pytorch-fid, Apache-2.0): comparable where pictures are as many and resized alike.",
    "inception-keras": "Of features of Keras's Inception v3: not comparable with published FID and "
    "KID, which have another Inception.",
}


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """A network that turns pictures into vectors.

    Attributes:
        name: one of FEATURES.
        network: see `dltk.engine`.
        prepare: from a picture, uint8 (H, W, 1 or 3), to what the network takes of it.
    """

    name: str
    network: Network
    prepare: Callable[[np.ndarray], np.ndarray]

    @property
    def suffix(self) -> str:
        """What "FID" and "KID" are followed by: nothing where they are the published ones."""
        return suffix_of(self.name)

    def vectors(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Return the features of pictures of one size, float32 (N, D). They are read as needed."""
        outcomes = predict(
            pictures,
            self.prepare,
            self.run,
            batch_size=self.network.batch_size,
            loaders=cores(),
            runners=self.network.workers,
        )
        found = [vector for _, vector, _ in outcomes]
        return np.stack(found) if found else np.zeros((0, *self.network.output_shape), np.float32)

    def run(self, prepared: list[np.ndarray]) -> Iterable[np.ndarray]:
        """Return the features of some prepared pictures."""
        return self.network(np.stack(prepared)) if prepared else []


def suffix_of(features: str) -> str:
    """Return what "FID" and "KID" by some features are followed by."""
    return "" if features == "inception" else f"-{features}"


def comparable(features: str) -> str:
    """Return what measures by these features may be compared with, in a sentence."""
    return _COMPARABLE[features]


def check_features(features: str) -> None:
    """Raise UsageError unless `features` is one of FEATURES."""
    check_choice("features", features, FEATURES)


def load_features(
    features: str,
    *,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    pictures: int | None = None,
    report: Report = silent,
) -> FeatureNetwork:
    """Return the network that `features` names, in float32 on every machine.

    Args:
        features: "lite0", the default classifier's last map, averaged, which needs no download;
            "inception", the network of published FID and KID; or "inception-keras", that of
            `keras.applications`.
        batch_size, engine, devices, strategy, pictures: see `dltk.engine.load_engine`.
        report: called with a line when something takes long.
    Raises:
        UsageError: other features.
        WeightsError: weights out of reach.
    """
    check_features(features)
    if features == "inception":
        network = _inception(batch_size, devices, strategy, report)
        return FeatureNetwork(features, network, _whole)
    source = find_model(_CATALOG[features])
    if features == "inception-keras":
        weights = lookup(source.name).weights
        path = keras_folder() / weights.file
        fetch(weights.address, path, weights.digest, report, instead=_NO_DOWNLOAD)
    network = load_engine(
        source,
        output="features",
        engine=engine,
        devices=devices,
        strategy=strategy,
        batch_size=batch_size,
        pictures=pictures,
        report=report,
    )
    geometry = replace(source.geometry, fit="squash")

    def prepare(pixels: np.ndarray) -> np.ndarray:
        return geometry.apply(Image.fromarray(_rgb(pixels)))

    return FeatureNetwork(features, network, prepare)


def _inception(batch_size: int, devices: str, strategy: str, report: Report) -> Network:
    from dltk.engine.keras import Replicated
    from dltk.models.inception_fid import build_inception_fid, published_weights
    from dltk.strategy import place

    weights = published_weights(report, instead=_NO_DOWNLOAD)
    placement = place(devices, strategy)
    with placement.strategy.scope():
        model = build_inception_fid(weights)
    network = Replicated(model, placement.strategy, batch_size)
    network.running = f"Keras, {placement.reason}, float32"
    return network


def _whole(pixels: np.ndarray) -> np.ndarray:
    return _rgb(pixels).astype(np.float32)  # the network brings it to its size


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
