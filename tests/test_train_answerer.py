"""Training an answerer: that it learns, resumes, distributes, and leaves a file that answers."""

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
from PIL import Image

from dltk.data.datasets import QuestionData
from dltk.data.examples import QuestionedExamples
from dltk.errors import UsageError
from dltk.modelfile import read_card
from dltk.text.answers import frequent_answers
from dltk.text.tokens import tokens
from dltk.text.vocabulary import Vocabulary
from recipes._answerer_judge import Judge
from recipes.caption import caption
from recipes.evaluate import evaluate
from recipes.train_answerer import resume_train_answerer, train_answerer
from tests import captioners
from tests.answerers import (  # noqa: F401
    SIDE,
    TINY,
    answerer,
    backbone,
    few_questions,
    learnt_from,
    question,
)
from tests.runs import history_of, weights_of

SHORT = TINY | {"epochs": 2, "tune_epochs": 1, "unfreeze": 2, "optimizer": "momentum", "lr": 0.02}
FEW = 8  # pictures


def all_questions(part):
    return [each for questions in part.questions for each in questions]


# That it learns


def test_scenes_are_learnt(answerer):  # noqa: F811
    report, data = answerer.evaluation.report, learnt_from()
    assert report.pictures == 60 and report.questions == len(all_questions(data.splits["val"]))
    assert report.accuracy > report.commonest + 0.04
    rows = history_of(answerer.run)
    assert [row["stage"] for row in rows] == ["answer"] * 6
    losses = [float(row["loss"]) for row in rows]
    assert losses[-1] < 0.6 * losses[0]
    card, asked = read_card(answerer.model), all_questions(data.splits["train"])
    assert card.task == "answer" and card.backbone == "efficientnet-lite0"
    assert card.labels == frequent_answers([each.answers for each in asked], 3000)
    assert card.words == Vocabulary.of([tokens(each.text) for each in asked]).words
    assert (answerer.words, answerer.answers) == (len(card.words), len(card.labels))
    assert (card.geometry.height, card.geometry.width, card.geometry.fit) == (SIDE, SIDE, "squash")
    assert card.metrics["accuracy"] == pytest.approx(report.accuracy, abs=1e-6)
    assert card.metrics["split"] == "val"
    assert card.training["pictures"] == {"train": 400, "val": 60}
    assert card.training["chosen"] == answerer.chosen


def test_a_run_folder_tells_the_whole_story(answerer):  # noqa: F811
    left = {path.name for path in answerer.run.iterdir()}
    assert left == {
        "answers.csv", "best.keras", "checkpoint", "config.json", "curves.png", "evaluation.json",
        "history.csv", "log.txt", "mistakes.png", "report.md", "samples", "split.csv",
    }  # fmt: skip
    rows = history_of(answerer.run)
    best = max(rows, key=lambda row: float(row["val_accuracy"]))
    assert int(best["epoch"]) == answerer.chosen["best epoch of answer"]
    assert float(best["val_accuracy"]) == pytest.approx(answerer.evaluation.report.accuracy)
    samples = {path.name for path in (answerer.run / "samples").iterdir()}
    assert samples == {f"answer-{at:03d}.{end}" for at in range(1, 7) for end in ("png", "txt")}
    part = learnt_from().splits["val"]
    lines = (answerer.run / "samples/answer-006.txt").read_text().splitlines()
    assert [line.split("\t")[1] for line in lines] == [each.text for each in all_questions(part)]
    with Image.open(answerer.run / "samples/answer-006.png") as sheet:
        assert sheet.width > 4 * 320
    report = (answerer.run / "report.md").read_text()
    assert "(400 train, 60 val): an answerer on efficientnet-lite0, pictures of 96" in report
    assert f"{answerer.words} words, {answerer.answers} answers." in report
    assert f"Accuracy **{answerer.evaluation.report.accuracy:.3f}** over" in report
    assert "| count | " in report and "| yes/no | " in report and "flatter a little" in report
    rows = list(csv.DictReader((answerer.run / "answers.csv").open()))
    assert [row["question"] for row in rows] == [each.text for each in all_questions(part)]
    mean = np.mean([float(row["accuracy"]) for row in rows])
    assert mean == pytest.approx(answerer.evaluation.report.accuracy, abs=1e-5)
    options = json.loads((answerer.run / "config.json").read_text())["options"]
    assert options["tune_epochs"] == 0 and options["answers"] == 3000


def test_the_file_answers_what_the_training_measured(answerer):  # noqa: F811
    """But for maps that were kept with half of the digits."""
    data = learnt_from()
    again = evaluate(answerer.model, data, split="val", devices="cpu")
    assert again.names == answerer.evaluation.names and again.seen_in_training == 0
    pairs = [
        (one.text, other.text)
        for first, second in zip(again.answers, answerer.evaluation.answers, strict=True)
        for one, other in zip(first, second, strict=True)
    ]
    assert sum(one == other for one, other in pairs) >= 0.97 * len(pairs)
    part, (text, _, _) = data.splits["val"], data.splits["val"].questions[3][0]
    (result,) = caption(part.decode(3), model=answerer.model, question=text, devices="cpu")
    assert result.text == again.answers[3][0].text and result.question == text


# That it goes on and distributes


@pytest.fixture(scope="module")
def options(backbone):  # noqa: F811
    return SHORT | {"backbone": backbone}


@pytest.fixture(scope="module")
def answering(options):
    """Those of one epoch in which the backbone is left alone."""
    return options | {"epochs": 1, "tune_epochs": 0, "unfreeze": "all"}


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """A short training in two stages that was not stopped, the lines that it reported, and who
    judged."""
    run, lines, judges = tmp_path_factory.mktemp("whole answerer") / "run", [], []

    def spied(self, *about, made=Judge.__init__):
        judges.append(self)
        made(self, *about)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Judge, "__init__", spied)
        data = few_questions(FEW, val=3)
        return train_answerer(data, run_dir=run, report=lines.append, **options), lines, judges


def test_the_backbone_is_tuned_in_a_stage_of_its_own(whole):
    done, lines, judges = whole
    rows = history_of(done.run)
    assert [row["stage"] for row in rows] == ["answer", "answer", "tune"]
    assert [line for line in lines if line in ("answer:", "tune:")] == ["answer:", "tune:"]
    assert set(done.chosen) == {"best epoch of answer", "best epoch of tune"}
    samples = {path.name for path in (done.run / "samples").iterdir()}
    assert {"answer-001.txt", "answer-002.png", "tune-001.txt", "tune-001.png"} <= samples
    assert len(judges) == 3  # a graph for each stage, and one for the end


def test_a_run_killed_ends_like_one_never_stopped(whole, options, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys; from tests.answerers import few_questions; import json;"
        "from recipes.train_answerer import train_answerer;"
        f"train_answerer(few_questions({FEW}, val=3), run_dir=sys.argv[1], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[2]))"
    )
    stopped = subprocess.Popen(
        [sys.executable, "-c", code, run, json.dumps(options)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in stopped.stdout:
        if line.startswith("epoch 1 of 2"):
            break
    stopped.send_signal(signal.SIGKILL)
    _, rest = stopped.communicate()
    assert stopped.returncode == -signal.SIGKILL and not (run / "best.keras").exists(), rest
    done = resume_train_answerer(run, data=few_questions(FEW, val=3))
    for a, b in zip(history_of(done.run), history_of(whole[0].run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name] or 0) == pytest.approx(float(b[name] or 0), rel=1e-5), name
    first, second = weights_of(whole[0].model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert done.evaluation.answers == whole[0].evaluation.answers


def test_a_run_does_not_go_on_with_other_questions_or_options(whole, tmp_path):
    run, data = tmp_path / "a run", few_questions(FEW, val=3)
    shutil.copytree(whole[0].run, run)
    train = data.splits["train"]
    asked = [tuple(each) for each in train.questions]
    asked[2] = (asked[2][0]._replace(answers=("something else",)), *asked[2][1:])
    other = replace(data, splits=data.splits | {"train": replace(train, questions=tuple(asked))})
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_answerer(run, data=other)
    with pytest.raises(UsageError, match=r"--dropout 0\.2 then, 0\.1 now"):
        resume_train_answerer(run, data=data, dropout=0.1)
    assert resume_train_answerer(run, data=data).evaluation.to_dict()["split"] == "val"


def test_two_replicas_learn_as_one(options, backbone, tmp_path):  # noqa: F811
    """But for dropout, which each draws for its own questions. The layers asked for are tuned."""
    lines, done = [], []
    how = options | {"dropout": 0.0, "epochs": 1}
    for devices in ("cpu", "cpu:2"):
        run = tmp_path / devices.replace(":", "")
        how |= {"devices": devices}
        done.append(train_answerer(few_questions(FEW), run_dir=run, report=lines.append, **how))
    assert any("MirroredStrategy on 2 devices (CPU:0, CPU:1)" in line for line in lines)
    losses = [[float(row["loss"]) for row in history_of(each.run)] for each in done]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    first, second = (weights_of(each.model) for each in done)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)
    before = weights_of(backbone)
    names = [f"layers/conv2d{end}/vars/0" for end in ("", "_1", "_2", "_3", "_4")]
    kept = [np.array_equal(before[n], first[f"layers/functional/{n}"]) for n in names]
    assert kept == [True, True, True, False, False]


# What else can be asked for


def test_many_people_answer_and_rare_words_and_answers_are_left_out(answering, tmp_path):
    part = few_questions(4).splits["all"]
    asked = [
        (question("is it red?", "yes", "Yes", "no"), question("how many?", *["two"] * 9, "3")),
        (question("is it blue?", "no", "no", "maybe"),),
        (question("how many are red?", *["2"] * 10),),
        (question("what is it?", "a star"),),
    ]
    data = QuestionData(
        "made", {"train": QuestionedExamples(part.names, part.sources, tuple(asked))}
    )
    lines = []
    how = answering | {"answers": 3, "min_count": 2, "report": lines.append}
    done = train_answerer(data, run_dir=tmp_path / "run", **how)
    card = read_card(done.model)
    assert card.labels == ("2", "no", "3") and set(card.words) == {"is", "it", "red", "how", "many"}
    assert done.evaluation is None and (done.words, done.answers) == (5, 3)
    assert "5 words; 3 answers, which 80.0% of 5 questions to train on have" in lines
    assert "No pictures were held out." in (done.run / "report.md").read_text()
    with pytest.raises(UsageError, match="no word is in the training questions 99 times; take a"):
        train_answerer(data, run_dir=tmp_path / "other", **how | {"min_count": 99})
    assert not (tmp_path / "other").exists()


def test_damaged_pictures_are_left_out(answering, tmp_path):
    data, lines = few_questions(FEW, val=2), []
    part = data.splits["train"]
    sources = [part.sources[at] for at in range(FEW)]
    sources[2] = sources[2][:200]
    data.splits["train"] = replace(part, sources=sources)
    done = train_answerer(data, run_dir=tmp_path / "run", **answering | {"report": lines.append})
    assert [line for line in lines if line.startswith(f"note: left out: {part.names[2]}: ")]
    assert [name for name, _ in done.passed_over] == [part.names[2]]
    assert "## Left out: 1" in (done.run / "report.md").read_text()


def test_other_answerers_are_trained(options, tmp_path, backbone):  # noqa: F811
    """On what a captioner looks with, in another precision, and on pictures that are varied."""
    looks = captioners.save_chance(tmp_path / "captioner.keras", backbone)
    how = options | {
        "backbone": looks, "places": 256, "epochs": 1, "unfreeze": "all", "batch_size": 3,
        "precision": "bfloat16", "augment": "strong", "flip": True, "ema": 0.9,
    }  # fmt: skip
    done = train_answerer(few_questions(FEW, val=2), run_dir=tmp_path / "run", **how)
    rows = history_of(done.run)
    assert [row["stage"] for row in rows] == ["answer", "tune"]
    assert all(0 < float(row["loss"]) < 60 for row in rows)
    assert read_card(done.model).backbone == looks
    with pytest.raises(UsageError, match="--places has no meaning here: a captioner has places of"):
        train_answerer(few_questions(FEW), run_dir=tmp_path / "other", **how | {"places": 8})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"unfreeze": 3}, "--unfreeze has no meaning here: no layers of the backbone are trained"),
        ({"backbone_lr": 0.1}, "--backbone-lr has no meaning here: no layers of the backbone"),
        ({"augment": "light"}, "--augment has no meaning here"),
        ({"flip": True}, "--flip has no meaning here"),
        ({"tune_epochs": 1, "flip": True}, "--flip has no meaning here: pictures are not varied"),
        ({"tune_epochs": 1, "unfreeze": "none"}, "--unfreeze is a whole number, not none"),
        ({"size": 100}, "--size 100 is not a multiple of 32 from 64 to 1024; take 96"),
        ({"epochs": 0}, "--epochs is at least 1, not 0"),
        ({"units": 0}, "--units is at least 1, not 0"),
        ({"answers": 1}, "--answers is at least 2, not 1"),
        ({"min_count": 0}, "--min-count is at least 1, not 0"),
        ({"longest": 0}, "--longest is at least 1, not 0"),
        ({"dropout": 1}, r"--dropout is a number from 0 to 0\.95, not 1"),
        ({"optimizer": "lion"}, "--optimizer is one of"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
        ({"backbone": "faster-rcnn-mobilenet"}, "faster-rcnn-mobilenet is for the task detect"),
        ({"backbone": "cnn"}, "unknown model"),
        ({"batch_size": 3, "devices": "cpu:2"}, "shared out among 2 replicas; take 2"),
        ({"warmup": -1}, "--warmup is a number of at least 0, not -1"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(asked, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_answerer(few_questions(2), run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


# The command


def test_a_finished_run_gone_on_with_tells_how_good_it_is(answerer):  # noqa: F811
    done = resume_train_answerer(answerer.run, data=learnt_from())
    assert done.evaluation.report.to_dict() == answerer.evaluation.report.to_dict()


def test_the_command_trains_on_a_table(dltk, backbone, tmp_path):  # noqa: F811
    part, rows = few_questions(6).splits["all"], ["path,question,answer,kind"]
    (tmp_path / "data").mkdir()
    for at in range(6):
        (tmp_path / f"data/{at}.jpg").write_bytes(part.sources[at])
        rows += [
            f"{at}.jpg,{each.text},{each.answers[0]},{each.kind}" for each in part.questions[at]
        ]
    (tmp_path / "data/questions.csv").write_text("\n".join(rows) + "\n")
    small = ("--units", 16, "--embedding", 8, "--attention", 8, "--places", 8, "--size", 64)
    how = ("--run-dir", tmp_path / "run", "--backbone", backbone, "--epochs", 1, "--devices", "cpu")
    result = dltk("train", "answerer", tmp_path / "data", *how, *small, "--batch-size", 3)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert " about 1 picture" in lines[0] and lines[1].startswith("accuracy ")
    assert lines[-1] == f"model: {tmp_path / 'run/best.keras'}"
    assert f"use it: dltk caption PICTURES --question '…' -m {tmp_path}" in result.err
    again = dltk("train", "answerer", "--resume", tmp_path / "run", "--json")
    done = json.loads(again.out)
    assert done["model"] == str(tmp_path / "run/best.keras") and done["words"] > 5
    assert done["evaluation"]["split"] == "test" and done["evaluation"]["pictures"] == 1
    result = dltk("train", "answerer", "--resume", tmp_path / "run", "--epochs", 3)
    assert result.code == 2 and "--epochs 1 then, 3 now" in result.err


def test_data_without_questions_are_refused(dltk, noise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cats").mkdir()
    noise().save(tmp_path / "cats/1.png")
    for data, message in ((tmp_path, "holds no "), ("cat", 'Did you mean "cats"?')):
        result = dltk("train", "answerer", data, "--run-dir", tmp_path.parent / "run")
        assert result.code == 2 and message in result.err and result.out == "", result.err
        assert result.err.count("\n") == 1
    result = dltk("train", "answerer")
    assert result.code == 2 and "name the DATA to train on, or a run to go on with" in result.err
    assert not (tmp_path.parent / "run").exists()
