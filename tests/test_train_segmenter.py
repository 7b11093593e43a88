"""Training a segmenter: that it learns, resumes, distributes, and leaves a file that segments."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dltk.data.datasets import MaskData
from dltk.errors import UsageError
from dltk.masks import IGNORE
from dltk.modelfile import read_card
from dltk.models.fcn.load import load_fcn
from dltk.models.fcn.segmenter import Parts
from dltk.models.find import find_model
from recipes.evaluate import evaluate
from recipes.segment import segment
from recipes.train_segmenter import resume_train_segmenter, train_segmenter
from tests.runs import history_of, weights_of
from tests.segmenters import (  # noqa: F401
    CLASSES,
    SIDE,
    TINY,
    backbone,
    few_masks,
    mask_scenes,
    masked,
    segmenter,
)

COMMAND = [sys.executable, "-c", "from dltk.cli.main import run; run()", "train", "segmenter"]
SHORT = TINY | {
    "epochs": 4, "unfreeze": 2, "optimizer": "momentum", "aux": 0.3, "hidden": 8,
    "val_share": 0.0, "test_share": 0.0,
}  # fmt: skip
STAGES = ["fcn-32s", "fcn-16s", "fcn-8s", "fcn-8s"]


# That it learns


def test_scenes_are_learnt(segmenter):  # noqa: F811
    report = segmenter.evaluation.report
    assert report.pictures == 16 and report.mean_iou >= 0.5
    card = read_card(segmenter.model)
    assert card.task == "segment" and card.labels == segmenter.classes == CLASSES
    assert (card.geometry.height, card.geometry.width, card.geometry.fit) == (192, 192, "within")
    assert card.backbone == "efficientnet-lite0" and card.metrics["split"] == "val"
    assert card.metrics["mean_iou"] == pytest.approx(report.mean_iou)
    assert card.training["pictures"] == {"train": 64, "val": 16}
    assert Parts.of(load_fcn(find_model(segmenter.model))).enlarge.factor == 8


def test_a_run_folder_tells_the_whole_story(segmenter, mask_scenes):  # noqa: F811
    left = {path.name for path in segmenter.run.iterdir()}
    assert left == {
        "best.keras", "checkpoint", "config.json", "confusion.png", "curves.png",
        "evaluation.json", "history.csv", "iou.png", "log.txt", "mistakes.png", "pictures.csv",
        "report.md", "split.csv",
    }  # fmt: skip
    rows = history_of(segmenter.run)
    stages = [row["stage"] for row in rows]
    assert stages == ["fcn-32s", "fcn-16s"] + ["fcn-8s"] * 4
    best = [max(float(r["val_miou"]) for r in rows if r["stage"] == stage) for stage in set(stages)]
    assert float(rows[0]["val_miou"]) < max(best)
    report = (segmenter.run / "report.md").read_text()
    assert "(64 train, 16 val): fcn-8s on efficientnet-lite0, pictures of 192 pixels." in report
    assert f"dltk segment PICTURES -m '{segmenter.model}'" in report
    assert f"Mean IoU **{segmenter.evaluation.report.mean_iou:.3f}**" in report
    assert "| star |" in report and "| background |" in report
    options = json.loads((segmenter.run / "config.json").read_text())["options"]
    assert options["data"] == str(mask_scenes) and options["staged"] is True
    rows = list(csv.DictReader((segmenter.run / "pictures.csv").open()))
    assert len(rows) == 16 and {row["pixels"] for row in rows} == {str(SIDE * SIDE)}
    right = sum(float(row["accuracy"]) for row in rows) / 16
    assert right == pytest.approx(segmenter.evaluation.report.pixel_accuracy, abs=1e-5)


def test_the_file_segments_what_the_training_measured(segmenter, mask_scenes):  # noqa: F811
    again = evaluate(segmenter.model, mask_scenes, split="val")
    report = segmenter.evaluation.report
    assert again.report.mean_iou == pytest.approx(report.mean_iou, abs=2e-3)
    assert again.report.boundary_f == pytest.approx(report.boundary_f, abs=5e-3)
    assert again.seen_in_training == 0 and again.classes == CLASSES
    for index, found in again.worst[:2]:
        (result,) = segment(mask_scenes / again.names[index], model=str(segmenter.model))
        assert (result.mask == found).mean() > 0.999


# That it goes on and distributes


@pytest.fixture(scope="module")
def options(backbone):  # noqa: F811
    return SHORT | {"backbone": backbone}


@pytest.fixture(scope="module")
def whole(mask_scenes, options, tmp_path_factory):  # noqa: F811
    """A short training in stages that was not stopped, and the lines that it reported."""
    run, lines = tmp_path_factory.mktemp("whole") / "run", []
    return train_segmenter(few_masks(10), run_dir=run, report=lines.append, **options), lines


def test_each_stage_goes_on_from_the_one_before(whole, backbone):  # noqa: F811
    done, lines = whole
    rows = history_of(done.run)
    assert [row["stage"] for row in rows] == STAGES
    assert [line for line in lines if line.startswith("fcn")] == ["fcn-32s:", "fcn-16s:", "fcn-8s:"]
    losses = [float(row["cross_entropy_loss"]) for row in rows]
    assert losses[0] == pytest.approx(np.log(3), rel=0.25) and losses[-1] < 0.8 * losses[0]
    assert all(float(row["aux_loss"]) > 0 for row in rows)
    before, after = weights_of(backbone), weights_of(done.model)
    names = [f"layers/conv2d{end}/vars/0" for end in ("", "_1", "_2", "_3", "_4")]
    kept = [np.array_equal(before[n], after[f"layers/functional/{n}"]) for n in names]
    assert kept == [True, True, True, False, False]
    assert not any("aux" in name for name in after)
    assert "No pictures were held out." in (done.run / "report.md").read_text()


def test_a_run_killed_between_stages_ends_like_one_never_stopped(whole, options, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys; from tests.segmenters import few_masks;"
        "from recipes.train_segmenter import train_segmenter; import json;"
        "train_segmenter(few_masks(10), run_dir=sys.argv[1], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[2]))"
    )
    stopped = subprocess.Popen(
        [sys.executable, "-c", code, run, json.dumps(options)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in stopped.stdout:
        if line == "fcn-16s:\n":
            break
    stopped.send_signal(signal.SIGKILL)
    _, rest = stopped.communicate()
    assert stopped.returncode == -signal.SIGKILL and not (run / "best.keras").exists(), rest
    done = resume_train_segmenter(run, data=few_masks(10))
    for a, b in zip(history_of(done.run), history_of(whole[0].run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole[0].model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_run_does_not_go_on_with_other_label_maps_or_names(whole, tmp_path):
    """Even where each picture has as many pixels of each class."""
    run, data = tmp_path / "a run", few_masks(10)
    shutil.copytree(whole[0].run, run)
    part = data.splits["all"]
    mirrored = tuple(lambda mask=mask: mask()[:, ::-1] for mask in part.masks)
    for other in (
        replace(data, splits={"all": replace(part, masks=mirrored)}),
        replace(data, classes=(data.classes[0], *data.classes[:0:-1])),
    ):
        with pytest.raises(UsageError, match="the data changed since this run began"):
            resume_train_segmenter(run, data=other)
    assert resume_train_segmenter(run, data=few_masks(10)).classes == data.classes


def test_two_replicas_learn_as_one(whole, options, tmp_path):
    """But for dropout, which each draws for its own pictures."""
    lines, done = [], []
    for devices in ("cpu", "cpu:2"):
        how = options | {"devices": devices, "hidden": 0, "aux": 0.0, "epochs": 3}
        run = tmp_path / devices.replace(":", "")
        done.append(train_segmenter(few_masks(10), run_dir=run, report=lines.append, **how))
    assert "MirroredStrategy on 2 devices (CPU:0, CPU:1), 2 pictures a replica and step" in lines
    losses = [[float(row["loss"]) for row in history_of(each.run)] for each in done]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    first, second = (weights_of(each.model) for each in done)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)


# What else can be asked for


@pytest.mark.parametrize(
    "asked",
    [
        {"loss": "focal", "class_weights": "log"},
        {"loss": "dice"},
        {"loss": "cross-entropy+dice", "class_weights": "median"},
    ],
    ids=lambda asked: asked["loss"],
)
def test_losses_are_those_asked_for(asked, options, tmp_path):
    """Keras tells the sum, and the parts where there are several."""
    how = options | {"preset": "fcn-32s", "epochs": 1, "aux": 0.0} | asked
    done = train_segmenter(few_masks(6), run_dir=tmp_path / "run", **how)
    (row,) = history_of(done.run)
    parts = [name.replace("-", "_") + "_loss" for name in asked["loss"].split("+")]
    assert 0 < float(row["loss"]) < 3 and row["stage"] == "fcn-32s"
    if len(parts) > 1:
        total = sum(float(row[name]) for name in parts)
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)


def test_a_segmenter_learns_other_classes_with_all_it_knows(segmenter, tmp_path):  # noqa: F811
    data = few_masks(6, val=3, kinds=("ring", "square", "cross"))
    how = TINY | {"backbone": str(segmenter.model), "unfreeze": "none", "lr": 1e-6}
    done = train_segmenter(data, epochs=1, run_dir=tmp_path / "run", **how)
    assert done.classes == ("background", "ring", "square", "cross")
    assert [row["stage"] for row in history_of(done.run)] == ["segmenter"]
    before, after = weights_of(segmenter.model), weights_of(done.model)
    backbones = [name for name in before if name.startswith("layers/functional/")]
    assert backbones and all(np.array_equal(before[n], after[n]) for n in backbones)
    with pytest.raises(UsageError, match=r"--preset has no meaning here: best\.keras is a segm"):
        train_segmenter(data, preset="fcn-16s", **how)


def test_ignored_pixels_do_not_count_and_classes_never_learnt_are_refused(options, tmp_path):
    data = few_masks(4, val=2)
    train, val = data.splits["train"], data.splits["val"]
    without = tuple(
        lambda mask=mask: np.where(mask() == 2, IGNORE, mask()).astype(np.uint8)
        for mask in train.masks
    )
    train = replace(train, masks=without, counts=train.counts * [1, 1, 0])
    assert val.counts[:, 2].any()
    data = MaskData("made scenes", CLASSES, {"train": train, "val": val})
    with pytest.raises(UsageError, match="star has pixels in val and none to train on"):
        train_segmenter(data, run_dir=tmp_path / "run", **options)
    empty = masked([np.zeros((9, 9, 3), np.uint8)], [np.full((9, 9), IGNORE, np.uint8)])
    data = MaskData("made scenes", CLASSES, {"train": empty})
    with pytest.raises(UsageError, match=r"nothing to train on|no picture with a pixel"):
        train_segmenter(data, run_dir=tmp_path / "other", **options)
    sky = masked([np.zeros((9, 9, 3), np.uint8)] * 2, [np.full((9, 9), at) for at in (1, IGNORE)])
    data = MaskData("made scenes", CLASSES, {"train": sky})
    with pytest.raises(UsageError, match="all pixels to train on are circle, or 255, which is ig"):
        train_segmenter(data, run_dir=tmp_path / "a third", **options)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"preset": "fcn-4s"},
            '--preset is one of fcn-32s, fcn-16s, fcn-8s, not fcn-4s. Did you mean "fcn-',
        ),
        ({"loss": "hinge"}, "--loss is one of cross-entropy, focal, dice"),
        ({"size": 100}, r"--size 100 is not a multiple of 32 from 64 to 2048; take 96"),
        ({"epochs": 2}, "--epochs 2 is too few for the stages fcn-32s, fcn-16s, fcn-8s"),
        ({"unfreeze": "none", "backbone_lr": 0.1}, "--backbone-lr has no meaning here"),
        ({"augment": "none", "flip": False}, "--flip has no meaning here"),
        ({"loss": "dice", "class_weights": "log"}, "--class-weights has no meaning here"),
        ({"backbone": "faster-rcnn-mobilenet"}, "faster-rcnn-mobilenet is for the task detect"),
        ({"backbone": "cnn"}, "unknown model"),
        ({"aux": float("nan")}, "--aux is a number of at least 0, not nan"),
        ({"aux": -1}, "--aux is a number of at least 0, not -1"),
        ({"epochs": 2.5}, "--epochs is a whole number, not 2.5"),
        ({"epochs": 0}, "--epochs is at least 1, not 0"),
        ({"batch_size": 0}, "--batch-size is at least 1, not 0"),
        ({"hidden": 1.5}, "--hidden is a whole number, not 1.5"),
        ({"size": 320.0}, "--size is a whole number, not 320.0"),
        ({"seed": 1.5}, "--seed is a whole number, not 1.5"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
        ({"seed": 2**32}, "--seed is at most 4294967295"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_any_work(asked, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_segmenter(few_masks(2), run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
