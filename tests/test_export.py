"""Exports: run by the runtimes they are for, with the network's own answers, whole or absent."""

import importlib.util
import json
import os
import resource
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from dltk.errors import DltkError
from dltk.files import beside
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models import export as formats
from dltk.models.find import find_model
from recipes.export import FORMATS, TOLERANCE, check_pixels, describe, export, run_exported

PIXELS = np.random.default_rng(1).uniform(0, 255, (5, 20, 24, 3)).astype(np.float32)
LABELS = ("ant", "bee", "cat é\n")
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None or importlib.util.find_spec("onnxruntime") is None,
    reason="needs pip install 'dltk-recipes[onnx]'",
)
EACH = pytest.mark.parametrize(
    "to", [pytest.param(to, marks=needs_onnx if to == "onnx" else ()) for to in FORMATS]
)
layers = keras.layers


def network_of(*middle, size=(20, 24, 3), classes=3, **options):
    """Return a small network with normalisation inside and layers that act only in training."""
    return keras.Sequential(
        [
            keras.Input(size),
            layers.RandomFlip(),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(4, 3, strides=2, padding="same", name="conv"),
            layers.BatchNormalization(),
            *middle,
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(classes, name="classes", **options),
        ]
    )


def saved(network, path, *, task="classify", labels=LABELS, fit="pad"):
    height, width, channels = network.inputs[0].shape[1:]
    save_model(network, path, ModelCard(task, labels, Geometry(height, width, channels, fit=fit)))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model file with an odd name, and its probabilities for PIXELS."""
    keras.utils.set_random_seed(3)
    network = network_of(layers.ReLU(6.0), activation="softmax")
    network.get_layer("classes").kernel.assign_add(np.random.default_rng(0).normal(size=(4, 3)))
    path = saved(network, tmp_path_factory.mktemp("models") / "my best model, v1.2 (é).keras")
    return path, network.predict(PIXELS, verbose=0)


def of_savedmodel(path, pixels):
    result = tf.saved_model.load(path).signatures["serving_default"](pixels=tf.constant(pixels))
    extra = path / "assets.extra" / "dltk.json"
    return result["probabilities"].numpy(), extra.read_text("utf-8")


def of_litert(path, pixels):
    interpreter = Interpreter(str(path))
    runner = interpreter.get_signature_runner("serving_default")
    return runner(pixels=pixels)["probabilities"], zipfile.ZipFile(path).read("dltk.json")


def of_onnx(path, pixels):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape == ["batch", 20, 24, 3]
    assert session.get_outputs()[0].shape == ["batch", 3]
    description = session.get_modelmeta().custom_metadata_map["dltk.json"]
    return session.run(["probabilities"], {"pixels": pixels})[0], description


PEERS = {"savedmodel": of_savedmodel, "litert": of_litert, "onnx": of_onnx}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@EACH
def test_exports_give_the_networks_answers_for_any_number_of_pictures(
    small, tmp_path, monkeypatch, to
):
    path, expected = small
    monkeypatch.chdir(tmp_path)
    exported = export(path, to=to)
    ending = {"litert": ".tflite", "onnx": ".onnx", "savedmodel": "-savedmodel"}[to]
    assert names(tmp_path) == [f"my best model, v1.2 (é){ending}"] == [str(exported.path)]
    for count in (1, 5):
        scores, text = PEERS[to](exported.path, PIXELS[:count])
        np.testing.assert_allclose(scores, expected[:count], atol=1e-5)
    assert scores.dtype == np.float32 and np.ptp(expected, axis=0).max() > 0.01
    description = json.loads(text)
    assert description == describe(find_model(path))
    assert tuple(description["labels"]) == LABELS
    assert Geometry.from_dict(description["geometry"]) == Geometry(20, 24, fit="pad")
    assert 0 <= exported.largest_difference < TOLERANCE and exported.checked_on == 10


def test_efficientnet_is_exported_by_name_and_labels_a_photograph(dltk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dltk("export", "EfficientNet_Lite0", "--json")
    fields = json.loads(result.out)
    path = tmp_path / "efficientnet-lite0.tflite"
    assert result.code == 0 and names(tmp_path) == [path.name] == [fields["path"]]
    assert fields["bytes"] == path.stat().st_size > 18e6
    assert fields["largest_difference"] < 1e-5 and fields["format"] == "litert"
    assert "checked on 10 pictures: no probability differs by more than" in result.err
    description = json.loads(zipfile.ZipFile(path).read("dltk.json"))
    source = find_model("efficientnet-lite0")
    third = check_pixels(source.geometry)[2:3]  # samples are sorted by name
    best = run_exported(path, "litert", third)[0].argmax()
    assert description["labels"][best] == "espresso" == source.labels[best].name
    assert description["label_ids"][best] == source.labels[best].id


def test_the_path_is_all_that_standard_output_gets(small, dltk, tmp_path):
    path, _ = small
    out = tmp_path / "made for it" / "x.tflite"
    result = dltk("export", path, "-o", out, "-q")
    assert (result.code, result.out, result.err) == (0, f"{out}\n", "")


def test_pixels_and_labels_of_a_plain_keras_file_are_as_told(tmp_path):
    inputs = keras.Input((None, None, 1))
    x = layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, layers.Dense(1, kernel_initializer="ones")(x))
    network.save(tmp_path / "plain.keras")
    (tmp_path / "names.txt").write_text("low\nhigh\n")
    said = []
    options = {"pixel_range": "0..1", "output": tmp_path / "plain.tflite"}
    export(tmp_path / "plain.keras", **options, report=said.append)
    assert "plain.keras has no class names; name them with --labels" in said
    assert json.loads(zipfile.ZipFile(options["output"]).read("dltk.json"))["labels"] == []
    options |= {"labels": tmp_path / "names.txt", "overwrite": True}
    export(tmp_path / "plain.keras", **options)
    scores, text = of_litert(options["output"], np.full((1, 224, 224, 1), 255, np.float32))
    np.testing.assert_allclose(scores, [[1 - 0.7310586, 0.7310586]], atol=1e-6)  # sigmoid of 1
    description = json.loads(text)
    assert description["labels"] == ["low", "high"] and description["input"]["colour"] == "grey"


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_network_of_mixed_precision_is_exported_in_float32(tmp_path, activation):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = network_of(activation=activation)
    finally:
        keras.config.set_dtype_policy("float32")
    path = saved(network, tmp_path / "mixed.keras")
    exported = export(path, output=tmp_path / "mixed.tflite")
    scores, _ = of_litert(exported.path, PIXELS)
    for layer in network.layers:
        layer.dtype_policy = "float32"
    expected = network(PIXELS, training=False).numpy()
    if activation is None:
        expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_an_export_that_differs_is_not_kept_and_the_earlier_one_is(tmp_path):
    """Rounding, multiplied by 1e9 under a sine, comes out another number in every runtime."""
    inputs = keras.Input((20, 24, 3))
    x = layers.Conv2D(8, 5)(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    x = keras.ops.sin(x * 1e9)
    path = saved(keras.Model(inputs, layers.Softmax()(x)), tmp_path / "m.keras", labels=())
    out = tmp_path / "m.tflite"
    out.write_text("mine")
    with pytest.raises(DltkError, match=r"they differ by \d\.\de\S+, allowed are 1e-04"):
        export(path, output=out, overwrite=True)
    assert names(tmp_path) == ["m.keras", "m.tflite"] and out.read_text() == "mine"


def test_an_ensemble_gives_the_average_of_its_members(tmp_path):
    pixels = keras.Input((20, 24, 3))
    members = [network_of(activation="softmax") for _ in range(2)]
    network = keras.Model(pixels, layers.Average()([member(pixels) for member in members]))
    path = saved(network, tmp_path / "two.keras")
    exported = export(path, output=tmp_path / "two.tflite")
    expected = sum(member.predict(PIXELS, verbose=0) for member in members) / 2
    np.testing.assert_allclose(of_litert(exported.path, PIXELS)[0], expected, atol=1e-5)


def test_a_network_that_is_built_wrong_is_seen_by_the_file(small, tmp_path, monkeypatch):
    def twice(spec):
        network = build(spec)
        return keras.Model(network.inputs, layers.Softmax()(network.outputs[0]))

    build = formats.build_output
    monkeypatch.setattr(formats, "build_output", twice)
    with pytest.raises(DltkError, match=r"\(é\)\.keras to litert gives other probabilities: they"):
        export(small[0], output=tmp_path / "x.tflite")
    assert names(tmp_path) == []


def test_a_network_with_spoilt_weights_is_said(tmp_path):
    network = network_of()
    network.get_layer("classes").bias.assign([0, float("nan"), 0])
    path = saved(network, tmp_path / "spoilt.keras")
    with pytest.raises(DltkError, match=r"spoilt\.keras gives probabilities that are not numbers"):
        export(path, output=tmp_path / "x.tflite")
    assert names(tmp_path) == ["spoilt.keras"]


@EACH
def test_earlier_exports_are_replaced_only_when_asked(small, dltk, tmp_path, to):
    path, expected = small
    out = tmp_path / {"litert": "x.tflite", "onnx": "x.onnx", "savedmodel": "x"}[to]
    other = saved(network_of(classes=3), tmp_path / "other.keras")
    export(other, to=to, output=out)
    before, _ = PEERS[to](out, PIXELS)
    refused = dltk("export", path, "--to", to, "-o", out)
    assert refused.code == 2 and "is there already; add --overwrite" in refused.err
    assert (PEERS[to](out, PIXELS)[0] == before).all()
    assert dltk("export", path, "--to", to, "-o", out, "--overwrite").code == 0
    np.testing.assert_allclose(PEERS[to](out, PIXELS)[0], expected, atol=1e-5)
    assert names(tmp_path) == ["other.keras", out.name]


def test_a_folder_of_the_users_own_is_never_replaced(small, dltk, tmp_path):
    path, _ = small
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.txt").write_text("mine")
    (tmp_path / "note").write_text("mine")
    to = ("export", path, "--overwrite", "--to")
    for format, name, why in (
        ("savedmodel", "photos", "is no folder that dltk exported to"),
        ("savedmodel", "note", "is a file; name another"),
        ("litert", "photos", "does not end in .tflite"),
        ("onnx", "photos", "does not end in .onnx"),
    ):
        result = dltk(*to, format, "-o", tmp_path / name)
        assert result.code == 2 and why in result.err and result.err.count("\n") == 1
    (tmp_path / "folder.tflite").mkdir()
    assert "is a folder" in dltk(*to, "litert", "-o", tmp_path / "folder.tflite").err
    assert names(tmp_path) == ["folder.tflite", "note", "photos"]
    assert (tmp_path / "photos" / "cat.txt").read_text() == (tmp_path / "note").read_text()


@pytest.mark.parametrize("to", [pytest.param("onnx", marks=needs_onnx), "savedmodel"])
def test_on_a_full_disk_the_export_is_absent_and_the_earlier_one_stays(tmp_path, to):
    out = tmp_path / {"onnx": "x.onnx", "savedmodel": "x"}[to]
    export(saved(network_of(), tmp_path / "m.keras"), to=to, output=out)
    before, _ = PEERS[to](out, PIXELS)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))  # no file may be longer
    try:
        with pytest.raises(DltkError, match=rf"^cannot write {out}: File too large$"):
            export("efficientnet-lite0", to=to, output=out, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["m.keras", out.name]
    assert (PEERS[to](out, PIXELS)[0] == before).all()


def test_the_earlier_folder_is_there_again_if_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch
):
    def replace(source, target):
        tried.append(target)
        if len(tried) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    tried, rename = [], os.replace
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "earlier").write_text("earlier")
    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(DltkError, match=r"cannot write .*x: Input/output error"),
        formats.whole_output(tmp_path / "x", folder=True) as part,
    ):
        (part / "new").write_text("new")
    assert len(tried) == 3 and names(tmp_path) == ["x"] and names(tmp_path / "x") == ["earlier"]
    with formats.whole_output(tmp_path / "x", folder=True) as part:
        (part / "new").write_text("new")
    assert names(tmp_path) == ["x"] and names(tmp_path / "x") == ["new"]


def test_an_export_killed_between_its_two_renames_costs_nothing(tmp_path):
    old = beside(beside(tmp_path / "x"))
    old.mkdir()
    (old / "earlier").write_text("earlier")
    with (
        pytest.raises(DltkError, match="no space"),
        formats.whole_output(tmp_path / "x", folder=True),
    ):
        raise DltkError("no space")
    assert names(tmp_path) == ["x"] and names(tmp_path / "x") == ["earlier"]


@EACH
def test_brackets_in_names_do_no_harm_or_are_refused(dltk, tmp_path, monkeypatch, to):
    (tmp_path / "a [b]").mkdir()
    monkeypatch.chdir(tmp_path / "a [b]")
    saved(network_of(), tmp_path / "a [b]" / "m [1]*.keras")
    result = dltk("export", "m [1]*.keras", "--to", to)
    if to == "savedmodel":
        assert result.code == 2 and result.err.count("\n") == 1
        assert "a [b]/m [1]*-savedmodel, for it takes * ? [ \\ in a path for a" in result.err
        assert names(tmp_path / "a [b]") == ["m [1]*.keras"]
    else:
        assert result.code == 0 and PEERS[to](tmp_path / "a [b]" / result.out[:-1], PIXELS)


@needs_onnx
def test_an_operation_that_onnx_lacks_is_named(dltk, tmp_path):
    inputs = keras.Input((20, 24, 3))
    x = layers.GlobalAveragePooling2D()(inputs)
    x = layers.Softmax()(keras.ops.erfinv(x / 300))
    path = saved(keras.Model(inputs, x), tmp_path / "m.keras")
    result = dltk("export", path, "--to", "onnx", "-o", tmp_path / "m.onnx", "-q")
    assert result.code == 1 and result.err.count("\n") == 1
    assert "ONNX has no Erfinv, which the network uses; export it to" in result.err
    assert names(tmp_path) == ["m.keras"]


@pytest.mark.parametrize("to", FORMATS)
def test_a_place_that_cannot_be_written_is_said(small, tmp_path, to):
    if to == "onnx" and importlib.util.find_spec("tf2onnx") is None:
        pytest.skip("needs pip install 'dltk-recipes[onnx]'")
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / {"litert": "x.tflite", "onnx": "x.onnx", "savedmodel": "x"}[to]
    with pytest.raises(DltkError, match=rf"cannot write {out}: (Not a directory|File exists)"):
        export(small[0], to=to, output=out)


@pytest.mark.parametrize("package", ["tf2onnx", "onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    small, dltk, tmp_path, monkeypatch, package
):
    monkeypatch.setitem(sys.modules, package, None)
    result = dltk("export", small[0], "--to", "onnx", "-o", tmp_path / "x.onnx")
    assert result.code == 1 and result.err.count("\n") == 1
    assert package in result.err.split(",")[0].split()
    assert result.err.endswith("run: pip install 'dltk-recipes[onnx]'\n")
    assert names(tmp_path) == []


def test_what_cannot_be_exported_is_said(dltk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finder = saved(network_of(), tmp_path / "finder.keras", task="detect")
    few = saved(network_of(), tmp_path / "few.keras", labels=("ant", "bee"))
    maps = keras.Sequential([keras.Input((20, 24, 3)), layers.Conv2D(4, 3)])
    maps = saved(maps, tmp_path / "maps.keras", labels=())
    sizes = tmp_path / "sizes.keras"
    save_model(network_of(), sizes, ModelCard("classify", LABELS, Geometry(40, 40)))
    (tmp_path / "text.keras").write_text("no")
    kept = names(tmp_path)
    for model, code, why in (
        (finder, 2, "finder.keras is a model to detect; classifiers are exported"),
        (few, 2, "few.keras has 3 outputs but 2 class names"),
        (maps, 2, "is not a classifier"),
        (sizes, 2, "sizes.keras takes [(20, 24, 3)], not one picture of (40, 40, 3)"),
        ("vgg16-hed", 2, "vgg16-hed has no classes"),
        ("text.keras", 1, "text.keras is not a Keras model file"),
        ("none.keras", 2, "no such model file: none.keras"),
        ("efficientnet-lite00", 2, 'Did you mean "efficientnet-lite0"?'),
    ):
        result = dltk("export", model, "-q")
        assert (result.code, result.err.count("\n")) == (code, 1) and why in result.err
    assert names(tmp_path) == kept
    with pytest.raises(DltkError, match=r'unknown format "onx"\. Did you mean "onnx"'):
        export(few, to="onx")
