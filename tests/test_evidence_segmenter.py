"""Segmentation by a classifier alone: what it outlines in the samples, and how."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image, ImageDraw

from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.images import decode
from dltk.modelfile import ModelCard, save_model
from dltk.models.catalog import imagenet_labels
from dltk.models.find import find_model
from dltk.samples import FOLDER as SAMPLES
from recipes._evidence_masks import EvidenceSegmenter
from recipes._evidence_masks_spread import Outliner

SOURCE = find_model("efficientnet-lite0")
NAMES = [label.name for label in imagenet_labels()]
CATS = {"tabby", "tiger cat", "Egyptian cat"}
CUPS = {"espresso", "cup", "coffee mug"}
ROCKETS = {"space shuttle", "missile", "projectile"}
# Drawn by hand: labels, boxes inside of the thing, and boxes outside of it.
THINGS = {
    "cat": (
        CATS,
        [[90, 60, 330, 280], [20, 180, 90, 290]],
        [[400, 0, 451, 60], [380, 240, 451, 300], [0, 0, 20, 50]],
    ),
    "espresso": (
        CUPS,
        [[195, 45, 385, 175]],
        [[0, 0, 150, 100], [0, 340, 600, 400], [480, 60, 600, 400], [80, 240, 180, 400]],
    ),
    "flower": (
        {"daisy"},
        [[200, 130, 410, 310], [310, 395, 430, 427]],
        [[0, 0, 150, 427], [470, 0, 640, 350], [150, 0, 470, 75]],
    ),
    "pagoda": (
        {"bell cote", "palace", "monastery", "stupa"},
        [[130, 100, 290, 130], [110, 170, 300, 320]],
        [[0, 0, 60, 427], [150, 0, 640, 28], [380, 0, 640, 427]],
    ),
    "rocket": (
        ROCKETS,
        [[313, 160, 330, 380]],
        [[0, 0, 270, 300], [360, 0, 640, 427], [270, 0, 360, 120], [0, 300, 270, 427]],
    ),
}


@pytest.fixture(scope="module")
def segmenter():
    return EvidenceSegmenter(SOURCE, pictures=1)


def sample(name):
    return decode(SAMPLES / f"{name}.jpg")


def found(segmenter, picture, size=None):
    (result,) = segmenter([segmenter.load(picture, "a.jpg", size)])
    return result


def shares(mask, boxes):
    """Return which share of each box is in a mask."""
    return [float(mask[top:bottom, left:right].mean()) for left, top, right, bottom in boxes]


@pytest.mark.parametrize("name", THINGS)
def test_the_main_things_of_the_samples_are_covered_and_little_else(segmenter, name):
    names, inside, outside = THINGS[name]
    picture = sample(name)
    result = found(segmenter, picture)
    assert result.mask.shape == picture.size[::-1] and result.mask.dtype == np.uint8
    assert [NAMES[label] in names for label in result.values.values()] == [True]
    assert set(np.unique(result.mask)) == {0, 1} and 0.5 <= result.scores[1] <= 1
    assert min(shares(result.mask == 1, inside)) > 0.95
    assert max(shares(result.mask == 1, outside)) < 0.02
    heat = result.heat[1]
    assert heat.dtype == np.float32 and 0 <= heat.min() < 0.1 < 0.9 < heat.max() <= 1


def test_labels_are_numbered_by_falling_score_and_apart(segmenter):
    result = found(segmenter, sample("astronaut"))
    assert list(result.values) == list(result.scores) == list(result.heat) == [1, 2]
    assert [NAMES[label] for label in result.values.values()][:1] == ["football helmet"]
    assert NAMES[result.values[2]] in ROCKETS and result.scores[1] > result.scores[2]
    helmet, face = shares(result.mask == 1, [[310, 380, 460, 500], [0, 0, 220, 512]])
    shuttle, wall = shares(result.mask == 2, [[400, 20, 430, 90], [240, 0, 340, 200]])
    assert helmet > 0.95 and shuttle > 0.95 and face < 0.02 and wall < 0.02


def test_nothing_is_found_among_galaxies_and_in_one_colour(segmenter):
    for picture in (sample("galaxies"), Image.new("RGB", (300, 200), "white")):
        result = found(segmenter, picture)
        assert not result.values and not result.scores and not result.heat
        assert result.mask.shape == picture.size[::-1] and not result.mask.any()


def test_classes_asked_for_have_their_values_and_absent_ones_no_pixels():
    asked = [NAMES.index(name) for name in ("tabby", "cup", "pineapple")]
    segmenter = EvidenceSegmenter(SOURCE, classes=asked, pictures=3)
    cup, cat = found(segmenter, sample("espresso")), found(segmenter, sample("cat"))
    assert cup.values == {2: asked[1]} and cat.values == {1: asked[0]}
    assert set(np.unique(cup.mask)) == {0, 2} and set(np.unique(cat.mask)) == {0, 1}
    assert min(shares(cup.mask == 2, THINGS["espresso"][1])) > 0.95
    assert min(shares(cat.mask == 1, THINGS["cat"][1])) > 0.95
    rocket = found(segmenter, sample("rocket"))
    assert not rocket.values and not rocket.mask.any()


def test_grey_pictures_are_outlined_as_well(segmenter):
    result = found(segmenter, sample("pagoda").convert("L").convert("RGB"))
    assert shares(result.mask == 1, [THINGS["pagoda"][1][0]]) > [0.95]
    assert max(shares(result.mask == 1, THINGS["pagoda"][2])) < 0.02


def test_two_things_of_one_label_and_a_small_one_between_them_are_told_apart(segmenter):
    cup = sample("espresso").resize((450, 300))
    picture = Image.new("RGB", (900, 300))
    picture.paste(cup)
    picture.paste(cup.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (450, 0))
    picture.paste(sample("cat").crop((0, 0, 395, 300)).resize((120, 91)), (390, 5))
    result = found(segmenter, picture)
    value = {NAMES[label]: value for value, label in result.values.items()}
    assert len(value) == 2 and set(value) & CATS and set(value) & CUPS
    cat, cups = (value[next(iter(set(value) & names))] for names in (CATS, CUPS))
    assert shares(result.mask == cat, [[410, 20, 490, 90]]) > [0.95]
    assert min(shares(result.mask == cups, [[150, 40, 280, 130], [620, 40, 750, 130]])) > 0.95
    assert max(shares(result.mask > 0, [[0, 0, 100, 300], [330, 150, 570, 300]])) < 0.02


def test_a_mask_has_the_full_size_of_what_was_decoded_smaller(segmenter):
    picture = sample("cat")
    small, large = found(segmenter, picture), found(segmenter, picture, (1353, 902))
    assert large.mask.shape == (902, 1353)
    shrunk = np.asarray(Image.fromarray(large.mask).resize(picture.size, Image.Resampling.NEAREST))
    assert (shrunk == small.mask).mean() > 0.995


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (300, 2)])
def test_pictures_of_strange_shapes_are_looked_at(segmenter, size):
    colours = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    for picture in (Image.fromarray(colours), Image.new("RGB", size, "teal")):
        assert found(segmenter, picture).mask.shape == size[::-1]


def save(tmp_path, make, names=("red", "other")):
    """Return the source of a classifier that knows these labels."""
    pixels = keras.Input((32, 32, 3))
    model = keras.Model(pixels, layers.Softmax()(make(pixels)))
    path = tmp_path / "model.keras"
    save_model(model, path, ModelCard("classify", names, Geometry(32, 32)))
    return find_model(path)


def redness(bias):
    """A layer that scores more red than green, and less."""
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.set_weights([np.float32([[0.05, -0.05], [-0.05, 0.05], [0, 0]]), np.float32(bias)])
    return layer


def with_maps(pixels):
    mean = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(8)(pixels))
    return redness([-1, 1])(mean)


def without_maps(pixels):
    """It also says "red" of pictures that are red for a fourth, as real ones do of things."""
    return redness([3, -3])(layers.Flatten()(layers.AveragePooling2D(32)(pixels)))


def scene():
    """A red disc on a green ground, a little noisy, and where it is."""
    disc = Image.new("L", (160, 120))
    ImageDraw.Draw(disc).ellipse((40, 25, 100, 85), fill=255)
    noise = np.random.default_rng(0).integers(-20, 20, (120, 160, 3))
    colours = np.where(np.asarray(disc)[..., None] > 0, [200, 60, 50], [60, 160, 70]) + noise
    return Image.fromarray(colours.astype(np.uint8)), np.asarray(disc) > 0


@pytest.mark.parametrize(
    ("scores", "rank", "right"), [(with_maps, 3, 0.98), (without_maps, 1, 0.85)]
)
def test_a_classifier_of_ones_own_outlines_its_classes(tmp_path, scores, rank, right):
    """One without maps is asked by windows, of which even the least are half the picture high."""
    picture, disc = scene()
    segmenter = EvidenceSegmenter(save(tmp_path, scores), classes=[0], engine="keras")
    assert len(segmenter._network.output_shape) == rank
    result = found(segmenter, picture)
    assert result.values == {1: 0}
    assert np.mean((result.mask == 1) == disc) > right and np.mean(result.mask[disc]) > 0.99


def test_outputs_that_are_not_the_labels_and_too_many_classes_are_refused(tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    pixels = keras.Input((16, 16, 3))
    scores = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3)(pixels))
    keras.Model(pixels, layers.Softmax()(scores)).save(tmp_path / "five.keras")
    source = find_model(tmp_path / "five.keras", labels=tmp_path / "labels.txt")
    with pytest.raises(UsageError, match=r"five.keras has 5 outputs but 3 class names"):
        EvidenceSegmenter(source, engine="keras")
    with pytest.raises(UsageError, match="300 classes are too many for one mask; ask for 254"):
        EvidenceSegmenter(SOURCE, classes=range(300))


def test_heat_spreads_up_to_the_edges_of_what_it_lies_on():
    """The heat is a blurred square, a third of the disc and reaching over its edge."""
    picture, disc = scene()
    heat = np.zeros((120, 160), np.float32)
    down, across = np.indices(heat.shape)
    heat = np.clip(1.2 - np.hypot(down - 50, across - 85) / 40, 0, 1).astype(np.float32)
    before = heat > 0.5
    after = Outliner(picture).outlined(heat) > 0.5
    assert np.mean(before == disc) < 0.95 and np.mean(after == disc) > 0.99


def test_a_picture_without_edges_leaves_the_heat_where_it_is():
    outliner = Outliner(Image.new("RGB", (60, 40), "grey"))
    heat = np.zeros((40, 60), np.float32)
    heat[:, :30] = 1
    inside = outliner.outlined(heat)
    np.testing.assert_array_equal(inside > 0.5, heat > 0.5)
    np.testing.assert_allclose(inside, 1 - inside[:, ::-1], atol=1e-5)
    assert outliner.outlined(np.ones((40, 60), np.float32)).min() > 0.99
