"""Measuring a detector on pictures with boxes, from Python and from the command line."""

from __future__ import annotations

import csv
import json
import os
import shutil

import keras
import numpy as np
import pytest

from dltk.data import in_memory
from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.objects import read_objects
from dltk.data.scenes import scene_data
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.catalog import Label
from dltk.models.find import find_model
from dltk.models.labels import known_outputs
from dltk.models.rcnn.presets import DESIGNS, new_detector
from dltk.objects import Objects
from recipes.evaluate import evaluate
from tests.detectors import KINDS, SIDE, backbone, few_scenes, scenes, trained  # noqa: F401

FILES = ["detections.csv", "evaluation.json", "mistakes.png", "precision_recall.png"]


@pytest.fixture(scope="module")
def small(tmp_path_factory, backbone) -> str:  # noqa: F811
    """The file of a detector that has learnt nothing and gives one box for each picture."""
    keras.utils.set_random_seed(0)
    detector = new_detector(find_model(backbone), len(KINDS), DESIGNS["localize"])
    path = tmp_path_factory.mktemp("small") / "small.keras"
    card = ModelCard("detect", ("Circle", "red_star"), Geometry(SIDE, SIDE, fit="within"))
    save_model(detector, path, card)
    return str(path)


def told_by(recipe, *arguments, **options):
    """Return what a recipe gives, and the lines that it reports."""
    lines = []
    return recipe(*arguments, report=lines.append, **options), lines


def named(data: ObjectData, *classes: str) -> ObjectData:
    return ObjectData("made scenes", classes, data.splits, data.passed_over, data.repairs)


# What is measured


def test_the_figures_are_those_that_the_training_measured(trained, scenes):  # noqa: F811
    result, lines = told_by(evaluate, trained.model, scenes, split="val", batch_size=5)
    before = trained.evaluation
    assert result.report.map > 0.02 and before.split == result.split == "val"
    for measure in ("map", "map50", "map75", "ar100"):
        np.testing.assert_allclose(
            getattr(result.report, measure), getattr(before.report, measure), atol=1e-4
        )
    assert result.names == before.names and result.classes == KINDS
    for again, first in zip(result.found, before.found, strict=True):
        np.testing.assert_allclose(again.scores, first.scores, atol=1e-4)
        np.testing.assert_array_equal(again.labels[:5], first.labels[:5])
    assert result.seen_in_training == 0 and result.model == str(trained.model)
    told = [line for line in lines if not line.startswith("measured ")]  # on a slow machine
    assert told == ["best.keras on Keras, one device (CPU:0), float32, 24 pictures"]


def test_what_is_found_of_classes_that_the_data_does_not_have_does_not_count(trained, scenes):  # noqa: F811
    """Of two scenes that were trained on and three others, only the stars are annotated."""
    data = read_objects(scenes)
    star = KINDS.index("star")
    splits = {}
    for split, count in (("train", 2), ("val", 3)):
        part = data.splits[split].take(range(count))
        stars = [each.take(each.labels == star) for each in part.objects]
        stars = tuple(Objects.of(each.boxes, np.zeros(len(each))) for each in stars)
        splits[split] = AnnotatedExamples(part.names, part.sources, stars)
    only = ObjectData("stars", ("STAR", "moon"), splits)  # there are no moons
    result, lines = told_by(evaluate, trained.model, only)
    assert lines[0] == (
        "the data has 1 of the 2 classes of best.keras: what is found of the others does not count"
    )
    assert result.split == "all" and result.seen_in_training == 2
    assert result.report.classes == ("star",) and result.classes == KINDS
    assert all((each.labels == star).all() for each in (*result.truth, *result.found))
    before = trained.evaluation.found[0]
    np.testing.assert_allclose(
        result.found[2].scores[:5], before.scores[before.labels == star][:5], atol=1e-4
    )


def test_classes_are_found_by_name_whatever_the_spelling(small):
    data = few_scenes(3)
    result = evaluate(small, named(data, "CIRCLE", "Red Star"))
    assert result.classes == ("Circle", "red_star") and len(result.found) == 3
    assert all(len(each) == 1 for each in result.found)  # it localises
    swapped = evaluate(small, named(data, "red star", "circle"), devices="cpu:2")
    for one, other in zip(result.found, swapped.found, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
    for one, other in zip(result.truth, swapped.truth, strict=True):
        assert one.labels.tolist() == (1 - other.labels).tolist()
        assert one.boxes.tolist() == other.boxes.tolist()


def test_what_a_network_knows_by_name_or_id():
    labels = (Label("Polish"), Label("polish"), Label("red_fox", "n02119022"))
    names = ["polish", "POLISH", "Red Fox", "n02119022", "moon"]
    assert known_outputs(names, labels) == [1, None, 2, 2, None]


# What the command prints and writes


@pytest.fixture
def pictures(tmp_path):
    """Six scenes of the small detector's classes in a .csv file, divided, one picture damaged."""
    data, rows = few_scenes(6), []
    part = data.splits["all"]
    for at, objects in enumerate(part.objects):
        (tmp_path / f"{at}.jpg").write_bytes(part.sources[at])
        for box, label in zip(objects.boxes.tolist(), objects.labels, strict=True):
            split = "train" if at < 2 else "test"
            rows.append([f"{at}.jpg", ("circle", "red star")[label], *box, split])
    damaged = (tmp_path / "3.jpg").read_bytes()
    (tmp_path / "3.jpg").write_bytes(damaged[: len(damaged) // 2])
    path = tmp_path / "boxes.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "left", "top", "right", "bottom", "split"])
        writer.writerows(rows)
    return path


def test_a_folder_gets_the_measures_and_damaged_pictures_are_listed(
    dltk, small, pictures, tmp_path
):
    out = tmp_path / "out"
    result = dltk("evaluate", small, pictures, "-o", out)
    assert result.code == 3, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith(f"{small} on {pictures}, test: 3 pictures with ")
    assert lines[1].startswith("mAP@[.5:.95] 0.")
    assert (
        "failed: 3.jpg: image file is truncated" in result.err and f"results in {out}" in result.err
    )
    assert "Keras" not in result.err
    assert sorted(os.listdir(out)) == FILES
    fields = json.loads((out / "evaluation.json").read_text())
    assert (fields["task"], fields["split"], fields["pictures"]) == ("detect", "test", 3)
    assert [each["path"] for each in fields["failed"]] == ["3.jpg"]
    rows = list(csv.DictReader((out / "detections.csv").open()))
    assert {row["path"] for row in rows} == {"2.jpg", "4.jpg", "5.jpg"}
    again = dltk("evaluate", small, pictures, "-o", out, "--json", "-q", "--split", "train")
    assert again.code == 0 and again.err == ""
    assert json.loads(again.out) == json.loads((out / "evaluation.json").read_text())


@pytest.mark.parametrize(("task", "other"), [("classify", "detect"), ("detect", "classify")])
def test_the_evaluation_of_another_task_stays(dltk, small, pictures, tmp_path, task, other):
    out = tmp_path / "out"
    out.mkdir()
    (out / "evaluation.json").write_text(f'{{"format": "dltk.evaluate", "task": "{other}"}}')
    model = small if task == "detect" else "efficientnet-lite0"
    result = dltk("evaluate", model, pictures, "-o", out)
    assert result.code == 2 and f"holds the evaluation of a model to {other}; choose" in result.err
    assert os.listdir(out) == ["evaluation.json"]


def test_what_was_passed_over_and_mended_is_told(dltk, small, pictures):
    text = pictures.read_text()
    text += "gone.jpg,circle,1,1,20,20,test\n2.jpg,circle,90,0,120,20,test\n"
    pictures.write_text(text)
    said = dltk("evaluate", small, pictures).err
    assert "1 passed over in the data, such as gone.jpg: " in said
    assert "1 mended or left out of the annotations, such as " in said


def test_no_readable_picture_is_an_error(small):
    part = few_scenes(2).splits["all"]
    broken = AnnotatedExamples(part.names, (b"no", b""), part.objects)
    data = ObjectData("made scenes", ("circle", "red star"), {"all": broken})
    with pytest.raises(DltkError, match=r"no picture could be measured: train/000000\.jpg: not a"):
        evaluate(small, data)


def test_a_model_file_tells_what_it_finds_and_how_well(dltk, trained):  # noqa: F811
    out = dltk("models", "info", trained.model).out
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["task"] == "detect" and lines["classes"] == "circle, star"
    assert lines["input"].startswith("96 × 96 RGB, fitted in")
    assert f"map50 {trained.evaluation.report.map50:.4g}" in lines["metrics"]
    assert lines["chosen"].endswith(f"score {trained.chosen['score']:.4g}")
    assert lines["pictures"] == "train 80, val 24" and "epochs 5" in lines["options"]
    facts = json.loads(dltk("models", "info", trained.model, "--json").out)
    assert facts["training"]["chosen"] == trained.chosen


# What does not fit


def test_data_for_the_other_kind_of_model_is_refused_in_a_line(small, scenes, tmp_path, noise):  # noqa: F811
    for data in (scenes, scenes / "annotations/instances_val.json", few_scenes(1)):
        with pytest.raises(UsageError, match=r"^.* holds pictures with boxes, which are for a det"):
            evaluate("efficientnet-lite0", data)
    (tmp_path / "classes/circle").mkdir(parents=True)
    noise().save(tmp_path / "classes/circle/1.png")
    with pytest.raises(UsageError, match=r"^small.keras finds objects, but .*/classes holds no pi"):
        evaluate(small, tmp_path / "classes")
    with pytest.raises(UsageError, match=r"^small.keras finds objects, but arrays has no boxes$"):
        evaluate(small, in_memory([noise()], [0], ["circle"]))
    with pytest.raises(UsageError, match=r"^no such folder or file: .*/scene\. Did you mean"):
        evaluate(small, scenes.with_name("scene"))


def test_classes_that_the_detector_does_not_know_are_named(small):
    with pytest.raises(UsageError, match=r'small.keras has no class "circel". Did you mean "Circ'):
        evaluate(small, named(few_scenes(3), "circel", "red star"))
    with pytest.raises(UsageError, match=r"circle and CIRCLE are both Circle to small.keras"):
        evaluate(small, named(few_scenes(3), "circle", "CIRCLE"))


def test_published_detectors_know_the_categories_of_coco(monkeypatch):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    name, lines = "faster-rcnn-mobilenet-320", []
    with pytest.raises(DltkError) as caught:
        evaluate(name, named(few_scenes(3), "person", "Traffic_Light"), report=lines.append)
    assert caught.value.exit_code == 4  # all is well but for the weights
    assert lines[0].startswith(f"the data has 2 of the 90 classes of {name}: what is found of")
    with pytest.raises(UsageError, match='has no class "circle"'):
        evaluate(name, few_scenes(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--labels", "{names}"), "--labels is for classifiers; {model} has its own classes"),
        (("--pixel-range", "0..1"), "--pixel-range is for files of plain Keras; small.keras takes"),
        (("--engine", "litert"), "detectors run on the keras engine; leave --engine out"),
        (("--split", "val"), "has no split val: it has train, test; try --split all"),
        (("--regions", "r.json"), "--regions has no meaning here: small.keras finds its own"),
    ],
)
def test_options_that_mean_nothing_for_a_detector_are_refused(
    dltk, small, pictures, tmp_path, options, message
):
    (tmp_path / "names.txt").write_text("a\nb\n")
    known = {"names": tmp_path / "names.txt", "model": small}
    result = dltk("evaluate", small, pictures, *(word.format(**known) for word in options))
    assert result.code == 2 and message.format(**known) in result.err and result.out == ""
    assert result.err.splitlines()[-1].startswith("error: ")


def test_regions_are_not_for_classifiers_and_detectors_are_not_exported(dltk, small, scenes):  # noqa: F811
    result = dltk("evaluate", "efficientnet-lite0", scenes, "--regions", "r.json")
    assert result.code == 2
    assert result.err == "error: --regions is for detectors; efficientnet-lite0 is none\n"
    for model in (small, "faster-rcnn-resnet50-fpn"):
        result = dltk("export", model)
        assert result.code == 2 and "is a model to detect; classifiers are exported" in result.err


def test_a_file_that_only_says_it_is_a_detector_is_told(small, tmp_path):
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    path = tmp_path / "no.keras"
    save_model(network, path, ModelCard("detect", ("circle", "star"), Geometry(8, 8)))
    with pytest.raises(DltkError, match="says it is a detector, but has not its layers"):
        evaluate(path, scene_data(1, kinds=KINDS, size=32))
    shutil.copy(small, path)
    assert evaluate(path, named(few_scenes(1), "circle", "red star")).model == str(path)
