"""Measuring a captioner on pictures with captions, from Python and from the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.errors import DltkError, UsageError
from dltk.metrics.captions import measure_captions
from recipes.caption import caption
from recipes.evaluate import evaluate
from tests.captioners import backbone, chance, chance_without, few_captions, save_chance  # noqa: F401
from tests.detectors import few_scenes
from tests.folders import tree
from tests.segmenters import few_masks
from tests.small_segmenters import colours  # noqa: F401
from tests.test_caption import noisy

FILES = ["best.png", "captions.csv", "evaluation.json", "worst.png"]
SAID = ("a red disc", "the star on the left"), ("there are two",), ("is a green star there",)


def data_of(*pictures, said=SAID, split="all") -> CaptionData:
    names = tuple(f"{at}.png" for at in range(len(pictures)))
    examples = CaptionedExamples(names, pictures, said[: len(pictures)])
    return CaptionData("made pictures", {split: examples})


PICTURES = [noisy(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def first(chance, tmp_path_factory):  # noqa: F811
    """The evaluation of three pictures, and its folder."""
    evaluation = evaluate(chance, data_of(*PICTURES), devices="cpu")
    folder = tmp_path_factory.mktemp("first")
    evaluation.save(folder)
    return evaluation, folder


@pytest.fixture
def folder(tmp_path):
    """Pictures with captions in a table, in two splits."""
    root, rows = tmp_path / "data", ["path,caption,split"]
    root.mkdir()
    for at, (picture, texts) in enumerate(zip(PICTURES, SAID, strict=True)):
        Image.fromarray(picture).save(root / f"{at}.png")
        rows += [f"{at}.png,{text},{'test' if at else 'train'}" for text in texts]
    (root / "captions.csv").write_text("\n".join(rows) + "\n")
    return root


# What is measured


def test_what_is_measured_is_what_caption_writes(chance, first):  # noqa: F811
    evaluation, _ = first
    results = caption(PICTURES, model=chance, devices="cpu")
    assert list(evaluation.captions) == [result.text for result in results]
    expected = measure_captions(evaluation.captions, SAID)
    assert evaluation.report.to_dict() == expected.to_dict()
    assert evaluation.report.pictures == 3 and evaluation.report.copied is None
    assert evaluation.names == ("0.png", "1.png", "2.png") and evaluation.failed == ()
    assert (evaluation.model, evaluation.data, evaluation.split) == (chance, "made pictures", "all")
    assert evaluation.seen_in_training is None


def test_files_of_an_evaluation(first):
    evaluation, folder = first
    assert sorted(os.listdir(folder)) == FILES
    record = json.loads((folder / "evaluation.json").read_text())
    assert record["task"] == "caption" and record["copied"] is None
    assert record["cider_d"] == pytest.approx(evaluation.report.cider_d, abs=1e-6)
    rows = list(csv.DictReader((folder / "captions.csv").open()))
    assert [row["references"] for row in rows] == [" | ".join(each) for each in SAID]
    assert [row["caption"] for row in rows] == list(evaluation.captions)
    for name in ("best.png", "worst.png"):
        with Image.open(folder / name) as sheet:
            assert sheet.width > 3 * 320


def test_a_picture_alone_and_one_that_attends_to_nothing(chance_without):  # noqa: F811
    evaluation = evaluate(chance_without, data_of(PICTURES[0]), devices="cpu")
    assert evaluation.report.pictures == 1 and evaluation.report.cider_d == 0
    assert evaluation.captions[0]


def test_words_in_other_scripts_are_measured(backbone, tmp_path):  # noqa: F811
    model = save_chance(tmp_path / "m.keras", backbone, ("猫", "在", "桌", "子", "上"))
    data = data_of(PICTURES[0], PICTURES[1], said=(("猫在桌子上",), ("一只狗", "猫")))
    evaluation = evaluate(model, data, devices="cpu")
    assert set("".join(evaluation.captions)) <= set("猫在桌子上")
    assert 0 <= evaluation.report.bleu[0] <= 1 and evaluation.report.length >= 1


def test_pictures_that_cannot_be_read_do_not_count(chance):  # noqa: F811
    data = data_of(PICTURES[0], b"no picture", PICTURES[2])
    evaluation = evaluate(chance, data, devices="cpu")
    assert evaluation.names == ("0.png", "2.png") and evaluation.report.pictures == 2
    ((name, why),) = evaluation.failed
    assert name == "1.png" and why.startswith("not a picture")
    with pytest.raises(DltkError, match=r"made pictures: no picture could be measured: 0\.png: "):
        evaluate(chance, data_of(b"no picture"), devices="cpu")


# The command


def test_the_command_prints_the_measures_and_some_captions(dltk, chance, folder, tmp_path):  # noqa: F811
    result = dltk("evaluate", chance, folder, "--devices", "cpu", "-o", tmp_path / "out")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == f"{chance} on {folder}, test: 2 pictures"
    assert lines[1].startswith("CIDEr-D ") and "  BLEU-4 " in lines[1] and "ROUGE-L" in lines[1]
    assert lines[2].startswith("distinct ") and lines[2].endswith(" words a caption")
    assert "copied" not in lines[2]
    assert lines[4].split() == ["picture", "CIDEr-D", "caption"]
    said = " ".join(" ".join(lines[5:]).split())  # long captions go on below
    with (tmp_path / "out/captions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(f"{row['path']} " in said and row["caption"] in said for row in rows)
    assert tree(tmp_path / "out") == FILES
    everything = dltk("evaluate", chance, folder, "--devices", "cpu", "--split", "all", "--json")
    assert json.loads(everything.out)["pictures"] == 3


def test_pictures_that_were_trained_on_are_told(dltk, backbone, folder, tmp_path):  # noqa: F811
    model = save_chance(tmp_path / "run/best.keras", backbone)
    digest = hashlib.sha256((folder / "1.png").read_bytes()).hexdigest()[:32]
    (tmp_path / "run/split.csv").write_text(f"path,split,digest\n1.png,train,{digest}\n")
    result = dltk("evaluate", model, folder, "--devices", "cpu")
    assert result.code == 0 and "1 of these 2 pictures were trained on" in result.err


def test_an_evaluation_of_another_kind_is_not_written_over(dltk, chance, folder, tmp_path):  # noqa: F811
    (tmp_path / "out").mkdir()
    (tmp_path / "out/evaluation.json").write_text('{"format": "dltk.evaluate"}')
    result = dltk("evaluate", chance, folder, "-o", tmp_path / "out")
    assert result.code == 2 and "holds the evaluation of a model to classify" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "names.txt"], "--labels is for classifiers; {model} has its own words"),
        (["--regions", "r.jsonl"], "--regions is for detectors; {model} is none"),
        (["--engine", "litert"], "captioners run on the keras engine; leave --engine out"),
        (["--split", "val"], "has no split val: it has train, test; try --split all"),
    ],
)
def test_options_that_mean_nothing_for_a_captioner_are_refused(
    dltk, chance, folder, tmp_path, monkeypatch, options, message  # noqa: F811
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("a\nb\n")
    result = dltk("evaluate", chance, folder, *options)
    assert result.code == 2 and result.out == ""
    assert message.format(model=chance) in result.err, result.err


# Data for others


def test_a_captioner_needs_captions(dltk, chance, tmp_path, noise):  # noqa: F811
    classes = in_memory([np.zeros((9, 9, 3), np.uint8)], [0], ("a",))
    for data, where in ((classes, "arrays"), (few_scenes(1), "made scenes"), (few_masks(1), "mad")):
        with pytest.raises(UsageError, match=f"says what is in pictures, but {where}.* has no cap"):
            evaluate(chance, data)
    (tmp_path / "cats").mkdir()
    noise().save(tmp_path / "cats/1.png")
    result = dltk("evaluate", chance, tmp_path)
    assert result.code == 2 and result.err.count("\n") == 1
    assert "chance.keras says what is in pictures, but " in result.err
    assert "holds no pictures with captions; wanted is a .json file" in result.err


def test_captions_are_for_nobody_else(dltk, folder, colours):  # noqa: F811
    data = data_of(*PICTURES)
    with pytest.raises(UsageError, match="made pictures holds pictures with captions, which are f"):
        evaluate("efficientnet-lite0", data)
    with pytest.raises(UsageError, match="tells the class of every pixel, but made pictures has n"):
        evaluate(colours, data)
    with pytest.raises(UsageError, match="finds objects, but made pictures has no boxes"):
        evaluate("faster-rcnn-mobilenet", data)
    for model, message in (
        ("efficientnet-lite0", "holds pictures with captions, which are for a captioner, but effi"),
        (colours, "tells the class of every pixel, but "),
    ):
        result = dltk("evaluate", model, folder / "captions.csv")
        assert result.code == 2 and message in result.err and result.err.count("\n") == 1


def test_made_scenes_are_measured_on(chance):  # noqa: F811
    evaluation = evaluate(chance, few_captions(3, val=2), split="val", devices="cpu:2")
    assert evaluation.report.pictures == 2 and evaluation.report.bleu[3] < 0.5
