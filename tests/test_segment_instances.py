"""`dltk segment --instances`: each object with its mask and label, in the record and in files."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from dltk.engine.proposals import ProposalNetwork
from dltk.errors import InputError, UsageError
from dltk.geometry import Geometry
from dltk.masks import of_run_lengths, run_lengths
from dltk.models.masker.network import Parts
from recipes.segment_instances import (
    around,
    is_part,
    is_whole,
    seen_around,
    segment_instances,
)
from tests.maskers import backbone, bright_masker  # noqa: F401

GROUND, SIZE = 20, (183, 137)
THINGS = [(20, 20, 56, 56), (120, 70, 160, 110)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """One picture with two bright squares, one of the ground alone, and one that is none."""
    folder = tmp_path_factory.mktemp("photos")
    pixels = np.full((*SIZE[::-1], 3), GROUND, np.uint8)
    Image.fromarray(pixels).save(folder / "b empty.png")
    for (left, top, right, bottom), colour in zip(
        THINGS, ((250, 240, 200), (200, 255, 230)), strict=True
    ):
        pixels[top:bottom, left:right] = colour
    Image.fromarray(pixels).save(folder / "a.png")
    (folder / "c.png").write_bytes(b"no picture")
    return folder


def test_objects_are_told_in_the_record_and_drawn(photos, bright_masker, backbone, dltk, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    done = dltk(
        "segment", photos, "--instances", bright_masker, "-m", backbone, "--max", 12, "-o", out,
        "--overlay", out / "seen", "--coco", out / "coco", "--format", "csv", "--score", 0.01,
        "--engine", "keras",
    )  # fmt: skip
    assert done.code == 3, done.err
    header, *rows = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    assert header["format"] == "dltk.segment-instances"
    assert [each["name"] for each in header["model"]] == ["bright.keras", "tiny.keras"]
    by_name = {row["path"]: row for row in rows}
    assert by_name["b empty.png"]["instances"] == [] and by_name["c.png"]["status"] == "failed"
    found = by_name["a.png"]
    assert (found["width"], found["height"]) == SIZE and 2 <= len(found["instances"]) <= 12
    index = np.asarray(Image.open(out / "masks" / "a.png"))
    truths = np.zeros((2, *SIZE[::-1]), bool)
    for truth, (left, top, right, bottom) in zip(truths, THINGS, strict=True):
        truth[top:bottom, left:right] = True
    best = np.zeros(2)
    for place, each in enumerate(found["instances"], 1):
        shape = of_run_lengths(each["segmentation"])
        rows_, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
        assert each["box"] == [columns[0], rows_[0], columns[-1] + 1, rows_[-1] + 1]
        assert each["pixels"] == shape.sum() and each["label"] in ("a", "b")
        assert 0.5 <= each["score"] <= 1 and 0.5 <= each["objectness"] <= 1
        assert shape[index == place].all()
        overlap = (truths & shape).sum(axis=(1, 2)) / (truths | shape).sum(axis=(1, 2))
        best = np.maximum(best, overlap)
    assert best.min() > 0.55
    assert not np.asarray(Image.open(out / "masks" / "b empty.png")).any()
    seen = np.asarray(Image.open(out / "seen" / "a.png"))
    assert seen.shape == (*SIZE[::-1], 3) and (seen[:10, 100:] == GROUND).all()
    assert (seen[30, 40] != [250, 240, 200]).any()
    results = json.loads((out / "coco" / "coco_results.json").read_text())
    assert [each["segmentation"] for each in results] == [
        each["segmentation"] for each in found["instances"]
    ]
    assert len({each["image_id"] for each in results}) == 1
    table = list(csv.DictReader((out / "results.csv").open()))
    paths = ["a.png"] * len(found["instances"]) + ["b empty.png", "c.png"]
    assert [row["path"] for row in table] == paths
    assert [int(table[0][side]) for side in ("left", "top", "right", "bottom")] == (
        found["instances"][0]["box"]
    )


def test_the_recipe_finds_what_the_command_does(photos, bright_masker, backbone, tmp_path):  # noqa: F811
    how = {"masker": bright_masker, "model": backbone, "engine": "keras"}
    (result,) = segment_instances(photos / "a.png", score=0.01, most=1, **how)
    (first,) = result.instances
    assert result.size == SIZE and (result.mask > 0).sum() == first.pixels
    result.save(tmp_path / "seen.png")
    assert Image.open(tmp_path / "seen.png").size == SIZE
    other = {"a": "b", "b": "a"}[first.name]
    (result,) = segment_instances(photos / "a.png", score=0.01, most=1, classes=other, **how)
    assert first.shape not in [each.shape for each in result.instances]
    (result,) = segment_instances(photos / "a.png", score=1.0, **how)
    assert result.instances == [] and not result.mask.any()


def test_a_picture_that_failed_has_no_map(photos, bright_masker, backbone, tmp_path):  # noqa: F811
    how = {"masker": bright_masker, "model": backbone, "engine": "keras"}
    (result,) = segment_instances(photos / "c.png", **how)
    assert result.error and result.instances == [] and result.mask is None
    Image.new("RGB", SIZE).save(tmp_path / "c.png")  # now it can be read
    result.item.source = tmp_path / "c.png"
    with pytest.raises(InputError, match=re.escape(result.error)):
        result.save(tmp_path / "seen.png")
    assert not (tmp_path / "seen.png").exists()


def test_what_maskers_answer_stays_exact_in_bfloat16(photos, bright_masker, backbone, monkeypatch):  # noqa: F811
    kinds = {}

    class Spied(ProposalNetwork):
        def __init__(self, masker, *rest, **more):
            parts = Parts.of(masker)
            layers = parts.mask_head.layers + parts.score_head.layers + parts.backbone.layers
            kinds.update({layer.name: layer.compute_dtype for layer in layers})
            super().__init__(masker, *rest, **more)

    monkeypatch.setattr("dltk.engine.proposals.ProposalNetwork", Spied)
    how = {"masker": bright_masker, "model": backbone, "engine": "keras", "devices": "cpu"}
    (result,) = segment_instances(photos / "a.png", score=0.01, precision="bfloat16", **how)
    assert len(result.instances) >= 2
    assert kinds.pop("pixels") == kinds.pop("score") == "float32"
    assert "bfloat16" in kinds.values()


def test_views_are_cut_out_a_batch_at_a_time():
    """All of a picture's at once would take a gigabyte."""
    held, most = [], []

    class Counting(Geometry):
        def pixels(self, picture, box):
            held.append(box)
            most.append(len(held))
            return super().pixels(picture, box)

    class Means:
        batch_size = 4

        def __call__(self, batch):
            assert len(batch) == len(held)
            held.clear()
            return batch.mean(axis=(1, 2))

    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    boxes = np.array([[at, at, at + 20, at + 10] for at in range(0, 45, 5)], float)
    found = seen_around(boxes, Image.fromarray(pixels), Means(), Counting(8, 8))
    assert max(most) == 4 and len(most) == 2 * len(boxes)
    for box, means in zip(boxes, found, strict=True):
        views = [
            around(box, (80, 60), context, square=square)
            for context, square in ((0.08, False), (0.25, True))
        ]
        seen = [Geometry(8, 8).pixels(Image.fromarray(pixels), view) for view in views]
        np.testing.assert_allclose(means, np.mean(seen, axis=(0, 1, 2)), rtol=1e-5)


def test_labels_are_told_from_a_part_of_the_picture():
    box = np.array([20.0, 40.0, 60.0, 50.0])
    assert around(box, (200, 100), 0.25, square=False) == (10, 37.5, 70, 52.5)
    assert around(box, (200, 100), 0.25, square=True) == (10, 15, 70, 75)
    assert around(box, (64, 60), 0.25, square=True) == (10, 15, 64, 60)


def test_a_mask_is_a_part_where_most_of_it_is_in_another():
    def bar(first, last):
        shape = np.zeros((3, 20), bool)
        shape[1, first:last] = True
        return run_lengths(shape)

    assert is_part(bar(3, 13), [bar(15, 18), bar(8, 20)])  # 5 of 10
    assert not is_part(bar(3, 13), [bar(15, 18), bar(9, 20)]) and not is_part(bar(3, 13), [])
    assert not is_part(bar(0, 20), [bar(3, 12)]) and is_whole(bar(0, 20), [bar(3, 12)])
    assert not is_whole(bar(8, 20), [bar(0, 15)]) and not is_whole(bar(3, 13), [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--flip"], "--flip has no meaning with --instances"),
        (["--min-area", "9"], "--min-area has no meaning with --instances"),
        (["--cutouts", "cut"], "--cutouts has no meaning with --instances"),
        (["--alpha", "0.3"], "--alpha is about --overlay, which is not given"),
        (["--classes", "unicorn"], 'has no class "unicorn"'),
        (["-m", "fcn-resnet50"], "fcn-resnet50 is a model to segment, not to classify"),
        (["--max", "255"], "255"),
    ],
)
def test_options_that_mean_nothing_are_refused(given, message, photos, bright_masker, dltk):  # noqa: F811
    done = dltk("segment", photos, "--instances", bright_masker, *given)
    assert done.code == 2 and message in done.err


def test_models_for_something_else_are_refused(photos, bright_masker, backbone, dltk):  # noqa: F811
    done = dltk("segment", photos, "--instances", backbone)
    assert done.code == 2 and "tiny.keras is a model to classify, and no masker" in done.err
    done = dltk("segment", photos, "-m", bright_masker)
    assert done.code == 2 and "segment" in done.err
    done = dltk("segment", photos, "--max", 3)
    assert done.code == 2 and "--max is about --instances, which is not given" in done.err
    with pytest.raises(UsageError, match="--max is at most 254, not 300"):
        list(segment_instances(photos, masker=bright_masker, model=backbone, most=300))
