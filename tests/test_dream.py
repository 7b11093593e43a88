"""Dreams, from Python: the same pixels always, what each option changes, and what is refused."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image
from PIL.ExifTags import Base

from dltk.batch import Item
from dltk.errors import InputError, UsageError
from dltk.explain.layers import map_layer
from dltk.images import decode
from dltk.models.build import build_network
from dltk.models.find import find_model
from dltk.models.taps import list_taps
from dltk.painting.photo import open_photo
from dltk.painting.scales import to_pixels
from dltk.painting.slope import Slope
from dltk.painting.watch import Stop, Watch
from dltk.painting.zoom import zoomed
from dltk.samples import FOLDER
from dltk.strategy import place
from recipes._dream_film import Film, Reel
from recipes._dream_presets import PRESETS, default_layer, find_preset
from recipes._dream_studio import Method, open_studio
from recipes.dream import dream
from tests.test_metadata import ADOBE, camera_exif

CAT = FOLDER / "cat.jpg"
SMALL = {"size": 64, "steps": 2, "octaves": 2, "jitter": 4, "precision": "float32"}
YIQ = np.array([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # I and Q of RGB
CLASSES = "dog", "tabby cat", "fish"


def build(*, head="pool", side=48, channels=3, loud=1.0, field=None) -> keras.Model:
    """Return a classifier of random weights with the layers first, second and (B, 3) classes."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((side, side, channels))
    x = layers.Rescaling(1 / 127.5, -1.0, name="normalise")(inputs)
    x = layers.Conv2D(8, 5, padding="same", activation="relu", name="first")(x)
    x = layers.MaxPooling2D(name="half")(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="second")(x)
    x = layers.MaxPooling2D(name="quarter")(x)
    x = layers.Rescaling(loud, name="loud")(x)
    x = layers.Conv2D(4, field, activation="relu", name="wide")(x) if field else x
    x = layers.Flatten()(x) if head == "flat" else layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x))


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Model files by name, and the labels of their classes."""
    folder = tmp_path_factory.mktemp("networks")
    kinds = {
        "small": {}, "flat": {"head": "flat"}, "grey": {"channels": 1}, "loud": {"loud": 1e30},
        "wide": {"field": 8},
    }  # fmt: skip
    for name, options in kinds.items():
        build(**options).save(folder / f"{name}.keras")
    (folder / "labels.txt").write_text("\n".join(CLASSES))
    return folder


@pytest.fixture(scope="module")
def run(networks):
    """Dream with one of the networks, of layer second where nothing else is said."""

    def run(photos=CAT, *, network="small", **options):
        if not {"layer", "classes", "preview"} & set(options):
            options["layer"] = "second"
        fixed = {"model": networks / f"{network}.keras", "labels": networks / "labels.txt"}
        return list(dream(photos, **fixed, **{**SMALL, **options}))

    return run


@pytest.fixture(scope="module")
def plain(run):
    """The cat, of layer second."""
    (result,) = run()
    return result


def pixels(result) -> np.ndarray:
    assert result.error is None
    return np.asarray(result.image, int)


def photo(size=64) -> Image.Image:
    return open_photo(Item("cat.jpg", CAT), size=size).picture


def apart(one, other) -> float:
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


def losses(result) -> list[float]:
    return [line["loss"] for line in result.trace]


# What comes out


def test_a_dream_is_the_photo_with_more_of_what_the_layer_sees(plain):
    assert plain.name == "cat.jpg" and plain.error is None and plain.files == {}
    assert plain.image.size == (64, 42) and plain.image.mode == "RGB"
    assert 0.5 < apart(plain.image, photo()) < 6  # four steps of 1.5 levels
    assert [line["size"] for line in plain.trace] == [[46, 30]] * 2 + [[64, 42]] * 2
    for before, after in (plain.trace[:2], plain.trace[2:]):
        assert after["second"] < before["second"] < 0 and after["loss"] == after["second"]


def test_the_record_tells_what_became_of_it(plain):
    last = float(f"{plain.trace[-1]['loss']:.6g}")
    assert plain.to_dict() == {
        "path": "cat.jpg", "status": "ok", "width": 64, "height": 42, "steps": 4,
        "losses": {"dream": last},
    }  # fmt: skip
    json.dumps(plain.to_dict(), allow_nan=False)


def test_the_default_is_a_network_that_needs_no_download(noise):
    (result,) = dream(noise(0, (64, 64)), **SMALL)
    assert list(result.trace[0])[3] == "block6a_expand_relu"
    assert 0.5 < apart(result.image, noise(0, (64, 64))) < 6


@pytest.mark.parametrize("gradient", ["normalised", "laplacian"])
def test_a_step_moves_pixels_by_its_size_on_average(run, noise, gradient):
    (result,) = run(noise(2, (60, 40)), octaves=1, steps=1, step_size=3.0, gradient=gradient)
    assert apart(result.image, noise(2, (60, 40))) == pytest.approx(3, rel=0.03)


def test_failures_come_in_their_place(run, tmp_path, noise):
    (tmp_path / "broken.jpg").write_bytes(CAT.read_bytes()[:2000])
    results = run([tmp_path / "broken.jpg", Image.new("RGB", (1, 1)), noise(0, (90, 15)), CAT])
    assert [bool(result.error) for result in results] == [True, True, True, False]
    assert "truncated" in results[0].error
    assert "too small: 1 × 1 pixels, and the network needs 16" in results[1].error
    assert results[1].image is None and results[1].trace == []
    with pytest.raises(InputError, match="000001 was not painted: too small"):
        results[1].save(tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_the_photos_colours_exif_and_profile_are_kept_in_the_file(run, tmp_path):
    picture = photo().resize((48, 36))
    picture.save(tmp_path / "in.jpg", icc_profile=ADOBE, exif=camera_exif(), quality=95)
    (result,) = run(tmp_path / "in.jpg", output=tmp_path / "out")
    files = {kind: path.name for kind, path in result.files.items()}
    assert files == {"dream": "in.jpg", "trace": "in.trace.jsonl"}
    with Image.open(result.files["dream"]) as saved:
        assert saved.size == (36, 48)  # upright
        assert saved.info["icc_profile"] == ADOBE
        assert saved.getexif()[Base.Make] == "Maker" and saved.getexif()[Base.Orientation] == 1
    lines = (tmp_path / "out" / "in.trace.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == result.trace


# The same pixels always


def test_pixels_depend_neither_on_devices_nor_on_the_photos_beside(run, plain):
    photos = [FOLDER / "rocket.jpg", CAT, FOLDER / "flower.jpg"]
    one, two = run(photos, devices="cpu"), run(photos, devices="cpu:2")
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(pixels(a), pixels(b))
        assert losses(a) == losses(b)
    np.testing.assert_array_equal(pixels(two[1]), pixels(plain))


def test_the_seed_is_that_of_the_jitter(run, plain):
    np.testing.assert_array_equal(pixels(run(seed=0)[0]), pixels(plain))
    assert apart(run(seed=1)[0].image, plain.image) > 0.05
    still = [run(seed=seed, jitter=0)[0] for seed in (0, 1)]
    assert losses(still[0]) == losses(still[1])


def test_tiles_change_next_to_nothing(run):
    whole, tiled = (run(tile=tile, size=250, octaves=1)[0] for tile in (1024, 64))
    assert np.abs(pixels(whole) - pixels(tiled)).max() <= 1
    assert losses(tiled) == pytest.approx(losses(whole), rel=1e-4)


def test_when_memory_runs_out_tiles_are_halved_and_it_goes_on(run, plain, monkeypatch):
    slope, said = Slope.__call__, []

    def in_little_memory(self, at, tiles, *rest):
        if max(tile.core[3] - tile.core[1] for tile in tiles) > 64:
            raise tf.errors.ResourceExhaustedError(None, None, "no room")
        return slope(self, at, tiles, *rest)

    monkeypatch.setattr(Slope, "__call__", in_little_memory)
    (result,) = run(size=120, tile=256, report=said.append)
    assert result.error is None and len(result.trace) == 4
    assert [line for line in said if "memory" in line] == [
        f"out of memory: going on in tiles of {side} pixels" for side in (128, 64)
    ]
    monkeypatch.setattr(Slope, "__call__", lambda self, at, tiles, *rest: in_little_memory(
        self, at, [*tiles, tiles[0].__class__((0, 0, 99, 99), (0, 0, 99, 99))], *rest
    ))  # fmt: skip
    (result,) = run(size=120, tile=256)
    assert "out of memory, even in tiles of 64 pixels" in result.error


# What to dream of


def test_several_layers_add_up_each_with_its_weight(run, plain):
    (both,) = run(layer=["first:2", "second"])
    first = both.trace[0]
    assert first["second"] == pytest.approx(plain.trace[0]["second"], rel=1e-5)
    (alone,) = run(layer="first")
    assert first["first"] == pytest.approx(2 * alone.trace[0]["first"], rel=1e-5)
    assert first["loss"] == pytest.approx(first["first"] + first["second"])
    index = [tap.name for tap in list_taps(build())].index("second")
    assert losses(run(layer=[str(index)])[0]) == losses(plain)


def test_channels_are_those_of_the_one_layer(run, plain):
    (some,) = run(channels="3,5-7")
    assert some.trace[-1]["loss"] < some.trace[0]["loss"]
    assert apart(some.image, plain.image) > 0.1
    (every,) = run(channels="0-11")
    assert losses(every) == pytest.approx(losses(plain), rel=1e-5)
    (default,) = run(layer=(), channels="3,5-7")  # of the network's own layer
    assert default.trace[0]["loss"] < 0


@pytest.mark.parametrize("network", ["small", "flat"])
def test_a_class_gets_a_higher_score(run, network):
    (result,) = run(classes="tabby_cat", network=network, size=96, steps=5, jitter=0)
    scores = [-line["class tabby cat"] for line in result.trace]
    assert scores[4] > scores[0] and scores[-1] > scores[-5]
    (two,) = run(classes=["1", "dog"], network=network, size=96, octaves=1)
    assert list(two.trace[0])[3:-1] == ["class tabby cat", "class dog"]


def test_a_network_of_one_size_looks_through_windows(run, noise):
    start, options = noise(0, (120, 60)), {"network": "flat", "classes": "dog"}
    (shrunk,) = run(start, **options)
    assert "too small: 64 × 32 pixels as it was reduced, and the network needs 48" in shrunk.error
    (seen,) = run(start, **options, size=120, jitter=0)
    changed = np.abs(pixels(seen) - np.asarray(start, int)).max(axis=2)
    assert (changed.reshape(6, 10, 12, 10).max(axis=(1, 3)) > 0).all()  # everywhere


def test_a_guide_draws_the_photo_to_it(run, plain, noise):
    guide = FOLDER / "flower.jpg"
    (result,) = run(guide=guide, steps=6)
    assert losses(result)[-1] < losses(result)[-6] < 0
    assert apart(result.image, run(steps=6)[0].image) > 0.2
    (other,) = run(guide=noise(3, (30, 200)), steps=6)
    assert apart(other.image, result.image) > 0.2
    (small,) = run(guide=np.full((1, 1, 3), 200, np.uint8))
    assert small.error is None
    (both,) = run(guide=guide, layer="second", classes="dog")
    assert list(both.trace[0])[3:-1] == ["second", "class dog"]


# The picture


@pytest.mark.parametrize(
    ("size", "expected"), [("keep", (80, 64)), (512, (80, 64)), (40, (40, 32))]
)
def test_a_photo_is_shrunk_to_size_and_never_enlarged(run, noise, size, expected):
    (result,) = run(noise(0, (80, 64)), size=size, steps=1)
    assert result.image.size == expected


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_strength_is_the_share_of_the_dream(run, plain, strength):
    here = np.asarray(photo(), float)
    expected = here + strength * (pixels(plain) - here)
    np.testing.assert_allclose(pixels(run(strength=strength)[0]), expected, atol=1)


def test_with_its_colours_kept_only_the_brightness_changes(run):
    here = np.asarray(photo(), int)
    (result,) = run(preserve_color=True, step_size=4.0)
    inside = ((pixels(result) > 0) & (pixels(result) < 255)).all(axis=-1)  # nothing was clipped
    colour = (pixels(result) - here)[inside] @ YIQ.T
    assert inside.mean() > 0.5 and np.abs(colour).max() < 1  # rounding
    assert apart(result.image, here) > 1


def test_a_mask_says_where_to_dream(run, plain):
    here = np.asarray(photo(), int)
    left = np.zeros((42, 64), np.uint8)
    left[:, :32] = 255
    (result,) = run(mask=left)
    np.testing.assert_array_equal(pixels(result)[:, 32:], here[:, 32:])
    assert apart(pixels(result)[:, :32], here[:, :32]) > 0.5
    (everywhere,) = run(mask=np.full((84, 128), 255, np.uint8))
    assert apart(everywhere.image, plain.image) < 0.1
    (nowhere,) = run(mask=np.zeros((42, 64), np.uint8))
    np.testing.assert_array_equal(pixels(nowhere), here)


def test_a_mask_of_another_shape_or_missing_is_the_photos_failure(run, tmp_path):
    (result,) = run(mask=np.full((48, 48), 255, np.uint8))
    assert result.image is None and result.error == (
        "the mask has 48 × 48 pixels, which is another shape than that of the photo, "
        "painted at 64 × 42"
    )
    (result,) = run(mask=tmp_path)
    assert result.error == f"no mask for it in {tmp_path}"


# What is not finite


def test_a_term_that_is_not_finite_is_named_and_the_picture_stays_as_it_was(run):
    (result,) = run(network="loud", layer="loud")
    assert result.error == (
        "loud is -inf at step 1 of 4, 46 × 30 pixels; the picture is as it was before; "
        "smaller steps may help"
    )
    np.testing.assert_array_equal(np.asarray(result.image), np.asarray(photo()))
    assert result.to_dict()["status"] == "failed" and result.trace == []


@pytest.mark.parametrize("options", [{"step_size": 1e30}, {"precision": "bfloat16"}], ids=str)
def test_pixels_are_finite_whatever_the_step(run, options):
    (result,) = run(**options)
    assert result.error is None and apart(result.image, photo()) > 0.5


# Films


def test_a_film_is_one_dream_over_another_drawn_nearer(run, tmp_path):
    film = {"frames": 3, "zoom": 1.2, "rotate": 10.0, "output": tmp_path, "video": "frames"}
    (result,) = run(**film)
    assert result.error is None and len(result.trace) == 3 * 4
    frames = [decode(tmp_path / "cat.frames" / f"{number:05d}.png") for number in range(3)]
    assert sorted(path.name for path in result.files["film"].iterdir()) == [
        "00000.png", "00001.png", "00002.png"
    ]  # fmt: skip
    assert frames[-1].tobytes() == result.image.tobytes()
    before = zoomed(np.asarray(frames[0], np.float32)[None], 1.2, 10.0)[0]
    assert apart(frames[1], before) < 6 < apart(frames[1], frames[0])
    run(**film | {"frames": 2})
    assert len(list(result.files["film"].iterdir())) == 2  # those of the longer film are gone


def test_the_first_picture_of_a_film_is_the_dream_alone(run, plain, tmp_path):
    run(frames=1, output=tmp_path, video="frames")
    first = decode(tmp_path / "cat.frames" / "00000.png")
    assert first.tobytes() == plain.image.tobytes()


def test_films_are_gif_and_mp4_too(run, tmp_path):
    (result,) = run(frames=2, output=tmp_path)
    with Image.open(result.files["film"]) as film:
        assert film.format == "GIF" and film.n_frames == 2 and film.size == (64, 42)
    av = pytest.importorskip("av")
    (result,) = run(frames=2, output=tmp_path, video="mp4")
    with av.open(result.files["film"]) as film:
        sizes = [(frame.width, frame.height) for frame in film.decode(video=0)]
    assert sizes == [(64, 42)] * 2


def test_a_film_that_is_stopped_ends_with_the_last_whole_picture(networks):
    method = Method(
        model=str(networks / "small.keras"), labels=None, pixel_range="0..255",
        layers={"second": 1.0}, channels=None, classes=(), guide=None, gradient="laplacian",
        octaves=2, octave_scale=1.4, steps=2, step_size=1.5, jitter=4, preserve_color=False,
        strength=1.0, tile=1024, seed=0,
    )  # fmt: skip
    placement = place("cpu")
    (device,) = placement.strategy.extended.worker_devices
    studio = open_studio(method, "float32", placement, device, print, every_layer=False)
    stop = Stop()
    watch = Watch("cat.jpg", stop=stop)
    watch.plan(12)
    reel = Reel(studio.dreamer, to_pixels(photo()), None, watch)
    pictures = reel.pictures(Film(3, 1.1, 0.0, "gif"))
    first = next(pictures)
    stop.set()
    assert list(pictures) == []
    assert reel.stopped == "stopped at step 5 of 12; the picture is as it was then"
    np.testing.assert_array_equal(np.rint(reel.pixels[0]), np.asarray(first))


# The sheet of layers


def test_a_preview_shows_every_layer_worth_it(run, tmp_path):
    (result,) = run(preview=True, output=tmp_path, steps=1, octaves=1)
    assert {name for line in result.trace for name in line} >= {"first", "second"}
    assert len(result.trace) == 2 and result.files["layers"].name == "cat_layers.png"
    sheet = decode(tmp_path / "cat_layers.png")
    assert sheet.tobytes() == result.image.tobytes()
    assert sheet.width > 3 * 64 and 42 < sheet.height < 2 * 42  # the photo and two layers
    assert [path.name for path in tmp_path.iterdir()] == ["cat_layers.png"]


def test_a_preview_needs_a_photo_that_every_layer_can_see(run, noise):
    photos = [noise(0, (40, 24)), noise(0, (40, 32))]
    small, large = run(photos, network="wide", preview=True, steps=1, octaves=1)
    assert "too small: 40 × 24 pixels, and the network needs 32" in small.error
    assert large.error is None and len(large.trace) == 3


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "secnod"}, 'has no layer "secnod". Did you mean "second"'),
        ({"layer": "pool"}, r"layer pool gives \(12,\), which has no places; take one with a map"),
        ({"layer": "99"}, "layer 99 is out of range"),
        ({"layer": "second:x"}, '--layer "second:x": a layer, or'),
        ({"layer": ["first", "second"], "channels": "1"}, "--channels are those of one layer"),
        ({"classes": "dog", "channels": "1"}, "--channels are those of one layer"),
        ({"channels": "12"}, "channel 12: layer second has channels 0 to 11"),
        ({"channels": "a"}, 'channels "a" are not like'),
        ({"channels": "1", "guide": CAT}, "--channels and --guide both say"),
        ({"classes": "tabby cta"}, 'has no class "tabby cta".*Did you mean "tabby cat"'),
        ({"guide": "none.jpg"}, "cannot dream of none.jpg"),
        ({"guide": FOLDER / "ATTRIBUTION.md"}, "cannot dream of .*ATTRIBUTION.md"),
        ({"mask": "none.png"}, "cannot read the mask none.png"),
        ({"preset": "creature"}, '--preset "creature" is none of .*Did you mean "creatures"'),
        ({"steps": 0}, "--steps is at least 1, not 0"),
        ({"octaves": 0}, "--octaves is at least 1"),
        ({"octave_scale": 1.0}, "--octave-scale is a number of at least 1.05"),
        ({"step_size": 0.0}, "--step-size is a number above 0"),
        ({"step_size": float("nan")}, "--step-size is a number above 0"),
        ({"jitter": -1}, "--jitter is at least 0"),
        ({"tile": 63}, "--tile is at least 64"),
        ({"seed": -1}, "--seed is at least 0"),
        ({"gradient": "steep"}, "--gradient is one of normalised, laplacian"),
        ({"size": 31}, "--size is keep, or pixels from 32 to 4096, not 31"),
        ({"strength": float("nan")}, "--strength is a number from 0 to 1"),
        ({"frames": 2}, "--frames writes files: name a folder with --output"),
        ({"frames": -1}, "--frames is at least 0"),
        ({"zoom": 3.0}, "--zoom is a number from 0.5 to 2"),
        ({"rotate": float("nan")}, "--rotate is a number from -360 to 360"),
        ({"zoom": 1.1}, "--zoom is about films: say how many --frames"),
        ({"steps": 1.5}, "--steps is a whole number, not 1.5"),
        ({"layer": "first:0"}, "--layer: all weights are 0"),
        ({"precision": "float16"}, "--precision is one of auto, float32, bfloat16"),
        ({"strategy": "two"}, "--strategy is auto, one or mirrored"),
        ({"batch_size": 0}, "--batch-size is at least 1, not 0"),
        ({"video": "avi"}, "--video is one of gif, mp4, frames"),
        ({"preview": True, "layer": "second"}, "--preview shows every layer"),
        ({"preview": True, "mask": CAT}, "--preview shows every layer"),
        ({"network": "grey"}, "grey.keras sees grey pictures; dreams need one that sees colour"),
        ({"model": "efficientnet-lite00"}, "Did you mean"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(run, options, message):
    if "model" in options:
        with pytest.raises(UsageError, match=message):
            list(dream(CAT, **options))
        return
    with pytest.raises(UsageError, match=message):
        run(**options)


# Layers where none is named


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("googlenet", "inception4c"),
        ("inceptionv3", "mixed5"),
        ("vgg16-hed", "block5_conv1"),
        ("efficientnet-lite0", "block6a_expand_relu"),
    ],
)
def test_networks_of_the_catalog_have_a_layer_to_dream_of(name, layer):
    source = find_model(name)
    assert default_layer(build_network(source.entry, weights=None), source) == layer


def test_presets_name_layers_that_their_networks_have():
    found = {}
    for preset in map(find_preset, PRESETS):
        if preset.model not in found:
            found[preset.model] = build_network(find_model(preset.model).entry, weights=None)
        for layer in preset.layer:
            assert map_layer(found[preset.model], layer) == layer


def test_inputs_read_one_by_one_are_never_written_over(run, tmp_path, noise):
    noise().save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(UsageError, match=r"a\.png is an input and lies in"):
        run(iter([tmp_path / "a.png"]), output=tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before
    with pytest.raises(UsageError, match="would both be written to"):
        run(iter([tmp_path / "a.png", tmp_path / "a.png"]), output=tmp_path / "out")


def test_a_dream_that_nobody_waits_for_is_not_written(networks, tmp_path):
    photos = iter([tmp_path / "none.png", FOLDER / "cat.jpg"])
    options = {
        "model": str(networks / "small.keras"),
        "size": 64,
        "steps": 3000,
        "devices": "cpu:2",
    }
    for result in dream(photos, output=tmp_path / "out", **options):
        assert result.error is not None
        break
    assert not (tmp_path / "out").exists()
