"""ResNet as a trunk: torchvision's numbers at every size, dilated or not, and its weight files."""

import keras
import numpy as np
import pytest

from dltk.models.build import normalised
from dltk.models.resnet import build_resnet
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

SIZES = ("64x64", "61x45", "33x130", "5x7")
STAGES = ("layer1", "layer2", "layer3", "layer4")
FCN = (False, True, True)


def trunk(**options):
    """A trunk on raw pixels of any size."""
    return build_resnet(normalised(keras.Input((None, None, 3)), "torch"), **options)


def filled(network, arrays, folder):
    """Fill it from a file with all the tensors of torchvision's classifier."""
    write_pth(tensors_of(arrays), folder / "made.pth")
    load_torch_weights(network, folder / "made.pth", torch_name)
    return network


def assert_maps_are_those_of(network, arrays, sizes=SIZES):
    """Compare all maps of all pictures, in shares of the largest number."""
    for size in sizes:
        expected = stages_of(arrays, size)
        assert tuple(expected) == STAGES
        pixels = made_picture(*map(int, size.split("x")))[None].astype(np.float32)
        for stage, ours in zip(STAGES, network(pixels, training=False), strict=True):
            theirs, ours = expected[stage], ours.numpy()
            ours = spread(ours, theirs.size) if theirs.ndim == 1 else ours
            scale = np.abs(ours).max()
            np.testing.assert_allclose(
                ours / scale, theirs / scale, atol=1e-5, err_msg=f"{size}/{stage}"
            )


def test_maps_are_those_of_torchvision_with_the_epsilon_of_its_first_detector(tmp_path):
    golden = np.load(GOLDEN / "resnet50.npz")
    assert_maps_are_those_of(filled(trunk(epsilon=0.0), golden, tmp_path), golden)


def trained(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def normalising(network):
    kinds = keras.layers.BatchNormalization
    return sum(trained(layer) for layer in network.layers if isinstance(layer, kinds))


@pytest.fixture(scope="module")
def plain():
    return trunk()


def test_parameters_are_as_many_as_in_the_published_networks(plain):
    classifier = 2048 * 1000 + 1000
    assert trained(plain) == 25_557_032 - classifier
    # The detector's own count leaves out its normalisation, which is frozen.
    pyramid = (256 + 512 + 1024 + 2048) * 256 + 4 * 256 + 4 * (9 * 256 * 256 + 256)
    proposals = 9 * 256 * 256 + 256 + 256 * 15 + 15
    box_head = 7 * 7 * 256 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 5 * 91 + 5 * 91
    assert trained(plain) - normalising(plain) == 41_755_286 - pyramid - proposals - box_head


@pytest.mark.slow
def test_a_deeper_dilated_trunk_is_that_of_fcn(tmp_path):
    golden = np.load(GOLDEN / "resnet101.npz")
    network = filled(trunk(depth=101, dilated=FCN), golden, tmp_path)
    assert_maps_are_those_of(network, golden)
    heads = sum(
        9 * channels * channels // 4 + 2 * channels // 4 + channels // 4 * 21 + 21
        for channels in (2048, 1024)
    )
    assert trained(network) == 54_314_346 - heads


def test_dilation_keeps_the_size_of_maps_and_the_shapes_of_weights(plain):
    dilated = trunk(dilated=FCN)
    shapes = [weight.shape for weight in plain.weights]
    assert [weight.shape for weight in dilated.weights] == shapes
    sides = [tuple(map.shape[1:3]) for map in dilated(np.zeros((1, 50, 33, 3), np.float32))]
    assert sides == [(13, 9), (7, 5), (7, 5), (7, 5)]
    rates = {
        layer.name: layer.dilation_rate[0]
        for layer in dilated.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.dilation_rate != (1, 1)
    }
    assert rates["layer3_1_conv2"] == rates["layer4_0_conv2"] == 2 and "layer3_0_conv2" not in rates
    assert rates["layer4_1_conv2"] == rates["layer4_2_conv2"] == 4 and len(rates) == 5 + 3


def test_layers_give_what_the_modules_of_their_names_give(plain):
    for stage, (last, output) in enumerate(zip((2, 3, 5, 2), plain.outputs, strict=True), 1):
        assert plain.get_layer(f"layer{stage}_{last}").output is output


@pytest.mark.slow
@needs_torchvision
def test_every_number_is_torchvisions(tmp_path):
    everything = run_torchvision(
        "resnet50", tmp_path, sizes=SIZES, options={"dilated": FCN, "epsilon": 1e-3}
    )
    assert everything["61x45/layer4"].shape == (1, 8, 6, 2048)
    assert_maps_are_those_of(
        filled(trunk(dilated=FCN, epsilon=1e-3), everything, tmp_path), everything
    )
