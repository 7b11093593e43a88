"""Measuring an answerer on pictures with questions, from Python and from the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.data.datasets import QuestionData
from dltk.data.examples import QuestionedExamples
from dltk.errors import DltkError, UsageError
from dltk.metrics.answers import vqa_accuracy
from recipes.caption import caption
from recipes.evaluate import evaluate
from tests import captioners
from tests.answerers import backbone, chance, few_questions, question, save_chance  # noqa: F401
from tests.detectors import few_scenes
from tests.folders import tree
from tests.segmenters import few_masks
from tests.small_segmenters import colours  # noqa: F401
from tests.test_caption import noisy

FILES = ["answers.csv", "evaluation.json", "mistakes.png"]
PICTURES = [noisy(seed) for seed in range(3)]
ABOUT = (
    (question("what colour is the star?", "red", "red", "blue", kind="colour"),
     question("how many are there?", "two", kind="count")),
    (question("is there a star?", "purple", kind="yes/no"),),
    (question("where is it?", "green"), question("how many discs are there?", "1", kind="count"),
     question("how many are red?", "nine", kind="count")),
)  # fmt: skip


def data_of(*pictures, about=ABOUT, split="all") -> QuestionData:
    names = tuple(f"{at}.png" for at in range(len(pictures)))
    examples = QuestionedExamples(names, pictures, about[: len(pictures)])
    return QuestionData("made pictures", {split: examples})


@pytest.fixture(scope="module")
def first(chance, tmp_path_factory):  # noqa: F811
    """The evaluation of three pictures, and its folder."""
    evaluation = evaluate(chance, data_of(*PICTURES), devices="cpu")
    folder = tmp_path_factory.mktemp("first")
    evaluation.save(folder)
    return evaluation, folder


@pytest.fixture
def folder(tmp_path):
    """Pictures with questions in a table, in two splits."""
    root, rows = tmp_path / "data", ["path,question,answer,kind,split"]
    root.mkdir()
    for at, (picture, asked) in enumerate(zip(PICTURES, ABOUT, strict=True)):
        Image.fromarray(picture).save(root / f"{at}.png")
        split = "test" if at else "train"
        rows += [
            f"{at}.png,{each.text},{answer},{each.kind},{split}"
            for each in asked
            for answer in each.answers
        ]
    (root / "questions.csv").write_text("\n".join(rows) + "\n")
    return root


# What is measured


def test_what_is_measured_is_what_caption_answers(chance, first):  # noqa: F811
    evaluation, _ = first
    accuracies = []
    for picture, asked, found in zip(PICTURES, ABOUT, evaluation.answers, strict=True):
        for each, answer in zip(asked, found, strict=True):
            (result,) = caption(picture, model=chance, question=each.text, devices="cpu")
            assert result.text == answer.text
            assert answer.score == pytest.approx(result.answers[0].score, abs=1e-4)
            accuracies.append(vqa_accuracy(answer.text, each.answers))
    np.testing.assert_allclose(evaluation.report.each, accuracies)
    report = evaluation.report
    assert (report.pictures, report.questions) == (3, 6)
    assert report.accuracy == pytest.approx(np.mean(accuracies))
    assert {name: kind.questions for name, kind in report.kinds.items()} == {
        "": 1, "colour": 1, "count": 3, "yes/no": 1
    }  # fmt: skip
    assert report.kinds["colour"].answer == "red"
    assert report.kinds["colour"].commonest == pytest.approx(2 / 3)
    assert report.kinds["count"].commonest == pytest.approx(1 / 3)
    assert evaluation.names == ("0.png", "1.png", "2.png") and evaluation.failed == ()
    assert (evaluation.model, evaluation.data, evaluation.split) == (chance, "made pictures", "all")
    assert evaluation.seen_in_training is None


def test_files_of_an_evaluation(first):
    evaluation, folder = first
    assert sorted(os.listdir(folder)) == FILES
    fields = json.loads((folder / "evaluation.json").read_text())
    assert fields["task"] == "answer" and fields["questions"] == 6
    assert fields["accuracy"] == pytest.approx(evaluation.report.accuracy, abs=1e-6)
    assert fields["kinds"]["count"]["questions"] == 3 and 0 < fields["commonest"] < 1
    rows = list(csv.DictReader((folder / "answers.csv").open()))
    assert [row["path"] for row in rows] == ["0.png"] * 2 + ["1.png"] + ["2.png"] * 3
    assert [row["answers"] for row in rows][:2] == ["red | red | blue", "two"]
    assert rows[0]["kind"] == "colour" and rows[0]["question"] == ABOUT[0][0].text
    assert [float(row["accuracy"]) for row in rows] == pytest.approx(evaluation.report.each)
    texts = [answer.text for answers in evaluation.answers for answer in answers]
    assert [row["answer"] for row in rows] == texts
    with Image.open(folder / "mistakes.png") as sheet:
        assert sheet.width > 2 * 320


def test_mistakes_are_those_that_it_was_surest_of(first):
    evaluation, _ = first
    mistakes = evaluation.mistakes(99)
    assert len(mistakes) == sum(evaluation.report.each == 0) >= 3  # three have no known answer
    scores = [answer.score for _, _, answer in mistakes]
    assert scores == sorted(scores, reverse=True)
    assert all(not vqa_accuracy(answer.text, q.answers) for _, q, answer in mistakes)
    assert evaluation.mistakes(1) == mistakes[:1]


def test_without_mistakes_there_is_no_sheet(chance, first, tmp_path):  # noqa: F811
    right = tuple(
        tuple(
            each._replace(answers=(answer.text,)) for each, answer in zip(asked, found, strict=True)
        )
        for asked, found in zip(ABOUT, first[0].answers, strict=True)
    )
    evaluation = evaluate(chance, data_of(*PICTURES, about=right), devices="cpu")
    assert evaluation.report.accuracy == 1 and evaluation.mistakes(9) == []
    (tmp_path / "mistakes.png").write_bytes(b"of an earlier one")
    evaluation.save(tmp_path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == FILES[:2]


def test_pictures_that_cannot_be_read_do_not_count(chance):  # noqa: F811
    data = data_of(PICTURES[0], b"no picture", PICTURES[2])
    evaluation = evaluate(chance, data, devices="cpu")
    assert evaluation.names == ("0.png", "2.png") and evaluation.report.questions == 5
    ((name, why),) = evaluation.failed
    assert name == "1.png" and why.startswith("not a picture")
    with pytest.raises(DltkError, match=r"made pictures: no picture could be measured: 0\.png: "):
        evaluate(chance, data_of(b"no picture"), devices="cpu")


# The command


def test_the_command_prints_accuracy_by_kind(dltk, chance, folder, tmp_path):  # noqa: F811
    result = dltk("evaluate", chance, folder, "--devices", "cpu", "-o", tmp_path / "out")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == f"{chance} on {folder}, test: 4 questions about 2 pictures"
    assert lines[1].startswith("accuracy 0.") and "  of the commonest answers 0." in lines[1]
    assert lines[3].split() == [
        "kind",
        "accuracy",
        "questions",
        "commonest",
        "answer",
        "its",
        "accuracy",
    ]
    assert [line.split()[0] for line in lines[4:]] == ["–", "count", "yes/no"]
    assert tree(tmp_path / "out") == FILES
    everything = dltk("evaluate", chance, folder, "--devices", "cpu", "--split", "all", "--json")
    assert json.loads(everything.out)["questions"] == 6


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
        (["--labels", "names.txt"], "--labels is for classifiers; {model} has its own answers"),
        (["--regions", "r.jsonl"], "--regions is for detectors; {model} is none"),
        (["--engine", "litert"], "answerers run on the keras engine; leave --engine out"),
        (["--split", "val"], "has no split val: it has train, test; try --split all"),
    ],
)
def test_options_that_mean_nothing_for_an_answerer_are_refused(
    dltk, chance, folder, tmp_path, monkeypatch, options, message  # noqa: F811
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("a\nb\n")
    result = dltk("evaluate", chance, folder, *options)
    assert result.code == 2 and result.out == ""
    assert message.format(model=chance) in result.err, result.err


# Data for others


def test_an_answerer_needs_questions(dltk, chance, tmp_path, noise):  # noqa: F811
    classes = in_memory([np.zeros((9, 9, 3), np.uint8)], [0], ("a",))
    others = (classes, few_scenes(1), few_masks(1), captioners.few_captions(1))
    for data in others:
        with pytest.raises(
            UsageError, match=r"answers questions about pictures, but .* has no que"
        ):
            evaluate(chance, data)
    (tmp_path / "cats").mkdir()
    noise().save(tmp_path / "cats/1.png")
    result = dltk("evaluate", chance, tmp_path)
    assert result.code == 2 and result.err.count("\n") == 1
    assert "chance.keras answers questions about pictures, but " in result.err


def test_questions_are_for_nobody_else(dltk, folder, colours, backbone, tmp_path):  # noqa: F811
    data = data_of(*PICTURES)
    captioner = captioners.save_chance(tmp_path / "captioner.keras", backbone)
    for model, message in (
        ("efficientnet-lite0", "made pictures holds pictures with questions, which are for an ans"),
        (colours, "tells the class of every pixel, but made pictures has no label maps"),
        (captioner, "says what is in pictures, but made pictures has no captions"),
        ("faster-rcnn-mobilenet", "finds objects, but made pictures has no boxes"),
    ):
        with pytest.raises(UsageError, match=message):
            evaluate(model, data)
    result = dltk("evaluate", "efficientnet-lite0", folder / "questions.csv")
    assert result.code == 2 and result.err.count("\n") == 1
    assert "holds pictures with questions, which are for an answerer, but effi" in result.err


def test_made_scenes_are_measured_on(chance):  # noqa: F811
    evaluation = evaluate(chance, few_questions(3, val=2), split="val", devices="cpu:2")
    assert evaluation.report.pictures == 2 and evaluation.report.accuracy < 0.6
