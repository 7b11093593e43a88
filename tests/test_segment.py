"""What is where in pictures, from Python: label maps, and what is asked and made of them."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from dltk.batch import gather
from dltk.canvas import fit_within
from dltk.errors import DltkError, InputError, UsageError
from dltk.geometry import Geometry
from dltk.masks import IGNORE, PALETTE, label_map, of_polygons, of_run_lengths
from dltk.modelfile import ModelCard, save_model
from dltk.objects import EXTENT, PIXELS
from recipes._segment_copies import Copies
from recipes._trained_segmenter import NetworkSegmenter
from recipes.segment import segment
from tests.folders import tree
from tests.small_segmenters import (  # noqa: F401
    CHANCE_SIDE,
    CLASSES,
    GREEN,
    GREEN_BOX,
    GROUND,
    NAMES,
    RED,
    RED_BOX,
    SIDE,
    chance,
    chance_segmenter,
    colour_scores,
    colours,
    painted,
    save_colours,
    truth_of,
)

EXACT = {"devices": "cpu", "precision": "float32"}


@pytest.fixture
def find(colours):  # noqa: F811
    """Tell colours apart, with any options of the recipe."""
    return lambda images, **options: list(
        segment(images, **{"model": colours, "devices": "cpu"} | options)
    )


@pytest.fixture
def both():
    """A picture of the network's size with something red and something green."""
    return painted(red=[RED_BOX], green=[GREEN_BOX])


@pytest.fixture
def pictures(tmp_path, both):
    """Three pictures: with something of each class, with nothing, and not readable."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    both.save(folder / "both.png")
    painted((30, 20)).save(folder / "deep er/none [1].jpg")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), int)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# Label maps


def test_each_pixel_has_its_class_and_classes_their_shares_the_largest_first(find, both):
    result = find(both)[0]
    assert result.mask.dtype == np.uint8 and result.error is None and result.path is None
    np.testing.assert_array_equal(result.mask, truth_of(both))
    sure = [softmax(colour_scores(np.array(each))) for each in ([128] * 3, [0, 255, 0])]
    assert [(a.name, a.number, a.value, a.pixels) for a in result.areas] == [
        ("background", 0, 0, 48 * 64 - 24 * 28 - 32 * 16),
        ("green", 2, 2, 24 * 28),
        ("red one", 1, 1, 32 * 16),
    ]
    assert [a.score for a in result.areas] == pytest.approx(
        [sure[0][0], sure[1][2], sure[1][2]], abs=5e-3
    )
    assert sum(a.share for a in result.areas) == pytest.approx(1, abs=1e-5)
    fields = json.loads(json.dumps(result.to_dict()))
    assert list(fields) == ["path", "status", "width", "height", "areas"]
    assert (fields["width"], fields["height"]) == (64, 48)
    assert fields["areas"][2] | {"score": 0} == {
        "label": "red one", "value": 1, "pixels": 512, "share": 0.166667, "score": 0
    }  # fmt: skip


def test_ids_of_classes_are_told(find, both, tmp_path):
    model = save_colours(tmp_path / "ids.keras", label_ids=("g0", "r1", "g2"))
    assert [a.to_dict()["id"] for a in find(both, model=model)[0].areas] == ["g0", "g2", "r1"]
    assert find(both, model=model, classes="R1")[0].areas[1].name == "red one"


SIZES = [(128, 96), (200, 131), (77, 160), (300, 9), (1, 40)]


@pytest.fixture(scope="module")
def noisy():
    """Pictures of many colours and sizes."""
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8)).resize(size) for size in SIZES
    ]


@pytest.fixture(scope="module")
def by_hand(noisy):
    """The probabilities of these pictures at the network's size, worked out step by step."""
    network, found = chance_segmenter(), []
    for picture in noisy:
        canvas = fit_within(picture, CHANCE_SIDE, CHANCE_SIDE)
        inputs = {PIXELS: np.float32(canvas.pixels[None]), EXTENT: np.float32([canvas.size])}
        high, wide = canvas.size
        found.append(softmax(np.asarray(network(inputs))[0, :high, :wide]))
    return found


def enlarged(probabilities: np.ndarray, size) -> np.ndarray:
    """Probabilities at a picture's size, (H, W, K)."""
    parts = [
        Image.fromarray(np.ascontiguousarray(probabilities[..., at])).resize(
            size, Image.Resampling.BILINEAR
        )
        for at in range(probabilities.shape[2])
    ]
    return np.stack([np.asarray(part) for part in parts], axis=2)


def test_a_label_map_is_what_the_network_scores_highest_at_the_pictures_size(
    chance, noisy, by_hand  # noqa: F811
):  # fmt: skip
    """Scores, softmax, bilinear to the picture's size, and the likeliest class there."""
    results = list(segment(noisy, model=chance, batch_size=2, **EXACT))
    for result, picture, small in zip(results, noisy, by_hand, strict=True):
        expected = enlarged(small, picture.size)
        assert result.mask.shape == picture.size[::-1]
        assert (result.mask == expected.argmax(axis=2)).mean() >= 0.999
        for area in result.areas:
            values = small[..., area.value]
            np.testing.assert_allclose(result.heat[area.value], values, atol=1e-4)
            best = small.argmax(axis=2) == area.value
            assert area.score == pytest.approx(values[best].mean(), abs=1e-3)
    assert sum(len(result.areas) for result in results) > len(results)


def test_pixels_are_left_open_that_are_less_sure_at_the_pictures_size(
    chance, noisy, by_hand  # noqa: F811
):  # fmt: skip
    """Also between two classes that are both sure of their own places."""
    sure = [enlarged(small, picture.size) for small, picture in zip(by_hand, noisy, strict=True)]
    score = float(np.quantile(sure[1].max(axis=2), 0.4))
    results = list(segment(noisy, model=chance, score=score, **EXACT))
    for result, expected in zip(results, sure, strict=True):
        kept = expected.max(axis=2) >= score
        expected = np.where(kept, expected.argmax(axis=2), IGNORE)
        assert (result.mask == expected).mean() >= 0.995
    assert (results[1].mask == IGNORE).mean() == pytest.approx(0.4, abs=0.01)
    assert all(area.value != IGNORE for result in results for area in result.areas)
    assert sum(area.share for area in results[1].areas) == pytest.approx(0.6, abs=0.01)


def test_where_colours_meet_a_pixel_is_open_if_neither_is_sure(find):
    """A line of pixels twice as wide as the canvas shows it, red to the left and green beyond."""
    picture = painted((128, 96), red=[(0, 0, 63, 96)], green=[(63, 0, 128, 96)])
    sure, all_of_it = find(picture, score=0.95)[0].mask, find(picture)[0].mask
    assert set(np.unique(all_of_it)) == {RED, GREEN}
    open_columns = np.flatnonzero((sure == IGNORE).all(axis=0))
    assert len(open_columns) and np.abs(open_columns - 63).max() <= 2
    assert (sure[:, :60] == RED).all() and (sure[:, 67:] == GREEN).all()
    tiled = find(picture, score=0.95, tile=64)[0].mask  # at its own scale: nothing in between
    np.testing.assert_array_equal(tiled, truth_of(picture))


def test_pixels_no_class_is_sure_of_are_open_in_tiles_too(find):
    pale = Image.new("RGB", (150, 100), (128, 128, 128))
    pale.paste((205, 128, 128), (0, 0, 75, 100))  # red by a little
    pale.paste((255, 0, 0), (75, 50, 150, 100))
    truth = softmax(colour_scores(np.asarray(pale)))
    assert truth[0, 0].argmax() == RED and truth[0, 0].max() < 0.6 < truth[0, 100].max() < 0.9
    for score, expected in (
        (0.6, [[IGNORE, GROUND], [IGNORE, RED]]),
        (0.9, [[IGNORE] * 2, [IGNORE, RED]]),
    ):
        mask = find(pale, score=score, tile=64)[0].mask
        corners = mask[[10, 10, 90, 90], [10, 140, 10, 140]].reshape(2, 2)
        assert corners.tolist() == expected


def test_label_maps_are_of_the_upright_picture(find, tmp_path):
    upright = painted((200, 120), red=[(0, 0, 50, 120)], green=[(150, 60, 200, 120)])
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # stored lying on its left side
    for name in ("turned.jpg", "turned.png"):
        stored = upright.transpose(Image.Transpose.ROTATE_90)
        stored.save(tmp_path / name, exif=exif, quality=100, subsampling=0)
    for result in find(tmp_path, overlay=tmp_path / "out", tile=64):
        assert result.mask.shape == (120, 200)
        assert (result.mask == truth_of(upright)).mean() > 0.98
        assert Image.open(result.files["overlay"]).size == (200, 120)


def test_a_large_photo_is_decoded_smaller_and_its_label_map_is_of_full_size(find, tmp_path):
    picture = painted((1001, 777), red=[(0, 0, 500, 777)], green=[(700, 400, 1001, 777)])
    exif = Image.Exif()
    exif[Base.Orientation] = 8
    picture.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture.save(tmp_path / "a.png")
    whole, stored = (find(tmp_path / name)[0].mask for name in ("a.png", "a.jpg"))
    assert stored.shape == whole.shape == (777, 1001)
    assert (stored == truth_of(picture)).mean() > 0.97 < (whole == truth_of(picture)).mean()


def test_a_path_an_image_an_array_and_a_batch_give_the_same(find, tmp_path, both):
    both.save(tmp_path / "a.png")
    values = np.asarray(both)
    forms = [tmp_path / "a.png", values, values.astype(np.float32), [both] * 5, iter([both])]
    for form in forms:
        results = find(form, batch_size=2)
        assert len(results) == (5 if isinstance(form, list) else 1)
        for result in results:
            np.testing.assert_array_equal(result.mask, truth_of(both))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 300), (300, 1), (3, 2)])
def test_the_smallest_pictures_have_label_maps_too(find, tmp_path, size):
    picture = Image.new("RGB", size, (255, 0, 0))
    out = {name: tmp_path / name for name in ("masks", "overlay", "binary", "cutouts", "heat")}
    for options in ({}, {"flip": True, "scales": [0.5, 2]}, {"tile": 64}):
        (result,) = find(picture, outlines="polygons", min_area=2, **options, **out)
        assert result.mask.shape == size[::-1] and (result.mask == RED).all()
        assert [(area.name, area.share) for area in result.areas] == [("red one", 1.0)]
        (outline,) = result.areas[0].outlines
        assert of_polygons([outline], *size[::-1]).all()
        assert {Image.open(path).size for path in result.files.values()} == {size}


def test_grey_pictures_and_deep_ones_are_looked_at_as_rgb(find):
    grey = np.full((48, 64), 128, np.uint8)
    for form in (grey, grey.astype(np.uint16) * 257, Image.fromarray(grey), grey[..., None]):
        (result,) = find(form)
        assert (result.mask == GROUND).all() and result.mask.shape == (48, 64)


def test_one_that_cannot_be_read_costs_the_others_nothing(find, pictures):
    results = find(pictures, masks=pictures.parent / "out")
    assert [each.name for each in results] == ["both.png", "broken.png", "deep er/none [1].jpg"]
    both, broken, none = results
    assert broken.mask is None and broken.areas == [] and broken.files == {}
    assert broken.to_dict() == {"path": "broken.png", "status": "failed", "error": broken.error}
    assert both.error is None and [area.name for area in none.areas] == ["background"]
    assert tree(pictures.parent / "out") == ["both.png", "deep er/none [1].png"]


def test_two_replicas_give_the_same(chance, noisy):  # noqa: F811
    options = {"model": chance, "precision": "float32", "flip": True, "batch_size": 3}
    one = list(segment(noisy, devices="cpu", **options))
    lines = []
    two = list(segment(noisy, devices="cpu:2", report=lines.append, **options))
    assert any("2 devices (CPU:0, CPU:1)" in line for line in lines)
    for first, second in zip(one, two, strict=True):
        assert (first.mask == second.mask).mean() > 0.999
        assert [a.score for a in first.areas] == pytest.approx(
            [a.score for a in second.areas], abs=1e-3
        )


# What is asked of them


@pytest.mark.parametrize("classes", ["green", ["GREEN"], "2", ["2", "green"], " green ,2"])
def test_pixels_of_classes_not_looked_for_are_the_grounds(find, both, classes):
    (result,) = find(both, classes=classes)
    np.testing.assert_array_equal(result.mask == GREEN, truth_of(both) == GREEN)
    assert set(np.unique(result.mask)) == {GROUND, GREEN}
    assert [area.name for area in result.areas] == ["background", "green"]
    assert result.areas[0].pixels == 48 * 64 - 24 * 28


def test_without_a_ground_they_are_open(find, both, tmp_path):
    model = save_colours(tmp_path / "stuff.keras", ("grey stuff", "red one", "green"))
    (result,) = find(both, model=model, classes="red-one", overlay=tmp_path / "out")
    expected = np.where(truth_of(both) == RED, RED, IGNORE)
    np.testing.assert_array_equal(result.mask, expected)
    assert [area.name for area in result.areas] == ["red one"]
    (result,) = find(both, model=model, classes="2")
    assert (result.mask == IGNORE).sum() == 48 * 64 - 24 * 28


def test_who_looks_for_the_ground_itself_does_not_get_all_there_is(find, both, tmp_path):
    (result,) = find(both, classes="background", cutouts=tmp_path)
    expected = np.where(truth_of(both) == GROUND, GROUND, IGNORE)
    np.testing.assert_array_equal(result.mask, expected)
    assert [(area.name, area.pixels) for area in result.areas] == [
        ("background", 48 * 64 - 24 * 28 - 32 * 16)
    ]
    cut = np.asarray(Image.open(result.files["cutout-background"]))
    np.testing.assert_array_equal(cut[..., 3] == 255, expected == GROUND)


def test_a_class_that_is_not_there_is_not_told_of(find, tmp_path):
    (result,) = find(
        painted((30, 20)), classes="green", binary=tmp_path / "b", masks=tmp_path / "m"
    )
    assert [area.name for area in result.areas] == ["background"] and set(result.heat) == {0}
    assert tree(tmp_path) == ["m/000000.png"]


def test_the_mirror_image_has_the_mirrored_label_map_if_it_is_looked_at_too(
    chance, noisy  # noqa: F811
):  # fmt: skip
    pair = [noisy[0], noisy[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    plain = list(segment(pair, model=chance, **EXACT))
    there = list(segment(pair, model=chance, flip=True, **EXACT))
    assert (there[0].mask[:, ::-1] == there[1].mask).mean() > 0.999
    assert (plain[0].mask[:, ::-1] == plain[1].mask).mean() < 0.99
    assert len(there[0].heat) > 2
    for value, heat in there[0].heat.items():
        np.testing.assert_allclose(heat[:, ::-1], there[1].heat[value], atol=1e-4)
        halves = (plain[0].heat[value] + plain[1].heat[value][:, ::-1]) / 2
        np.testing.assert_allclose(heat, halves, atol=1e-4)


def test_of_several_scales_the_mean_counts(chance, noisy):  # noqa: F811
    picture = noisy[1]  # 200 x 131
    network, parts = chance_segmenter(), []
    for side in (96, 128, 192):
        canvas = fit_within(picture, side, side)
        inputs = {PIXELS: np.float32(canvas.pixels[None]), EXTENT: np.float32([canvas.size])}
        high, wide = canvas.size
        parts.append(softmax(np.asarray(network(inputs))[0, :high, :wide]))
    largest = parts[-1].shape[1::-1]
    mean = np.mean([enlarged(part, largest) for part in parts], axis=0)
    (result,) = segment(picture, model=chance, scales=(0.75, 1, 1.5), **EXACT)
    for value, heat in result.heat.items():
        np.testing.assert_allclose(heat, mean[..., value], atol=1e-4)
    expected = enlarged(mean, picture.size).argmax(axis=2)
    assert (result.mask == expected).mean() > 0.999
    (alone,) = segment(picture, model=chance, **EXACT)
    assert (alone.mask == result.mask).mean() < 0.99


def test_small_parts_take_the_class_around_them(find):
    picture = painted(red=[RED_BOX, (50, 40, 54, 44)], green=[(10, 10, 13, 13), (63, 0, 64, 9)])
    (kept,) = find(picture, min_area=9)
    np.testing.assert_array_equal(kept.mask, truth_of(picture))
    (result,) = find(picture, min_area=17, outlines="rle")
    np.testing.assert_array_equal(result.mask, truth_of(painted(red=[RED_BOX])))
    assert [(area.name, area.pixels) for area in result.areas] == [
        ("background", 48 * 64 - 512), ("red one", 512)
    ]  # fmt: skip
    assert of_run_lengths(result.areas[1].outlines).sum() == 512


def test_outlines_tell_where_each_class_is(find, chance, noisy, both):  # noqa: F811
    for images, options in ((both, {}), (noisy[1], {"model": chance, **EXACT})):
        runs, lines, none = (
            find(images, outlines=form, **options)[0] for form in ("rle", "polygons", "none")
        )
        assert all(area.outlines is None for area in none.areas)
        assert len(runs.areas) == len(lines.areas) > 2
        for area, outlined in zip(runs.areas, lines.areas, strict=True):
            shape = runs.mask == area.value
            assert area.outlines["size"] == list(shape.shape)
            np.testing.assert_array_equal(of_run_lengths(area.outlines), shape)
            drawn = of_polygons(outlined.outlines, *shape.shape)
            assert (drawn | shape == drawn).all()
            if outlined.name != "background":
                assert (drawn & ~shape).sum() == 0 or images is not both
        json.dumps(runs.to_dict(), allow_nan=False)


# What is made of them


def test_copies_are_written_as_they_are_asked_for(find, pictures, tmp_path):
    out = tmp_path / "out"
    folders = {name: out / name for name in ("masks", "overlay", "binary", "cutouts", "heat")}
    both, broken, none = find(pictures, **folders)
    assert tree(out) == [
        "binary/green/both.png",
        "binary/red one/both.png",
        "cutouts/green/both.png",
        "cutouts/red one/both.png",
        "heat/green/both.png",
        "heat/red one/both.png",
        "masks/both.png",
        "masks/deep er/none [1].png",
        "overlay/both.png",
        "overlay/deep er/none [1].jpg",
    ]
    assert {kind: path.relative_to(out).as_posix() for kind, path in both.files.items()} == {
        "mask": "masks/both.png",
        "overlay": "overlay/both.png",
        **{
            f"{kind}-{name}": f"{folder}/{name}/both.png"
            for name in ("green", "red one")
            for kind, folder in (("binary", "binary"), ("cutout", "cutouts"), ("heat", "heat"))
        },
    }
    assert broken.files == {} and list(none.files) == ["mask", "overlay"]
    truth, before = both.mask, pixels(pictures / "both.png")
    written = Image.open(out / "masks/both.png")
    assert written.mode == "P" and (label_map(written) == truth).all()
    np.testing.assert_array_equal(pixels(out / "masks/both.png"), PALETTE[truth])
    white = Image.open(out / "binary/green/both.png")
    assert white.mode == "L" and (np.asarray(white) == 255 * (truth == GREEN)).all()
    cut = np.asarray(Image.open(out / "cutouts/red one/both.png"))
    np.testing.assert_array_equal(cut[..., 3], 255 * (truth == RED))
    np.testing.assert_array_equal(cut[..., :3], before)
    hot = pixels(out / "heat/red one/both.png")
    inside, outside = hot[truth == RED], hot[truth == GREEN]
    assert len(np.unique(inside, axis=0)) == len(np.unique(outside, axis=0)) == 1
    assert (inside[0] != outside[0]).any()


def test_an_overlay_mixes_the_colours_in_and_leaves_the_ground(find, tmp_path):
    picture = painted((256, 192), red=[(32, 32, 112, 160)], green=[(150, 20, 250, 120)])
    for name, alpha in (("half", 0.5), ("none", 0.0), ("full", 1.0)):
        (result,) = find(picture, overlay=tmp_path / name, alpha=alpha)
        assert result.to_dict()["files"] == {"overlay": str(tmp_path / name / "000000.png")}
        shown, before = pixels(tmp_path / name / "000000.png"), np.asarray(picture, int)
        for row, column, label in ((150, 100, RED), (30, 160, GREEN)):  # away from edges and names
            mixed = before[row, column] + alpha * (PALETTE[label] - before[row, column])
            assert shown[row, column] == pytest.approx(mixed, abs=1)
        assert (shown[165:] == before[165:]).all() and (shown[:, :28] == before[:, :28]).all()
        inside = slice(40, 150), slice(40, 104)  # of the red, without its edge
        assert alpha or (shown[inside] != before[inside]).any()  # names are there without colours
        result.save(tmp_path / "saved.png")
        assert alpha != 0.5 or (pixels(tmp_path / "saved.png") == shown).all()


def test_folders_of_classes_never_meet(find, both, tmp_path):
    model = save_colours(tmp_path / "slashes.keras", ("background", "a/b", "a:b"))
    (result,) = find(both, model=model, binary=tmp_path / "out")
    assert tree(tmp_path / "out") == ["a_b (output 1)/000000.png", "a_b (output 2)/000000.png"]
    for name, value in (("a/b", RED), ("a:b", GREEN)):
        white = np.asarray(Image.open(result.files[f"binary-{name}"]))
        np.testing.assert_array_equal(white == 255, truth_of(both) == value)


def test_heat_is_drawn_at_the_pictures_size(find, tmp_path):
    picture = painted((200, 120), green=[(0, 0, 100, 120)])
    (result,) = find(picture, heat=tmp_path)
    assert result.heat[GREEN].shape == (38, 64)
    drawn = pixels(tmp_path / "green/000000.png")
    assert drawn.shape == (120, 200, 3) and (drawn[:, :90] == drawn[0, 0]).all()
    assert (drawn[:, 110:] == drawn[0, -1]).all() and (drawn[0, 0] != drawn[0, -1]).any()


# What cannot work


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "gren"}, 'colours.keras has no class "gren". Did you mean "green"?'),
        ({"classes": ["green", "3"]}, 'has no class "3". It has background, red one, green'),
        ({"classes": ""}, 'has no class ""'),
        ({"score": 1.5}, "--score is a number from 0 to 1, not 1.5"),
        ({"score": float("nan")}, "--score is a number from 0 to 1, not nan"),
        ({"scales": []}, "--scales needs one at least"),
        ({"scales": [1, 0]}, "--scales is a number from 0.1 to 8, not 0"),
        ({"scales": ["1"]}, "--scales is a number from 0.1 to 8, not 1"),
        ({"overlap": 1.0}, "--overlap is a number from 0 to 0.9, not 1.0"),
        ({"alpha": -1}, "--alpha is a number from 0 to 1, not -1"),
        ({"tile": 10}, "--tile is at least 64 pixels, not 10"),
        ({"min_area": -1}, "--min-area is at least 0, not -1"),
        ({"outlines": "boxes"}, "--outlines is one of none, rle, polygons, not boxes"),
        ({"engine": "litert"}, "segmenters run on the keras engine; leave --engine out"),
        ({"masks": "x", "heat": "./x"}, "--masks and --heat are the same folder; name two"),
        ({"binary": "x", "cutouts": "y/../x"}, "--binary and --cutouts are the same folder"),
    ],
)
def test_options_that_cannot_work_are_refused(find, both, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find(both, **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert tree(tmp_path) == []


def test_models_that_are_no_segmenters_are_told(find, both, tmp_path):
    with pytest.raises(UsageError, match="faster-rcnn-mobilenet-320 is a model to detect, not to"):
        find(both, model="faster-rcnn-mobilenet-320")
    with pytest.raises(UsageError, match="vgg16-hed has no class names"):
        find(both, model="vgg16-hed")
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1)])
    path = tmp_path / "plain.keras"
    save_model(plain, path, ModelCard("segment", ("a", "b"), Geometry(8, 8, fit="within")))
    with pytest.raises(DltkError, match="says it is a segmenter, but has not its layers"):
        find(both, model=str(path))
    for named in (CLASSES[:2], (*CLASSES, "blue")):
        model = save_colours(tmp_path / "other.keras", named)
        with pytest.raises(UsageError, match=f"has 3 outputs but {len(named)} class names"):
            find(both, model=model)


def test_other_names_may_be_given_to_the_classes(find, both, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("void\nrose\nleaf\n")
    (result,) = find(both, labels=names, classes="leaf")
    assert [area.name for area in result.areas] == ["void", "leaf"]
    names.write_text("void\nrose\n")
    with pytest.raises(UsageError, match="has 3 outputs but 2 class names"):
        find(both, labels=names)


def test_files_of_two_pictures_never_meet(find, both, tmp_path):
    with pytest.raises(UsageError, match="two pictures are called"):
        find(iter([tmp_path / "a.png"] * 2), masks=tmp_path / "out")
    (tmp_path / "in").mkdir()
    both.save(tmp_path / "in/a.png")
    both.save(tmp_path / "in/a.bmp")
    for name in ("masks", "binary", "cutouts", "heat"):
        with pytest.raises(
            UsageError, match=r"a\.bmp and a\.png would both be written to .*a\.png"
        ):
            find(tmp_path / "in", **{name: tmp_path / "out"})
    assert not (tmp_path / "out").exists()
    find(tmp_path / "in", overlay=tmp_path / "out")
    assert tree(tmp_path / "out") == ["a.bmp", "a.png"]
    with pytest.raises(UsageError, match="choose another folder"):
        find(iter([tmp_path / "in/a.png"]), overlay=tmp_path / "in")


def test_files_of_two_pictures_never_meet_however_they_come(find, both, tmp_path):
    """Of a stream the second is refused as it is read: the first's file stays."""
    both.save(tmp_path / "a.png")
    painted().save(tmp_path / "a.bmp")
    stream = iter([tmp_path / "a.png", tmp_path / "a.bmp"])
    with pytest.raises(UsageError, match=r"a\.png and .*a\.bmp would both be written to .*a\.png"):
        find(stream, masks=tmp_path / "out", batch_size=1)
    (written,) = (tmp_path / "out").rglob("a.png")
    np.testing.assert_array_equal(label_map(Image.open(written)), truth_of(both))
    copies, items = Copies(masks=tmp_path / "out"), gather([tmp_path / "a.png", tmp_path / "a.bmp"])
    truth = truth_of(both)
    copies.write(items[0], truth, [], {})
    with pytest.raises(UsageError, match=r"a\.png and a\.bmp would both be written"):
        copies.write(items[1], truth, [], {})


def test_a_picture_that_is_gone_before_its_copy_is_written_fails_alone(
    find, pictures, tmp_path, monkeypatch
):
    look = NetworkSegmenter.__call__

    def look_and_lose(self, loaded):
        (pictures / "both.png").unlink(missing_ok=True)
        return look(self, loaded)

    monkeypatch.setattr(NetworkSegmenter, "__call__", look_and_lose)
    out = {name: tmp_path / "out" / name for name in ("overlay", "masks")}
    both, _, none = find(pictures, **out)
    assert both.error == "No such file or directory" and both.areas == [] and both.mask is None
    assert none.error is None
    assert tree(tmp_path / "out") == ["masks/deep er/none [1].png", "overlay/deep er/none [1].jpg"]


@pytest.mark.parametrize("kind", ["overlay", "cutouts"])
def test_a_picture_that_is_of_another_size_when_its_copy_is_written_fails_alone(
    find, pictures, tmp_path, monkeypatch, kind
):
    look = NetworkSegmenter.__call__

    def look_and_replace(self, loaded):
        painted((30, 20)).save(pictures / "both.png")
        return look(self, loaded)

    (before,) = find(pictures / "both.png")
    monkeypatch.setattr(NetworkSegmenter, "__call__", look_and_replace)
    both, _, none = find(pictures, masks=tmp_path / "masks", **{kind: tmp_path / "out"})
    assert both.error == "it is of another size now" and both.mask is None
    assert none.error is None and tree(tmp_path / "masks") == ["deep er/none [1].png"]
    with pytest.raises(InputError, match="it is of another size now"):
        before.save(tmp_path / "saved.png")
    assert not (tmp_path / "saved.png").exists()


def test_nothing_is_printed(find, pictures, capfd):
    find(pictures)
    assert capfd.readouterr() == ("", "")
