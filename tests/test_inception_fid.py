"""FID's Inception v3: the numbers that PyTorch gives, the published file's layout, its download."""

import subprocess

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import WeightsError
from dltk.models import inception_fid
from dltk.models.inception_fid import build_inception_fid, published_weights
from dltk.weights import sha256
from tests import torchvision_peer
from tests.torch_files import made_tensors, write_pth
from tests.torchvision_peer import ROOT, needs_torchvision
from tests.torchvision_rules import made_picture

GOLDEN = ROOT / "tests" / "golden" / "inception_fid.npz"
SIZES = ("40x60", "320x340")  # enlarged, and made smaller
MIXED = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
BLOCKS = [f"Mixed_{block}" for block in MIXED]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensors(golden):
    """Weights made by rule, with the names and shapes of the published file."""
    shapes = {
        str(name): tuple(int(side) for side in str(shape).split("x") if side)
        for name, shape in zip(golden["names"], golden["shapes"], strict=True)
    }
    return made_tensors(shapes)


@pytest.fixture(scope="module")
def made_file(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "made.pth"
    write_pth(tensors, path)
    return path.rename(path.with_name(f"pt_inception-{sha256(path)[:8]}.pth"))


@pytest.fixture(scope="module")
def network(made_file):
    return build_inception_fid(made_file)


def assert_equal_to(expected, network):
    """Assert the same maps and features for every picture, in shares of the largest number."""
    names = {key.split("/")[1] for key in expected if "/" in key}
    assert names > {"Conv2d_1a_3x3", "Conv2d_4a_3x3", "features", *BLOCKS}
    parts = keras.Model(network.input, {name: network.get_layer(name).output for name in names})
    for size in SIZES:
        pixels = made_picture(*map(int, size.split("x")))[None].astype(np.float32)
        maps = parts.predict(pixels, verbose=0)
        for name in names:
            ours, theirs = maps[name].ravel(), expected[f"{size}/{name}"].ravel()
            places = np.arange(len(theirs)) * len(ours) // len(theirs)
            scale = np.abs(ours).max()
            np.testing.assert_allclose(
                ours[places] / scale, theirs / scale, atol=1e-5, err_msg=f"{size}/{name}"
            )


def test_maps_and_features_equal_those_of_pytorch(golden, network):
    assert_equal_to(golden, network)


@pytest.mark.slow
@needs_torchvision
def test_every_number_equals_that_of_pytorch_itself(network, tmp_path):
    out = tmp_path / "all.npz"
    command = [torchvision_peer._PYTHON, "-W", "ignore", "-m", "tests.inception_reference"]
    subprocess.run([*command, str(out), *SIZES], check=True, cwd=ROOT)
    with np.load(out) as everything:
        everything = dict(everything)
    assert everything["40x60/Mixed_7c"].size == 8 * 8 * 2048
    assert_equal_to(everything, network)


def test_the_network_is_the_trunk_of_inception_v3(network):
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trained == 21_785_568
    assert network.output_shape == (None, 2048)


def test_every_tensor_but_the_classifiers_goes_into_one_layer(golden, tensors, network):
    used = set()
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            used |= {f"{layer.name}.{part}" for part in parts}
        elif layer.weights:
            used.add(f"{layer.name}.weight")
    left = {name for name in tensors if not name.endswith("num_batches_tracked")} - used
    assert left == {"fc.weight", "fc.bias"} and used <= set(tensors)
    kernel = network.get_layer("Mixed_6b.branch7x7_2.conv").get_weights()[0]
    theirs = tensors["Mixed_6b.branch7x7_2.conv.weight"]
    np.testing.assert_array_equal(kernel, theirs.transpose(2, 3, 1, 0))
    assert kernel.shape[:2] == (1, 7)


def test_averages_are_of_the_places_that_there_are(network):
    pools = {
        layer.name: type(layer)
        for layer in network.layers
        if layer.name.endswith(".pool") and layer.strides == (1, 1)
    }
    maxima = [name for name, kind in pools.items() if kind is layers.MaxPooling2D]
    assert len(pools) == 9 and maxima == ["Mixed_7c.pool"]
    pool = network.get_layer("Mixed_5b.pool")
    np.testing.assert_allclose(pool(np.ones((1, 4, 4, 1))), np.ones((1, 4, 4, 1)))


def test_pictures_are_resized_without_antialiasing(network):
    stripes = np.zeros((1, 598, 598, 3), np.float32)
    stripes[:, :, ::4] = 255  # of every two columns that one is made from, at most one
    resized = keras.Model(network.input, network.get_layer("resized").output)
    # Halved, a pixel is the mean of four: neighbours to the left and right have no share in it.
    row = resized.predict(stripes, verbose=0)[0, 10, :4, 0]
    np.testing.assert_allclose(row, [127.5, 0, 127.5, 0])


@pytest.fixture
def offered(made_file, mirror, monkeypatch):
    """The server has the made file in the published one's place."""
    folder = mirror.parent / "mseitzer/pytorch-fid/releases/download/fid_weights"
    folder.mkdir(parents=True)
    (folder / made_file.name).symlink_to(made_file)
    monkeypatch.setattr(inception_fid, "FILE", made_file.name)


def test_weights_are_fetched_once(offered, made_file, tmp_path, monkeypatch):
    said = []
    kept = published_weights(said.append)
    assert kept == tmp_path / "cache" / "pytorch-fid" / made_file.name
    assert kept.read_bytes() == made_file.read_bytes()
    assert f"downloading {made_file.name}" in said[0]
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    assert published_weights() == kept


def test_without_a_network_the_error_names_place_and_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        published_weights(instead="--features lite0")
    assert str(caught.value) == (
        "cannot fetch https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth: the network is switched off (--offline or "
        f"DLTK_OFFLINE); put the file at {tmp_path}/pytorch-fid/"
        "pt_inception-2015-12-05-6726825d.pth by hand, or use --features lite0, which needs no "
        "download"
    )


def test_another_file_under_the_published_name_is_refused(offered, mirror, monkeypatch):
    folder = mirror.parent / "mseitzer/pytorch-fid/releases/download/fid_weights"
    other = folder / "pt_inception-00000000.pth"
    other.write_bytes(b"no weights")
    monkeypatch.setattr(inception_fid, "FILE", other.name)
    with pytest.raises(WeightsError, match="what came does not match its published hash"):
        published_weights()


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    write_pth(made_tensors({"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3)}), path)
    with pytest.raises(WeightsError) as caught:
        build_inception_fid(path)
    assert str(caught.value) == (
        f"{path} does not fit inception-fid: Conv2d_1a_3x3.bn is missing or of another shape; "
        "delete the file, and install or fetch it again"
    )
