"""Detection by a classifier alone: what it finds in the samples, and how boxes fit evidence."""

import json
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.errors import InputError, UsageError
from dltk.geometry import Geometry
from dltk.images import decode
from dltk.metrics.iou import overlaps
from dltk.modelfile import ModelCard, save_model
from dltk.models.alike import alikeness
from dltk.models.catalog import Label, imagenet_labels
from dltk.models.find import find_model
from dltk.samples import FOLDER as SAMPLES
from recipes._region_evidence import Evidence
from recipes._regions import RegionDetector

SOURCE = find_model("efficientnet-lite0")
NAMES = [label.name for label in imagenet_labels()]
CATS = {"tabby", "tiger cat", "Egyptian cat"}
CUPS = {"espresso", "cup", "coffee mug"}
# Drawn by hand.
OBJECTS = {
    "astronaut": [
        ([278, 344, 512, 512], {"football helmet", "crash helmet"}),
        ([362, 0, 457, 290], {"space shuttle", "missile", "projectile"}),
    ],
    "cat": [([0, 0, 395, 300], CATS)],
    "espresso": [([172, 16, 412, 308], CUPS)],
    "flower": [([168, 85, 446, 358], {"daisy"})],
}


@pytest.fixture(scope="module")
def detector():
    pytest.importorskip("cv2.ximgproc", reason="needs the extra selective-search")
    return RegionDetector(SOURCE, pictures=1)


def sample(name):
    return decode(SAMPLES / f"{name}.jpg")


def found(detector, picture):
    (result,) = detector([detector.load(picture, "a.jpg")])
    return result


def best(result, box, names):
    """Return the largest IoU with `box` of what is labelled by one of `names`."""
    chosen = [NAMES[label] in names for label in result.labels]
    return overlaps(result.boxes[chosen], box).max(initial=0)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_main_objects_of_the_samples_are_found_whole_and_little_else(detector, name):
    result = found(detector, sample(name))
    for box, names in OBJECTS[name]:
        assert best(result, box, names) > 0.5
    assert len(result) <= len(OBJECTS[name]) + 2
    assert result.boxes.dtype == np.float32 and (np.diff(result.scores) <= 0).all()
    assert result.scores.min() >= 0.5 and result.scores.max() <= 1


def test_nothing_is_found_among_galaxies_and_on_a_white_wall(detector):
    assert len(found(detector, sample("galaxies"))) == 0
    assert len(found(detector, Image.new("RGB", (300, 200), "white"))) == 0


def test_two_cups_and_a_small_cat_between_them_are_found(detector):
    cup = sample("espresso").resize((450, 300))
    picture = Image.new("RGB", (900, 300))
    picture.paste(cup)
    picture.paste(cup.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (450, 0))
    picture.paste(sample("cat").crop((0, 0, 395, 300)).resize((120, 91)), (390, 5))
    result = found(detector, picture)
    assert best(result, [390, 5, 510, 96], CATS) > 0.6
    for box in ([129, 12, 309, 231], [591, 12, 771, 231]):
        assert best(result, box, CUPS) > 0.5


def test_only_the_classes_asked_for_are_looked_for_even_where_others_are_surer(detector):
    cup = NAMES.index("cup")
    result = found(RegionDetector(SOURCE, classes=[cup], most=1), sample("espresso"))
    assert result.labels.tolist() == [cup]
    assert best(result, [172, 16, 412, 308], CUPS) > 0.4


@pytest.mark.parametrize("size", [(1, 1), (300, 2)])
def test_pictures_of_strange_shapes_are_looked_at(detector, size):
    result = found(detector, Image.new("RGB", size, "teal"))
    assert result.boxes.shape == (len(result), 4)


def test_windows_take_the_place_of_selective_search_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    lines = []
    detector = RegionDetector(SOURCE, pictures=1, report=lines.append)
    assert "sliding windows" in detector.running
    assert "pip install" in lines[-1] and "sliding windows take its place" in lines[-1]
    assert best(found(detector, sample("cat")), *OBJECTS["cat"][0]) > 0.5


def test_regions_of_a_file_are_labelled_and_no_others(tmp_path):
    cup = [172.0, 16.0, 412.0, 308.0]
    beyond = [900.0, 900.0, 990.0, 990.0]
    regions = tmp_path / "regions.json"
    regions.write_text(json.dumps({"cup.jpg": [cup, [0, 0, 60, 60], beyond], "none.jpg": [beyond]}))
    detector = RegionDetector(SOURCE, regions=regions, pictures=2)
    assert "the regions of a file" in detector.running
    picture = sample("espresso")
    (result,) = detector([detector.load(picture, "cup.jpg")])
    np.testing.assert_array_equal(result.boxes, [cup])
    assert NAMES[result.labels[0]] in CUPS
    (nothing,) = detector([detector.load(picture, "none.jpg")])
    assert len(nothing) == 0
    with pytest.raises(InputError, match="the file of regions has none for it"):
        detector.load(picture, "other.jpg")


def test_windows_without_any_evidence_show_nothing(monkeypatch, tmp_path):
    """A network that is as sure of everything everywhere."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(60, 3, strides=16, padding="same", kernel_initializer="zeros")(pixels)
    x = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(x))
    names = tuple(f"class {number}" for number in range(60))
    card = ModelCard("classify", names, Geometry(32, 32))
    save_model(keras.Model(pixels, x), tmp_path / "even.keras", card)
    detector = RegionDetector(find_model(tmp_path / "even.keras"), pictures=1)
    assert len(found(detector, sample("cat").resize((90, 60)))) == 0


def test_outputs_that_are_not_the_labels_are_refused(tmp_path):
    pixels = keras.Input((16, 16, 3))
    scores = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(pixels))
    keras.Model(pixels, keras.layers.Softmax()(scores)).save(tmp_path / "four.keras")
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    source = find_model(tmp_path / "four.keras", labels=tmp_path / "labels.txt")
    with pytest.raises(UsageError, match=r"four.keras has 4 outputs but 2 class names"):
        RegionDetector(source, engine="keras")


def test_like_labels_are_counted_together():
    alike = alikeness(imagenet_labels())
    tabby, tiger, cup = (NAMES.index(name) for name in ("tabby", "tiger cat", "cup"))
    assert alike[tabby, tiger] == alike[tiger, tabby] == alike[cup, cup] == 1
    assert alike[tabby, cup] == 0 and 0.2 < alike[NAMES.index("lynx"), tabby] < 0.5
    np.testing.assert_array_equal(alike, alike.T)
    np.testing.assert_array_equal(alikeness([Label("tabby"), Label("tiger cat")]), np.eye(2))


@pytest.fixture
def evidence():
    """Two objects of class 0, in the boxes of `TWO`, seen at two scales; class 1 is nowhere."""
    maps = []
    for cell in (20, 10):
        scores = np.zeros((120 // cell, 240 // cell, 3), np.float32)
        for left, top, right, bottom in np.floor_divide(TWO, cell):
            scores[top:bottom, left:right, 0] = 9
        maps.append(scores)
    return Evidence(maps, np.array([140.0, 70.0]), (240, 120))


TWO = [[20, 40, 80, 100], [140, 40, 200, 100]]
FIRST = np.float32([[1, 0, 0]])


def fit(evidence, box, explained=()):
    (fit,), (new,) = evidence.fits(np.float32([box]), FIRST, np.float32(explained).reshape(-1, 4))
    return fit, new


def test_a_box_fits_evidence_best_that_has_all_of_an_object_and_nothing_else(evidence):
    whole, _ = fit(evidence, TWO[0])
    for worse in ([20, 40, 50, 100], [0, 20, 120, 120], [60, 40, 120, 100], [0, 0, 20, 40]):
        assert fit(evidence, worse)[0] < whole - 0.05
    # Each of two objects has half of the energy; blurring costs a little.
    assert 0.6 < whole < np.sqrt(0.5)


def test_evidence_that_is_explained_leaves_all_to_other_boxes_and_nothing_to_the_same(evidence):
    other, new = fit(evidence, TWO[1], explained=[TWO[0]])
    assert other > 0.9 and new > 0.98
    assert fit(evidence, TWO[0], explained=[TWO[0]])[1] < 0.4
    assert fit(evidence, [20, 70, 80, 120], explained=[TWO[0]])[1] < 0.5


def test_boxes_are_answered_for_by_the_places_inside_of_them(evidence):
    answers = evidence.answers(np.float32([TWO[0], [100, 0, 120, 20], [50, 40, 110, 100]]))
    expected = np.exp([[9, 0, 0], [0, 0, 0], [4.5, 0, 0]])
    np.testing.assert_allclose(answers, expected / expected.sum(1, keepdims=True), atol=1e-4)
