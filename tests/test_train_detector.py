"""Training a detector: that it learns, resumes, distributes, and leaves a file that detects."""

from __future__ import annotations

import csv
import inspect
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.data.datasets import ObjectData
from dltk.data.objects import read_objects
from dltk.data.scene_files import write_scenes
from dltk.errors import InterruptedRunError, UsageError
from dltk.geometry import Geometry
from dltk.metrics.iou import overlaps
from dltk.modelfile import ModelCard, read_card, save_model
from recipes._detector_plan import plan_of
from recipes.detect import detect
from recipes.evaluate import evaluate
from recipes.train_detector import resume_train_detector, train_detector
from tests.detectors import KINDS, SIDE, TINY, backbone, few_scenes, scenes, trained, write_regions  # noqa: F401
from tests.runs import history_of, weights_of

COMMAND = [sys.executable, "-c", "from dltk.cli.main import run; run()", "train", "detector"]
SHORT = TINY | {
    "preset": "fast-rcnn", "proposals": 20, "epochs": 3, "unfreeze": 2, "optimizer": "momentum",
    "val_share": 0.0, "test_share": 0.0,
}  # fmt: skip


# That it learns


def test_scenes_are_learnt(trained):  # noqa: F811
    report = trained.evaluation.report
    assert report.pictures == 24 and report.map50 >= 0.35
    card = read_card(trained.model)
    assert card.task == "detect" and card.labels == trained.classes == KINDS
    assert (card.geometry.height, card.geometry.width, card.geometry.fit) == (SIDE, SIDE, "within")
    assert card.backbone == "efficientnet-lite0"
    assert card.metrics == pytest.approx(
        {"map": report.map, "map50": report.map50, "map75": report.map75, "split": "val"}
    )
    assert 0.05 < trained.chosen["score"] < 1 and trained.chosen["best epoch"] in range(1, 6)
    assert card.training["chosen"] == trained.chosen
    assert card.training["pictures"] == {"train": 80, "val": 24}


def test_a_run_folder_tells_the_whole_story(trained, scenes):  # noqa: F811
    left = {path.name for path in trained.run.iterdir()}
    assert left == {
        "best.keras", "checkpoint", "config.json", "curves.png", "detections.csv",
        "evaluation.json", "history.csv", "log.txt", "mistakes.png", "precision_recall.png",
        "report.md", "split.csv",
    }  # fmt: skip
    rows = history_of(trained.run)
    assert [row["epoch"] for row in rows] == list("12345")
    losses = [float(row["loss"]) for row in rows]
    parts = ("objectness", "anchor_box", "region_class", "region_box")
    total = sum(float(rows[0][f"{part}_loss"]) for part in parts)
    assert losses[0] == pytest.approx(total, rel=1e-4) and losses[-1] < 0.7 * losses[0]
    best = max(rows, key=lambda row: (float(row["val_map"]), float(row["val_map50"])))
    assert int(best["epoch"]) == trained.chosen["best epoch"]
    assert float(best["val_map50"]) == pytest.approx(trained.evaluation.report.map50, abs=1e-6)
    report = (trained.run / "report.md").read_text()
    assert f"(80 train, 24 val): faster-rcnn on efficientnet-lite0, pictures of {SIDE}" in report
    assert f"dltk detect PICTURES -m '{trained.model}'" in report
    assert f"mAP@.5 {trained.evaluation.report.map50:.3f}" in report and "| star |" in report
    assert json.loads((trained.run / "config.json").read_text())["options"]["data"] == str(scenes)
    digests = {row["digest"] for row in csv.DictReader((trained.run / "split.csv").open())}
    assert len(digests) == 104


def test_the_file_detects_what_the_training_measured(trained, scenes):  # noqa: F811
    """And in a picture twice as large, boxes are too."""
    evaluation, score = trained.evaluation, trained.chosen["score"]
    results = list(detect(scenes / "images/val", model=str(trained.model)))
    assert len(results) == 24
    for result, found in zip(results, evaluation.found, strict=True):
        sure = found.take(found.scores >= score)
        assert len(result.objects) == pytest.approx(len(sure), abs=1)  # one may be on the edge
        boxes = np.array([each.box for each in result.objects]).reshape(-1, 4)
        np.testing.assert_allclose(boxes[:3], sure.boxes[: len(boxes)][:3], atol=0.1)
    surest = sorted(range(24), key=lambda at: -evaluation.found[at].scores.max(initial=0))[:9]
    shared = []
    for at in surest:
        scene = Image.open(scenes / "images/val" / Path(evaluation.names[at]).name)
        (result,) = detect(scene.resize((2 * SIDE, 2 * SIDE)), model=str(trained.model))
        again = np.array([each.box for each in result.objects]).reshape(-1, 4)
        shared.append(overlaps(2 * evaluation.found[at].boxes[:1], again).max(initial=0))
    # Resampling may move a weak detector's boxes; unscaled ones would share a quarter at most.
    assert np.median(shared) > 0.5


# That it goes on and distributes


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    """Scenes in COCO's layout: two negatives, one that is cut short, one that is no picture."""
    folder = tmp_path_factory.mktemp("damaged")
    list(write_scenes(folder, 14, kinds=KINDS, size=SIDE, least=0, most=2, seed=1))
    pictures = sorted((folder / "images/train").iterdir())
    pictures[3].write_bytes(pictures[3].read_bytes()[:2000])
    pictures[5].write_text("<html>")
    return folder


@pytest.fixture(scope="module")
def options(damaged, backbone, tmp_path_factory) -> dict:  # noqa: F811
    """Those of a short training on regions from a file."""
    path = tmp_path_factory.mktemp("regions") / "regions.jsonl"
    write_regions(path, read_objects(damaged))
    return SHORT | {"backbone": backbone, "regions": str(path)}


@pytest.fixture(scope="module")
def whole(damaged, options, tmp_path_factory):
    """A short training that was not stopped, on one device; and the lines that it reported."""
    run, lines = tmp_path_factory.mktemp("whole") / "run", []
    return train_detector(damaged, run_dir=run, report=lines.append, **options), lines


def test_pictures_without_objects_are_learnt_from_and_damaged_ones_are_listed(whole, damaged):
    done, lines = whole
    split = list(csv.DictReader((done.run / "split.csv").open()))
    assert len(split) == 12 and {row["split"] for row in split} == {"train"}
    negatives = [row for row in split if row["label"].startswith("0 objects ")]
    objects = read_objects(damaged).splits["all"].objects
    assert len(negatives) == sum(len(each) == 0 for each in objects) > 0
    assert dict(done.passed_over).keys() == {"images/train/000003.jpg", "images/train/000005.jpg"}
    left_out = [line for line in lines if line.startswith("note: left out: ")]
    assert len(left_out) == 1 and left_out[0].startswith(
        "note: left out: images/train/000003.jpg: "
    )
    report = (done.run / "report.md").read_text()
    assert "## Left out: 2" in report and "000005.jpg: not a picture" in report
    assert "No pictures were held out." in report and done.evaluation is None


def test_the_layers_asked_for_are_trained_and_no_others(whole, backbone):  # noqa: F811
    """Of four convolutions up to the map of stride 16, the upper two."""
    before, after = weights_of(Path(backbone)), weights_of(whole[0].model)
    names = [f"layers/conv2d{end}/vars/0" for end in ("", "_1", "_2", "_3")]
    kept = [np.array_equal(before[name], after[f"layers/functional/{name}"]) for name in names]
    assert kept == [True, True, False, False]


def test_a_run_killed_anywhere_ends_like_one_never_stopped(whole, damaged, options, tmp_path):
    run = tmp_path / "a run"
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    stopped = subprocess.Popen(
        [*COMMAND, damaged, "--run-dir", run, "--save-every=0", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in stopped.stderr:
        if line.startswith("epoch 1 of 3 ("):
            break
    stopped.send_signal(signal.SIGKILL)
    _, rest = stopped.communicate()
    assert line.startswith("epoch 1 of 3 ("), line + rest
    assert stopped.returncode == -signal.SIGKILL and not (run / "best.keras").exists()
    assert (run / "checkpoint/detector.npz").exists()
    done = resume_train_detector(run)
    for a, b in zip(history_of(done.run), history_of(whole[0].run), strict=True):
        assert a.pop("stage") == b.pop("stage") == "detector"
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole[0].model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_two_replicas_learn_as_one(whole, damaged, options, tmp_path):
    run, lines = tmp_path / "two", []
    two = options | {"devices": "cpu:2"}
    done = train_detector(damaged, run_dir=run, report=lines.append, **two)
    assert "MirroredStrategy on 2 devices (CPU:0, CPU:1), 2 pictures a replica and step" in lines
    losses = [[float(row["loss"]) for row in history_of(each.run)] for each in (whole[0], done)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4) and losses[0][-1] < 0.9 * losses[0][0]
    first, second = weights_of(whole[0].model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)


# What else can be asked for


@pytest.mark.parametrize("preset", ["localize", "rcnn"])
def test_figures_of_every_design_are_measured_again_alike(preset, backbone, tmp_path):  # noqa: F811
    data = few_scenes(8, val=4)
    options, regions = {"preset": preset, "backbone": backbone, "run_dir": tmp_path / "run"}, None
    if preset == "localize":
        options |= {"epochs": 1, "lr": 1e-5}
    else:
        regions = write_regions(tmp_path / "regions.json", data)
        options |= {"regions": str(regions), "proposals": 20, "precision": "auto"}
        options |= {"batch_size": 8}  # the default: it takes no steps
    done = train_detector(data, **TINY | options)
    again = evaluate(done.model, data, split="val", regions=regions)
    assert again.report.map50 == pytest.approx(done.evaluation.report.map50, abs=1e-6)
    for one, other in zip(again.found, done.evaluation.found, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
        np.testing.assert_allclose(one.boxes[:1], other.boxes[:1], atol=0.01)
        assert len(one) < 2 or preset == "rcnn"  # it localises a single object
    assert sum(map(len, again.found)) > 0
    assert f"{preset} on" in (done.run / "report.md").read_text()


def test_nothing_to_find_in_validation_is_no_figure(backbone, tmp_path):  # noqa: F811
    some, none = few_scenes(4).splits["all"], few_scenes(2, least=0, seed=3, most=0).splits["all"]
    data = ObjectData("made scenes", KINDS, {"train": some, "val": none})
    done = train_detector(
        data, preset="localize", backbone=backbone, epochs=1, run_dir=tmp_path / "run", **TINY
    )
    assert np.isnan(done.evaluation.report.map) and done.to_dict()["evaluation"]["map"] is None
    assert read_card(done.model).metrics == {
        "map": None, "map50": None, "map75": None, "split": "val"
    }  # fmt: skip
    assert "mAP@[.5:.95] **–**, mAP@.5 –" in (done.run / "report.md").read_text()
    assert "score" not in done.chosen


def test_classes_that_are_nowhere_to_be_learnt_are_refused(backbone, tmp_path):  # noqa: F811
    parts = (few_scenes(3, kinds=("circle",), least=1), few_scenes(3, kinds=("star",), least=1))
    some, other = (part.splits["all"] for part in parts)
    other = replace(other, objects=tuple(replace(o, labels=o.labels + 1) for o in other.objects))
    data = ObjectData("made scenes", KINDS, {"train": some, "val": other})
    with pytest.raises(UsageError, match="star has objects in val and none to train on"):
        train_detector(data, preset="localize", backbone=backbone, run_dir=tmp_path / "run", **TINY)


def test_where_validation_has_nothing_to_find_the_last_epoch_counts(backbone, tmp_path):  # noqa: F811
    some, none = few_scenes(8).splits["all"], few_scenes(2, least=0, seed=3, most=0).splits["all"]
    options = TINY | {"preset": "localize", "backbone": backbone, "epochs": 3, "patience": 1}
    lines, done = [], []
    for name, splits in (("with", {"train": some, "val": none}), ("without", {"train": some})):
        data = ObjectData("made scenes", KINDS, splits)
        run = tmp_path / name
        options |= {"val_share": 0.0, "test_share": 0.0}
        done.append(train_detector(data, run_dir=run, report=lines.append, **options))
        assert len(history_of(run)) == 3 and done[-1].chosen == {}
        assert lines.count("note: no objects to validate on: the last epoch counts") == len(done)
        assert "chose the best epoch" not in (run / "report.md").read_text()
    first, second = (weights_of(each.model) for each in done)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_the_score_to_cut_at_is_chosen_on_other_pictures_than_are_tested(backbone, tmp_path):  # noqa: F811
    parts = [few_scenes(count, seed=seed).splits["all"] for seed, count in enumerate((12, 6, 6))]
    data = ObjectData("made scenes", KINDS, dict(zip(("train", "val", "test"), parts, strict=True)))
    regions = write_regions(tmp_path / "regions.json", data)
    options = {"preset": "rcnn", "regions": str(regions), "proposals": 30, "devices": "cpu"}
    done = train_detector(data, size=SIDE, backbone=backbone, run_dir=tmp_path / "run", **options)
    assert done.evaluation.split == "test"
    val = evaluate(done.model, data, split="val", regions=regions).report.best_of_all
    assert done.chosen["score"] == pytest.approx(val.score, abs=1e-4)
    assert done.chosen["score"] != pytest.approx(done.evaluation.report.best_of_all.score, abs=1e-4)


def test_a_detector_learns_other_classes_as_it_was_made(whole, tmp_path):
    """Here one that takes regions from outside: its number of regions stays, and its losses."""
    data = few_scenes(4, kinds=("ring", "star", "square"), least=1)
    regions = write_regions(tmp_path / "regions.json", data)
    options = TINY | {"backbone": str(whole[0].model), "regions": str(regions), "epochs": 1}
    done = train_detector(data, run_dir=tmp_path / "run", **options, test_share=0.0)
    kept = read_card(done.model).training["options"]
    assert (kept["preset"], kept["proposals"], kept["pooling"]) == ("fast-rcnn", 20, None)
    assert done.classes == ("ring", "star", "square")
    (row,) = history_of(done.run)
    assert float(row["region_class_loss"]) > 0 and "objectness_loss" not in row
    assert "fast-rcnn on" in (done.run / "report.md").read_text()
    for other in ({"preset": "localize"}, {"proposals": 5}, {"pooling": "align"}):
        with pytest.raises(UsageError, match=r"has no meaning here: best\.keras is a detector"):
            train_detector(data, **options | other)


def test_a_detector_that_localises_goes_on_learning_from_the_whole_picture(tmp_path):
    pixels = keras.Input((8, 8, 3))
    network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
    card = ModelCard(
        "detect", KINDS, Geometry(64, 64, fit="within"),
        training={"options": {"preset": "localize", "pooling": None, "proposals": None}},
    )  # fmt: skip
    save_model(network, tmp_path / "one.keras", card)
    parameters = inspect.signature(train_detector).parameters
    defaults = {name: each.default for name, each in parameters.items()}
    asked = SimpleNamespace(**defaults | {"backbone": str(tmp_path / "one.keras")})
    plan = plan_of(asked, defaults)
    assert plan.design.regions == "whole" and plan.lessons.region_overlap < 1e-3
    assert asked.preset == "localize"


def test_a_run_on_data_in_memory_goes_on_from_python(backbone, tmp_path):  # noqa: F811
    """Ctrl-C at the first line that tells of an epoch."""

    def interrupt(line):
        if line.startswith("epoch 1 of 2 ("):
            signal.raise_signal(signal.SIGINT)

    data, run = few_scenes(6), tmp_path / "run"
    options = {"preset": "localize", "epochs": 2, "test_share": 0.0, **TINY}
    with pytest.raises(InterruptedRunError) as caught:
        train_detector(data, backbone=backbone, run_dir=run, report=interrupt, **options)
    assert str(caught.value).endswith(f"go on with: resume_train_detector({str(run)!r}, data=...)")
    done = resume_train_detector(run, data=data)
    assert [row["epoch"] for row in history_of(run)] == ["1", "2"] and done.model.exists()
    with pytest.raises(UsageError, match=r"the data changed since this run began: 1 new \(train/0"):
        resume_train_detector(run, data=few_scenes(7))
