"""Painting what a network likes, and a network over its training: numbers, replicas, files."""

from __future__ import annotations

import shutil
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dltk.data import in_memory
from dltk.errors import DltkError, UsageError
from dltk.layers import NearestNeighbours
from dltk.modelfile import ModelCard, save_model
from dltk.models.classifier import ensemble
from recipes.finetune import finetune
from recipes.visualize import (
    activations,
    channels,
    classes,
    filters,
    gradcam,
    saliency,
    training,
)
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
    own = tmp_path / "small"
    written = {path.relative_to(own).as_posix() for path in own.rglob("*.*")}
    each = {"png", "jsonl"}
    assert written == {"conv2.png"} | {f"conv2/000{n}.{kind}" for n in (1, 2) for kind in each} | {
        f"conv2/000{n}/000{step}.png" for n in (1, 2) for step in (30, 60)
    }


def test_classes_are_painted_by_name_and_score_higher(model, tmp_path):
    found = list(classes(model=model, label=["sea cow", "0"], steps=40, output=tmp_path, **PLACING))
    assert [(each.name, each.number) for each in found] == [("sea cow", 2), ("ant", 0)]
    assert all(each.activation > -each.trace[0]["minus_activation"] for each in found)
    assert (tmp_path / "small/class/0002-sea_cow.png").is_file()
    scores = network(activation=None)(
        np.stack([np.asarray(each.image, np.float32) for each in found])
    ).numpy()
    assert scores[0, 2] > scores[1, 2] and scores[1, 0] > scores[0, 0]


def test_a_users_file_is_never_written_over_and_ones_own_is(model, tmp_path):
    options = {"model": model, "layer": "conv2", "channel": "0", "steps": 1, "output": tmp_path}
    mine = tmp_path / "small/conv2/0000.png"
    mine.parent.mkdir(parents=True)
    Image.new("RGB", (3, 3)).save(mine)
    before = mine.read_bytes()
    with pytest.raises(UsageError, match=r"0000.png is there already .*--overwrite"):
        list(channels(**options, **PLACING))
    assert mine.read_bytes() == before and len(list(tmp_path.rglob("*.*"))) == 1
    list(channels(**options, overwrite=True, **PLACING))
    list(channels(**options, **PLACING))  # now it is one of ours
    assert Image.open(mine).size == (32, 24)


def test_classes_may_be_named_by_their_numbers(model):
    for label in (1, [1]):
        (found,) = classes(model=model, label=label, steps=1, **PLACING)
        assert found.name == "bee" and "layer" not in found.to_dict()


def test_networks_have_folders_of_their_own(model, tmp_path):
    """Two files of one name, as all runs have, are told apart by their runs."""
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        shutil.copy(model, tmp_path / run / "best.keras")
        filters(model=str(tmp_path / run / "best.keras"), output=tmp_path / "out")
    filters(model=model, output=tmp_path / "out")
    assert {path.parent.name for path in (tmp_path / "out").rglob("*.png")} == {
        "one", "two", "small",
    }  # fmt: skip


def test_a_run_that_was_stopped_leaves_the_sheet_of_a_whole_one(model, tmp_path):
    options = {"model": model, "layer": "conv2", "steps": 2, "output": tmp_path} | PLACING
    first = channels(channel="0-3", **options)
    next(first)
    first.close()
    sheet = tmp_path / "small/conv2.png"
    partial = sheet.read_bytes()  # better than none
    list(channels(channel="0-3", **options))
    whole = sheet.read_bytes()
    assert whole != partial
    again = channels(channel="0-3", **options)
    next(again)
    again.close()
    assert sheet.read_bytes() == whole


def test_an_ensemble_is_looked_into(noise, tmp_path):
    """Its members are networks whose layers have the same names."""
    members = [network(), network()]
    path = str(tmp_path / "both.keras")
    card = ModelCard("classify", ("ant", "bee", "sea cow"), GEOMETRY)
    save_model(ensemble(members), path, card)
    placed = {"model": path} | PLACING
    for look in (gradcam, partial(saliency, method="guided"), activations):
        (found,) = look(noise(0, (32, 24)), **placed)
        assert found.error is None
    found = list(classes(label="bee", steps=2, **placed))
    found += channels(layer="member2/conv2", channel="1", steps=2, **placed)
    assert all(each.image is not None for each in found)


def test_votes_of_neighbours_have_no_picture(tmp_path):
    inputs = keras.Input((24, 32, 3))
    x = layers.GlobalAveragePooling2D(name="mean")(inputs)
    head = NearestNeighbours(3, 3, 2, 1, "l2", name="votes")
    head.learn(np.eye(3, dtype=np.float32), np.array([0, 1, 0]))
    path = str(tmp_path / "votes.keras")
    keras.Model(inputs, head(x)).save(path)
    for method in ("fourier", "simonyan"):
        with pytest.raises(UsageError, match="the scores have no gradient"):
            list(classes(model=path, method=method, steps=2, output=tmp_path / "out", **PLACING))
    assert not (tmp_path / "out").exists()


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
    assert shown.files["sheet"] == tmp_path / "kept/filters.png"
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
        (channels, {"size": 0}, "--size is at least 1, not 0"),
        (channels, {"size": 6}, "small.keras cannot take pictures of 6 × 6; try a larger --size"),
        (channels, {"l2": -1.0}, "--l2 is a number of at least 0"),
        (channels, {"l2": float("nan")}, "--l2 is a number of at least 0"),
        (channels, {"snapshots": 2}, "name a folder with --output"),
        (channels, {"layer": "conv3"}, 'no layer "conv3". Did you mean "conv'),
        (channels, {"layer": "conv2", "channel": "6"}, "has channels 0 to 5"),
        (channels, {"method": "sgd"}, "--method is one of fourier, simonyan, not sgd"),
        (channels, {"seed": -1}, "--seed is at least 0, not -1"),
        (classes, {"label": 3}, 'has no class "3"'),
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


def test_a_run_that_is_not_finished_is_told(tmp_path, run):
    shutil.copytree(run.run, tmp_path / "stopped")
    (tmp_path / "stopped/best.keras").unlink()
    with pytest.raises(UsageError, match=r"is not finished; go on with: .*resume"):
        list(training(tmp_path / "stopped"))


def test_a_photo_called_filters_has_a_sheet_of_its_own(run, noise, tmp_path):
    noise(0).save(tmp_path / "filters.png")
    shown, maps = training(run.run, tmp_path / "filters.png", count=1, output=tmp_path / "out")
    assert maps.what == "filters.png" and maps.files["sheet"] != shown.files["sheet"]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_epochs_kept_are_named_right_from_python(tmp_path):
    with pytest.raises(UsageError, match="--keep-epochs is one of none, doubling, all"):
        finetune(tmp_path, backbone="convnet", keep_epochs="double")
