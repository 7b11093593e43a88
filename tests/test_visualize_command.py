"""`dltk visualize`: exit codes, what is printed and what is on disk afterwards."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model

OVERLAID = ["overlay/a b.png", "overlay/sub/[x].png", "heat/a b.png.png", "heat/sub/[x].png.png"]
PHOTO_COMMANDS = {
    "gradcam": OVERLAID,
    "saliency": OVERLAID,
    "occlusion": OVERLAID,
    "activations": ["a b.png.png", "sub/[x].png.png"],
    "top9": ["conv1-patches.png", "conv1-pictures.png", "index.csv"],
}
OTHERWISE = {
    "gradcam": ("--label", "ant"),
    "saliency": ("--method", "guided"),
    "occlusion": ("--stride", 1),
    "activations": ("--count", 2),
    "top9": ("--channel", 1),
}
HERE = ("--devices", "cpu")
ENGINE = {"top9": ("--engine", "keras", "--layer", "conv1", "--channel", "0-3")}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    network = keras.Model(inputs, layers.Dense(2, "softmax", name="head")(x), name="small")
    path = tmp_path_factory.mktemp("models") / "small.keras"
    save_model(network, path, ModelCard("classify", ("ant", "sea cow"), Geometry(16, 16)))
    return path


@pytest.fixture
def pictures(tmp_path, noise):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    noise(0).save(folder / "a b.png")
    noise(1).save(folder / "sub/[x].png")
    return folder


def files_in(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def visualize(dltk, model):
    def run(command, *arguments):
        own = (*HERE, *ENGINE.get(command, ())) if command in PHOTO_COMMANDS else ()
        return dltk("visualize", command, "-m", model, *own, *arguments)

    return run


@pytest.mark.parametrize("command", PHOTO_COMMANDS)
def test_photos_are_looked_at_and_a_broken_one_is_one_line(visualize, pictures, tmp_path, command):
    (pictures / "bad.png").write_bytes(b"no picture")
    before, out = contents(pictures), tmp_path / "out"
    result = visualize(command, pictures, "-o", out)
    assert result.code == 3
    assert sum("bad.png" in line for line in result.err.splitlines()) == 1
    assert files_in(out) == sorted([*PHOTO_COMMANDS[command], "results.jsonl"])
    header, *rows = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    assert header["format"] == f"dltk.visualize.{command}"
    assert [(row["path"], row["status"]) for row in rows] == [
        ("a b.png", "ok"), ("bad.png", "failed"), ("sub/[x].png", "ok"),
    ]  # fmt: skip
    assert contents(pictures) == before
    for path in out.rglob("*.png"):
        Image.open(path).load()


@pytest.mark.parametrize("command", PHOTO_COMMANDS)
def test_the_same_command_again_does_only_what_is_missing(
    visualize, pictures, tmp_path, noise, command
):
    out = tmp_path / "out"
    assert visualize(command, pictures, "-o", out).code == 0
    noise(2).save(pictures / "new.png")
    again = visualize(command, pictures, "-o", out)
    assert again.code == 0 and "1 done, 2 done before" in again.err
    rows = (out / "results.jsonl").read_text().splitlines()[1:]
    assert [json.loads(row)["path"] for row in rows] == ["a b.png", "new.png", "sub/[x].png"]
    if command == "top9":  # what was seen before competes
        with (out / "index.csv").open() as file:
            paths = {row["path"] for row in csv.DictReader(file)}
        assert paths == {"a b.png", "new.png", "sub/[x].png"}
    other = visualize(command, pictures, "-o", out, *OTHERWISE[command])
    assert other.code == 2 and "is the record of another run" in other.err
    assert other.err.count("\n") == 1


@pytest.mark.parametrize("command", ["gradcam", "activations", "top9"])
def test_a_folder_with_other_files_is_refused(visualize, pictures, tmp_path, command):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    result = visualize(command, pictures, "-o", out)
    assert result.code == 2 and result.err.count("\n") == 1
    assert files_in(out) == ["mine.txt"]


def test_filters_are_drawn_and_named(visualize, tmp_path):
    result = visualize("filters", "-o", tmp_path, "--raw")
    assert result.code == 0 and result.out == f"{tmp_path}/small/conv1.png\n"
    assert files_in(tmp_path) == ["small/conv1.npy", "small/conv1.png"]
    assert np.load(tmp_path / "small/conv1.npy").shape == (3, 3, 3, 4)


@pytest.mark.parametrize(
    ("command", "choice", "name"),
    [
        ("channel", ("--channel", "2"), "small/conv1/0002"),
        ("class", ("--label", "Sea Cow"), "small/class/0001-sea_cow"),
    ],
)
def test_units_are_painted_and_told(visualize, tmp_path, command, choice, name):
    options = ("--steps", 2, "-o", tmp_path, *choice, *HERE)
    result = visualize(command, *options, "--json")
    assert result.code == 0
    (row,) = map(json.loads, result.out.splitlines())
    assert row["status"] == "ok" and row["steps"] == 2
    assert row["files"]["picture"] == f"{tmp_path}/{name}.png"
    sheet = f"{name.rpartition('/')[0]}.png"
    assert files_in(tmp_path) == sorted([sheet, f"{name}.png", f"{name}.jsonl"])
    first = (tmp_path / f"{name}.png").read_bytes()
    again = visualize(command, *options)
    assert again.code == 0 and again.out.startswith(f"{tmp_path}/{name}.png  ")
    assert (tmp_path / f"{name}.png").read_bytes() == first  # the seed is the same


def test_a_users_file_is_left_alone(visualize, tmp_path):
    (tmp_path / "small").mkdir()
    Image.new("RGB", (3, 3)).save(tmp_path / "small/conv1.png")
    before = contents(tmp_path)
    for command, *more in (("filters", "--raw"), ("channel", *HERE)):
        result = visualize(command, "-o", tmp_path, *more)
        assert result.code == 2 and "conv1.png is there already" in result.err
        assert result.err.count("\n") == 1 and contents(tmp_path) == before


def test_numbers_beside_no_picture_of_ours_are_left_alone(visualize, tmp_path):
    (tmp_path / "small/conv1/0000").mkdir(parents=True)
    for name, command in {
        "conv1.npy": ("filters", "--raw"),
        "conv1/0000.jsonl": ("channel", "--channel", 0, "--steps", 2, *HERE),
        "conv1/0000/00001.png": (
            "channel", "--channel", 0, "--steps", 2, "--snapshots", 1, *HERE,
        ),
    }.items():  # fmt: skip
        mine = tmp_path / "small" / name
        mine.write_text("mine")
        result = visualize(*command, "-o", tmp_path)
        assert result.code == 2 and f"{mine} is there already" in result.err
        assert files_in(tmp_path) == [f"small/{name}"] and mine.read_text() == "mine"
        mine.unlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gradcam", "PHOTOS", "--layer", "conv2"), 'Did you mean "conv1"'),
        (("gradcam", "PHOTOS", "--layer", "mean"), "which has no places; take one with a map"),
        (("gradcam", "PHOTOS", "--label", "sea cov"), 'Did you mean "sea cow"'),
        (("occlusion", "PHOTOS", "--patch", 99), "the input of small.keras has 16 pixels"),
        (("class", "--label", "bat"), 'small.keras has no class "bat"'),
        (("class", "--size", 2), "cannot take pictures of 2 × 2"),
        (("channel", "--layer", "9"), "layer 9 is out of range: small has"),
        (("filters", "--layer", "head"), "layer head has no kernels"),
    ],
)
def test_what_cannot_work_is_one_line_and_leaves_nothing(
    visualize, pictures, tmp_path, arguments, message
):
    command, *rest = [pictures if word == "PHOTOS" else word for word in arguments]
    result = visualize(command, *rest, "-o", tmp_path / "out")
    assert result.code == 2 and message in result.err and result.out == ""
    assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert files_in(tmp_path / "out") == []
    if command == "gradcam":  # nor is the right request one of another run
        assert visualize(command, pictures, "-o", tmp_path / "out").code == 0


@pytest.mark.parametrize(
    "arguments",
    [("channel", "--steps", 0), ("class", "--method", "sgd"), ("filters", "--limit-channels", 0)],
)
def test_values_out_of_range_are_usage_errors(visualize, arguments):
    result = visualize(*arguments)
    assert result.code == 2 and "Invalid value for" in result.err


def test_networks_without_classes_and_runs_without_epochs_are_told(dltk, pictures, tmp_path):
    result = dltk("visualize", "gradcam", pictures, "-m", "vgg16-hed", "-o", tmp_path / "out")
    assert result.code == 2 and "vgg16-hed has no classes" in result.err
    missing = dltk("visualize", "training", tmp_path / "none")
    assert missing.code == 2 and missing.err.count("\n") == 1


def test_a_run_is_shown_over_its_epochs(dltk, noise, tmp_path):
    for number in range(16):
        folder = tmp_path / "data" / f"{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        noise(number, (20, 20)).save(folder / f"{number}.png")
    trained = dltk("finetune", tmp_path / "data", "--backbone", "convnet", "--size", 20,
                   "--epochs", 3, "--keep-epochs", "doubling", "--run-dir", tmp_path / "run",
                   "--batch-size", 4, *HERE)  # fmt: skip
    assert trained.code == 0
    photo = tmp_path / "data/0/0.png"
    out = tmp_path / "out"
    result = dltk("visualize", "training", tmp_path / "run", photo, "-o", out, "--json")
    assert result.code == 0
    shown, maps = map(json.loads, result.out.splitlines())
    assert shown["what"] == "filters" and shown["epochs"] == maps["epochs"] == [0, 1, 2, 3]
    assert files_in(out) == ["run/filters.png", "run/maps/0.png.png"]


def test_pictures_that_are_all_bad_leave_top9_nothing_to_show(visualize, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    result = visualize("top9", tmp_path / "bad.png", "-o", tmp_path / "out")
    assert result.code == 3 and "1 failed" in result.err
    assert files_in(tmp_path / "out") == ["results.jsonl"]


def test_a_picture_on_standard_input_is_shown_too(visualize, tmp_path, noise, monkeypatch):
    file = io.BytesIO()
    noise(3).save(file, "PNG")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    assert visualize("top9", "-", "-o", tmp_path).code == 0
    sheet = np.asarray(Image.open(tmp_path / "conv1-pictures.png"))
    assert (sheet == (255, 210, 0)).all(axis=-1).any()  # the frame around the patch


@pytest.mark.parametrize(
    ("command", "more", "made"),
    [
        ("channel", ("--steps", 1, "--channel", "0-1"), "small/conv1/0001.png"),
        ("top9", ("IN", "--engine", "keras"), "conv1-patches.png"),
    ],
)
def test_a_fresh_process_splits_the_cpu(model, pictures, tmp_path, command, more, made):
    main = "import sys; from dltk.cli.main import main; sys.exit(main())"
    out = tmp_path / "out"
    arguments = ["visualize", command, "-m", model, "--devices", "cpu:2", "-o", out, *more]
    arguments = [str(pictures if word == "IN" else word) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", main, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (out / made).is_file()
