"""Photos repainted, from Python: the same pixels always, and what each option changes of them."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from PIL.ExifTags import Base

from dltk.batch import Item
from dltk.errors import InputError, UsageError
from dltk.images import decode
from dltk.painting.photo import open_photo
from dltk.samples import FOLDER, STYLES
from recipes import _gatys
from recipes._gatys import Method, Studio
from recipes.stylize import stylize
from tests.test_metadata import ADOBE, camera_exif

# The first layers only, and few steps: the method is the same, and a picture takes a second.
SMALL = {
    "size": 48,
    "steps": 2,
    "content_layers": ["block2_conv1"],
    "style_layers": ["block1_conv1", "block2_conv1"],
    "precision": "float32",
}
CAT = FOLDER / "cat.jpg"
YIQ = np.array([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # I and Q of RGB


def paint(photos=CAT, **options):
    return list(stylize(photos, **{"style": "brush-strokes", **SMALL, **options}))


def pixels(result) -> np.ndarray:
    assert result.error is None
    return np.asarray(result.image, int)


def photo() -> Image.Image:
    """Return the cat at the size that it is painted in."""
    return open_photo(Item("cat.jpg", CAT), size=SMALL["size"]).picture


def apart(one, other) -> float:
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


@pytest.fixture(scope="module")
def plain():
    """The cat in brush strokes."""
    (result,) = paint()
    return result


# What comes out


def test_a_painting_is_the_photo_on_its_way_to_the_style(plain):
    assert plain.name == "cat.jpg" and plain.error is None and plain.files == {}
    assert plain.image.size == (48, 32) and plain.image.mode == "RGB"
    assert 3 < apart(plain.image, photo()) < 20  # two steps of about ten levels
    assert [line["step"] for line in plain.trace] == [1, 2]
    assert all(line["size"] == [48, 32] for line in plain.trace)
    first, second = plain.trace
    assert first["content"] == 0 and second["content"] > 0
    assert second["style"] < first["style"] == pytest.approx(first["loss"])


def test_the_record_tells_what_became_of_it(plain):
    fields = plain.to_dict()
    last = float(f"{plain.trace[-1]['loss']:.6g}")
    assert fields == {
        "path": "cat.jpg",
        "status": "ok",
        "width": 48,
        "height": 32,
        "steps": 2,
        "losses": {"brush-strokes": last},
    }
    json.dumps(fields, allow_nan=False)


def test_every_photo_is_painted_in_every_style(noise, tmp_path):
    styles = [STYLES / "stained-glass.jpg", noise(3, (64, 64))]
    results = paint([CAT, noise(0, (60, 44)), np.full((40, 40), 90, np.uint8)], style=styles)
    assert [result.name for result in results] == ["cat.jpg", "000001", "000002"]
    for result in results:
        assert list(result.paintings) == ["stained-glass", "style-2"]
        one, other = (painting.image for painting in result.paintings.values())
        assert one.size == other.size and apart(one, other) > 1
    results[0].save(tmp_path / "cat.png")
    assert decode(tmp_path / "cat.png").tobytes() == results[0].image.tobytes()


def test_failures_come_in_their_place(tmp_path, noise):
    (tmp_path / "broken.jpg").write_bytes(CAT.read_bytes()[:2000])
    tiny = Image.new("RGB", (1, 1))
    results = paint([tmp_path / "broken.jpg", tiny, noise(0, (31, 90)), CAT])
    assert [bool(result.error) for result in results] == [True, True, True, False]
    assert "truncated" in results[0].error
    assert "too small: 1 × 1 pixels, and the network needs 32" in results[1].error
    assert results[1].image is None and results[1].trace == []
    assert results[1].to_dict()["status"] == "failed"
    with pytest.raises(InputError, match="000001 was not painted: too small"):
        results[1].save(tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_the_photos_colours_exif_and_profile_are_kept_in_the_file(tmp_path):
    photo().resize((48, 36)).save(
        tmp_path / "in.jpg", icc_profile=ADOBE, exif=camera_exif(), quality=95
    )
    (result,) = paint(tmp_path / "in.jpg", output=tmp_path / "out")
    files = {kind: path.name for kind, path in result.files.items()}
    assert files == {
        "brush-strokes": "in__brush-strokes.jpg",
        "brush-strokes/trace": "in__brush-strokes.trace.jsonl",
    }
    with Image.open(result.files["brush-strokes"]) as saved:
        assert saved.size == (36, 48)  # upright
        assert saved.info["icc_profile"] == ADOBE
        assert saved.getexif()[Base.Make] == "Maker" and saved.getexif()[Base.Orientation] == 1
    lines = (tmp_path / "out" / "in__brush-strokes.trace.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == result.trace


# The same pixels always


@pytest.mark.parametrize("init", ["content", "noise"])
def test_a_seed_gives_the_same_pixels_on_one_device_and_on_two(init):
    photos = [CAT, FOLDER / "rocket.jpg"]
    one = paint(photos, init=init, devices="cpu")
    two = paint(photos, init=init, devices="cpu:2")
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(pixels(a), pixels(b))
        assert [line["loss"] for line in a.trace] == [line["loss"] for line in b.trace]


def test_noise_depends_on_the_seed_and_not_on_the_photo(plain):
    here, there = (paint(init="noise", seed=seed)[0] for seed in (1, 2))
    assert apart(here.image, there.image) > 20
    assert apart(here.image, photo()) > 30 and here.trace[0]["content"] > 0


def test_it_can_begin_with_another_picture(noise, tmp_path):
    noise(0, (96, 64)).save(tmp_path / "start.png")
    (result,) = paint(init=tmp_path / "start.png", steps=1)
    start = decode(tmp_path / "start.png").resize((48, 32), Image.Resampling.LANCZOS)
    assert 5 < apart(result.image, start) < 10.5  # one step of ten levels
    with pytest.raises(UsageError, match=r"--init is content, noise or a picture; none\.png: "):
        paint(init="none.png")


def test_tiles_change_next_to_nothing():
    options = {"size": 150, "min_scale": 150, "init": "noise"}
    whole, tiled = (paint(**options, tile=tile)[0] for tile in (1024, 64))
    assert np.mean(pixels(whole) != pixels(tiled)) < 0.01
    for a, b in zip(whole.trace, tiled.trace, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)


# Sizes


@pytest.mark.parametrize(
    ("size", "expected"), [("keep", (80, 64)), (512, (80, 64)), (40, (40, 32))]
)
def test_a_photo_is_shrunk_to_size_and_never_enlarged(noise, size, expected):
    (result,) = paint(noise(0, (80, 64)), size=size, min_scale=80, steps=1)
    assert result.image.size == expected


def test_it_goes_from_coarse_to_fine():
    (result,) = paint(photo().resize((100, 67)), size=100, min_scale=50, scale_factor=1.4)
    assert [line["size"][0] for line in result.trace] == [51, 51, 71, 71, 100, 100]
    assert result.image.size == (100, 67)


def test_above_512_pixels_there_are_fewer_steps_in_proportion():
    studio = Studio.__new__(Studio)
    studio.method = method(steps=100, min_scale=256, scale_factor=2.0)
    assert studio.plan((2048, 1024)) == [(256, 100), (512, 100), (1024, 50), (2048, 25)]
    assert studio.plan((2048, 100)) == [(1024, 50), (2048, 25)]  # no shorter side below 32


def method(**changed) -> Method:
    settings = {
        "backbone": "vgg16-hed", "content_layers": {"block1_conv1": 1.0},
        "style_layers": {"block1_conv1": 1.0}, "content_weight": 1.0, "style_weight": 1.0,
        "tv_weight": 0.0, "pooling": "max", "optimizer": "adam", "rate": None, "steps": 1,
        "min_scale": 128, "scale_factor": 1.4, "style_scale": 1.0, "preserve_color": "none",
        "tile": 1024, "seed": 0,
    }  # fmt: skip
    return Method(**settings | changed)


# Styles


def test_styles_of_every_kind_of_picture_are_taken(noise):
    kinds = [noise(4, (40, 40)).convert(mode) for mode in ("L", "RGBA", "P", "1")]
    (result,) = paint(style=kinds, steps=1)
    assert len(result.paintings) == 4 and result.error is None


def test_a_style_may_be_as_small_as_two_places_of_the_deepest_layer(noise):
    deep = ["block1_conv1", "block5_conv1"]
    (result,) = paint(style=noise(1, (32, 32)), steps=1, style_layers=deep)
    assert result.error is None
    message = "cannot take a style from the style: it has 31 × 40 pixels, and the network needs 32"
    with pytest.raises(UsageError, match=message):
        paint(style=noise(1, (31, 40)))


def test_a_blend_is_the_mean_of_its_styles(plain, noise):
    styles = ["brush-strokes", noise(2, (64, 64))]
    (only,) = paint(style=styles, blend="3,0")
    assert list(only.paintings) == ["brush-strokes+style-2"]
    np.testing.assert_array_equal(pixels(only), pixels(plain))
    (even,) = paint(style=styles, blend=[1, 1])
    assert apart(even.image, plain.image) > 0.5
    (again,) = paint(style=styles, blend="2,2")
    np.testing.assert_array_equal(pixels(even), pixels(again))


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_strength_is_the_share_of_the_painting(plain, strength):
    (result,) = paint(strength=strength)
    here = np.asarray(photo(), float)
    expected = here + strength * (pixels(plain) - here)
    np.testing.assert_allclose(pixels(result), expected, atol=0.5 + 0.5 * strength)


# Masks


def test_a_mask_says_where_the_style_goes(plain):
    left = np.zeros((32, 48), np.uint8)
    left[:, :24] = 255
    (result,) = paint(mask=[left])
    here = np.asarray(photo(), int)
    np.testing.assert_array_equal(pixels(result)[:, 24:], here[:, 24:])
    assert apart(pixels(result)[:, :24], here[:, :24]) > 3
    (everywhere,) = paint(mask=[np.full((64, 96), 255, np.uint8)])
    assert apart(everywhere.image, plain.image) < 0.1
    (nowhere,) = paint(mask=[np.zeros((32, 48), np.uint8)])
    np.testing.assert_array_equal(pixels(nowhere), here)


def test_each_style_has_its_own_place(plain):
    left = np.zeros((32, 48), np.uint8)
    left[:, :24] = 255
    styles = ["brush-strokes", "stained-glass"]
    (one,) = paint(style=styles, mask=[left, 255 - left])
    (other,) = paint(style=styles, mask=[255 - left, left])
    assert list(one.paintings) == ["brush-strokes+stained-glass"]
    assert one.trace[0]["style"] != other.trace[0]["style"]
    assert apart(one.image, other.image) > 1


def test_masks_may_be_a_folder_named_like_the_photos(tmp_path):
    (tmp_path / "masks").mkdir()
    Image.new("L", (48, 32), 0).save(tmp_path / "masks" / "cat.png")
    Image.new("L", (48, 32), 255).save(tmp_path / "masks" / "cat.2.png")
    cat, rocket = paint([CAT, FOLDER / "rocket.jpg"], mask=tmp_path / "masks")
    assert apart(cat.image, photo()) == 0
    assert rocket.error == f"no mask for it in {tmp_path / 'masks'}"


def test_a_mask_of_another_shape_is_the_photos_failure():
    (result,) = paint(mask=[np.full((48, 48), 255, np.uint8)])
    assert result.image is None
    assert result.error == (
        "the mask has 48 × 48 pixels, which is another shape than that of the photo, "
        "painted at 48 × 32"
    )


# Colours


def test_with_luminance_kept_only_the_brightness_is_painted():
    (result,) = paint(preserve_color="luminance")
    here = np.asarray(photo(), int)
    inside = ((pixels(result) > 0) & (pixels(result) < 255)).all(axis=-1)  # nothing was clipped
    colour = (pixels(result) - here)[inside] @ YIQ.T
    assert inside.mean() > 0.5 and np.abs(colour).max() < 1  # rounding
    assert apart(result.image, here) > 2


@pytest.mark.parametrize("how", ["histogram", "linear"])
def test_with_its_colours_lent_to_the_style_the_photo_keeps_them(plain, how):
    style = Image.new("RGB", (64, 64), (0, 0, 255))
    (kept,) = paint(style=style, preserve_color=how, steps=8)
    (blue,) = paint(style=style, steps=8)
    mean = np.asarray(photo()).mean((0, 1))
    assert (
        np.abs(pixels(kept).mean((0, 1)) - mean).max()
        < np.abs(pixels(blue).mean((0, 1)) - mean).max()
    )


# Options


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "lbfgs"},
        {"pooling": "avg"},
        {"tv_weight": 100.0},
        {"rate": 2.0},
        {"style_scale": 0.7},
        {"style_layers": ["block1_conv1:4", "block2_conv1"]},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_options_of_the_method_change_the_painting(plain, change):
    (result,) = paint(**change)
    assert 0.1 < apart(result.image, plain.image) < 30
    assert result.trace[-1]["loss"] < result.trace[0]["loss"]
    assert ("tv" in result.trace[0]) == ("tv_weight" in change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": ()}, "no style: name a picture with --style, or one of brush-strokes, stained"),
        ({"style": "brush-stroke"}, 'no such style: brush-stroke; .* Did you mean "brush-strokes"'),
        ({"style": ["brush-strokes"] * 2}, 'two styles are called "brush-strokes"'),
        ({"style": STYLES / "ATTRIBUTION.md"}, "no such style|cannot take a style from"),
        ({"blend": "1,2"}, "--blend has 2 weights for 1 styles"),
        ({"blend": "a"}, '--blend is one number for each style, such as 2,1, not "a"'),
        ({"blend": "0"}, "not all of them 0"),
        ({"blend": "1", "mask": [CAT]}, "--blend mixes styles everywhere, --mask gives each"),
        ({"mask": [CAT, CAT]}, "--mask is given 2 times for 1 styles"),
        ({"mask": ["none.png"]}, "cannot read the mask none.png"),
        ({"steps": 0}, "--steps is at least 1, not 0"),
        ({"tile": 63}, "--tile is at least 64"),
        ({"seed": -1}, "--seed is at least 0"),
        ({"size": 31}, "--size is keep, or pixels from 32 to 4096, not 31"),
        ({"size": "big"}, "--size is keep, or pixels"),
        ({"strength": 1.5}, "--strength is a number from 0 to 1, not 1.5"),
        ({"strength": float("nan")}, "--strength is a number from 0 to 1"),
        ({"style_weight": float("nan")}, "--style-weight is a number of at least 0"),
        ({"scale_factor": 1.0}, "--scale-factor is a number of at least 1.05"),
        ({"backbone": "resnet"}, "--backbone is one of vgg16-hed, vgg16, vgg19"),
        ({"optimizer": "lbfgs", "rate": 1.0}, "--rate is Adam's"),
        ({"style_layers": []}, "--style-layers: at least one is needed"),
        ({"style_layers": ["block1_conv1:x"]}, '--style-layers "block1_conv1:x": a layer, or'),
        ({"style_layers": ["block1_conv1"] * 2}, "each layer once"),
        ({"content_layers": ["block9_conv1"]}, 'vgg16-hed has no layer "block9_conv1". Did you'),
        ({"gif": True}, "--save-every and --gif write files: name a folder with --output"),
    ],
    ids=str,
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        paint(**options)


def test_a_loss_that_is_not_finite_leaves_the_picture_as_it_was(tmp_path):
    (result,) = paint(style_weight=1e38, output=tmp_path, gif=True)
    assert result.error.startswith("style is inf at step 1 of 2, 48 × ")
    assert apart(result.image, photo()) == 0 and result.trace == []
    assert result.to_dict()["status"] == "failed" and result.to_dict()["losses"] == {}
    assert result.files["brush-strokes"].exists()


def test_a_layer_without_places_has_no_style(monkeypatch):
    inputs = keras.Input((64, 64, 3))
    x = layers.GlobalAveragePooling2D(name="pooled")(layers.Conv2D(4, 3, name="conv")(inputs))
    monkeypatch.setattr(_gatys, "load_whole", lambda source: keras.Model(inputs, x))
    with pytest.raises(UsageError, match="layer pooled of vgg16-hed has no places, only channels"):
        paint(style_layers=["pooled"], content_layers=["conv"])


def test_two_photos_in_two_styles_never_share_a_file(tmp_path, noise):
    for name in ("a.png", "a__b.png", "b__c.png", "c.png"):
        noise(size=(64, 64)).save(tmp_path / name)
    photos, styles = (
        [str(tmp_path / f"{n}.png") for n in names] for names in (("a", "a__b"), ("b__c", "c"))
    )
    with pytest.raises(
        UsageError, match=r"a.png and .*a__b.png would both be written to .*a__b__c"
    ):
        list(stylize(photos, style=styles, output=tmp_path / "out"))


def test_a_mask_with_transparency_is_refused(tmp_path):
    mask = Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    mask.save(tmp_path / "mask.png")
    for source in (tmp_path / "mask.png", mask):
        with pytest.raises(UsageError, match="a mask has no transparency; paint it in white on"):
            paint(mask=[source])
    (same,) = paint(mask=np.zeros((300, 451), np.uint8))
    assert (
        np.abs(pixels(same) - np.asarray(open_photo(same.item, size=48).picture, float)).max() < 1
    )


def test_grams_that_are_kept_are_few(monkeypatch, noise):
    monkeypatch.setattr(_gatys, "_CACHED", 3)
    kept = []
    measure = Studio._grams_of
    monkeypatch.setattr(
        Studio, "_grams_of", lambda self, *a: (measure(self, *a), kept.append(len(self._grams)))[0]
    )
    paint([noise(n, (33 + n, 40)) for n in range(6)], min_scale=40)
    assert max(kept) <= 3
