"""`dltk train detector`: what it prints, how it goes on, and what it refuses."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from dltk.training.run import RunFolder
from tests.detectors import KINDS, scenes, trained  # noqa: F401
from tests.folders import digests


def test_a_finished_run_gone_on_with_stays_as_it_is(dltk, trained, scenes):  # noqa: F811
    kept = {"best.keras", "split.csv", "config.json", "history.csv", "evaluation.json"}
    before = {name: each for name, each in digests(trained.run).items() if name in kept}
    result = dltk("train", "detector", "--resume", trained.run)
    assert result.code == 0, result.err
    assert {name: each for name, each in digests(trained.run).items() if name in kept} == before
    lines = result.out.splitlines()
    assert (
        lines[0]
        == f"{trained.model} on {scenes}, val: 24 pictures with " + lines[0].split("with ")[1]
    )
    assert lines[1].startswith(f"mAP@[.5:.95] {trained.evaluation.report.map:.3f}  mAP@.5 ")
    assert [line.split()[0] for line in lines if line.startswith(KINDS)] == list(KINDS)
    assert lines[-1] == f"model: {trained.model}"
    assert f"run folder: {trained.run}" in result.err
    assert f"use it: dltk detect PICTURES -m '{trained.model}'" in result.err
    assert "trained on too" not in result.err


def test_the_file_is_what_detect_takes(dltk, trained, scenes, tmp_path):  # noqa: F811
    val = scenes / "images/val"
    result = dltk("detect", val, "-m", trained.model, "--coco", tmp_path / "coco", "--json", "-q")
    header, *rows = map(json.loads, result.out.splitlines())
    assert result.code == 0 and header["model"][0]["name"] == "best.keras"
    found = [each for row in rows for each in row["objects"]]
    assert len(rows) == 24 and {each["label"] for each in found} == set(KINDS)
    assert min(each["score"] for each in found) >= trained.chosen["score"] - 1e-4
    boxes = np.array([each["box"] for each in found])
    assert (boxes >= 0).all() and (boxes <= 96).all() and (boxes[:, 2:] > boxes[:, :2]).all()


def test_a_resumed_run_says_which_options_differ(dltk, trained):  # noqa: F811
    result = dltk("train", "detector", "--resume", trained.run, "--epochs", 9, "--no-flip")
    assert result.code == 2
    assert "--flip has no meaning here" in result.err
    result = dltk("train", "detector", "--resume", trained.run, "--epochs", 9, "--size", 128)
    assert result.code == 2 and result.err.count("\n") == 1
    assert "--size 96 then, 128 now; --epochs 5 then, 9 now" in result.err


def test_a_resumed_run_says_how_the_data_differ(dltk, trained, scenes, tmp_path):  # noqa: F811
    """Of copies of data and run, for both are shared."""
    shutil.copytree(scenes, tmp_path / "data")
    (tmp_path / "data/images/train/000007.jpg").unlink()
    for name in ("config.json", "split.csv"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(trained.run / name, tmp_path / "run")
    result = dltk("train", "detector", tmp_path / "data", "--resume", tmp_path / "run")
    assert result.code == 2
    assert "the data changed since this run began: 1 gone (images/train/000007.jpg" in result.err


def test_a_run_of_another_command_is_not_gone_on_with(dltk, tmp_path):
    RunFolder.create("finetune", "x", {}, path=str(tmp_path / "run"))
    result = dltk("train", "detector", "--resume", tmp_path / "run")
    assert result.code == 2 and "it is not one of dltk train detector" in result.err
    result = dltk("train", "detector")
    assert result.code == 2 and "name the DATA to train on, or a run to go on with" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "faster"], "'faster' is not one of 'faster-rcnn', 'fast-rcnn', 'rcnn', 'lo"),
        (["--backbone", "efficientnet-lite"], 'Did you mean "efficientnet-lite'),
        (
            ["--backbone-lr", 0.1],
            "no layers of the backbone are trained; say which with --unfreeze",
        ),
        (["--size", 100], "--size 100 is not a multiple of 32 from 64 to 2048; take 96"),
        (["--augment", "none", "--no-flip"], "--flip has no meaning here: pictures are not varied"),
        (["--regions", "r.json"], "--regions has no meaning here: faster-rcnn finds its regions"),
        (["--preset", "fast-rcnn", "--regions", "r.json"], "--regions r.json: no such file"),
        (["--preset", "localize", "--proposals", 9], "the whole picture is the only region"),
        (["--preset", "rcnn", "--regions", "r.json", "--epochs", 3], "R-CNN on a fixed network ta"),
        (["--preset", "rcnn", "--regions", "r.json", "--pooling", "pool"], "R-CNN warps its regio"),
        (["--batch-size", 7, "--devices", "cpu:2"], "shared out among 2 replicas; take 6"),
        (["--strategy", "multiworker"], "nothing describes the workers"),
        (["--unfreeze", "some"], "'some' is not a whole number above 0 or none or all"),
        (["--lr", "nan"], "--lr"),
        (["--seed", 2**32], "is not in the range"),
    ],
)
def test_options_that_cannot_work_are_refused(
    dltk, scenes, tmp_path, monkeypatch, options, message  # noqa: F811
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = dltk("train", "detector", scenes, *options)
    assert result.code == 2 and message in result.err and result.out == ""
    assert not (tmp_path / "runs").exists()


def test_data_that_cannot_be_trained_on_is_refused(dltk, scenes, tmp_path, monkeypatch, noise):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "classes/star").mkdir(parents=True)
    noise().save(tmp_path / "classes/star/1.png")
    (tmp_path / "empty.csv").write_text("path,label,left,top,right,bottom\n")
    (tmp_path / "unread.csv").write_text(
        "path,label,left,top,right,bottom\nclasses/star/2.png,star,1,1,9,9\n"
    )
    (tmp_path / "classes/star/2.png").write_bytes(
        (tmp_path / "classes/star/1.png").read_bytes()[:99]
    )
    for data, message in (
        ("classes", "classes holds no pictures with objects; wanted is a COCO .json file"),
        ("clases", 'no such folder or file: clases. Did you mean "classes"?'),
        ("empty.csv", "empty.csv"),
        ("unread.csv", "no picture with an object can be trained on"),
    ):
        result = dltk("train", "detector", data, "--run-dir", tmp_path / "run" / data)
        assert result.code == 2 and message in result.err, result.err
    result = dltk("train", "detector", scenes, "--run-dir", scenes / "run")
    assert result.code == 2 and "would lie in the data; name another place" in result.err
    assert not (scenes / "run").exists()
