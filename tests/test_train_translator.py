"""Training a translator: that it learns, resumes, and leaves a file that translates."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dltk.data.datasets import in_memory
from dltk.errors import UsageError
from dltk.modelfile import load_model, read_card
from dltk.objects import PIXELS
from recipes.train_translator import resume_train_translator, train_translator
from tests.runs import history_of, killed_at, weights_of
from tests.translators import TINY, clouds, translator, write_clouds  # noqa: F401

SHORT = TINY | {"width": 2, "epochs": 2, "pool": 3, "lr": 1e-3}


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return how like two pictures are, but for colour and contrast."""
    return np.corrcoef(a.mean(axis=-1).ravel(), b.mean(axis=-1).ravel())[0, 1]


def test_colours_are_learnt_and_what_is_seen_stays(translator):  # noqa: F811
    """By pictures that it has not seen, of a size that it has not seen."""
    model = load_model(translator.model)
    for start, other in (("warm", "cold"), ("cold", "warm")):
        real = np.stack([clouds(1000 + at, start) for at in range(8)]).astype(np.float32)
        wanted = np.stack([clouds(1000 + at, other) for at in range(8)]).astype(np.float32)
        made = np.asarray(model({PIXELS: real})[other])
        apart = abs(real - wanted).mean()
        assert abs(made - wanted).mean() < 0.6 * apart
        means = [pictures.mean(axis=(0, 1, 2)) for pictures in (made, wanted, real)]
        assert abs(means[0] - means[1]).max() < 0.3 * abs(means[2] - means[1]).max()
        assert np.mean([correlation(a, b) for a, b in zip(made, real, strict=True)]) > 0.9
        back = np.asarray(model({PIXELS: made})[start])
        assert abs(back - real).mean() < 0.6 * apart
        same = np.asarray(model({PIXELS: real})[start])
        assert abs(same - real).mean() < 0.6 * apart


def test_the_file_says_what_it_is(translator):  # noqa: F811
    card = read_card(translator.model)
    assert card.task == "translate" and card.labels == translator.domains == ("warm", "cold")
    assert card.geometry.height == card.geometry.width == 32 and card.geometry.crop == 1.0
    assert card.training["pictures"] == {"train": 44} and card.metrics == {}
    assert translator.evaluation is None and translator.to_dict()["domains"] == ["warm", "cold"]


def test_a_run_folder_tells_the_whole_story(translator):  # noqa: F811
    run = translator.run
    assert {path.name for path in run.iterdir()} == {
        "best.keras", "checkpoint", "config.json", "curves.png", "history.csv", "log.txt",
        "report.md", "samples", "samples.gif", "split.csv",
    }  # fmt: skip
    names = sorted(path.name for path in (run / "samples").iterdir())
    assert names == [f"{epoch:03d}.png" for epoch in range(1, 13)]
    with Image.open(run / "samples.gif") as film, Image.open(run / "samples" / names[0]) as sheet:
        assert film.n_frames == 12 and film.size == sheet.size
        assert sheet.width > 6 * 64 and sheet.height > 4 * 64
    report = (run / "report.md").read_text()
    assert (
        "A translator between warm and cold, of 32 pixels, width 8 and 1 block (CycleGAN), aft"
        in report
    )
    assert "| train | 24 | 20 |" in report and "(samples/012.png)" in report
    assert f"dltk translate PHOTOS -m {run / 'best.keras'} --to cold" in report
    rows = history_of(run)
    assert float(rows[-1]["cycle_loss"]) < 0.7 * float(rows[0]["cycle_loss"])
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates[:6] == pytest.approx([2e-3] * 6) and 0 < rates[-1] < 4e-4
    assert rates == sorted(rates, reverse=True)
    options = json.loads((run / "config.json").read_text())["options"]
    assert options["data"].endswith("warm") and options["other"].endswith("cold")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_clouds(tmp_path_factory.mktemp("few"), {"warm": 3, "cold": 2})


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A short training that was not stopped."""
    return train_translator(pictures, run_dir=tmp_path_factory.mktemp("whole") / "run", **SHORT)


def test_a_run_killed_ends_like_one_never_stopped(whole, pictures, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys, json; from recipes.train_translator import train_translator;"
        "train_translator(sys.argv[1], run_dir=sys.argv[2],"
        "save_every=0, report=lambda line: print(line, flush=True), **json.loads(sys.argv[3]))"
    )
    killed_at(code, [pictures, run, json.dumps(SHORT)], "epoch 1 of 2.*cycle loss")
    assert not (run / "best.keras").exists()
    done = resume_train_translator(run)
    assert done.domains == whole.domains == ("cold", "warm")
    for a, b in zip(history_of(done.run), history_of(whole.run), strict=True):
        assert a.pop("stage") == b.pop("stage") == "translator"
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole.model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    for name in ("001.png", "002.png"):
        sheets = [(each / "samples" / name).read_bytes() for each in (run, whole.run)]
        assert sheets[0] == sheets[1]


def test_test_pictures_are_shown_and_not_learnt_from(tmp_path):
    def alike(domain, names):
        for at, name in enumerate(names):
            write = tmp_path / "data" / name
            write.mkdir(parents=True)
            Image.fromarray(clouds(at, domain)).save(write / "0.png")

    alike("warm", ["trainA", "testA"])
    alike("cold", ["trainB"])
    Image.new("RGB", (50, 40), "red").save(tmp_path / "data" / "testA" / "0.png")
    (tmp_path / "data" / "testA" / "1.png").write_bytes(b"none")
    lines = []
    how = SHORT | {"epochs": 1, "pool": 0, "identity": 0.0, "precision": "bfloat16"}
    done = train_translator(tmp_path / "data", run_dir=tmp_path / "run", report=lines.append, **how)
    assert done.domains == ("A", "B") and done.passed_over[0][0] == "A/1.png"
    assert read_card(done.model).training["pictures"] == {"train": 2, "test": 1}
    assert "training in bfloat16" in lines
    assert [row["identity_loss"] for row in history_of(done.run) if "identity_loss" in row] == []
    with Image.open(done.run / "samples" / "001.png") as sheet:  # of one domain, three columns
        assert sheet.width < 4 * 64 + 60 and sheet.height < 2 * 64 + 60
        assert sheet.getpixel((40, sheet.height // 2)) == (255, 0, 0)


def test_pictures_in_memory_are_of_two_classes(tmp_path):
    pictures = [clouds(0, "warm"), clouds(1, "cold")]
    data = in_memory(pictures, [0, 1], ["warm", "cold"])
    with pytest.raises(UsageError, match="data in memory are of both domains already"):
        train_translator(data, "other", **SHORT)
    for labels, names, message in (
        ([0, 0], ["warm", "cold"], "no picture of cold can be trained on"),
        ([0, 2], ["warm", "mild", "cold"], "knows two domains, and the data have 3"),
    ):
        with pytest.raises(UsageError, match=message):
            train_translator(in_memory(pictures, labels, names), run_dir=tmp_path / "run", **SHORT)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"size": 66}, r"--size 66 is not a multiple of 4 from 32 to 1024; take 64"),
        ({"size": 16}, "; take 32"),
        ({"width": 0}, "--width is at least 1, not 0"),
        ({"blocks": 0}, "--blocks is at least 1, not 0"),
        ({"pool": -1}, "--pool is at least 0, not -1"),
        ({"pool": 501}, "--pool is at most 500, not 501"),
        ({"cycle": 0}, "--cycle is a number above 0, not 0"),
        ({"identity": float("nan")}, "--identity is a number of at least 0, not nan"),
        ({"lr": float("inf")}, "--lr is a number above 0, not inf"),
        ({"schedule": "lineal"}, r"--schedule is one of .*, not lineal\. Did you mean .linear"),
        ({"precision": "float16"}, "--precision is one of auto, float32, bfloat16, not float16"),
        ({"batch_size": 3, "devices": "cpu:2"}, "shared out among 2 replicas; take 2"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(asked, message, pictures, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_translator(pictures, run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_does_not_lie_in_the_data(pictures):
    for folder in ("warm", "cold"):
        with pytest.raises(UsageError, match="would lie in the data; name another place"):
            train_translator(
                pictures / "warm", pictures / "cold", run_dir=pictures / folder / "run", **SHORT
            )


def test_blocks_go_by_the_size_unless_they_are_asked_for():
    from types import SimpleNamespace

    from recipes._trainings import defaults_of
    from recipes._translator_plan import plan_of

    for asked, blocks in (({"size": 128}, 6), ({"size": 132}, 9), ({"size": 256, "blocks": 2}, 2)):
        options = SimpleNamespace(**defaults_of(train_translator) | {"other": None} | asked)
        assert plan_of(options).blocks == blocks


def test_the_command_trains_and_tells_how_to_use_it(pictures, dltk, tmp_path):
    run = tmp_path / "run"
    asked = ["--size", 32, "--width", 2, "--blocks", 1, "--epochs", 1, "--devices", "cpu"]
    done = dltk(
        "train", "translator", pictures / "warm", pictures / "cold", "--run-dir", run, *asked
    )
    assert done.code == 0, done.err
    assert done.out == f"model: {run / 'best.keras'}\n"
    assert f"use it: dltk translate PHOTOS -m {run / 'best.keras'}" in done.err
    assert "note: classes of less than 10 pictures: warm, cold" in done.err
    done = dltk("train", "translator", "--resume", run, "--epochs", 2)
    assert done.code == 2 and "began with other options: --epochs 1 then, 2 now" in done.err
    done = dltk("train", "translator", pictures / "warm", pictures / "warm")
    assert done.code == 2 and "are the same; name two folders, DATA and OTHER" in done.err
    done = dltk("train", "translator", pictures, "--pool", 501)
    assert done.code == 2 and "501 is not in the range 0<=x<=500" in done.err
    done = dltk("train", "translator")
    assert done.code == 2 and "name the DATA to train on" in done.err
