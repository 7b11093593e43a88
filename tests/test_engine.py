"""The engines: the same labels and scores, a cache that heals, and errors in words."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from dltk.engine import load_engine
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.images import decode
from dltk.modelfile import ModelCard, save_model
from dltk.models.catalog import lookup
from dltk.models.find import find_model
from dltk.samples import sample_files

PIXELS = np.random.default_rng(0).uniform(0, 255, (5, 20, 24, 3)).astype(np.float32)


@pytest.fixture
def small(tmp_path):
    """A tiny classifier as a model file."""
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((20, 24, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(3, activation="softmax", name="classes"),
        ]
    )
    path = tmp_path / "small.keras"
    card = ModelCard("classify", ("ant", "bee", "cat"), Geometry(20, 24, fit="squash"))
    save_model(network, path, card)
    return find_model(path), network


def entries(cache):
    return sorted((cache / "litert").glob("*.tflite"))


def test_litert_and_keras_give_the_scores_of_the_network_itself(small):
    source, network = small
    expected = network.predict(PIXELS, verbose=0)
    for engine in ("litert", "keras"):
        scores = load_engine(source, engine=engine, batch_size=2)(PIXELS)
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_both_engines_label_the_samples_alike():
    source = find_model("efficientnet-lite0")
    pictures = [decode(path) for path in sample_files() if path.suffix == ".jpg"]
    pixels = np.stack([source.geometry.apply(picture) for picture in pictures])
    litert = load_engine(source, engine="litert")(pixels)
    as_is = load_engine(source, engine="keras", batch_size=4)(pixels)
    assert (litert.argmax(1) == as_is.argmax(1)).all()
    np.testing.assert_allclose(litert, as_is, atol=1e-3)


def test_two_replicas_give_what_one_gives(small):
    source, _ = small
    one = load_engine(source, engine="keras", batch_size=3)(PIXELS)
    two = load_engine(source, devices="cpu:2", batch_size=3)
    assert "MirroredStrategy on 2 devices" in two.running
    np.testing.assert_allclose(two(PIXELS), one, atol=1e-6)


def test_a_picture_does_not_depend_on_its_neighbours(small):
    source, _ = small
    network = load_engine(source, engine="litert")
    together = network(PIXELS)
    alone = np.concatenate([network(PIXELS[i : i + 1]) for i in range(len(PIXELS))])
    assert (together == alone).all()


def test_few_and_many_pictures_take_the_same_numbers(small):
    source, _ = small
    few = load_engine(source, engine="litert", pictures=1)
    many = load_engine(source, engine="litert", pictures=1000)
    assert (few(PIXELS) == many(PIXELS)).all()


def test_no_pictures_give_no_rows(small):
    source, _ = small
    for engine in ("litert", "keras"):
        assert load_engine(source, engine=engine)(PIXELS[:0]).shape == (0, 3)


def test_a_network_is_compiled_once(small, own_cache):
    source, _ = small
    said = []
    load_engine(source, engine="litert", report=said.append)
    first = entries(own_cache)
    load_engine(source, engine="litert", report=said.append)
    assert entries(own_cache) == first
    assert sum("compiling" in line for line in said) <= 1


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"x"])
def test_a_damaged_cache_entry_is_made_again(small, own_cache, damage):
    source, network = small
    before = set(entries(own_cache))
    load_engine(source, engine="litert")
    made = set(entries(own_cache)) - before or before
    for path in made:
        path.write_bytes(damage(path.read_bytes()))
    scores = load_engine(source, engine="litert")(PIXELS)
    np.testing.assert_allclose(scores, network.predict(PIXELS, verbose=0), atol=1e-5)


def test_new_weights_under_an_old_name_are_not_mixed_up(small):
    source, network = small
    load_engine(source, engine="litert")
    network.layers[-1].set_weights([w + 1.5 for w in network.layers[-1].get_weights()])
    network.layers[-1].kernel.assign(network.layers[-1].kernel * -2)
    save_model(network, source.path, source.card)
    scores = load_engine(find_model(source.path), engine="litert")(PIXELS)
    np.testing.assert_allclose(scores, network.predict(PIXELS, verbose=0), atol=1e-5)


@pytest.mark.slow
def test_two_processes_compiling_at_once_do_no_harm(small, tmp_path):
    source, _ = small
    code = (
        "import sys, numpy as np; from dltk.engine import load_engine;"
        "from dltk.models.find import find_model;"
        "network = load_engine(find_model(sys.argv[1]), engine='litert');"
        "print(network(np.ones((1, 20, 24, 3), np.float32)).tolist())"
    )
    env = {"DLTK_CACHE": str(tmp_path / "fresh"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code, str(source.path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=env) for _ in range(2)]
    answers = [json.loads(child.communicate()[0]) for child in started]
    assert answers[0] == answers[1]
    left = [path.name for path in (tmp_path / "fresh" / "litert").iterdir()]
    assert all(name.endswith(".tflite") and not name.startswith(".") for name in left)


def test_a_cache_that_cannot_be_written_costs_only_time(small, tmp_path, monkeypatch):
    source, network = small
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "file"))
    scores = load_engine(source, engine="litert")(PIXELS)
    np.testing.assert_allclose(scores, network.predict(PIXELS, verbose=0), atol=1e-5)


def test_an_unknown_layer_suggests_the_nearest_from_either_engine(small):
    source, _ = small
    for engine in ("litert", "keras"):
        with pytest.raises(UsageError, match=r'has no layer "konv"\. Did you mean "conv"'):
            load_engine(source, output="features", layer="konv", engine=engine)


def test_features_of_a_layer_are_the_layers_output(small):
    source, network = small
    part = keras.Model(network.inputs, network.get_layer("conv").output)
    maps = part.predict(PIXELS, verbose=0)
    for pool, expected in (
        ("none", maps), ("avg", maps.mean((1, 2))), ("max", maps.max((1, 2)))
    ):  # fmt: skip
        ours = load_engine(source, output="features", layer="conv", pool=pool, engine="litert")
        np.testing.assert_allclose(ours(PIXELS), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "litert", "precision": "bfloat16"}, "litert engine has no --precision"),
        ({"engine": "litert", "devices": "cpu:2"}, "litert engine has no --devices cpu:2"),
        ({"devices": "tpu"}, "is not auto, cpu, gpu, cpu:N or gpu:N"),
        ({"devices": "cpu:0"}, "from 1 to 64"),
        ({"devices": "gpu:2"}, "TensorFlow sees 0 GPUs"),
    ],
)
def test_what_an_engine_cannot_do_is_said(small, options, message):
    with pytest.raises(UsageError, match=message):
        load_engine(small[0], **options)


def test_bfloat16_is_near_float32_and_sums_to_one(small):
    source, network = small
    scores = load_engine(source, precision="bfloat16")(PIXELS)
    np.testing.assert_allclose(scores, network.predict(PIXELS, verbose=0), atol=0.02)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-6)


def test_catalog_features_need_no_classifier():
    source = find_model("vgg16-hed")
    network = load_engine(source, output="features", engine="keras")
    assert network.output_shape == (512,)
    assert lookup("vgg16-hed").labels == ()
