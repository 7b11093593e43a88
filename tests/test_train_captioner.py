"""Training a captioner: that it learns, resumes, distributes, and leaves a file that captions."""

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

from dltk.data.captions import read_captions
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.errors import UsageError
from dltk.modelfile import read_card
from dltk.models.captioner.load import load_captioner
from dltk.models.captioner.network import Parts
from dltk.models.find import find_model
from dltk.text.tokens import tokens
from dltk.text.vectors import WordVectors, write_vectors
from dltk.text.vocabulary import Vocabulary
from recipes._captioner_judge import Judge
from recipes.caption import caption
from recipes.evaluate import evaluate
from recipes.train_captioner import resume_train_captioner, train_captioner
from tests.captioners import (  # noqa: F401
    SIDE,
    TINY,
    backbone,
    caption_scenes,
    captioner,
    few_captions,
)
from tests.runs import history_of, weights_of

SHORT = TINY | {"epochs": 2, "tune_epochs": 1, "unfreeze": 2, "optimizer": "momentum", "lr": 0.02}
FEW = 8  # pictures


# That it learns


def test_scenes_are_learnt(captioner, caption_scenes):  # noqa: F811
    report = captioner.evaluation.report
    assert report.pictures == 12 and report.cider_d > 0.7 and report.bleu[0] > 0.4
    assert 3 < report.length < 10 and report.distinct > 0.2
    rows = history_of(captioner.run)
    assert [row["stage"] for row in rows] == ["speak"] * 10
    losses = [float(row["loss"]) for row in rows]
    assert losses[0] > 2.5 and losses[-1] < 1.2
    card = read_card(captioner.model)
    said = [
        tokens(text) for each in read_captions(caption_scenes).splits["train"].captions
        for text in each
    ]  # fmt: skip
    assert card.task == "caption" and card.labels == Vocabulary.of(said).words
    assert captioner.words == len(card.labels) > 20
    assert (card.geometry.height, card.geometry.width, card.geometry.fit) == (SIDE, SIDE, "squash")
    assert card.backbone == "efficientnet-lite0" and card.metrics["split"] == "val"
    assert card.metrics["cider_d"] == pytest.approx(report.cider_d, abs=1e-6)
    assert card.training["pictures"] == {"train": 80, "val": 12}
    assert card.training["chosen"] == captioner.chosen


def test_a_run_folder_tells_the_whole_story(captioner, caption_scenes):  # noqa: F811
    left = {path.name for path in captioner.run.iterdir()}
    assert left == {
        "best.keras", "best.png", "captions.csv", "checkpoint", "config.json", "curves.png",
        "evaluation.json", "history.csv", "log.txt", "report.md", "samples", "split.csv",
        "worst.png",
    }  # fmt: skip
    rows = history_of(captioner.run)
    best = max(rows, key=lambda row: float(row["val_cider"]))
    assert int(best["epoch"]) == captioner.chosen["best epoch of speak"]
    samples = {path.name for path in (captioner.run / "samples").iterdir()}
    assert samples == {f"speak-{at:03d}.{end}" for at in range(1, 11) for end in ("png", "txt")}
    lines = (captioner.run / "samples/speak-010.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == list(captioner.evaluation.names)
    with Image.open(captioner.run / "samples/speak-010.png") as sheet:
        assert sheet.height > 4 * 224
    report = (captioner.run / "report.md").read_text()
    assert "(80 train, 12 val): show-attend-tell on efficientnet-lite0, pictures of 96" in report
    assert f"{captioner.words} words." in report
    assert f"dltk caption PICTURES -m '{captioner.model}'" in report
    assert f"CIDEr-D **{captioner.evaluation.report.cider_d:.3f}**" in report
    assert "flatter a little" in report and "The worst captions" in report
    rows = list(csv.DictReader((captioner.run / "captions.csv").open()))
    assert [row["caption"] for row in rows] == list(captioner.evaluation.captions)
    part = read_captions(caption_scenes).splits["val"]
    assert [row["references"] for row in rows] == [" | ".join(each) for each in part.captions]
    mean = np.mean([float(row["cider_d"]) for row in rows])
    assert mean == pytest.approx(captioner.evaluation.report.cider_d, abs=1e-5)
    options = json.loads((captioner.run / "config.json").read_text())["options"]
    assert options["data"] == str(caption_scenes) and options["preset"] == "show-attend-tell"


def test_the_file_captions_what_the_training_measured(captioner, caption_scenes):  # noqa: F811
    """But for maps that were kept with half of the digits."""
    again = evaluate(captioner.model, caption_scenes, split="val")
    assert again.names == captioner.evaluation.names
    pairs = list(zip(again.captions, captioner.evaluation.captions, strict=True))
    assert sum(one == other for one, other in pairs) >= 11
    assert again.seen_in_training == 0 and again.report.copied is None
    assert captioner.evaluation.report.copied > 0
    pictures = [caption_scenes / "images" / name for name in again.names]
    pictures = [path for path in pictures if path.exists()] or [
        caption_scenes / name for name in again.names
    ]
    results = caption(pictures, model=captioner.model, devices="cpu")
    assert [result.text for result in results] == list(again.captions)


# That it goes on and distributes


@pytest.fixture(scope="module")
def options(backbone):  # noqa: F811
    return SHORT | {"backbone": backbone}


@pytest.fixture(scope="module")
def speaking(options):
    """Those of one epoch in which the backbone is left alone."""
    return options | {"epochs": 1, "tune_epochs": 0, "unfreeze": "all"}


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """A short training in two stages that was not stopped, the lines that it reported, and which
    graph wrote after each epoch."""
    run, lines, wrote = tmp_path_factory.mktemp("whole captioner") / "run", [], []

    def spied(self, writing, told, network=Judge._network):
        if told:  # for samples
            return network(self, writing, told)
        wrote.append(network(self, writing, told))
        return wrote[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Judge, "_network", spied)
        data = few_captions(FEW, val=3)
        return train_captioner(data, run_dir=run, report=lines.append, **options), lines, wrote


def test_the_backbone_is_tuned_in_a_stage_of_its_own(whole):
    done, lines, _ = whole
    rows = history_of(done.run)
    assert [row["stage"] for row in rows] == ["speak", "speak", "tune"]
    assert [line for line in lines if line in ("speak:", "tune:")] == ["speak:", "tune:"]
    assert set(done.chosen) == {"best epoch of speak", "best epoch of tune"}
    samples = {path.name for path in (done.run / "samples").iterdir()}
    stages = {"speak": (1, 2), "tune": (0, 1)}  # the second is measured before it begins, too
    assert samples == {
        f"{stage}-{epoch:03d}.{end}"
        for stage, epochs in stages.items() for epoch in epochs for end in ("txt", "png")
    }  # fmt: skip


def test_a_graph_that_writes_is_made_once_a_stage(whole):
    """Twice in the first; in the second before it begins, too; and once in the end."""
    _, _, (one, two, three, four, last) = whole
    assert one is two is not three is four is not last


def test_a_run_killed_ends_like_one_never_stopped(whole, options, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys; from tests.captioners import few_captions; import json;"
        "from recipes.train_captioner import train_captioner;"
        f"train_captioner(few_captions({FEW}, val=3), run_dir=sys.argv[1], save_every=0,"
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
    done = resume_train_captioner(run, data=few_captions(FEW, val=3))
    for a, b in zip(history_of(done.run), history_of(whole[0].run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name] or 0) == pytest.approx(float(b[name] or 0), rel=1e-5), name
    first, second = weights_of(whole[0].model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert done.evaluation.captions == whole[0].evaluation.captions


def test_a_run_does_not_go_on_with_other_captions_or_options(whole, tmp_path):
    run, data = tmp_path / "a run", few_captions(FEW, val=3)
    shutil.copytree(whole[0].run, run)
    train = data.splits["train"]
    said = [tuple(each) for each in train.captions]
    said[2] = (*said[2][:2], "something else")
    other = replace(data, splits=data.splits | {"train": replace(train, captions=tuple(said))})
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_captioner(run, data=other)
    with pytest.raises(UsageError, match=r"--dropout 0\.3 then, 0\.1 now"):
        resume_train_captioner(run, data=data, dropout=0.1)
    assert resume_train_captioner(run, data=data).evaluation.to_dict()["split"] == "val"


def test_two_replicas_learn_as_one(options, backbone, tmp_path):  # noqa: F811
    """But for dropout, which each draws for its own captions. The layers asked for are tuned."""
    lines, done = [], []
    how = options | {"dropout": 0.0, "stochastic": 0.5, "epochs": 1, "batch_size": 8}
    for devices in ("cpu", "cpu:2"):
        run = tmp_path / devices.replace(":", "")
        how |= {"devices": devices}
        done.append(train_captioner(few_captions(FEW), run_dir=run, report=lines.append, **how))
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


@pytest.mark.parametrize(
    "asked",
    [
        {
            "preset": "show-tell",
            "attention": 128,
            "cell": "gru",
            "judge": "bleu4",
            "tune_epochs": 0,
        },
        {"cell": "plain", "sampling": 0.5, "stochastic": 1.0, "ema": 0.9, "tune_epochs": 0},
        {"precision": "bfloat16", "augment": "strong", "flip": True, "batch_size": 9},
    ],
    ids=["show-tell", "plain", "bfloat16"],
)
def test_other_captioners_are_trained(asked, options, tmp_path):
    how = options | {"epochs": 1, "unfreeze": "all"} | asked
    data = few_captions(FEW, val=2)
    done = train_captioner(data, run_dir=tmp_path / "run", **how)
    rows = history_of(done.run)
    assert [row["stage"] for row in rows] == ["speak", "tune"][: 1 + bool(how["tune_epochs"])]
    assert all(0 < float(row["loss"]) < 60 for row in rows)
    assert bool(rows[0].get("attention_loss")) is ("stochastic" in asked)
    decoder = load_captioner(find_model(done.model)).get_layer("decoder")
    config = decoder.get_config()
    assert config["cell"] == how.get("cell", "lstm")
    assert config["attention"] == (0 if asked.get("preset") else how["attention"])
    sheets = list((done.run / "samples").glob("*.png"))
    assert bool(sheets) is (decoder.attention is not None)
    (result,) = caption(data.splits["val"].decode(0), model=done.model, devices="cpu", beams=1)
    assert result.error is None and len(result.sentences[0].words) >= 1


def test_one_picture_to_validate_on_is_judged_by_what_tells_epochs_apart(speaking, tmp_path):
    """Its CIDEr-D is 0 whatever is said: words that are in all pictures count for nothing."""
    data = few_captions(FEW, val=1)
    done = train_captioner(
        data, run_dir=tmp_path / "run", **speaking | {"epochs": 6, "patience": 0}
    )
    rows = history_of(done.run)
    assert {float(row["val_cider"]) for row in rows} == {0.0}
    scores = [(float(row["val_rouge_l"])) for row in rows]
    assert done.chosen["best epoch of speak"] == 1 + scores.index(max(scores)) > 1


def test_one_caption_alone_can_be_learnt(speaking, tmp_path):
    pictures = [few_captions(1).splits["all"].sources[0]]
    data = CaptionData(
        "one", {"train": CaptionedExamples(("a.jpg",), pictures, (("a red star is here",),))}
    )
    how = speaking | {"epochs": 60, "lr": 0.01, "optimizer": "adam", "dropout": 0.0, "units": 64}
    done = train_captioner(data, run_dir=tmp_path / "run", **how)
    assert done.evaluation is None and done.words == 5
    assert "No pictures were held out." in (done.run / "report.md").read_text()
    (result,) = caption(data.splits["train"].decode(0), model=done.model, devices="cpu")
    assert result.text == "a red star is here"


def test_damaged_pictures_and_rare_words_are_left_out(speaking, tmp_path):
    data, lines = few_captions(FEW, val=2), []
    part = data.splits["train"]
    sources = [part.sources[at] for at in range(FEW)]
    sources[2] = sources[2][:200]
    data.splits["train"] = replace(part, sources=sources)
    how = speaking | {"report": lines.append}
    done = train_captioner(data, run_dir=tmp_path / "run", **how | {"min_count": 3})
    assert [line for line in lines if line.startswith(f"note: left out: {part.names[2]}: ")]
    assert [name for name, _ in done.passed_over] == [part.names[2]]
    assert "## Left out: 1" in (done.run / "report.md").read_text()
    said = [tokens(t) for at, each in enumerate(part.captions) if at != 2 for t in each]
    assert read_card(done.model).labels == Vocabulary.of(said, least=3).words
    with pytest.raises(UsageError, match="no word is in the training captions 99 times; take"):
        train_captioner(data, run_dir=tmp_path / "other", **how | {"min_count": 99})
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"preset": "tell"}, "--preset is one of show-attend-tell, show-tell, not tell"),
        ({"cell": "rnn"}, "--cell is one of lstm, gru, plain, not rnn"),
        ({"judge": "rouge"}, "--judge is one of cider, bleu4, not rouge"),
        ({"preset": "show-tell", "attention": 9}, "--attention has no meaning here: show-tell att"),
        ({"preset": "show-tell", "stochastic": 1}, "--stochastic has no meaning here: show-tell"),
        ({"unfreeze": 3}, "--unfreeze has no meaning here: no layers of the backbone are trained"),
        ({"backbone_lr": 0.1}, "--backbone-lr has no meaning here: no layers of the backbone"),
        ({"augment": "light"}, "--augment has no meaning here"),
        ({"flip": True}, "--flip has no meaning here"),
        ({"tune_epochs": 1, "flip": True}, "--flip has no meaning here: pictures are not varied"),
        ({"tune_epochs": 1, "unfreeze": "none"}, "--unfreeze is a whole number, not none"),
        ({"tune_epochs": 1, "unfreeze": 0}, "--unfreeze is at least 1, not 0"),
        ({"size": 100}, "--size 100 is not a multiple of 32 from 64 to 1024; take 96"),
        ({"size": 224.0}, r"--size is a whole number, not 224\.0"),
        ({"epochs": 0}, "--epochs is at least 1, not 0"),
        ({"units": 0}, "--units is at least 1, not 0"),
        ({"min_count": 0}, "--min-count is at least 1, not 0"),
        ({"longest": 0}, "--longest is at least 1, not 0"),
        ({"dropout": 1}, r"--dropout is a number from 0 to 0\.95, not 1"),
        ({"sampling": 1.5}, r"--sampling is a number from 0 to 1, not 1\.5"),
        ({"stochastic": float("nan")}, "--stochastic is a number of at least 0, not nan"),
        ({"batch_size": 2.5}, r"--batch-size is a whole number, not 2\.5"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
        ({"seed": 2**32}, "--seed is at most 4294967295"),
        ({"patience": -1}, "--patience is at least 0, not -1"),
        ({"backbone": "faster-rcnn-mobilenet"}, "faster-rcnn-mobilenet is for the task detect"),
        ({"backbone": "cnn"}, "unknown model"),
        ({"batch_size": 3, "devices": "cpu:2"}, "shared out among 2 replicas; take 2"),
        (
            {"batch_size": 20, "tune_epochs": 1, "devices": "cpu:2"},
            "--batch-size 20 is 5 pictures in --tune-epochs, .* among 2 replicas; take 16",
        ),
        ({"lr": -0.001}, r"--lr is a number above 0, not -0\.001"),
        ({"lr": "fast"}, "--lr is a number above 0, not fast"),
        ({"ema": 1.0}, r"--ema is a number from 0 to below 1, not 1\.0"),
        ({"clip": float("inf")}, "--clip is a number of at least 0, not inf"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(asked, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_captioner(few_captions(2), run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_words_begin_with_vectors_of_a_file(backbone, tmp_path):  # noqa: F811
    given = WordVectors(("circle", "zebra", "a"), np.arange(18, dtype=np.float32).reshape(3, 6))
    write_vectors(tmp_path / "vectors.bin", given)
    how = {name: value for name, value in TINY.items() if name != "embedding"}
    how |= {"backbone": backbone, "vectors": tmp_path / "vectors.bin", "epochs": 1, "lr": 1e-9}
    told = []
    done = train_captioner(few_captions(FEW), run_dir=tmp_path / "run", report=told.append, **how)
    words = Vocabulary(read_card(done.model).labels)
    assert f"2 of {len(words.words)} words begin with vectors" in told
    network = load_captioner(find_model(done.model))
    (rows,) = Parts.of(network).decoder.words.get_weights()
    assert rows.shape[1] == 6
    for word in ("circle", "a"):
        np.testing.assert_allclose(rows[words.encode([word])[0]], given[word], atol=1e-4)
    assert np.abs(rows).max() < 18 and np.abs(rows[words.encode(["star"])[0]]).max() < 1
    with pytest.raises(UsageError, match="--embedding has no meaning here: it is that of --vec"):
        train_captioner(few_captions(2), **how | {"embedding": 7})
    with pytest.raises(UsageError, match="no such file of vectors"):
        train_captioner(few_captions(2), **how | {"vectors": "gone.bin"})


# The command


def test_a_finished_run_gone_on_with_tells_how_good_it_is(dltk, captioner, caption_scenes):  # noqa: F811
    result = dltk("train", "captioner", "--resume", captioner.run)
    assert result.code == 0, result.err
    report, lines = captioner.evaluation.report, result.out.splitlines()
    assert lines[0] == f"{captioner.model} on {caption_scenes}, val: 12 pictures"
    assert lines[1].startswith(f"CIDEr-D {report.cider_d:.3f}  BLEU-1 {report.bleu[0]:.3f}  BLEU-2")
    assert lines[1].endswith(f"ROUGE-L {report.rouge_l:.3f}")
    assert lines[2] == (
        f"distinct {report.distinct:.3f}  copied {report.copied:.3f}  "
        f"{report.length:.1f} words a caption"
    )
    assert lines[-1] == f"model: {captioner.model}"
    assert f"use it: dltk caption PICTURES -m '{captioner.model}'" in result.err
    result = dltk("train", "captioner", "--resume", captioner.run, "--epochs", 3)
    assert result.code == 2 and "--epochs 10 then, 3 now" in result.err


def test_the_command_trains_on_texts_beside_pictures(dltk, backbone, tmp_path):  # noqa: F811
    part = few_captions(6).splits["all"]
    (tmp_path / "data").mkdir()
    for at in range(6):
        (tmp_path / f"data/{at}.jpg").write_bytes(part.sources[at])
        (tmp_path / f"data/{at}.txt").write_text("\n".join(part.captions[at]) + "\n")
    small = ("--units", 16, "--embedding", 8, "--attention", 8, "--places", 8, "--size", 64)
    result = dltk(
        "train", "captioner", tmp_path / "data", "--run-dir", tmp_path / "run", "--backbone",
        backbone, *small, "--epochs", 1, "--batch-size", 6, "--devices", "cpu", "--min-count", 1,
        "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    done = json.loads(result.out)
    assert done["model"] == str(tmp_path / "run/best.keras") and done["words"] > 5
    assert done["evaluation"]["split"] == "test" and done["evaluation"]["pictures"] >= 1


def test_data_without_captions_are_refused(dltk, noise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cats").mkdir()
    noise().save(tmp_path / "cats/1.png")
    (tmp_path / "c.csv").write_text("path,label\ncats/1.png,cat\n")
    for data, message in (
        (tmp_path, "holds no pictures with captions; wanted is a .json file of Karpathy's"),
        ("c.csv", "c.csv"),
        ("cat", 'no such folder or file: cat. Did you mean "cats"?'),
    ):
        result = dltk("train", "captioner", data, "--run-dir", tmp_path.parent / "run")
        assert result.code == 2 and message in result.err and result.out == "", result.err
    result = dltk("train", "captioner")
    assert result.code == 2 and "name the DATA to train on, or a run to go on with" in result.err
    assert not (tmp_path.parent / "run").exists()
