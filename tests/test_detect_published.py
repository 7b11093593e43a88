"""`detect` with a detector that torchvision publishes: fetched, loaded, and its answers written."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dltk.models import catalog
from dltk.models.catalog import TorchvisionWeights, lookup
from dltk.weights import sha256
from tests.rcnn.answers import check_answers
from tests.torchvision_peer import GOLDEN, stages_of, write_weights
from tests.torchvision_rules import made_picture

MODEL, PUBLISHED = "faster-rcnn-mobilenet-320", "fasterrcnn_mobilenet_v3_large_320_fpn"
SIZE = "120x400"


@pytest.fixture(scope="module")
def golden():
    """What torchvision's detector gives with weights by rule."""
    with np.load(GOLDEN / f"{PUBLISHED}.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def made_file(golden, tmp_path_factory):
    """A weight file as torchvision's, with those weights."""
    path = tmp_path_factory.mktemp("made") / "made.pth"
    write_weights(PUBLISHED, golden, path)
    return path.rename(path.with_name(f"{PUBLISHED}-{sha256(path)[:8]}.pth"))


@pytest.fixture
def made_entry(made_file, mirror, monkeypatch):
    """The catalog's detector, with the made file for the published one."""
    (mirror / made_file.name).symlink_to(made_file)
    entry = replace(lookup(MODEL), weights=TorchvisionWeights(made_file.name, 78))
    monkeypatch.setitem(catalog.entries(), MODEL, entry)
    return entry


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "made picture.png"
    Image.fromarray(made_picture(*map(int, SIZE.split("x")))).save(path)
    return path


def objects_of(result):
    """Return the objects of the only picture in a record on standard output."""
    assert result.code == 0, result.err
    row = json.loads(result.out.splitlines()[-1])
    return row["objects"]


def test_its_answers_are_torchvisions(dltk, made_entry, golden, picture):
    assert dltk("detect", picture, "-m", MODEL, "--offline").code == 4
    result = dltk("models", "download", MODEL)
    assert (result.code, result.out) == (0, f"{MODEL}: {made_entry.weights.path}\n")
    found = objects_of(dltk("detect", picture, "-m", MODEL, "--score", "0.05", "--offline"))
    boxes = np.array([each["box"] for each in found])
    names = [label.name for label in made_entry.labels]
    labels = np.array([names.index(each["label"]) + 1 for each in found])
    scores = np.array([each["score"] for each in found])
    check_answers((boxes, labels, scores), stages_of(golden, SIZE))


def test_options_choose_among_its_answers(dltk, made_entry, golden, picture):
    every = objects_of(dltk("detect", picture, "-m", MODEL, "--score", "0.3"))
    sure = objects_of(dltk("detect", picture, "-m", MODEL))
    assert sure == [each for each in every if each["score"] >= 0.5] != every
    name = every[-1]["label"]
    of_class = [each for each in every if each["label"] == name]
    chosen = ("detect", picture, "-m", MODEL, "--score", "0.3", "--classes", name)
    assert objects_of(dltk(*chosen)) == of_class != every
    assert objects_of(dltk(*chosen, "--max", 1)) == of_class[:1]
    apart = objects_of(dltk(*chosen, "--nms", 0.01))
    assert 0 < len(apart) < len(of_class) and all(each in of_class for each in apart)


@pytest.mark.parametrize("content", ["text", "cut", "another's"])
def test_a_damaged_file_is_told_in_a_line(dltk, made_entry, made_file, picture, content):
    kept = made_entry.weights.path
    kept.parent.mkdir(parents=True)
    if content == "text":
        kept.write_text("no weights")
    elif content == "cut":
        kept.write_bytes(made_file.read_bytes()[:1_000_000])
    else:
        other = "fasterrcnn_resnet50_fpn"
        with np.load(GOLDEN / f"{other}.npz") as arrays:
            write_weights(other, dict(arrays), kept)
    result = dltk("detect", picture, "-m", MODEL)
    assert result.code == 4 and result.out == ""
    error = result.err.splitlines()[-1]
    assert error.startswith("error: ") and made_file.name in error
