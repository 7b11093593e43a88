"""Training a masker: that it learns, resumes, distributes, and leaves a file that proposes."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dltk.data.datasets import ObjectData
from dltk.data.instances import InstanceExamples, read_instances
from dltk.data.objects import check_objects
from dltk.engine.proposals import ProposalNetwork
from dltk.errors import UsageError
from dltk.metrics.proposals import measure_proposals
from dltk.modelfile import read_card
from dltk.models.find import find_model
from dltk.models.masker.learning import Learner
from dltk.models.masker.network import ANSWERS, load_masker
from dltk.objects import Objects
from recipes._masker_training import judged_by
from recipes.train_masker import of_one_class, resume_train_masker, train_masker
from tests.detectors import KINDS
from tests.maskers import PATCH, TINY, backbone, few_objects, mask_objects, masker  # noqa: F401
from tests.runs import history_of, weights_of

SHORT = TINY | {"epochs": 2, "optimizer": "momentum", "batch_size": 8}


def squares(size):
    """Return run lengths of centred squares of several sizes, laid evenly over a picture."""
    from dltk.masks import run_lengths
    from dltk.proposals import sliding_windows

    windows = sliding_windows(size, sides=(0.6, 0.4, 0.25, 0.15), shapes=(1.0,), step=0.5)
    shapes = []
    order = np.random.default_rng(0).permutation(len(windows))
    for left, top, right, bottom in windows[order].round().astype(int):
        shape = np.zeros(size[::-1], bool)
        shape[top:bottom, left:right] = True
        shapes.append(run_lengths(shape))
    return shapes


def test_scenes_are_learnt(masker, mask_objects):  # noqa: F811
    report = masker.evaluation.report
    part = read_instances(mask_objects).splits["val"]
    truths = [part.truths(at) for at in range(len(part))]
    plain = measure_proposals(truths, [squares((96, 96))] * len(part))
    assert report.pictures == 12 and report.objects == sum(map(len, truths))
    assert report.recalls[10][0] > max(0.3, 2 * plain.recalls[10][0])  # at an overlap of a half
    assert report.average_recalls[10] > 2 * plain.average_recalls[10]
    rows = history_of(masker.run)
    assert [row["stage"] for row in rows] == ["masker"] * 4
    assert float(rows[-1]["mask_loss"]) < 0.7 * float(rows[0]["mask_loss"])
    assert float(rows[-1]["score_loss"]) < float(rows[0]["score_loss"]) < np.log(2) / 32 * 1.5
    card = read_card(masker.model)
    assert card.task == "mask" and card.labels == () and card.geometry.height == PATCH
    assert card.training["pictures"] == {"train": 48, "test": 12}
    assert card.metrics["ar100"] == pytest.approx(report.average_recalls[100], abs=1e-6)


def test_a_run_folder_tells_the_whole_story(masker, mask_objects):  # noqa: F811
    left = {path.name for path in masker.run.iterdir()}
    assert left == {
        "best.keras", "checkpoint", "config.json", "curves.png", "evaluation.json", "history.csv",
        "log.txt", "pictures.csv", "proposals.png", "report.md", "split.csv",
    }  # fmt: skip
    report = (masker.run / "report.md").read_text()
    assert "(48 train, 12 test): a masker on efficientnet-lite0, patches of 64 pixels." in report
    assert f"dltk segment PICTURES --instances '{masker.model}'" in report
    averages = masker.evaluation.report.average_recalls
    assert f"AR@100 **{averages[100]:.3f}**" in report
    for limit in (10, 100, 1000):
        assert f"| {limit} | {averages[limit]:.3f} |" in report
    record = json.loads((masker.run / "evaluation.json").read_text())
    assert record["task"] == "mask" and record["split"] == "test"
    assert record["ar10"] == pytest.approx(averages[10], abs=1e-6)
    rows = list(csv.DictReader((masker.run / "pictures.csv").open()))
    assert [int(row["objects"]) for row in rows] == [
        len(objects) for objects in masker.evaluation.examples.objects
    ]
    covered = sum(int(row["covered"]) for row in rows) / record["objects"]
    assert covered == pytest.approx(record["recall50_100"], abs=0.1)
    with Image.open(masker.run / "proposals.png") as sheet:  # what is on it: see its own test
        assert sheet.height > 8 * 96 and sheet.width > 3 * 96
    options = json.loads((masker.run / "config.json").read_text())["options"]
    assert options["data"] == str(mask_objects) and options["patch"] == PATCH


@pytest.fixture(scope="module")
def options(backbone):  # noqa: F811
    return SHORT | {"backbone": backbone}


@pytest.fixture(scope="module")
def whole(mask_objects, options, tmp_path_factory):  # noqa: F811
    """A short training that was not stopped."""
    run = tmp_path_factory.mktemp("whole masker") / "run"
    return train_masker(few_objects(mask_objects, train=16, val=2), run_dir=run, **options)


def test_a_run_killed_ends_like_one_never_stopped(whole, mask_objects, options, tmp_path):  # noqa: F811
    run = tmp_path / "a run"
    code = (
        "import sys, json; from tests.maskers import few_objects;"
        "from recipes.train_masker import train_masker;"
        "train_masker(few_objects(sys.argv[1], train=16, val=2), run_dir=sys.argv[2],"
        "save_every=0, report=lambda line: print(line, flush=True), **json.loads(sys.argv[3]))"
    )
    stopped = subprocess.Popen(
        [sys.executable, "-c", code, mask_objects, run, json.dumps(options)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in stopped.stdout:
        if line.startswith("epoch 1 of 2") and "val ar" in line:
            break
    stopped.send_signal(signal.SIGKILL)
    _, rest = stopped.communicate()
    assert stopped.returncode == -signal.SIGKILL and not (run / "best.keras").exists(), rest
    done = resume_train_masker(run, data=few_objects(mask_objects, train=16, val=2))
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_masker(run, data=few_objects(mask_objects, train=15, val=2))
    for a, b in zip(history_of(done.run), history_of(whole.run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole.model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_masker_learns_on(whole, mask_objects, tmp_path):  # noqa: F811
    how = SHORT | {"backbone": str(whole.model), "unfreeze": "none", "lr": 1e-6, "epochs": 1}
    with pytest.raises(UsageError, match=r"--patch has no meaning here: best\.keras is a mask"):
        train_masker(mask_objects, **how | {"patch": 96})
    few = few_objects(mask_objects, train=8)
    done = train_masker(few, run_dir=tmp_path / "run", val_share=0.0, **how)
    assert done.evaluation is None
    assert "No pictures were held out." in (done.run / "report.md").read_text()
    first, second = weights_of(whole.model), weights_of(done.model)
    assert first.keys() == second.keys()
    kept = [name for name in first if np.array_equal(first[name], second[name])]
    assert 0 < len(kept) < len(first)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-4, err_msg=name)


def test_epochs_are_judged_by_pictures_with_objects_from_all_over():
    box, names = [[2, 2, 9, 9]], tuple(map(str, range(240)))
    kinds = Objects.of(), Objects.of(box, [0], [True]), Objects.of(), Objects.of(box, [0])
    part = InstanceExamples(names, names, kinds * 60, [()] * 240)
    judged = judged_by(part)  # every fourth picture has an object that counts
    assert judged.names == names[3::8] and len(judged) == 30
    assert judged_by(part.take(range(20))).names == ("3", "7", "11", "15", "19")
    assert judged_by(part.take([0, 1, 2])) is None


def test_without_objects_to_validate_on_the_last_epoch_counts(mask_objects, options, tmp_path):  # noqa: F811
    few, lines = few_objects(mask_objects, train=8, val=2), []
    crowds = tuple(replace(each, ignored=~each.ignored) for each in few.splits["val"].objects)
    few.splits["val"] = replace(few.splits["val"], objects=crowds)
    how = options | {"patience": 1}
    done = train_masker(few, run_dir=tmp_path / "run", report=lines.append, **how)
    assert "note: no objects to validate on: the last epoch counts" in lines
    assert done.chosen == {} and len(history_of(done.run)) == 2
    assert done.evaluation.split == "val" and done.evaluation.report.objects == 0
    assert read_card(done.model).metrics["ar100"] is None
    assert "AR@100 **–**" in (done.run / "report.md").read_text()


def test_what_is_measured_is_what_is_saved(mask_objects, options, tmp_path, monkeypatch):  # noqa: F811
    """Epochs are judged in the precision of the training; the saved file computes in float32."""
    kinds = []

    def spied(network):
        for head, name in zip(("mask_head", "score_head"), ANSWERS, strict=True):
            kinds.append(network.get_layer(head).get_layer(name).compute_dtype)
        kinds.append(network.get_layer("mask_head").get_layer("mix").compute_dtype)
        return Learner(network)

    monkeypatch.setattr("recipes._masker_training.Learner", spied)
    few = few_objects(mask_objects, train=8, val=2)
    how = options | {"precision": "bfloat16", "epochs": 1}
    done = train_masker(few, run_dir=tmp_path / "run", **how)
    assert kinds == ["float32", "float32", "bfloat16"]
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    network = ProposalNetwork(load_masker(find_model(done.model)), strategy, PATCH)
    for index, measured in enumerate(done.evaluation.proposals):
        found = network(few.splits["val"].decode(index), most=1000)
        np.testing.assert_allclose(measured.scores, found.scores[:10], rtol=1e-6)
        assert measured.shapes == found.shapes[:10]


def test_classes_play_no_part_in_what_is_said_of_the_data(mask_objects, options, tmp_path):  # noqa: F811
    part, lines = read_instances(mask_objects).splits["train"], []
    kinds = [set(each.labels.tolist()) for each in part.objects]
    train = part.take(at for at, labels in enumerate(kinds) if labels == {0})
    val = part.take([at for at, labels in enumerate(kinds) if labels == {1}][:2])
    data = ObjectData("scenes", KINDS, {"train": train, "val": val})
    assert "star has objects in val, none in train" in check_objects(
        data, decode=False, threads=1
    ).errors[0].replace("nothing to train on: ", "")
    train_masker(data, run_dir=tmp_path / "run", report=lines.append, **options | {"epochs": 1})
    assert not [line for line in lines if line.startswith("note: ")]
    merged = of_one_class(data)
    assert merged.classes == ("object",) and merged.splits["val"].digests == val.digests
    assert not any(each.labels.any() for each in merged.splits["val"].objects)
    assert data.splits["val"].objects[0].labels.any()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"patch": 100}, r"--patch 100 is not a multiple of 32 from 64 to 512; take 96"),
        ({"augment": "much"}, "--augment is one of none, light, strong, not much"),
        ({"epochs": 0}, "--epochs is at least 1, not 0"),
        ({"unfreeze": "none", "backbone_lr": 0.1}, "--backbone-lr has no meaning here"),
        ({"backbone": "faster-rcnn-mobilenet"}, "faster-rcnn-mobilenet is for the task detect"),
        ({"backbone": "vit"}, "unknown model"),
        ({"patch": 20}, "; take 64"),
        ({"patch": 600}, "; take 512"),
        ({"patch": 128.0}, r"--patch is a whole number, not 128\.0"),
        ({"batch_size": 7, "devices": "cpu:2"}, "shared out among 2 replicas; take 6"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
        ({"seed": 1.5}, r"--seed is a whole number, not 1\.5"),
        ({"seed": 2**32}, "--seed is at most 4294967295, not 4294967296"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(asked, message, mask_objects, tmp_path):  # noqa: F811
    with pytest.raises(UsageError, match=message):
        train_masker(mask_objects, run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_the_command_trains_and_tells_how_good_it_is(mask_objects, backbone, dltk, tmp_path):  # noqa: F811
    run = tmp_path / "run"
    asked = ["--backbone", backbone, "--epochs", 1, "--patch", 64, "--unfreeze", "none"]
    done = dltk("train", "masker", mask_objects, "--run-dir", run, *asked, "--devices", "cpu")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "16 objects in 12 pictures of val"
    assert [line.split()[0] for line in lines[2:6]] == ["proposals", "10", "100", "1000"]
    assert lines[-1] == f"model: {run / 'best.keras'}"
    assert f"use it: dltk segment PICTURES --instances {run / 'best.keras'}" in done.err
    assert "note: no objects to validate on" not in done.err
    done = dltk("train", "masker", "--resume", run, "--epochs", 2)
    assert done.code == 2 and "began with other options: --epochs 1 then, 2 now" in done.err
    done = dltk("classify", mask_objects, "-m", run / "best.keras")
    assert done.code == 2 and "best.keras is a model to mask, not to classify" in done.err
    done = dltk("evaluate", run / "best.keras", mask_objects)
    assert done.code == 2 and "best.keras is a masker, which is measured when it is " in done.err
    done = dltk("features", mask_objects, "-m", run / "best.keras")
    assert done.code == 2
    assert 'proposes masks of objects; it is for "dltk segment --instances"' in done.err
