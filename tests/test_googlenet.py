"""GoogLeNet: the same numbers as torchvision's, at every size, and its weights fetched."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dltk.engine import load_engine
from dltk.errors import WeightsError
from dltk.models import catalog
from dltk.models.build import build_network, normalised
from dltk.models.catalog import TorchvisionWeights, lookup
from dltk.models.find import find_model
from dltk.models.googlenet import build_googlenet
from dltk.models.taps import last_map
from dltk.weights import sha256
from tests.torch_files import made_pixels, made_tensors, write_pth

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "googlenet.npz"
BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
INCEPTIONS = [f"inception{block}" for block in BLOCKS]


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    """A weight file as torchvision's, auxiliary classifiers and all, with numbers made by rule."""
    golden = np.load(GOLDEN)
    shapes = {
        str(name): tuple(int(size) for size in str(shape).split("x") if size)
        for name, shape in zip(golden["names"], golden["shapes"], strict=True)
    }
    path = tmp_path_factory.mktemp("made") / "made.pth"
    write_pth(made_tensors(shapes), path)
    digest = sha256(path)[:8]
    return path.rename(path.with_name(f"googlenet-{digest}.pth"))


def assert_equal_to(golden, network):
    """Assert the same maps and logits for every picture, in shares of the largest number."""
    sizes = {key.split("/")[0] for key in golden if "/" in key}
    names = {key.split("/")[1] for key in golden if "/" in key}
    assert len(sizes) == 3 and names > {"conv1", "maxpool1", "maxpool4", "fc", *INCEPTIONS}
    parts = keras.Model(network.input, {name: network.get_layer(name).output for name in names})
    for size in sizes:
        maps = parts.predict(made_pixels(*map(int, size.split("x"))), verbose=0)
        for name in names:
            ours, theirs = maps[name].ravel(), golden[f"{size}/{name}"]
            places = np.arange(len(theirs)) * len(ours) // len(theirs)
            scale = np.abs(ours).max()
            np.testing.assert_allclose(
                ours[places] / scale, theirs / scale, atol=1e-5, err_msg=f"{size}/{name}"
            )


@pytest.fixture(scope="module")
def open_network(made_file):
    """The network on raw pixels of any size, to logits."""
    pixels = keras.Input((None, None, 3))
    return build_googlenet(normalised(pixels, "tf"), made_file, classifier_activation=None)


def test_maps_and_logits_equal_those_of_torchvision(open_network):
    assert_equal_to(np.load(GOLDEN), open_network)


def has_system_torchvision():
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", "import torchvision"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_system_torchvision(), reason="needs Debian's python3-torchvision")
def test_every_number_equals_that_of_torchvision_itself(open_network, tmp_path):
    script = ROOT / "scripts" / "make_golden_googlenet.py"
    command = ["/usr/bin/python3", script, tmp_path / "all.npz", str(10**9)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    everything, golden = np.load(tmp_path / "all.npz"), np.load(GOLDEN)
    assert everything["224x224/inception4c"].size == 14 * 14 * 512
    assert list(everything["names"]) == list(golden["names"])
    assert_equal_to(everything, open_network)


@pytest.fixture(scope="module")
def catalog_network(made_file):
    return build_network(lookup("GoogLeNet"), weights=made_file)


def test_the_network_is_the_published_one(catalog_network):
    trained = sum(int(np.prod(weight.shape)) for weight in catalog_network.trainable_weights)
    assert trained == 6_624_904
    assert catalog_network.count_params() == lookup("googlenet").parameters
    assert last_map(catalog_network) == "inception5b"
    joined = [x.name for x in catalog_network.layers if isinstance(x, keras.layers.Concatenate)]
    assert joined == INCEPTIONS


def test_probabilities_are_the_softmax_of_logits(catalog_network, open_network):
    pixels = made_pixels(224, 224)
    expected = keras.ops.softmax(open_network.predict(pixels, verbose=0))
    np.testing.assert_allclose(catalog_network.predict(pixels, verbose=0), expected, atol=1e-5)


@pytest.fixture
def made_entry(made_file, mirror, monkeypatch):
    """The catalog's network, with the made file for the published one."""
    (mirror / made_file.name).symlink_to(made_file)
    entry = replace(lookup("googlenet"), weights=TorchvisionWeights(made_file.name, 52))
    monkeypatch.setitem(catalog.entries(), "googlenet", entry)
    return entry


def test_weights_are_fetched_once_and_loaded(dltk, made_entry, made_file, tmp_path):
    assert json_state(dltk) == ("downloads 52 MB on first use", None)
    assert dltk("models", "download", "googlenet", "--offline").code == 4
    result = dltk("models", "download", "googlenet")
    kept = tmp_path / "cache" / "torchvision" / made_file.name
    assert result.code == 0 and result.out == f"googlenet: {kept}\n"
    assert f"downloading {made_file.name} (52 MB)" in result.err
    assert kept.read_bytes() == made_file.read_bytes()
    assert json_state(dltk) == ("here", str(kept))
    assert "googlenet " in dltk("models", "list", "--local").out
    assert dltk("models", "download", "googlenet", "--offline").code == 0


def json_state(dltk):
    facts = json.loads(dltk("models", "info", "googlenet", "--json").out)
    return facts["state"], facts["file"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_a_file_put_there_by_hand_is_used(mirror, made_file, catalog_network, engine):
    kept = lookup("googlenet").weights.path
    kept.parent.mkdir(parents=True)
    kept.symlink_to(made_file)
    pixels = np.concatenate([made_pixels(224, 224), made_pixels(224, 224)[:, ::-1] / 2])
    scores = load_engine(find_model("googlenet"), engine=engine)(pixels)
    expected = catalog_network.predict(pixels, verbose=0)
    likely = expected > 1e-9
    assert likely.sum() > 100
    np.testing.assert_allclose(np.log(scores[likely]), np.log(expected[likely]), atol=2e-3)


def test_another_file_under_the_published_name_is_refused(dltk, mirror, made_file, tmp_path):
    (mirror / "googlenet-1378be20.pth").symlink_to(made_file)
    result = dltk("models", "download", "googlenet")
    assert result.code == 4
    assert (
        "models/googlenet-1378be20.pth: what came does not match its published hash" in result.err
    )
    assert list((tmp_path / "cache" / "torchvision").iterdir()) == []


def test_the_published_address_and_hash_are_torchvisions():
    weights = lookup("googlenet").weights
    assert str(weights) == "https://download.pytorch.org/models/googlenet-1378be20.pth"
    assert weights.digest == "1378be20"


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    write_pth(made_tensors({"conv1.conv.weight": (64, 3, 7, 7), "fc.weight": (1000, 1024)}), path)
    with pytest.raises(WeightsError) as caught:
        build_network(lookup("googlenet"), weights=path)
    assert str(caught.value) == (
        f"{path} does not fit googlenet: conv1.bn is missing or of another shape; "
        "delete the file, and install or fetch it again"
    )
