"""Painting what a network likes, and a network over its training: numbers, replicas, files."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.errors import DltkError, UsageError
from dltk.modelfile import ModelCard, save_model
from recipes.finetune import finetune
from recipes.visualize import channels, classes, filters, training
from tests.test_visualize import GEOMETRY, PLACING, network


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("models") / "small.keras"
    save_model(network(), path, ModelCard("classify", ("ant", "bee", "sea cow"), GEOMETRY))
    return str(path)


# Painting


def test_two_replicas_paint_what_one_paints(model):
    options = {"model": model, "layer": "conv2", "channel": "0-2", "steps": 4}
    one, two = (
        list(channels(devices=devices, precision="float32", **options))
        for devices in ("cpu", "cpu:2")
    )
    assert len({each.image.tobytes() for each in one}) == 3
    for ours, theirs in zip(one, two, strict=True):
        assert ours.name == theirs.name and ours.image.tobytes() == theirs.image.tobytes()
        assert ours.activation == theirs.activation


def test_channels_answer_more_from_step_to_step(model, tmp_path):
    options = {"layer": "conv2", "channel": "1-2", "steps": 60, "snapshots": 30}
    found = list(channels(model=model, output=tmp_path, size=40, **options, **PLACING))
    for each in found:
        assert each.image.size == (40, 40) and len(each.trace) == 60
        assert each.activation > 2 * -each.trace[0]["minus_activation"]
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    each = {"png", "jsonl"}
    assert written == {"conv2.png"} | {f"conv2/000{n}.{kind}" for n in (1, 2) for kind in each} | {
        f"conv2/000{n}/000{step}.png" for n in (1, 2) for step in (30, 60)
    }


def test_classes_are_painted_by_name_and_score_higher(model, tmp_path):
    found = list(classes(model=model, label=["sea cow", "0"], steps=40, output=tmp_path, **PLACING))
    assert [(each.name, each.number) for each in found] == [("sea cow", 2), ("ant", 0)]
    assert all(each.activation > -each.trace[0]["minus_activation"] for each in found)
    assert (tmp_path / "scores/0002-sea_cow.png").is_file()
    scores = network(activation=None)(
        np.stack([np.asarray(each.image, np.float32) for each in found])
    ).numpy()
    assert scores[0, 2] > scores[1, 2] and scores[1, 0] > scores[0, 0]


def test_a_users_file_is_never_written_over_and_ones_own_is(model, tmp_path):
    options = {"model": model, "layer": "conv2", "channel": "0", "steps": 1, "output": tmp_path}
    (tmp_path / "conv2").mkdir()
    mine = tmp_path / "conv2/0000.png"
    Image.new("RGB", (3, 3)).save(mine)
    before = mine.read_bytes()
    with pytest.raises(UsageError, match=r"0000.png is there already .*--overwrite"):
        list(channels(**options, **PLACING))
    assert mine.read_bytes() == before and len(list(tmp_path.rglob("*.*"))) == 1
    list(channels(**options, overwrite=True, **PLACING))
    list(channels(**options, **PLACING))  # now it is one of ours
    assert Image.open(mine).size == (32, 24)


# A network over its training


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three epochs, all kept."""
    random = np.random.default_rng(0)
    pictures = [random.integers(n % 2 * 128, n % 2 * 128 + 128, (20, 20, 3)) for n in range(40)]
    data = in_memory([p.astype(np.uint8) for p in pictures], [n % 2 for n in range(40)], ["a", "b"])
    path = tmp_path_factory.mktemp("runs") / "kept"
    options = {"backbone": "convnet", "size": 20, "epochs": 3, "batch_size": 8}
    return finetune(data, keep_epochs="all", run_dir=path, devices="cpu", **options)


def test_epochs_that_are_kept_are_those_of_the_model(run):
    files = sorted(path.name for path in run.run.rglob("*-000?.npz"))
    assert [name[-8:-4] for name in files] == ["0000", "0001", "0002", "0003"]
    best = keras.saving.load_model(run.model).get_weights()
    kept = [list(np.load(path).values()) for path in sorted(run.run.rglob("*-000?.npz"))]
    same = [
        all(any(np.array_equal(one, other) for other in arrays) for one in best) for arrays in kept
    ]
    assert sum(same) == 1 and not same[0]


def test_a_run_is_shown_from_its_first_epoch_to_its_last(run, noise, tmp_path):
    found = list(training(run.run, [noise(0), b"broken"], count=2, output=tmp_path))
    shown, maps, broken = found
    assert shown.what == "filters"
    assert shown.epochs == maps.epochs == [0, 1, 2, 3]
    assert broken.error and broken.sheet is None
    assert len(maps.columns) == 2 * len({name.rsplit(" ", 1)[0] for name in maps.columns})
    assert shown.files["sheet"] == tmp_path / "filters.png"
    assert Image.open(shown.files["sheet"]).size == shown.sheet.size
    rows = np.asarray(shown.sheet, int)
    assert shown.sheet.height > 4 * 40 and rows.std() > 0


def test_samples_are_shown_where_no_photo_is_named(run):
    assert [each.what for each in training(run.run, count=1)][1:] == ["astronaut.jpg", "cat.jpg"]


# What cannot work


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        (channels, {"steps": 0}, "--steps is at least 1, not 0"),
        (channels, {"size": 0}, "--size is from 1 to 4096"),
        (channels, {"size": 6}, "small.keras cannot take pictures of 6 × 6; try a larger --size"),
        (channels, {"l2": -1.0}, "--l2 is a number of at least 0"),
        (channels, {"l2": float("nan")}, "--l2 is a number of at least 0"),
        (channels, {"snapshots": 2}, "name a folder with --output"),
        (channels, {"layer": "conv3"}, 'no layer "conv3". Did you mean "conv'),
        (channels, {"layer": "conv2", "channel": "6"}, "has channels 0 to 5"),
        (channels, {"method": "sgd"}, 'method "sgd" is none of'),
        (classes, {"label": "sea cov"}, 'Did you mean "sea cow"'),
        (filters, {"layer": "pool"}, "layer pool has no kernels; take a convolution"),
        (filters, {"limit_channels": 0}, "--limit-channels is at least 1"),
        (filters, {"raw": True}, "name a folder with --output"),
    ],
)
def test_requests_that_cannot_work_are_told(model, recipe, options, message):
    with pytest.raises(UsageError, match=message):
        found = recipe(model=model, **options)
        if recipe is not filters:
            list(found)


def test_a_run_without_kept_epochs_is_told(tmp_path, run):
    (tmp_path / "config.json").write_bytes((run.run / "config.json").read_bytes())
    with pytest.raises(UsageError, match="kept no epochs; train with --keep-epochs doubling"):
        list(training(tmp_path))
    with pytest.raises(DltkError):
        list(training(tmp_path / "none"))
