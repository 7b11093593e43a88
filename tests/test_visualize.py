"""Looking into networks, from Python: numbers on small networks, replicas, files, bad input."""

from __future__ import annotations

import csv

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dltk.errors import UsageError
from dltk.explain.field import Fields
from dltk.explain.strongest import box_on_photo
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.find import find_model
from dltk.models.laid_open import load_whole
from recipes.visualize import (
    activations,
    classes,
    filters,
    gradcam,
    occlusion,
    saliency,
    top9,
)

GEOMETRY = Geometry(24, 32, fit="crop", interpolation="bilinear")
PLACING = {"devices": "cpu", "precision": "float32"}
EVIDENCE = {
    "gradcam": gradcam,
    "occlusion": occlusion,
    "gradient": saliency,
    "smoothgrad": lambda *a, **k: saliency(*a, method="smoothgrad", samples=4, seed=3, **k),
    "guided": lambda *a, **k: saliency(*a, method="guided", **k),
    "integrated": lambda *a, **k: saliency(*a, method="integrated", samples=4, **k),
}


def network(units=3, activation="softmax", size=(24, 32, 3), relu="relu") -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input(size)
    x = layers.Rescaling(1 / 127.5, -1.0, name="normalise")(inputs)
    x = layers.Conv2D(8, 3, activation=relu, name="conv1")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(6, 3, activation=relu, name="conv2")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(units, activation, name="head")(x), name="small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(folder) -> str:
    card = ModelCard("classify", ("ant", "bee", "sea cow"), GEOMETRY)
    save_model(network(), folder / "small.keras", card)
    return str(folder / "small.keras")


def saved(model: keras.Model, path) -> str:
    model.save(path)
    return str(path)


def middle(name: str) -> keras.Model:
    whole = network()
    return keras.Model(whole.input, whole.get_layer(name).output)


# Evidence


@pytest.mark.parametrize("kind", EVIDENCE)
def test_two_replicas_find_what_one_finds(model, noise, kind):
    pictures = [noise(seed, (50, 40)) for seed in range(3)]
    one, two = (
        list(EVIDENCE[kind](pictures, model=model, devices=devices, precision="float32"))
        for devices in ("cpu", "cpu:2")
    )
    assert len(one) == 3 and all(each.heat.any() for each in one)
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours.heat, theirs.heat)
        assert ours.to_dict() == theirs.to_dict()


def test_the_most_probable_class_is_shown_unless_one_is_named(model, noise):
    pixels = GEOMETRY.apply(noise(1, (50, 40)))
    expected = network()(pixels[None])[0].numpy()
    names = ["ant", "bee", "sea cow"]
    (found,) = gradcam(noise(1, (50, 40)), model=model, **PLACING)
    assert found.label == names[expected.argmax()]
    for label in ("Sea_Cow", "2"):
        (found,) = gradcam(noise(1, (50, 40)), model=model, label=label, **PLACING)
        assert found.label == "sea cow"
        assert found.probability == pytest.approx(expected[2], abs=1e-5)


def test_the_square_that_counts_lies_where_it_does_on_the_photo(folder):
    """A network that sees the redness of four pixels, and a photo of which it sees the middle."""
    inputs = keras.Input((20, 20, 3))
    kernel = np.zeros((20, 20, 3, 1), np.float32)
    kernel[4:6, 12:14, 0] = 0.01
    dense = layers.Dense(1, "sigmoid")
    model = keras.Model(inputs, dense(layers.Flatten()(inputs)))
    dense.set_weights([kernel.reshape(-1, 1), np.array([-5.0])])
    card = ModelCard("classify", ("other", "red"), Geometry(20, 20, fit="crop", crop=1.0))
    save_model(model, folder / "red.keras", card)
    photo = Image.new("RGB", (60, 40), "red")
    (found,) = occlusion(photo, model=str(folder / "red.keras"), patch=2, stride=1, **PLACING)
    assert found.label == "red" and found.box == (10, 0, 50, 40)
    assert np.unravel_index(found.heat.argmax(), (20, 20)) in [
        (y, x) for y in (4, 5) for x in (12, 13)
    ]
    assert (found.heat > 1e-4).sum() == 16  # all that a square over one of the four covers
    lit = np.asarray(found.heat_map(), int).sum(axis=-1)
    row, column = np.unravel_index(lit.argmax(), lit.shape)
    assert 8 <= row < 12 and 34 <= column < 38  # two pixels of the photo for each, from 10 on
    (slopes,) = saliency(photo, model=str(folder / "red.keras"), **PLACING)
    np.testing.assert_allclose(slopes.heat, np.abs(kernel).max(axis=(2, 3)), atol=1e-7)


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_tiny_and_thin_photos_are_shown(model, kind, size):
    (found,) = EVIDENCE[kind](Image.new("RGB", size, "teal"), model=model, **PLACING)
    assert found.error is None and found.overlay().size == found.heat_map().size == size


def test_a_grey_network_with_one_sigmoid_is_looked_into(folder, noise):
    grey = saved(network(1, "sigmoid", (24, 24, 1)), folder / "grey.keras")
    for kind, recipe in EVIDENCE.items():
        for label in ("0", "1"):
            (found,) = recipe(noise(), model=grey, label=label, **PLACING)
            assert found.error is None and found.label == label, kind
    (seen,) = activations(noise(), model=grey, layer="conv2", **PLACING)
    assert seen.pixels.shape == (24, 24, 1) and seen.sheet().mode == "RGB"
    pair = [each.activation for each in classes(model=grey, steps=5, method="simonyan", **PLACING)]
    assert len(pair) == 2 and sum(pair) != 0
    assert filters(model=grey).kernels.shape == (3, 3, 1, 8)


def test_the_range_of_pixels_is_as_told(folder, noise):
    plain = network()
    x = plain.get_layer("conv1")(inputs := keras.Input((24, 32, 3)))
    for layer in plain.layers[3:]:
        x = layer(x)
    path = saved(keras.Model(inputs, x, name="plain"), folder / "range.keras")
    raw = saved(network(), folder / "raw.keras")
    pictures = noise(2, (32, 24))
    named = {"layer": "conv2", "label": "1"} | PLACING
    (one,) = gradcam(pictures, model=path, pixel_range="-1..1", **named)
    (two,) = gradcam(pictures, model=raw, **named)
    np.testing.assert_allclose(one.heat, two.heat, rtol=1e-4)
    keras_engine = {"engine": "keras", "devices": "cpu"}
    patches = top9(
        [pictures], model=path, pixel_range="-1..1", layer="conv2", channel="0-5", **keras_engine
    )
    assert [each.to_dict() for each in patches] == [
        each.to_dict() | {"activation": pytest.approx(each.activation, rel=1e-4)}
        for each in top9([pictures], model=raw, layer="conv2", channel="0-5", **keras_engine)
    ]


def test_photos_that_cannot_be_used_come_in_their_place(model, noise):
    inputs = [noise(0), b"no picture", noise(1)]
    for recipe in (*EVIDENCE.values(), activations):
        found = list(recipe(inputs, model=model, **PLACING))
        assert [bool(each.error) for each in found] == [False, True, False]
        assert [each.to_dict()["status"] for each in found] == ["ok", "failed", "ok"]
    lines = []
    patches = top9(inputs, model=model, channel="0", report=lines.append, engine="keras")
    assert len(patches) == 2 and sum("passed over" in line for line in lines) == 1


def test_pictures_and_numbers_are_written_beside_each_other(model, noise, tmp_path):
    source = tmp_path / "in" / "a [b]"
    source.mkdir(parents=True)
    noise(0, (50, 40)).save(source / "my cat.png")
    before = (source / "my cat.png").read_bytes()
    out = tmp_path / "out"
    (found,) = gradcam(tmp_path / "in", model=model, output=out, raw=True, **PLACING)
    assert found.files == {
        "overlay": out / "overlay/a [b]/my cat.png",
        "heat": out / "heat/a [b]/my cat.png.png",
        "raw": out / "raw/a [b]/my cat.png.npy",
    }
    np.testing.assert_array_equal(np.load(found.files["raw"]), found.heat)
    assert Image.open(found.files["overlay"]).size == (50, 40)
    assert (source / "my cat.png").read_bytes() == before
    (seen,) = activations(tmp_path / "in", model=model, output=out / "maps", **PLACING)
    assert seen.files == {"sheet": out / "maps/a [b]/my cat.png.png"}


def test_an_input_is_never_written_over(model, noise, tmp_path):
    (tmp_path / "overlay").mkdir()
    noise(0, (50, 40)).save(tmp_path / "overlay/cat.png")
    before = (tmp_path / "overlay/cat.png").read_bytes()
    with pytest.raises(UsageError, match=r"cat\.png"):
        list(gradcam(tmp_path / "overlay", model=model, output=tmp_path, **PLACING))
    assert (tmp_path / "overlay/cat.png").read_bytes() == before


# Maps and filters


def test_the_strongest_maps_are_those_of_the_network(model, noise, tmp_path):
    picture = noise(4, (50, 40))
    options = {"layer": ["conv1", "conv2"], "count": 3, "output": tmp_path, "raw": True}
    (found,) = activations(picture, model=model, **options, **PLACING)
    for name in ("conv1", "conv2"):
        own = middle(name)(GEOMETRY.apply(picture)[None])[0].numpy()
        order = np.argsort(-own.max(axis=(0, 1)), kind="stable")[:3]
        assert list(found.maps[name]) == order.tolist()
        for channel, values in found.maps[name].items():
            np.testing.assert_allclose(values, own[..., channel], atol=1e-5)
    with np.load(found.files["raw"]) as numbers:
        assert len(numbers.files) == 6
        first = f"conv2:{next(iter(found.maps['conv2']))}"
        np.testing.assert_array_equal(numbers[first], next(iter(found.maps["conv2"].values())))
    assert Image.open(found.files["sheet"]).size == found.sheet().size


def test_filters_are_drawn_in_colour_or_slice_by_slice(model, tmp_path):
    first = filters(model=model, output=tmp_path, raw=True)
    kernel = network().get_layer("conv1").get_weights()[0]
    np.testing.assert_allclose(first.kernels / np.abs(first.kernels).max(),
                               kernel / np.abs(kernel).max(), atol=1e-4)  # fmt: skip
    np.testing.assert_array_equal(np.load(tmp_path / "small/conv1.npy"), first.kernels)
    deep = filters(model=model, layer="conv2", channel="4,1", limit_channels=5)
    assert deep.kernels.shape == (3, 3, 8, 6)
    assert deep.sheet.width > deep.sheet.height  # two rows of five slices
    assert first.to_dict()["shape"] == [3, 3, 3, 8]


@pytest.mark.parametrize("engine", ["keras", "litert"])
def test_the_nine_strongest_are_those_of_a_sort_of_all(model, noise, tmp_path, engine):
    pictures = [noise(seed, (40 + seed, 50 - seed)) for seed in range(12)]
    (tmp_path / "in").mkdir()
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"in/{number:02d}.png")
    found = top9(tmp_path / "in", model=model, layer="conv2", channel="5,0", engine=engine,
                 output=tmp_path / "out", batch_size=5)  # fmt: skip
    maps = middle("conv2")(np.stack([GEOMETRY.apply(each) for each in pictures])).numpy()
    field = Fields(load_whole(find_model(model)), "conv2", (24, 32))
    expected = []
    for channel in (5, 0):
        highest = maps[..., channel].max(axis=(1, 2))
        rises = highest > maps[..., channel].min(axis=(1, 2))
        order = [n for n in np.argsort(-highest, kind="stable") if rises[n]]
        for rank, number in enumerate(order[:9], 1):
            flat = maps[number, ..., channel]
            place = np.unravel_index(flat.argmax(), flat.shape)
            box = box_on_photo(field(*map(int, place)), GEOMETRY, pictures[number].size)
            expected.append((channel, rank, f"{number:02d}.png", box))
    assert [(p.channel, p.rank, p.item.name, p.box) for p in found] == expected
    assert {row[0] for row in expected} == {5, 0}
    with (tmp_path / "out/index.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(int(r["channel"]), int(r["rank"]), r["path"]) for r in rows] == [
        row[:3] for row in expected
    ]
    assert int(rows[0]["left"]) == expected[0][3][0]
    sheets = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert sheets == ["conv2-patches.png", "conv2-pictures.png"]


def test_a_map_that_is_the_same_everywhere_is_not_among_the_strongest(folder, noise, tmp_path):
    dead = network()
    kernel, bias = dead.get_layer("conv2").get_weights()
    bias[2] = -1e4
    dead.get_layer("conv2").set_weights([kernel, bias])
    path = saved(dead, folder / "dead.keras")
    options = {"model": path, "layer": "conv2", "engine": "keras", "output": tmp_path}
    found = top9([noise(1), noise(2)], channel="2,5", **options)
    assert {patch.channel for patch in found} == {5}
    (tmp_path / "conv2-pictures.png").unlink()
    with pytest.raises(UsageError, match="no picture could be used: there is nothing to show"):
        top9([noise(1)], channel="2", overwrite=True, **options)
    assert not (tmp_path / "conv2-pictures.png").exists()


def test_top9_checks_all_its_files_before_it_writes_one(model, noise, tmp_path):
    options = {"model": model, "layer": "conv2", "channel": "5", "output": tmp_path}
    for name in ("index.csv", "conv2-patches.png"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match=f"{name} is there already"):
            top9([noise(1)], engine="keras", **options)
        assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
        (tmp_path / name).unlink()
    for _ in range(2):  # its own it writes over
        top9([noise(1)], engine="keras", **options)


# What cannot work


def filters_of(photo, **options):
    return [filters(**options)]


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        (gradcam, {"layer": "mean"}, r"mean gives \(6,\), which has no places; .* such as conv2"),
        (gradcam, {"layer": "cnv2"}, 'Did you mean "conv2"'),
        (gradcam, {"label": "be"}, 'small.keras has no class "be". Did you mean "bee"'),
        (gradcam, {"label": "3"}, "has no class"),
        (gradcam, {"raw": True}, "name a folder with --output"),
        (gradcam, {"model": "vgg16-hed"}, "vgg16-hed has no classes; take a classifier"),
        (occlusion, {"patch": 0}, "--patch is at least 1"),
        (occlusion, {"patch": 25}, "--patch 25: the input of small.keras has 24 pixels"),
        (occlusion, {"patch": 3, "stride": 4}, "would leave places between squares of 3"),
        (saliency, {"method": "lime"}, 'method "lime" is none of gradient'),
        (saliency, {"samples": 0, "method": "smoothgrad"}, "--samples is at least 1"),
        (saliency, {"samples": 8}, "--samples is for --method smoothgrad and integrated, not grad"),
        (saliency, {"seed": 1, "method": "integrated"}, "--seed is for --method smoothgrad, not"),
        (saliency, {"seed": -1, "method": "smoothgrad"}, "--seed is at least 0, not -1"),
        (filters_of, {"limit_channels": 2}, "conv1 sees 3 channels"),
        (activations, {"count": 0}, "--count is at least 1"),
        (activations, {"layer": ["conv1", "head"]}, "head gives .* no places"),
        (top9, {"layer": "head"}, "head gives .* no places"),
        (top9, {"channel": "x"}, "are not like 3 or 0-15,40"),
    ],
)
def test_requests_about_photos_that_cannot_work_are_told(model, noise, recipe, options, message):
    with pytest.raises(UsageError, match=message):
        list(recipe(noise(), **{"model": model} | options))


def test_guided_gradients_need_relus(folder, noise):
    smooth = saved(network(relu="gelu"), folder / "smooth.keras")
    with pytest.raises(UsageError, match=r"needs ReLUs, and smooth.keras has none"):
        list(saliency(noise(), model=smooth, method="guided"))


def test_a_network_without_maps_has_pixels_but_no_places(folder, noise):
    inputs = keras.Input((8, 8, 3))
    flat = saved(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs))), folder / "f.keras")
    (found,) = saliency(noise(), model=flat, **PLACING)
    assert found.error is None
    for recipe, message in [(gradcam, "no places"), (activations, "no layer with a feature map")]:
        with pytest.raises(UsageError, match=message):
            list(recipe(noise(), model=flat))
    with pytest.raises(UsageError, match="has no convolutions"):
        filters(model=flat)
