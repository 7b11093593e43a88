"""EfficientNet-Lite: the same numbers as PyTorch's, and the published sizes."""

from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.errors import WeightsError
from dltk.models.build import build_network
from dltk.models.catalog import lookup
from dltk.models.efficientnet_lite import build_efficientnet_lite

GOLDEN = Path(__file__).parent / "golden" / "efficientnet_lite0_logits.npy"


def sines():
    # The input of scripts/make_golden_logits.py, which made the golden array with PyTorch.
    index = np.arange(224 * 224 * 3, dtype=np.float64).reshape(1, 224, 224, 3)
    return (np.sin(0.013 * index) + 0.5 * np.sin(0.00071 * index + 1)).astype(np.float32)


def test_logits_equal_those_of_the_pytorch_package():
    entry = lookup("efficientnet-lite0")
    inputs = keras.Input((224, 224, 3))
    network = build_efficientnet_lite(inputs, entry.weights.get(), classifier_activation=None)
    logits = network.predict(sines(), verbose=0)
    np.testing.assert_allclose(logits, np.load(GOLDEN), atol=1e-3)


def test_raw_pixels_are_normalised_inside_the_network():
    entry = lookup("efficientnet-lite0")
    network = build_network(entry, weights=entry.weights.get(), classifier_activation=None)
    logits = network.predict(sines() * 128 + 127, verbose=0)
    np.testing.assert_allclose(logits, np.load(GOLDEN), atol=2e-3)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_number_of_weights_is_the_published_one(name):
    entry = lookup(name)
    network = build_network(entry, weights=None)
    trained = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    published = {"efficientnet-lite0": 4.7, "efficientnet-lite1": 5.4, "efficientnet-lite2": 6.1}
    assert network.count_params() == entry.parameters
    assert trained / 1e6 == pytest.approx(published[name], abs=0.06)


def test_weights_of_another_variant_are_refused():
    inputs = keras.Input((240, 240, 3))
    path = lookup("efficientnet-lite0").weights.get()
    with pytest.raises(WeightsError, match="does not fit efficientnet-lite1"):
        build_efficientnet_lite(inputs, path, variant=1)


def test_lite1_weights_load_from_their_package():
    entry = lookup("efficientnet-lite1")
    network = build_network(entry, weights=entry.weights.get())
    probabilities = network.predict(np.full((1, 240, 240, 3), 127.0, np.float32), verbose=0)
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)
