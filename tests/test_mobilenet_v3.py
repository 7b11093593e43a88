"""MobileNetV3-Large as a trunk: torchvision's numbers at every size, and its weight files."""

import keras
import numpy as np
import pytest

from dltk.errors import WeightsError
from dltk.models.build import normalised
from dltk.models.mobilenet_v3 import build_mobilenet_v3
from dltk.models.torch_layers import load_torch_weights, torch_name
from tests.torch_files import write_pth
from tests.torchvision_peer import (
    GOLDEN,
    needs_torchvision,
    run_torchvision,
    stages_of,
    tensors_of,
)
from tests.torchvision_rules import made_picture, spread

MAPS = (0, 2, 4, 7, 13, 16)
SIZES = ("64x64", "61x45", "33x130", "5x7")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "mobilenet_v3_large.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def made_file(golden, tmp_path_factory):
    """A file with all the tensors of torchvision's classifier."""
    path = tmp_path_factory.mktemp("made") / "made.pth"
    write_pth(tensors_of(golden), path)
    return path


def trunk(**options):
    return build_mobilenet_v3(normalised(keras.Input((None, None, 3)), "torch"), **options)


@pytest.fixture(scope="module")
def filled(made_file):
    """The trunk on raw pixels, with the epsilon of torchvision's detectors."""
    network = trunk(epsilon=1e-5)
    load_torch_weights(network, made_file, torch_name)
    return network


def pixels(size):
    return made_picture(*map(int, size.split("x")))[None].astype(np.float32)


def assert_maps_are_those_of(network, arrays):
    """Compare all maps of all pictures, in shares of the largest number."""
    for size in SIZES:
        expected = stages_of(arrays, size)
        assert list(expected) == [f"features.{index}" for index in MAPS]
        for theirs, ours in zip(
            expected.values(), network(pixels(size), training=False), strict=True
        ):
            ours = spread(ours.numpy(), theirs.size) if theirs.ndim == 1 else ours.numpy()
            scale = np.abs(ours).max()
            np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-5, err_msg=size)


def test_maps_are_those_of_torchvision(filled, golden):
    assert_maps_are_those_of(filled, golden)


def test_maps_have_the_channels_and_strides_that_pyramids_are_built_on(filled):
    maps = filled(np.zeros((1, 65, 32, 3), np.float32))
    assert [map.shape[3] for map in maps] == [16, 24, 40, 80, 160, 960]
    assert [tuple(map.shape[1:3]) for map in maps] == [
        (33, 16), (17, 8), (9, 4), (5, 2), (3, 1), (3, 1),
    ]  # fmt: skip


def test_chosen_maps_are_the_same_and_nothing_is_built_behind_them(filled, made_file):
    part = trunk(epsilon=1e-5, maps=(7, 4))
    load_torch_weights(part, made_file, torch_name)
    behind = {name for name in (x.name for x in filled.layers) if name.startswith("features_8")}
    assert behind and not behind & {layer.name for layer in part.layers}
    everything = filled(pixels("61x45"), training=False)
    for ours, expected in zip(
        part(pixels("61x45"), training=False), (everything[3], everything[2]), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_epsilon_is_the_classifiers_unless_said(made_file, filled):
    network = trunk(maps=[2])
    load_torch_weights(network, made_file, torch_name)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {norm.epsilon for norm in norms} == {1e-3}
    ours = network(pixels("64x64"), training=False)[0]
    theirs = filled(pixels("64x64"), training=False)[1]
    assert np.abs(ours - theirs).max() > 1e-4 * np.abs(theirs).max()


def test_parameters_are_as_many_as_in_the_published_networks(filled):
    trained = sum(int(np.prod(weight.shape)) for weight in filled.trainable_weights)
    classifier = 960 * 1280 + 1280 + 1280 * 1000 + 1000
    assert trained == 5_483_032 - classifier
    # The detector's own count leaves out its normalisation, which is frozen.
    norms = [x for x in filled.layers if isinstance(x, keras.layers.BatchNormalization)]
    frozen = sum(2 * norm.gamma.shape[0] for norm in norms)
    pyramid = (160 + 960) * 256 + 2 * 256 + 2 * (9 * 256 * 256 + 256)
    proposals = 9 * 256 * 256 + 256 + 256 * 75 + 75
    box_head = 7 * 7 * 256 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 5 * 91 + 5 * 91
    assert trained - frozen == 19_386_354 - pyramid - proposals - box_head


def test_a_saved_trunk_gives_the_same(made_file, tmp_path):
    network = trunk(epsilon=0.0, maps=(0, 4))
    load_torch_weights(network, made_file, torch_name)
    network.save(tmp_path / "trunk.keras")
    again = keras.saving.load_model(tmp_path / "trunk.keras")
    for one, other in zip(network(pixels("33x130")), again(pixels("33x130")), strict=True):
        assert np.array_equal(one, other) and np.ptp(one) > 1


def test_a_file_of_another_network_is_refused(tmp_path):
    with np.load(GOLDEN / "resnet50.npz") as arrays:
        few = {"names": arrays["names"][:6], "shapes": arrays["shapes"][:6]}
    write_pth(tensors_of(few), tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth does not fit mobilenet_v3_large: features"):
        load_torch_weights(trunk(maps=[0]), tmp_path / "other.pth", torch_name)


@pytest.mark.slow
@needs_torchvision
def test_every_number_is_torchvisions(filled, tmp_path):
    everything = run_torchvision(
        "mobilenet_v3_large", tmp_path, sizes=SIZES, options={"epsilon": 1e-5}
    )
    assert everything["61x45/features.13"].shape == (1, 2, 2, 160)
    assert_maps_are_those_of(filled, everything)
