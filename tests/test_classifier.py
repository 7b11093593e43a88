"""Small networks, trunks and heads: parameters, what is frozen, and model files for everybody."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import softmax

from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.models.classifier import (
    Head,
    build_scratch_trunk,
    ensemble,
    freeze,
    neighbours_model,
    softmax_model,
    statistics,
)
from dltk.models.scratch import SCRATCH, smallest_side


def scratch(name, classes=10, *, geometry=None, seed=0, **options):
    """A network from scratch, pixels to probabilities."""
    trunk = build_scratch_trunk(name, geometry or SCRATCH[name], seed=seed)
    return softmax_model(trunk, [Head(trunk.outputs[0].shape[-1], classes, seed=seed, **options)])


def pictures(geometry, count=3):
    shape = count, geometry.height, geometry.width, geometry.channels
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


# Networks from scratch


def test_the_convnet_has_the_parameters_of_the_book():
    model = scratch("convnet")
    assert {x.name: x.count_params() for x in model.layers if x.count_params()} == {
        "conv1": 320,
        "conv2": 18_496,
        "conv3": 36_928,
        "dense1": 36_928,
        "logits": 650,
    }
    assert model.count_params() == 93_322
    shapes = [x.output.shape[1:] for x in model.layers if x.name in ("pool1", "pool2", "flatten")]
    assert shapes == [(13, 13, 32), (5, 5, 64), (576,)]


@pytest.mark.parametrize(
    ("name", "count"),
    [("linear", 3072 * 10 + 10), ("mlp", 3072 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10)],
)
def test_the_other_networks_have_theirs(name, count):
    assert scratch(name).count_params() == count


def test_linear_sees_the_pixels_as_they_are_over_255():
    geometry = Geometry(4, 4, 3)
    pixels = pictures(geometry)
    trunk = build_scratch_trunk("linear", geometry, seed=0)
    np.testing.assert_allclose(trunk(pixels), pixels.reshape(3, -1) / 255, rtol=1e-6)


@pytest.mark.parametrize("name", SCRATCH)
def test_the_weights_from_scratch_are_those_of_the_seed(name):
    geometry = Geometry(smallest_side(name), smallest_side(name), 1)
    one, same, other = (
        scratch(name, 3, geometry=geometry, seed=seed).get_weights() for seed in (0, 0, 1)
    )
    for index, weights in enumerate(one):
        np.testing.assert_array_equal(weights, same[index])
        assert weights.ndim == 1 or (weights != other[index]).any()


def test_a_convnet_can_be_no_smaller_than_it_says():
    side = smallest_side("convnet")
    assert scratch("convnet", geometry=Geometry(side, side, 1)).output_shape == (None, 10)
    with pytest.raises(ValueError):
        scratch("convnet", geometry=Geometry(side - 1, side - 1, 1))


# Freezing


@pytest.fixture
def trunk():
    """Convolution, normalisation, a nested block of two, and a convolution."""
    block = keras.Sequential(
        [keras.Input((6, 6, 4)), layers.Conv2D(4, 1, name="inner"), layers.BatchNormalization()],
        name="block",
    )
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 1, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            block,
            layers.DepthwiseConv2D(1, name="last", use_bias=False),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
        ]
    )


@pytest.mark.parametrize(
    ("unfreeze", "trained"),
    [
        ("none", []),
        (1, ["last"]),
        (2, ["inner", "last"]),
        ("2", ["inner", "last"]),
        (3, ["first", "inner", "last"]),
        (99, ["first", "inner", "last"]),
        ("all", ["first", "inner", "last"]),
        (0, []),
    ],
)
def test_the_top_layers_with_weights_are_trained(trunk, unfreeze, trained):
    freeze(trunk, "all")  # whatever was before
    variables = freeze(trunk, unfreeze)
    assert sorted({v.path.split("/")[-2] for v in variables}) == sorted(trained)
    assert len(variables) == sum(1 if name == "last" else 2 for name in trained)
    assert [id(v) for v in variables] == [id(v) for v in trunk.trainable_variables]


def test_normalisation_keeps_its_statistics_in_training(trunk):
    freeze(trunk, "all")
    pixels = pictures(Geometry(6, 6, 3))
    norms = [x for x in trunk._flatten_layers() if isinstance(x, layers.BatchNormalization)]
    before = [weights for norm in norms for weights in norm.get_weights()]
    in_training = trunk(pixels, training=True)
    np.testing.assert_array_equal(in_training, trunk(pixels, training=False))
    after = [weights for norm in norms for weights in norm.get_weights()]
    assert len(norms) == 3
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


# Heads


def test_a_head_standardises_by_the_training_features():
    random = np.random.default_rng(0)
    features = random.normal([5, -3, 0], [1, 10, 4], (50, 3)).astype(np.float32)
    head = Head(3, 2, standardise=features, seed=1)
    kernel, bias = head.logits.get_weights()
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    np.testing.assert_allclose(head(features), scaled @ kernel + bias, rtol=1e-4, atol=1e-5)
    raw = Head(3, 2, seed=1)
    np.testing.assert_allclose(raw(features), features @ kernel + bias, rtol=1e-4, atol=1e-4)


def test_only_the_last_layer_of_a_head_learns():
    head = Head(3, 2, standardise=np.eye(3, dtype=np.float32), dropout=0.5)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, head(inputs))
    assert [v.shape for v in model.trainable_variables] == [(3, 2), (2,)]
    assert len(model.non_trainable_weights) == 2


def test_features_that_hardly_vary_are_not_blown_up():
    features = np.array([[0.0, 7.0, 0.0], [0.0, 7.0, 6.0]], np.float32)  # deviations 0, 0 and 3
    mean, deviation = statistics(features)
    assert mean == pytest.approx([0, 7, 3]) and deviation == pytest.approx([0.1, 0.1, 3.0])
    assert statistics(np.ones((4, 2), np.float32))[1] == pytest.approx([1.0, 1.0])


def test_the_scale_multiplies_the_logits():
    geometry = Geometry(3, 3, 1)
    trunk = build_scratch_trunk("linear", geometry, seed=0)
    head, pixels = Head(9, 4), pictures(geometry)
    expected = softmax(2.5 * np.asarray(head(trunk(pixels))), axis=1)
    np.testing.assert_allclose(softmax_model(trunk, [head], 2.5)(pixels), expected, rtol=1e-5)


# Ensembles


def test_an_ensemble_averages_probabilities():
    geometry = Geometry(5, 5, 3)
    members = [scratch("mlp", 4, geometry=geometry, seed=seed) for seed in range(3)]
    pixels = pictures(geometry)
    expected = np.mean([np.asarray(member(pixels)) for member in members], axis=0)
    whole = ensemble(members)
    np.testing.assert_allclose(whole(pixels), expected, rtol=1e-5)
    assert whole.count_params() == 3 * members[0].count_params()
    assert ensemble(members[:1]) is members[0]


def test_members_of_an_ensemble_see_the_same_picture():
    members = [scratch("linear", 4, geometry=Geometry(side, side)) for side in (4, 5)]
    with pytest.raises(UsageError, match="members of an ensemble take inputs of one shape"):
        ensemble(members)


# Model files

_LOAD = """
import sys, warnings
import keras, numpy as np
warnings.simplefilter("error")
folder = sys.argv[1]
for name in sys.argv[2:]:
    if name == "knn":
        import dltk.layers.neighbours
    else:
        assert "dltk" not in sys.modules
    model = keras.saving.load_model(f"{folder}/{name}.keras")
    np.save(f"{folder}/{name}.npy", model(np.load(f"{folder}/pixels.npy")))
"""


def test_saved_models_load_in_keras_alone(tmp_path):
    """Without a warning; only the layer of nearest neighbours must be imported from here."""
    geometry = Geometry(20, 20, 1)
    pixels = pictures(geometry, 6)
    trunk = build_scratch_trunk("convnet", geometry, seed=0)
    features = np.asarray(trunk(pixels))
    labels = np.array([0, 1, 2, 0, 1, 2])
    solved = Head(64, 3, standardise=features)
    models = {
        "softmax": scratch("convnet", 3, geometry=geometry, dropout=0.5),
        "scaled": softmax_model(trunk, [solved], 3.0),
        "ensemble": ensemble([scratch("mlp", 3, geometry=geometry, seed=s) for s in range(2)]),
        "knn": neighbours_model(trunk, features, labels, 3, k=1, metric="cosine"),
    }
    np.save(tmp_path / "pixels.npy", pixels)
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    subprocess.run([sys.executable, "-c", _LOAD, tmp_path, *models], check=True)
    for name, model in models.items():
        loaded = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(loaded, model(pixels), rtol=1e-5, atol=1e-7)
        assert np.ptp(loaded, axis=0).max() > 1e-4, name  # the pictures are told apart
    assert (np.load(tmp_path / "knn.npy").argmax(axis=1) == labels).all()
