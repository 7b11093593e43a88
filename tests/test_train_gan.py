"""Training a generator: that it learns, resumes, distributes, warns, and leaves a file that makes
pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dltk.data.plain import pictures_in_memory
from dltk.errors import UsageError
from dltk.modelfile import load_model, read_card
from dltk.opponents import CLASSES, NOISE
from recipes._gan_watch import OVERPOWERED
from recipes._generate_seeds import noise_of
from recipes.generate import generate
from recipes.train_gan import resume_train_gan, train_gan
from tests.runs import history_of, killed_at, weights_of

SIZE, COUNT = 28, 48
TINY = {"size": SIZE, "width": 4, "noise": 8, "epochs": 3, "batch_size": 16, "beta": 0.5}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Bars, dark ones upright and light ones across, in a folder for each kind."""
    root = tmp_path_factory.mktemp("bars")
    random = np.random.default_rng(0)
    for at in range(COUNT):
        kind = ("across", "upright")[at % 2]
        pixels = np.full((SIZE, SIZE), 128, np.uint8)
        place = int(random.integers(4, SIZE - 8))
        if kind == "upright":
            pixels[:, place : place + 4] = 10
        else:
            pixels[place : place + 4] = 245
        (root / kind).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / kind / f"{at:03d}.png")
    return root


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    run, told = tmp_path_factory.mktemp("gan") / "run", []
    how = TINY | {"ema": 0.5, "judge_every": 2, "epochs": 4}
    return train_gan(pictures, run_dir=run, report=told.append, **how), told


def grids(run) -> list[str]:
    return sorted(path.name for path in (run / "samples").iterdir())


def test_a_run_folder_tells_the_whole_story(trained, pictures):
    done, _ = trained
    left = {path.name for path in done.run.iterdir()}
    assert left == {
        "best.keras", "checkpoint", "config.json", "curves.png", "evaluation.json", "history.csv",
        "log.txt", "nearest.png", "real.png", "report.md", "samples", "samples.gif", "samples.png",
        "split.csv",
    }  # fmt: skip
    assert grids(done.run) == [f"{epoch:03d}.png" for epoch in (1, 2, 3, 4)]
    with Image.open(done.run / "samples.gif") as film:
        assert 1 < film.n_frames <= 4 and film.size == (8 * 2 * SIZE, 8 * 2 * SIZE)
    with Image.open(done.run / "real.png") as real:  # the first of all, from all over them
        assert real.size == (8 * 2 * SIZE, 6 * 2 * SIZE)
        first = np.asarray(Image.open(pictures / "across" / "000.png"))
        np.testing.assert_array_equal(np.asarray(real)[: 2 * SIZE : 2, : 2 * SIZE : 2], first)
    report = (done.run / "report.md").read_text()
    assert "(48 train): dcgan, pictures of 28 pixels in grey, made from 8 numbers each." in report
    assert f"| **pictures made** | {done.evaluation.likeness.fid:.2f} |" in report
    rows = history_of(done.run)
    assert [bool(row["fid_lite0"]) for row in rows] == [False, True, False, True]
    best = min((2, 4), key=lambda epoch: float(rows[epoch - 1]["fid_lite0"]))
    assert done.chosen == {"best epoch": best}
    card = read_card(done.model)
    assert card.task == "generate" and card.labels == () and card.backbone is None
    assert (card.geometry.height, card.geometry.channels, card.geometry.crop) == (SIZE, 1, 1.0)
    assert card.metrics["FID-lite0"] == done.evaluation.likeness.fid
    assert card.metrics["split"] == "train"


def test_pictures_shown_are_those_that_the_file_makes(trained):
    done, _ = trained
    last = np.asarray(Image.open(done.run / "samples" / f"{done.chosen['best epoch']:03d}.png"))
    for made in generate(done.model, seeds=(0, 9)):
        row, column = divmod(made.seed, 8)
        shown = last[row * 2 * SIZE :: 2, column * 2 * SIZE :: 2][:SIZE, :SIZE]
        assert np.abs(shown.astype(int) - np.asarray(made.picture)).max() <= 1


def test_a_run_killed_ends_like_one_never_stopped(trained, pictures, tmp_path):
    whole, _ = trained
    run = tmp_path / "a run"
    how = json.dumps(TINY | {"ema": 0.5, "judge_every": 2, "epochs": 4})
    code = (
        "import sys, json; from recipes.train_gan import train_gan;"
        "train_gan(sys.argv[1], run_dir=sys.argv[2], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[3]))"
    )
    killed_at(code, [pictures, run, how], "epoch 2")
    assert not (run / "best.keras").exists()
    again = resume_train_gan(run)
    first, second = weights_of(whole.model), weights_of(again.model)
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], rtol=1e-4, atol=1e-6, err_msg=name)
    for one, other in zip(history_of(whole.run), history_of(run), strict=True):
        assert one.pop("stage") == other.pop("stage") == "gan"
        for name, value in one.items():
            assert bool(value) == bool(other[name])  # it is judged in the same epochs
            assert float(value or 0) == pytest.approx(float(other[name] or 0), rel=1e-3, abs=1e-5)
    assert grids(run) == grids(whole.run)


def test_two_replicas_share_out_what_one_would_see(pictures, tmp_path):
    """Of the first step only the generator's normalisation, by shares of the batch, differs: the
    discriminator's loss is of the same pictures, noise and variation, another seed's is not."""
    how = TINY | {"loss": "hinge", "r1": 1.0, "vary": "translation", "epochs": 1}
    how |= {"batch_size": COUNT, "lr": 1e-9}
    rows = {}
    for name, own in {
        "one": {"devices": "cpu"}, "two": {"devices": "cpu:2"}, "other": {"seed": 1}
    }.items():  # fmt: skip
        done = train_gan(pictures, run_dir=tmp_path / name, **how | own)
        rows[name] = {key: float(value) for key, value in history_of(done.run)[0].items()
                      if key in ("real_score", "penalty")}  # fmt: skip
    assert rows["one"] == pytest.approx(rows["two"], rel=1e-3)
    assert rows["one"] != pytest.approx(rows["other"], rel=1e-2)
    assert "24 pictures a replica and step" in (tmp_path / "two" / "log.txt").read_text()


def test_a_generator_can_be_asked_for_a_class(pictures, tmp_path):
    how = TINY | {"by_class": True, "loss": "hinge", "spectral": True, "epochs": 1}
    done = train_gan(pictures, run_dir=tmp_path / "run", **how)
    assert done.classes == ("across", "upright")
    card = read_card(done.model)
    assert list(card.labels) == ["across", "upright"]
    network = load_model(done.model)
    noise = noise_of([5, 5], 8)
    across, upright = network({NOISE: noise, CLASSES: np.array([0, 1])}).numpy()
    assert np.abs(across - upright).max() > 0.01  # of the same noise
    (made,) = generate(done.model, seeds=3, classes="upright")
    assert made.label.endswith("upright") and made.picture.size == (SIZE, SIZE)


def ramps(count: int) -> list[np.ndarray]:
    """Return pictures that go from one grey to another, from left to right."""
    ends = np.random.default_rng(0).uniform(0, 255, (count, 2))
    shares = np.linspace(0, 1, SIZE)
    rows = ends[:, :1] * (1 - shares) + ends[:, 1:] * shares
    return [np.repeat(row[None], SIZE, 0).astype(np.uint8) for row in rows]


def test_began_learns_and_tells_its_convergence(tmp_path):
    how = TINY | {"preset": "began", "width": 8, "lr": 2e-3, "epochs": 12, "noise": None}
    done = train_gan(pictures_in_memory(ramps(COUNT)), run_dir=tmp_path / "run", **how)
    rows = history_of(done.run)
    for name in ("real_error", "convergence"):
        assert float(rows[-1][name]) < 0.6 * float(rows[0][name])
    assert 0 <= float(rows[-1]["made_k"]) <= 1 and "d_real" not in rows[-1]
    assert load_model(done.model).input[NOISE].shape == (None, 64)


def test_a_discriminator_that_knows_all_is_told(pictures, tmp_path):
    """Its rate is so much higher that the generator stands still."""
    told = []
    how = TINY | {"lr": 1e-9, "discriminator_lr": 1e-2, "epochs": 8, "width": 8}
    done = train_gan(pictures, run_dir=tmp_path / "run", report=told.append, **how)
    assert f"warning: {OVERPOWERED}" in told
    report = (done.run / "report.md").read_text()
    first = next(line for line in report.splitlines() if OVERPOWERED in line)
    assert first.startswith("- epoch ") and "## Signs of trouble" in report


# Pictures that are not as wanted


def test_small_grey_and_unreadable_pictures_are_told_of(pictures, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for at in range(12):
        side = 20 if at < 5 else 40
        colour = (200, 30, 40) if at % 3 else (90, 90, 90)
        Image.new("RGB", (side + at, side), colour).save(mixed / f"{at} [x].png")
    (mixed / "broken.png").write_bytes(b"not a picture at all")
    told = []
    done = train_gan(mixed, run_dir=tmp_path / "run", report=told.append, **TINY | {"epochs": 1})
    assert read_card(done.model).geometry.channels == 3
    assert any(line.startswith("note: left out: broken.png: not a picture") for line in told)
    assert "note: 5 of 12 pictures are smaller than 28 pixels, and are enlarged" in told
    assert "note: 4 of 12 pictures are grey, the others have colours" in told
    assert "note: 12 pictures are less than a batch: each step takes them all" in told
    assert done.passed_over[-1][0] == "broken.png"
    assert any(line.startswith("note: 12 pictures are few, which") for line in told)


def test_one_picture_is_refused_and_too_few_are_not_measured(tmp_path):
    images = [np.full((30, 30, 3), 40 * at, np.uint8) for at in range(5)]
    with pytest.raises(UsageError, match="one picture only can be trained on; how pictures vary"):
        train_gan(pictures_in_memory(images[:1]), run_dir=tmp_path / "one", **TINY)
    told = []
    done = train_gan(
        pictures_in_memory(images), run_dir=tmp_path / "run", report=told.append,
        **TINY | {"epochs": 1, "channels": "grey"},
    )  # fmt: skip
    assert (
        done.evaluation is None
        and "note: too few pictures of train to measure by; 8 will do" in told
    )
    assert "It was not measured." in (done.run / "report.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 60}, "--size 60: networks are for 28, 32, 64, 128, 256 pixels; take 64"),
        ({"size": 1000}, "--size 1000: .*; take 256"),
        ({"preset": "began", "r1": 1.0}, "--r1 has no meaning here: began enlarges"),
        ({"balance": 0.7}, "--balance has no meaning here: only began"),
        ({"loss": "hinge", "smoothing": 0.1}, "--smoothing has no meaning here"),
        ({"vary": "colour,cutuot"}, 'Did you mean "cutout"'),
        ({"vary": "all,cutout"}, "--vary all,cutout: all stands alone"),
        ({"batch_size": 1}, "--batch-size is at least 2, not 1"),
        ({"lr": float("nan")}, "--lr is a number above 0"),
        ({"loss": "wasserstein", "gradient_penalty": 0.0}, "needs a discriminator that is held in"),
        ({"precision": "float16"}, "--precision is one of auto, float32, bfloat16"),
    ],
)
def test_options_that_cannot_work_are_told_before_pictures_are_read(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_gan(tmp_path / "nowhere", **TINY | options)


def test_the_command_trains_tells_and_goes_on(dltk, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = ["--size", 28, "--width", 4, "--epochs", 1, "--vary", "translation", "--flip"]
    first = dltk("train", "gan", pictures, *short, "--test-share", 0.25)
    assert first.code == 0, first.err
    assert "FID-lite0" in first.out and "model: runs/train-gan/001-bars" in first.out
    assert "use it: dltk generate runs/train-gan/001-bars" in first.err
    run = next((tmp_path / "runs/train-gan").iterdir())
    again = dltk("train", "gan", "--resume", run, "--json")
    told = json.loads(again.out)
    assert (
        told["evaluation"]["split"] == "test" and told["evaluation"]["copying"]["split"] == "train"
    )
    other = dltk("train", "gan", "--resume", run, "--r1", 3)
    assert other.code == 2 and "began with other options: --r1 0.0 then, 3.0 now" in other.err
