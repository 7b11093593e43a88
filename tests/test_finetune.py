"""Fine-tuning from data to model file: that it learns, resumes, distributes and says what is wrong.

Handwritten digits are scikit-learn's (8 × 8 pixels); shapes are made by `dltk.data.shapes`.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from dltk.data import in_memory
from dltk.data.shapes import shape_pictures
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.images import encode
from dltk.modelfile import ModelCard, read_card, save_model
from dltk.models.catalog import lookup
from recipes.classify import classify
from recipes.evaluate import evaluate
from recipes.finetune import finetune, resume_finetune
from tests.runs import history_of, weights_of

COMMAND = [sys.executable, "-c", "from dltk.cli.main import run; run()", "finetune"]
PIXELS = {"backbone": "linear", "size": 8, "channels": 1}
CONVNET = {"backbone": "convnet", "precision": "float32"}


@pytest.fixture(scope="module")
def digits():
    """1797 handwritten digits as labelled data."""
    loaded = load_digits()
    images = (loaded.images * 255 / 16).astype(np.uint8)
    return in_memory(list(images), loaded.target, [str(digit) for digit in range(10)])


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    """Class folders of 600 made pictures of six kinds of shapes."""
    folder = tmp_path_factory.mktemp("shapes")
    images, labels, classes = shape_pictures(600, seed=0)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        encode(Image.fromarray(image), folder / classes[label] / f"{number:03d}.jpg")
    return folder


@pytest.fixture
def small(tmp_path, noise) -> Path:
    """Class folders of 40 small pictures of two kinds: dark and bright."""
    folder = tmp_path / "small data"
    for number in range(40):
        picture = Image.eval(noise(number), lambda value, dark=number % 2: value // (1 + 2 * dark))
        encode(picture, folder / ("dark" if number % 2 else "bright") / f"{number:02d} [x].png")
    return folder


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# That it learns


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"backbone": "convnet", "epochs": 15}, 0.95),
        (PIXELS, 0.94),
        (PIXELS | {"head": "knn"}, 0.97),
        (PIXELS | {"head": "svm"}, 0.94),
    ],
    ids=["convnet", "linear", "knn", "svm"],
)
def test_digits_are_learnt(digits, tmp_path, options, least):
    done = finetune(digits, run_dir=tmp_path / "run", **options)
    assert done.evaluation.split == "test" and done.evaluation.report.examples > 250
    assert done.evaluation.report.top1 >= least
    _assert_same_when_read_again(done, digits)


def _assert_same_when_read_again(done, data):
    """The file, as `dltk evaluate` runs it, gives the probabilities that were measured."""
    again = evaluate(done.model, data, split="all")
    place = {name: index for index, name in enumerate(again.names)}
    held = [place[name] for name in done.evaluation.names]
    np.testing.assert_allclose(again.probabilities[held], done.evaluation.probabilities, atol=1e-4)


def test_shapes_are_learnt_by_default(shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = finetune(shapes)
    assert done.run == Path("runs/finetune/001-" + shapes.name + "-efficientnet-lite0")
    assert done.evaluation.report.top1 >= 0.95
    card = read_card(done.model)
    assert card.task == "classify" and card.labels == done.classes
    assert card.metrics["top1"] == done.evaluation.report.top1
    assert card.geometry.height == 224 and card.backbone == "efficientnet-lite0"
    left = {path.name for path in done.run.iterdir()}
    assert left == {
        "best.keras", "calibration.png", "checkpoint", "config.json", "confusion.png",
        "curves.png", "evaluation.json", "folds.png", "history.csv", "log.txt", "mistakes.png",
        "predictions.csv", "report.md", "split.csv",
    } - ({"mistakes.png"} if done.evaluation.report.top1 == 1 else set())  # fmt: skip
    report = (done.run / "report.md").read_text()
    assert "90 pictures of the test split" in report and "| circle |" in report
    said = [result.labels[0].name for result in classify(shapes / "star", model=done.model)]
    assert said.count("star") / len(said) > 0.95


def test_features_are_computed_once(shapes, tmp_path, monkeypatch):
    finetune(shapes, run_dir=tmp_path / "first", epochs=1)

    def never(*arguments, **options):
        raise AssertionError("features were computed again")

    monkeypatch.setattr("dltk.batch.embed.predict", never)
    done = finetune(shapes, run_dir=tmp_path / "second", epochs=1, test_share=0)
    assert done.evaluation.split == "val"


def test_the_top_layers_are_tuned_and_batch_norm_is_not(small, tmp_path):
    done = finetune(small, unfreeze=3, epochs=1, tune_epochs=1, run_dir=tmp_path / "run")
    tuned = weights_of(done.model)
    frozen = weights_of(finetune(small, epochs=1, run_dir=tmp_path / "plain").model)
    changed = {name for name in frozen if not np.array_equal(frozen[name], tuned[name])}
    layers = {name.split("/")[1] for name in changed}
    model = keras.saving.load_model(done.model, compile=False)
    kinds = [type(model.get_layer(index=i)).__name__ for i in range(len(model.layers))]
    assert 3 <= len(layers) <= 4  # three of the backbone, and the head
    assert "BatchNormalization" in kinds and not any("batch_norm" in name for name in layers)
    stages = [row["stage"] for row in history_of(done.run)]
    assert stages == ["head", "tune"]


def test_members_are_averaged_in_one_file(digits, tmp_path):
    few = digits.splits["all"].take(range(200))
    data = in_memory([few.sources[i] for i in range(200)], few.labels, digits.classes)
    done = finetune(data, members=3, epochs=2, run_dir=tmp_path / "run", **CONVNET)
    model = keras.saving.load_model(done.model, compile=False)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 28, 28, 1)).astype(np.float32)
    members = [model.get_layer(f"member{number}")(pixels) for number in (1, 2, 3)]
    assert np.allclose(model(pixels), np.mean(members, axis=0), atol=1e-6)
    assert not np.allclose(members[0], members[1], atol=1e-3)
    assert [row["stage"] for row in history_of(done.run)] == [
        f"member{number}-train" for number in (1, 1, 2, 2, 3, 3)
    ]


def test_members_on_fixed_features_share_the_backbone(small, tmp_path):
    one = finetune(small, epochs=1, run_dir=tmp_path / "one")
    three = finetune(small, epochs=1, members=3, run_dir=tmp_path / "three")
    _assert_same_when_read_again(three, small)
    assert three.model.stat().st_size < 1.1 * one.model.stat().st_size


@pytest.mark.parametrize("head", ["svm", "knn"])
def test_solved_heads_on_a_pretrained_network_are_read_as_measured(small, tmp_path, head):
    done = finetune(small, head=head, run_dir=tmp_path / "run")
    assert done.evaluation.report.top1 == 1
    _assert_same_when_read_again(done, small)


def test_weights_from_a_file_train_as_the_published_ones(small, tmp_path):
    published = lookup("efficientnet-lite0").weights.get()
    done = finetune(small, weights=str(published), epochs=2, run_dir=tmp_path / "file")
    same = finetune(small, epochs=2, run_dir=tmp_path / "name")
    for a, b in zip(history_of(done.run), history_of(same.run), strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-3)


def test_tuning_never_leaves_a_worse_network(small, tmp_path):
    options = {"epochs": 3, "unfreeze": "all", "tune_epochs": 1, "augment": "none"}
    done = finetune(small, backbone_lr=30.0, clip=0, run_dir=tmp_path / "run", **options)
    head, tune = (rows[-1] for rows in np.split(history_of(done.run), [3]))
    assert float(tune["val_accuracy"]) < float(head["val_accuracy"])
    assert done.chosen["tune epoch"] == 0
    assert done.evaluation.report.top1 >= float(head["val_accuracy"]) - 0.34


def test_a_linear_classifier_leaves_its_templates(digits, tmp_path):
    done = finetune(digits, epochs=1, run_dir=tmp_path / "run", **PIXELS)
    assert Image.open(done.run / "templates.png").width > 100


def test_a_rate_is_found_and_drawn(digits, tmp_path):
    done = finetune(digits, lr="auto", epochs=1, run_dir=tmp_path / "run", **PIXELS)
    found = json.loads((done.run / "checkpoint/head-rate.json").read_text())
    assert 1e-4 < found["chosen"] < 1 and (done.run / "head-rate.png").exists()
    assert float(history_of(done.run)[0]["learning_rate"]) <= found["chosen"] * 1.000001


def test_everything_against_overfitting_at_once(small, tmp_path):
    done = finetune(
        small, epochs=2, run_dir=tmp_path / "run", dropout=0.2, l1=1e-4, l2=1e-4, augment="strong",
        mixup=0.2, label_smoothing=0.1, clip=1.0, ema=0.9, optimizer="nesterov", schedule="step",
        class_weights="auto", weight_decay=0.01, **CONVNET,
    )  # fmt: skip
    assert len(history_of(done.run)) == 2
    assert np.isfinite(done.evaluation.report.loss)


# That it goes on


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_anywhere_ends_like_one_never_stopped(small, tmp_path, stop):
    options = ["--backbone", "convnet", "--epochs", "40", "--dropout", "0.3", "--ema", "0.9",
               "--augment", "light", "--patience", "0", "--batch-size", "8"]  # fmt: skip
    whole = finetune(
        small, backbone="convnet", epochs=40, dropout=0.3, ema=0.9, augment="light", patience=0,
        batch_size=8, run_dir=tmp_path / "whole",
    )  # fmt: skip
    run = tmp_path / "a run"
    stopped = subprocess.Popen(
        [*COMMAND, small, "--run-dir", run, "--save-every", "0", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in stopped.stderr:
        if line.startswith("epoch 3 "):
            break
    stopped.send_signal(stop)
    said = stopped.stderr.read()
    stopped.wait()
    assert stopped.returncode == (-9 if stop == signal.SIGKILL else 130)
    assert not (run / "best.keras").exists()
    if stop == signal.SIGINT:
        assert f"go on with: dltk finetune --resume '{run}'" in said
    done = resume_finetune(run)
    assert len(history_of(done.run)) == 40
    for a, b in zip(history_of(done.run), history_of(whole.run), strict=True):
        assert float(a.pop("loss")) == pytest.approx(float(b.pop("loss")), rel=1e-5)
        assert float(a.pop("accuracy")) == pytest.approx(float(b.pop("accuracy")), rel=1e-5)
        assert a == b  # what is measured after an epoch, to the last digit
    assert equal(weights_of(done.model), weights_of(whole.model))


def test_a_finished_run_gone_on_with_stays_as_it_is(small, tmp_path):
    done = finetune(small, epochs=2, run_dir=tmp_path / "run")
    again = resume_finetune(done.run)
    assert equal(weights_of(done.model), weights_of(again.model))
    assert again.evaluation.report.to_dict() == done.evaluation.report.to_dict()


def test_a_resumed_run_says_which_options_differ(small, tmp_path, dltk):
    finetune(small, epochs=1, run_dir=tmp_path / "run")
    result = dltk("finetune", "--resume", tmp_path / "run", "--epochs", 2, "--ema", 0.5)
    assert result.code == 2
    assert "--epochs 1 then, 2 now; --ema 0.0 then, 0.5 now" in result.err


def test_a_resumed_run_says_how_the_data_differ(small, tmp_path, dltk):
    finetune(small, epochs=1, run_dir=tmp_path / "run")
    (small / "dark/99.png").write_bytes((small / "bright/00 [x].png").read_bytes())
    result = dltk("finetune", "--resume", tmp_path / "run")
    assert result.code == 2
    assert "the data changed since this run began: 1 new (dark/99.png …)" in result.err


def test_a_run_goes_on_from_another_folder(small, tmp_path, monkeypatch):
    finetune(small, epochs=1, run_dir=tmp_path / "first", **CONVNET)
    monkeypatch.chdir(tmp_path)
    done = finetune("small data", backbone="first/best.keras", epochs=1, run_dir="second")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    resume_finetune(tmp_path / "second")
    shutil.copy(tmp_path / "second/best.keras", tmp_path / "first/best.keras")
    with pytest.raises(UsageError, match=r"--backbone-sha256 .* then, .* now"):
        resume_finetune(tmp_path / "second")
    assert done.classes == ("bright", "dark")


def test_a_full_disk_leaves_the_last_state(small, tmp_path, monkeypatch):
    run = tmp_path / "run"
    real, calls = np.savez, []

    def full(file, **arrays):
        calls.append(file)
        real(file, **arrays)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("dltk.training.checkpoint.np.savez", full)
    options = {"epochs": 6, "batch_size": 8, "save_every": 0, **CONVNET}
    with pytest.raises(DltkError, match=r"No space left on device.*free some space"):
        finetune(small, run_dir=run, **options)
    monkeypatch.undo()
    left = {path.name for path in (run / "checkpoint").iterdir()}
    assert left == {"precision.json", "train.npz"}
    whole = finetune(small, run_dir=tmp_path / "whole", **options)
    assert equal(weights_of(resume_finetune(run).model), weights_of(whole.model))


# That it distributes


def test_two_replicas_train_as_one(small, tmp_path):
    options = {"epochs": 3, "unfreeze": 2, "tune_epochs": 2, "augment": "none", "batch_size": 8}
    one = finetune(small, run_dir=tmp_path / "one", devices="cpu", **options)
    two = finetune(small, run_dir=tmp_path / "two", devices="cpu:2", **options)
    assert "MirroredStrategy on 2 devices (CPU:0, CPU:1), 4 pictures a" in _log(two)
    _assert_near(one.run, two.run)


@pytest.mark.parametrize(
    "options",
    [{"clip": 0.05}, {"mixup": 0.4}, {"ema": 0.9, "weight_decay": 0.01}, {"precision": "float16"}],
    ids=["clip", "mixup", "ema", "float16"],
)
def test_options_mean_the_same_on_two_replicas(small, tmp_path, options):
    options = {"backbone": "mlp", "epochs": 2, "batch_size": 8, "precision": "float32"} | options
    one = finetune(small, run_dir=tmp_path / "one", devices="cpu", **options)
    two = finetune(small, run_dir=tmp_path / "two", devices="cpu:2", **options)
    for a, b in zip(history_of(one.run), history_of(two.run), strict=True):
        rel = 2e-2 if options["precision"] == "float16" else 1e-4
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=rel)


def _log(done) -> str:
    return (done.run / "log.txt").read_text()


def _assert_near(one: Path, two: Path) -> None:
    for a, b in zip(history_of(one), history_of(two), strict=True):
        assert a["stage"] == b["stage"] and a["val_accuracy"] == b["val_accuracy"]
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-4)
    first, second = weights_of(one / "best.keras"), weights_of(two / "best.keras")
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-3, atol=1e-5)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _workers(arguments) -> list[subprocess.Popen]:
    addresses = [f"localhost:{port}" for port in _free_ports(2)]
    started = []
    for index in (0, 1):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        started.append(
            subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                env=os.environ | {"TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return started


def test_two_workers_train_as_one(small, tmp_path):
    one = finetune(small, epochs=4, batch_size=8, run_dir=tmp_path / "one", **CONVNET)
    run = tmp_path / "two"
    options = ["--epochs", 4, "--batch-size", 8, "--backbone", "convnet", "--precision", "float32"]
    chief, other = _workers([small, "--run-dir", run, *options])
    out, err = chief.communicate(timeout=120)
    other_out, other_err = other.communicate(timeout=60)
    assert (chief.returncode, other.returncode) == (0, 0), err + other_err
    assert "MultiWorkerMirroredStrategy, worker 0 of 2, 2 replicas in all" in err
    assert "4 pictures a replica and step" in err
    assert out.endswith(f"model: {run}/best.keras\n") and other_out == ""
    assert "the first one has the results" in other_err
    _assert_near(one.run, run)


def test_a_worker_that_dies_ends_the_others_and_both_go_on(small, tmp_path):
    run = tmp_path / "run"
    options = ["--epochs", 400, "--batch-size", 8, "--backbone", "convnet", "--patience", 0]
    chief, other = _workers([small, "--run-dir", run, "--save-every", 0, *options])
    for line in chief.stderr:
        if line.startswith("epoch 3 "):
            break
    other.kill()
    _, err = chief.communicate(timeout=120)
    other.communicate()
    assert chief.returncode == 1
    last = err.splitlines()[-1]
    assert last == (
        "error: another worker was lost, its process or its connection; go on, on every worker, "
        f"with: dltk finetune --resume {run}"
    )
    before = (run / "checkpoint/train.npz").stat().st_mtime_ns
    chief, other = _workers(["--resume", run, "--save-every", 0])
    for line in chief.stderr:
        match = re.match(r"epoch (\d+) of", line)
        if match:
            break
    assert int(match[1]) >= 3
    assert (run / "checkpoint/train.npz").stat().st_mtime_ns > before
    for process in (chief, other):
        process.kill()
        process.communicate()


# What is wrong with the input


def test_unreadable_pictures_are_left_out_and_listed(small, tmp_path, dltk):
    (small / "dark/broken.png").write_bytes(b"not a picture")
    (small / "dark/notes.txt").write_text("hello")
    result = dltk("finetune", small, "--epochs", 1, "--run-dir", tmp_path / "run", "--json")
    assert result.code == 0
    left_out = {row["path"]: row["why"] for row in json.loads(result.out)["passed_over"]}
    assert "not a picture" in left_out["dark/broken.png"] and "dark/notes.txt" in left_out
    assert "dark/broken.png: not a picture" in (tmp_path / "run/report.md").read_text()
    assert "broken" not in (tmp_path / "run/split.csv").read_text()


def test_a_test_split_that_shares_pictures_with_train_is_told(tmp_path, small, dltk):
    data = tmp_path / "divided"
    shutil.copytree(small, data / "train")
    (data / "test/dark").mkdir(parents=True)
    (data / "test/bright").mkdir(parents=True)
    shutil.copy(data / "train/dark/01 [x].png", data / "test/dark/same.png")
    shutil.copy(data / "train/bright/00 [x].png", data / "test/bright/same.png")
    result = dltk("finetune", data, "--epochs", 1, "--run-dir", tmp_path / "run")
    assert result.code == 0
    assert re.search(r"note: .*train.*test|note: .*test.*train", result.err)


def test_a_class_without_a_usable_picture_is_an_error(small, tmp_path, dltk):
    shutil.rmtree(small / "dark")
    (small / "dark").mkdir()
    (small / "dark/a.png").write_bytes(b"no")
    result = dltk("finetune", small, "--run-dir", tmp_path / "run")
    assert result.code == 2 and 'class "dark"' in result.err.splitlines()[-1]


def test_a_model_file_of_another_task_is_refused(small, tmp_path, dltk):
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(pixels)))
    save_model(model, tmp_path / "boxes.keras", ModelCard("detect", ("a",), Geometry(8, 8)))
    result = dltk("finetune", small, "--backbone", tmp_path / "boxes.keras")
    assert result.code == 2 and "for the task detect, not a classifier" in result.err


def test_a_loss_that_is_no_longer_a_number_names_the_batch(small, tmp_path, dltk):
    result = dltk(
        "finetune", small, "--backbone", "mlp", "--lr", 1e30, "--optimizer", "sgd",
        "--warmup", 0, "--batch-size", 4, "--run-dir", tmp_path / "run",
    )  # fmt: skip
    assert result.code == 1
    assert re.search(
        r"the loss is no longer a number in epoch 1, batch \d+ "
        r"\((dark|bright)/.*png.*\); try a smaller --lr, or --clip 1",
        result.err,
    )
    assert "no longer a number" in (tmp_path / "run/log.txt").read_text()


def test_a_network_that_ends_without_numbers_is_not_saved(small, tmp_path):
    with pytest.raises(DltkError, match=r"no longer a number|no longer gives numbers"):
        finetune(
            small, backbone="mlp", lr=1e30, optimizer="sgd", warmup=0, batch_size=64, epochs=1,
            val_share=0, test_share=0, run_dir=tmp_path / "run",
        )  # fmt: skip
    assert not (tmp_path / "run/best.keras").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--head", "knn", "--k", 99], "--k 99: there are 28 training pictures"),
        (["--head", "svm", "--l2", 0], "--l2 0: a support vector machine needs some penalty"),
        (
            ["--lr", "auto", "--backbone-lr", 1, "--unfreeze", 1],
            "a tenth of the rate that is found",
        ),
        (["--seed", 2**32], "is not in the range"),
        (["--backbone", "convnett"], 'unknown backbone "convnett". Did you mean "convnet"?'),
        (["--head", "knn", "--epochs", 3], "--epochs has no meaning here: --head knn takes no"),
        (["--head", "knn", "--l2", 0.1], "--l2 has no meaning here: --head knn has no weights"),
        (["--no-flip"], "--flip has no meaning here: pictures are not varied"),
        (["--folds", 3, "--l2", 0.1], "--folds has no meaning here: nothing is chosen"),
        (["--precision", "bfloat16"], "--precision has no meaning here: only a head"),
        (["--tune-epochs", 3], "--tune-epochs has no meaning here"),
        (["--head", "svm", "--unfreeze", 2], "--head svm needs fixed features"),
        (["--k", 3], "--k has no meaning here: it is for --head knn"),
        (["--backbone-lr", 0.1], "say which with --unfreeze"),
        (["--size", 64], "--size has no meaning here: it is for convnet, linear and mlp"),
        (["--backbone", "convnet", "--size", 8], "convnet needs 18"),
        (["--backbone", "mlp", "--unfreeze", 1], "from scratch, all is trained"),
        (["--balance", "--class-weights", "auto"], "take one"),
        (["--weights", "nothere.h5"], "--weights nothere.h5: no such file"),
        (["--batch-size", 31, "--devices", "cpu:2"], "shared out among 2 replicas; take 30"),
        (["--strategy", "multiworker"], "nothing describes the workers"),
        (["--val-share", 0.6, "--test-share", 0.6], "leave nothing to train on"),
        (["--dropout", 1], "1.0 is not in the range"),
        (["--unfreeze", "some"], "'some' is not a whole number above 0 or none or all"),
    ],
)
def test_options_that_cannot_work_are_refused(small, dltk, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dltk("finetune", small, *options)
    assert result.code == 2 and message in result.err
    assert not (tmp_path / "runs").exists()


def test_a_run_folder_in_the_data_is_refused(small, dltk):
    result = dltk("finetune", small, "--run-dir", small / "run")
    assert result.code == 2 and "would lie in the data" in result.err
    assert not (small / "run").exists()


def test_data_or_a_run_must_be_named(dltk):
    result = dltk("finetune")
    assert result.code == 2 and "--resume RUN" in result.err


def test_one_class_only_is_an_error(small, dltk):
    shutil.rmtree(small / "dark")
    result = dltk("finetune", small)
    assert result.code == 2 and 'one class only, "bright"' in result.err
    assert result.err.count("\n") == 1


def test_arrays_are_data_too(tmp_path):
    images = [np.full((20, 20, 3), 200 * (i % 2) + i, np.uint8) for i in range(20)]
    data = in_memory(images, [i % 2 for i in range(20)], ["black", "white"])
    few = finetune(in_memory(images[:4], [0, 1] * 2, ["a", "b"]), run_dir=tmp_path / "few")
    assert few.model.exists()
    done = finetune(data, epochs=5, run_dir=tmp_path / "run")
    assert done.classes == ("black", "white") and done.evaluation.report.top1 == 1
