"""The networks of keras.applications: pixels, sizes, and weights fetched and loaded."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import keras
import numpy as np
import pytest

from dltk.errors import WeightsError
from dltk.models.build import build_network, normalised
from dltk.models.catalog import entries, lookup, matching
from dltk.models.taps import last_map, list_taps

KERAS_NETWORKS = [entry.name for entry in matching(lambda e: e.builder.startswith("keras"))]


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("tf", keras.applications.mobilenet_v2),
        ("torch", keras.applications.densenet),
        ("caffe", keras.applications.resnet),
    ],
)
def test_pixels_are_prepared_as_keras_does(kind, reference):
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 5, 4, 3)).astype(np.float32)
    inputs = keras.Input((5, 4, 3))
    ours = keras.Model(inputs, normalised(inputs, kind)).predict(pixels, verbose=0)
    np.testing.assert_allclose(ours, reference.preprocess_input(pixels.copy()), atol=1e-4)


def test_the_table_names_the_right_preparation():
    for entry in entries().values():
        if not entry.builder.startswith("keras"):
            continue
        module = getattr(keras.applications, entry.family)
        pixels = np.array([[[[10.0, 100.0, 200.0]]]])
        expected = module.preprocess_input(pixels.copy())
        inputs = keras.Input((1, 1, 3))
        ours = keras.Model(inputs, normalised(inputs, entry.pixels))(pixels)
        np.testing.assert_allclose(ours, expected, atol=1e-3, err_msg=entry.name)


@pytest.mark.slow
@pytest.mark.parametrize("name", KERAS_NETWORKS)
def test_every_network_builds_as_the_table_says(name):
    entry = lookup(name)
    network = build_network(entry, weights=None)
    size = entry.geometry.height
    assert network.input_shape == (None, size, size, 3)
    assert network.output_shape == (None, 1000)
    assert network.count_params() == entry.parameters
    maps = {tap.name: tap.shape for tap in list_taps(network)}[last_map(network)]
    assert len(maps) == 3 and size // 40 <= maps[0] <= size // 16
    keras.backend.clear_session()


def write_keras_2_weights(network, path):
    """Write the layout of the files that Keras publishes: groups by layer, named in attributes."""
    with h5py.File(path, "w") as file:
        layers = [layer for layer in network.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.2.4"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server with published weights of MobileNet, random ones, where DLTK_MIRROR points."""
    entry = lookup("mobilenet")
    keras.utils.set_random_seed(5)
    network = build_network(entry, weights=None)
    path = tmp_path / "mirror" / entry.weights.address.split("/", 3)[3]
    path.parent.mkdir(parents=True)
    write_keras_2_weights(network, path)
    handler = partial(QuietHandler, directory=tmp_path / "mirror")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("DLTK_MIRROR", f"http://127.0.0.1:{server.server_address[1]}")
    yield network, path
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_weights_are_fetched_on_first_use_and_work_offline_then(dltk, mirror, photos):
    network, _ = mirror
    assert dltk("classify", photos, "-m", "mobilenet", "--offline").code == 4
    first = dltk("classify", photos / "cat.jpg", "-m", "MobileNet", "--engine", "keras")
    assert first.code == 0, first.err
    assert "downloading mobilenet_1_0_224_tf.h5 (17 MB)" in first.err
    again = dltk("classify", photos / "cat.jpg", "-m", "mobilenet", "--offline", "--json")
    assert again.code == 0 and "downloading" not in again.err
    entry = lookup("mobilenet")
    loaded = build_network(entry, weights=entry.weights.get())
    for ours, theirs in zip(loaded.weights, network.weights, strict=True):
        assert (ours.numpy() == theirs.numpy()).all()


def test_weights_are_fetched_ahead_of_time(dltk, mirror):
    result = dltk("models", "download", "MobileNet", "efficientnet-lite0")
    assert result.code == 0 and result.out.startswith("mobilenet: ")
    path = lookup("mobilenet").weights.present()
    assert path.read_bytes() == mirror[1].read_bytes()
    assert "mobilenet " in dltk("models", "list", "--local").out


def test_a_damaged_weight_file_is_named(mirror):
    _, path = mirror
    path.write_bytes(path.read_bytes()[:1000])
    entry = lookup("mobilenet")
    with pytest.raises(WeightsError, match=r"mobilenet_1_0_224_tf\.h5 does not fit mobilenet"):
        build_network(entry, weights=entry.weights.get())
