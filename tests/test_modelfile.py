"""Model files, finding models, and the places inside them."""

import json
import zipfile

import keras
import numpy as np
import pytest

from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, load_model, read_card, read_config, save_model
from dltk.models.build import features_of, probabilities_of
from dltk.models.catalog import Label
from dltk.models.find import find_model, read_labels
from dltk.models.taps import last_map, list_taps, tap

GEOMETRY = Geometry(8, 10, fit="squash")
CARD = ModelCard(
    "classify",
    ("ant", "bee"),
    GEOMETRY,
    label_ids=("n1", "n2"),
    backbone="efficientnet-lite0",
    training={"pictures": 12},
    metrics={"top1": 0.5},
)
PIXELS = np.random.default_rng(0).uniform(0, 255, (3, 8, 10, 3)).astype(np.float32)


def network(activation="softmax", units=2):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((8, 10, 3)),
            keras.layers.Conv2D(3, 3, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(units, activation, name="classes"),
        ]
    )


@pytest.fixture
def saved(tmp_path):
    model = network()
    save_model(model, tmp_path / "model.keras", CARD)
    return model, tmp_path / "model.keras"


def test_a_model_comes_back_with_its_card(saved):
    model, path = saved
    loaded, card = load_model(path), read_card(path)
    assert (loaded.predict(PIXELS, verbose=0) == model.predict(PIXELS, verbose=0)).all()
    assert (card.task, card.labels, card.label_ids) == ("classify", ("ant", "bee"), ("n1", "n2"))
    assert card.geometry == GEOMETRY and card.backbone == "efficientnet-lite0"
    assert card.training == {"pictures": 12} and card.metrics == {"top1": 0.5}
    assert set(card.versions) == {"dltk", "keras"}


def test_plain_keras_loads_a_model_file_too(saved):
    model, path = saved
    loaded = keras.saving.load_model(path, safe_mode=True)
    assert (loaded.predict(PIXELS, verbose=0) == model.predict(PIXELS, verbose=0)).all()


def test_saving_leaves_nothing_else_and_wants_the_right_ending(saved, tmp_path):
    model, path = saved
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]
    with pytest.raises(UsageError, match=r"ends in \.keras"):
        save_model(model, tmp_path / "model.h5", CARD)


def test_a_file_of_plain_keras_has_no_card(tmp_path):
    network().save(tmp_path / "plain.keras")
    assert read_card(tmp_path / "plain.keras") is None


def rewrite(path, member, content):
    """Write the archive again with one member changed; None leaves it out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def message(call, *arguments):
    with pytest.raises(DltkError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK is what archives begin with"])
def test_what_is_no_archive_is_said(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    for call in (read_card, read_config, load_model, find_model):
        assert "model.keras is not a Keras model file" in message(call, path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_model_file_cut_short_is_said(saved, share):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "model.keras is cut short; copy it again" in message(load_model, path)


def test_damaged_weights_are_said(saved):
    _, path = saved
    rewrite(path, "model.weights.h5", b"damaged")
    assert "model.keras cannot be loaded by Keras" in message(load_model, path)


def test_an_archive_without_a_network_is_said(saved):
    _, path = saved
    rewrite(path, "config.json", None)
    assert "has no config.json" in message(load_model, path)


@pytest.mark.parametrize(
    "card",
    [b"{", b"[]", b"{}", b'{"format_version": 1}', b"\xff",
     json.dumps({"format_version": 1, "task": "classify", "labels": ["a"],
                 "geometry": {"height": 0, "width": 1}}).encode()],
)  # fmt: skip
def test_a_damaged_card_is_said(saved, card):
    _, path = saved
    rewrite(path, "dltk.json", card)
    assert "damaged dltk.json" in message(read_card, path)


def test_a_card_of_a_newer_dltk_asks_for_an_update(saved):
    _, path = saved
    card = {"format_version": 99, "versions": {"dltk": "7.0"}}
    rewrite(path, "dltk.json", json.dumps(card).encode())
    assert "saved by a newer dltk (7.0); update dltk" in message(read_card, path)


def test_a_lambda_layer_is_refused_and_does_not_run(tmp_path):
    ran, place = tmp_path / "ran", str(tmp_path / "ran")
    inputs = keras.Input((8, 10, 3))
    touch = lambda x: (open(place, "w").close(), x)[1]  # noqa: E731
    code = keras.layers.Lambda(touch, output_shape=(8, 10, 3))
    outputs = code(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(outputs))
    model.save(tmp_path / "code.keras")
    model(PIXELS)
    ran.unlink()  # it runs when it is called
    text = message(load_model, tmp_path / "code.keras")
    assert "holds a Lambda layer, which is code" in text and not ran.exists()


def test_a_missing_model_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no such model file"):
        find_model(tmp_path / "none.keras")
    with pytest.raises(UsageError, match=r"is not a \.keras file"):
        find_model(tmp_path / "none.h5")


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("ResNet50", "resnet50"), ("mobilenet-v2", "mobilenetv2"), ("EfficientNetB0",) * 2,
     ("efficientnet_lite0", "efficientnet-lite0"), ("VGG16-HED", "vgg16-hed")],
)  # fmt: skip
def test_names_are_found_however_they_are_spelled(spelled, name):
    assert find_model(spelled).name == name.lower()


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match=r'unknown model "resnet5O"\. Did you mean "resnet50"'):
        find_model("resnet5O")


@pytest.mark.parametrize("shape", [(8, 10, 3), (28, 28, 1)])
@pytest.mark.parametrize("style", ["sequential", "functional", "unstated"])
def test_the_picture_size_of_a_plain_file_is_its_input(tmp_path, shape, style):
    top = [keras.layers.Flatten(), keras.layers.Dense(2)]
    if style == "functional":
        inputs = keras.Input(shape)
        model = keras.Model(inputs, top[1](top[0](inputs)))
    else:
        model = keras.Sequential(([keras.Input(shape)] if style == "sequential" else []) + top)
        model.build((None, *shape))
    model.save(tmp_path / "plain.keras")
    geometry = find_model(tmp_path / "plain.keras").geometry
    assert (geometry.height, geometry.width, geometry.channels) == shape
    assert geometry.fit == "squash"


def test_a_network_that_takes_no_pictures_is_refused(tmp_path):
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(tmp_path / "plain.keras")
    assert "does not take pictures" in message(find_model, tmp_path / "plain.keras")


@pytest.mark.parametrize(
    "text", ["ant\n\n bee \n", '["ant", "bee"]', '{"1": "bee", "0": "ant"}', "\ufeffant\nbee"]
)
def test_labels_are_read_in_three_forms(tmp_path, text):
    (tmp_path / "labels").write_text(text)
    assert read_labels(tmp_path / "labels") == (Label("ant"), Label("bee"))


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "holds no labels"), (b'["ant", 2]', "every label must be text"),
     (b'{"a": "ant"}', "is neither one label a line"), (b"[1", "is neither one label a line"),
     (b"\xff\xfe\xff", "cannot read the labels")],
)  # fmt: skip
def test_labels_of_other_forms_are_refused(tmp_path, content, text):
    (tmp_path / "labels").write_bytes(content)
    assert text in message(read_labels, tmp_path / "labels")


def test_layers_are_listed_with_shapes_and_weights():
    taps = list_taps(network())
    assert [(tap.name, tap.kind, tap.shape, tap.parameters) for tap in taps] == [
        ("conv", "Conv2D", (6, 8, 3), 84),
        ("pool", "GlobalAveragePooling2D", (3,), 0),
        ("classes", "Dense", (2,), 8),
    ]
    assert last_map(network()) == "conv"


def nested():
    inner = network(activation=None, units=4)
    inputs = keras.Input((8, 10, 3))
    x = keras.layers.Rescaling(2.0, name="scale")(inputs)
    return inner, keras.Model(inputs, keras.layers.Dense(2, name="top")(inner(x)))


def test_layers_inside_nested_models_can_be_asked_for():
    inner, outer = nested()
    names = [tap.name for tap in list_taps(outer)]
    assert names == ["scale", *(f"{inner.name}/{n}" for n in ("conv", "pool", "classes")), "top"]
    part = keras.Model(outer.inputs, tap(outer, f"{inner.name}/conv"))
    alone = keras.Model(inner.inputs, inner.get_layer("conv").output)
    np.testing.assert_allclose(
        part.predict(PIXELS, verbose=0), alone.predict(PIXELS * 2, verbose=0), rtol=1e-5
    )


def test_layers_are_found_by_number():
    model = network()
    assert tap(model, "-2") is model.get_layer("pool").output
    assert tap(model, "0") is model.get_layer("conv").output
    with pytest.raises(UsageError, match="layer 7 is out of range"):
        tap(model, "7")
    with pytest.raises(UsageError, match=r'no layer "clases"\. Did you mean "classes"'):
        tap(model, "clases")


def test_pooling_is_over_places():
    model = network()
    maps = keras.Model(model.inputs, model.get_layer("conv").output).predict(PIXELS, verbose=0)
    for pool, expected in (("avg", maps.mean((1, 2))), ("max", maps.max((1, 2)))):
        found = features_of(model, None, pool).predict(PIXELS, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("activation", "units", "expected"),
    [
        ("softmax", 2, [0.1192029, 0.8807971]),  # 1 / (1 + e^2) and the rest
        (None, 2, [0.1192029, 0.8807971]),
        ("sigmoid", 1, [0.7310586, 0.2689414]),  # of -1: sigmoid(-1) = 0.2689414
        (None, 1, [0.7310586, 0.2689414]),
        ("sigmoid", 2, [0.2689414, 0.7310586]),  # several labels at once stay as they are
    ],
)
def test_every_kind_of_output_becomes_probabilities(activation, units, expected):
    inputs = keras.Input((1,))
    dense = keras.layers.Dense(units, activation, use_bias=False)
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([np.array([[-1.0, 1.0][:units]])])
    found = probabilities_of(model).predict(np.ones((1, 1)), verbose=0)[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_network_with_another_output_is_no_classifier():
    inputs = keras.Input((8, 10, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs))
    assert "is not a classifier" in message(probabilities_of, model)


@pytest.mark.parametrize(
    "ending",
    [
        keras.ops.softmax,
        keras.activations.softmax,
        lambda x: keras.layers.Activation("linear")(keras.layers.Softmax()(x)),
        lambda x: keras.layers.Reshape((2,))(keras.layers.Activation("softmax")(x)),
    ],
)
def test_softmax_is_not_applied_twice(ending):
    inputs = keras.Input((1,))
    dense = keras.layers.Dense(2, use_bias=False, name="probabilities")
    model = keras.Model(inputs, ending(dense(inputs)))
    dense.set_weights([np.array([[-1.0, 1.0]])])
    found = probabilities_of(model).predict(np.ones((1, 1)), verbose=0)[0]
    np.testing.assert_allclose(found, [0.1192029, 0.8807971], atol=1e-6)


def test_layers_may_have_the_names_that_dltk_gives():
    inputs = keras.Input((8, 10, 3))
    maps = keras.layers.Conv2D(2, 1, name="pooled")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="probability")(maps)
    model = keras.Model(inputs, keras.layers.Dense(2, name="probabilities")(pooled))
    found = probabilities_of(model).predict(PIXELS, verbose=0)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert features_of(model, None, "avg").output_shape == (None, 2)


def test_names_of_files_that_are_not_utf8_are_kept(tmp_path):
    training = {"options": {"data": "caf\udce9"}}
    card = ModelCard("classify", ("ä", "b"), GEOMETRY, training=training)
    save_model(network(), tmp_path / "model.keras", card)
    again = read_card(tmp_path / "model.keras")
    assert again.training == training and again.labels == ("ä", "b")


def test_metrics_that_are_not_finite_are_kept_as_unknown(tmp_path):
    card = ModelCard("classify", ("a", "b"), GEOMETRY, metrics={"loss": float("nan")})
    save_model(network(), tmp_path / "model.keras", card)
    assert read_card(tmp_path / "model.keras").metrics == {"loss": None}
