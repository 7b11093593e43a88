"""`segment` with a segmenter that torchvision publishes: fetched, loaded, and what it tells."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dltk.masks import IGNORE
from dltk.models import catalog
from dltk.models.catalog import TorchvisionWeights, lookup
from dltk.models.fcn.torchvision import build_published
from dltk.objects import EXTENT, PIXELS
from dltk.weights import sha256
from recipes.segment import segment
from tests.torchvision_peer import GOLDEN, write_weights
from tests.torchvision_rules import made_picture

MODEL, PUBLISHED = "fcn-resnet50", "fcn_resnet50"
SCALE = 0.25  # of the 520 pixels that it looks at: a sixteenth of the work


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    """A weight file as torchvision's, with weights by rule."""
    path = tmp_path_factory.mktemp("made") / "made.pth"
    with np.load(GOLDEN / f"{PUBLISHED}.npz") as arrays:
        write_weights(PUBLISHED, dict(arrays), path)
    return path.rename(path.with_name(f"{PUBLISHED}_coco-{sha256(path)[:8]}.pth"))


@pytest.fixture(scope="module")
def network(made_file):
    """The segmenter itself, with those weights."""
    return build_published(50, made_file)


def publish(path, monkeypatch):
    """Let the catalog's segmenter have a file for the published one."""
    entry = replace(lookup(MODEL), weights=TorchvisionWeights(path.name, 135))
    monkeypatch.setitem(catalog.entries(), MODEL, entry)
    return entry


@pytest.fixture
def made_entry(made_file, mirror, monkeypatch):
    """The catalog's segmenter, with the made file for the published one."""
    (mirror / made_file.name).symlink_to(made_file)
    return publish(made_file, monkeypatch)


@pytest.fixture
def pictures(tmp_path):
    """Pictures of two shapes, wide and high, and of two sizes."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, size in (("wide", (60, 97)), ("high", (81, 50)), ("wide too", (120, 194))):
        Image.fromarray(made_picture(*size)).save(folder / f"{name}.png")
    return folder


def looked_at(picture: Image.Image, shorter: int) -> tuple[int, int]:
    """The size at which torchvision's transforms show it to the network: the longer side is
    rounded down."""
    wide, high = picture.size
    if wide < high:
        return shorter, int(shorter * high / wide)
    return int(shorter * wide / high), shorter


def by_hand(network, picture: Image.Image, shorter: int) -> np.ndarray:
    """What the network says of each pixel, (H, W, 21): resized, scores, softmax, resized back."""
    size = looked_at(picture, shorter)
    pixels = np.float32(picture.resize(size, Image.Resampling.BILINEAR))[None]
    scores = np.asarray(network({PIXELS: pixels, EXTENT: np.float32([pixels.shape[1:3]])}))[0]
    powers = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares = powers / powers.sum(axis=2, keepdims=True)
    parts = [
        Image.fromarray(part).resize(picture.size, Image.Resampling.BILINEAR)
        for part in np.ascontiguousarray(shares.transpose(2, 0, 1))
    ]
    return np.stack([np.asarray(part) for part in parts], axis=2)


@pytest.mark.slow
def test_it_is_fetched_once_and_tells_what_its_network_does(
    dltk, made_entry, made_file, mirror, network, pictures, tmp_path
):
    out = tmp_path / "out"
    options = ("-m", MODEL, "--precision", "float32", "--scales", SCALE, "--devices", "cpu:2")
    assert dltk("segment", pictures, *options, "-o", out, "--offline").code == 4
    assert not out.exists() and not made_entry.weights.path.exists()
    result = dltk("models", "download", MODEL)
    assert (result.code, result.out) == (0, f"{MODEL}: {made_entry.weights.path}\n")
    (mirror / made_file.name).unlink()  # from here on it is all there is
    result = dltk("segment", pictures, *options, "-o", out, "--offline")
    assert result.code == 0, result.err
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()[1:]]
    assert [row["path"] for row in rows] == ["high.png", "wide too.png", "wide.png"]
    names = [label.name for label in made_entry.labels]
    for row in rows:
        picture = Image.open(pictures / row["path"])
        expected = by_hand(network, picture, 130).argmax(axis=2)
        mask = np.asarray(Image.open(out / "masks" / row["path"]))
        assert mask.shape == picture.size[::-1] == (row["height"], row["width"])
        assert (mask == expected).mean() >= 0.995
        assert len(np.unique(expected)) > 1
        assert {area["label"]: area["pixels"] for area in row["areas"]} == {
            names[value]: int((mask == value).sum()) for value in np.unique(mask)
        }


@pytest.mark.slow
def test_pictures_are_looked_at_at_520_pixels(made_entry, network, pictures):
    picture = Image.open(pictures / "wide.png").crop((0, 0, 65, 60))
    assert looked_at(picture, 520) == (563, 520)
    (result,) = segment(picture, model=MODEL, score=0.4, devices="cpu", precision="float32")
    shares = by_hand(network, picture, 520)
    expected = np.where(shares.max(axis=2) >= 0.4, shares.argmax(axis=2), IGNORE)
    assert (result.mask == expected).mean() >= 0.995
    assert {heat.shape for heat in result.heat.values()} == {(520, 563)}


@pytest.mark.parametrize("content", ["text", "cut", "another's"])
def test_a_damaged_file_is_told_in_a_line(dltk, mirror, monkeypatch, pictures, tmp_path, content):
    """It is of no use, fetched or kept: no file of results is begun."""
    whole = tmp_path / "whole.pth"
    with np.load(GOLDEN / "mobilenet_v3_large.npz") as arrays:
        write_weights("mobilenet_v3_large", dict(arrays), whole)
    digest = sha256(whole)[:8] if content == "another's" else "0123abcd"
    entry = publish(tmp_path / f"fcn_resnet50_coco-{digest}.pth", monkeypatch)
    damaged = b"no weights" if content == "text" else whole.read_bytes()
    damaged = damaged[:1_000_000] if content == "cut" else damaged
    for place in (mirror / entry.weights.file, entry.weights.path):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(damaged)
        result = dltk("segment", pictures, "-m", MODEL, "-o", tmp_path / "out")
        assert result.code == 4 and result.out == ""
        error = result.err.splitlines()[-1]
        assert error.startswith("error: ") and entry.weights.file in error
        assert not (tmp_path / "out/results.jsonl").exists()
