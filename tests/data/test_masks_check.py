"""Checks of pictures with label maps: what is wrong is found, counted and told."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data.masks import check_masks, read_masks, split_masks
from dltk.data.masks.show import mask_sheet
from dltk.data.scene_files import write_scenes
from dltk.errors import UsageError
from dltk.metadata import software_of
from tests.data.mask_files import blocks, write_mask, write_pair, write_pairs

SIZE = (20, 10)


def test_masks_with_one_class_are_an_error(tmp_path):
    """Such as black and white ones, whose white is ignored where there are several classes."""
    for name in ("1", "2"):
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", blocks((255, 1, 1, 4, 4)))
    (tmp_path / "classes.txt").write_text("ground\ndisc\nstar\n")
    findings = check_masks(read_masks(tmp_path), decode=False, threads=1)
    assert "nothing to tell apart: only ground has pixels" in findings.errors
    told = "only 0 and 255 in all masks: 255 taken as ignored, as it may be any of 2 classes"
    assert (str(tmp_path), told) in findings.repairs


@pytest.fixture
def faulty(tmp_path):
    """Divided pictures with one fault of each kind."""
    root = tmp_path / "data"
    for split, count in (("train", 12), ("val", 3)):
        for at in range(count):
            labels = blocks((1, 0, 0, 2 + at % 2, 1), size=SIZE)
            write_mask(root / "masks" / split / f"{at}.png", labels)
            path = root / "images" / split / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIZE, (count, at, 0)).save(path)
    images, masks = root / "images", root / "masks"
    shutil.copy(images / "train" / "0.png", images / "train" / "2.png")  # of equal masks
    shutil.copy(images / "train" / "1.png", images / "train" / "4.png")  # of others
    shutil.copy(images / "train" / "6.png", images / "val" / "0.png")
    write_mask(masks / "val" / "1.png", blocks((2, 0, 0, 10, 10), size=SIZE))  # not in train
    write_mask(masks / "train" / "8.png", np.full(SIZE[::-1], 255, np.uint8))
    write_mask(masks / "train" / "9.png", blocks(size=(10, 20)))
    (masks / "train" / "10.png").unlink()
    bad = images / "train" / "11.png"
    bad.write_bytes(bad.read_bytes()[:45])
    (root / "classes.txt").write_text("ground\ncat\ndog\nDog")
    return root


def test_faults_are_found(faulty):
    findings = check_masks(read_masks(faulty), decode=True, threads=2)
    assert findings.pictures == {"train": 9, "val": 3}
    assert findings.counts == {
        "ground": {"train": 9, "val": 3},
        "cat": {"train": 9, "val": 2},
        "dog": {"train": 0, "val": 1},
        "Dog": {"train": 0, "val": 0},
    }
    assert findings.pixels["cat"] == {"train": 4 * 2 + 5 * 3, "val": 4}
    assert findings.pixels["dog"] == {"train": 0, "val": 100}
    assert findings.shares["cat"] == {"train": 23 / 1800, "val": 4 / 600}
    assert findings.totals == {"ground": 12, "cat": 11, "dog": 1, "Dog": 0}
    assert findings.imbalance == (1800 - 23 + 600 - 104) / 27
    assert findings.sizes["median"] == SIZE
    assert findings.unreadable[0] == (
        "images/train/9.png", "it is 20 × 10, and its mask masks/train/9.png is 10 × 20"
    )  # fmt: skip
    assert [name for name, _ in findings.unreadable[1:]] == ["images/train/11.png"]
    train = "images/train/"
    assert findings.duplicates == ((("train", f"{train}0.png"), ("train", f"{train}2.png")),)
    assert findings.contradictions == ((("train", f"{train}1.png"), ("train", f"{train}4.png")),)
    assert findings.leaks == ((("train", f"{train}6.png"), ("val", "images/val/0.png")),)
    assert findings.errors[2:] == [
        f"in several splits: {train}6.png (train) = images/val/0.png (val)",
        f"equal, but with different masks: {train}1.png (train) = {train}4.png (train)",
        "nothing to train on: dog has pixels in val, none in train",
    ]
    assert findings.warnings == [
        "classes without pixels: Dog",
        "classes in less than 10 pictures: dog",
        "classes that differ in capitals only: dog, Dog",
        f"1 needless copy, such as {train}0.png (train) = {train}2.png (train)",
        f"passed over: {train}10.png (without mask), {train}8.png (all pixels of its mask are "
        "ignored)",
    ]
    assert json.loads(json.dumps(findings.to_dict()))["pixels"]["cat"]["val"] == 4


def test_a_class_of_few_pixels_is_told(tmp_path):
    for at in range(2):
        labels = blocks((1, 0, 0, 1, 1), size=(11, 10))
        write_pair(tmp_path, f"images/{at}.png", f"masks/{at}.png", labels)
    findings = check_masks(split_masks(read_masks(tmp_path)), decode=False, threads=1)
    assert "the largest class has 109 times the pixels of the smallest" in findings.warnings
    assert findings.sizes == {} and findings.errors == []


def test_copies_whose_mask_is_gone_contradict_each_other(tmp_path):
    for name in ("1", "2"):
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", blocks((1, 0, 0, 1, 1)))
    shutil.copy(tmp_path / "images" / "1.png", tmp_path / "images" / "2.png")
    data = read_masks(tmp_path)
    assert len(check_masks(data, decode=True, threads=1).duplicates) == 1
    (tmp_path / "masks" / "2.png").unlink()
    assert len(check_masks(data, decode=True, threads=1).contradictions) == 1


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    lines = result.out.splitlines()
    assert [line.split() for line in lines[:6]] == [
        ["class", "train", "val", "in", "all", "train", "pixels", "val", "pixels"],
        ["ground", "9", "3", "12", "98.7%", "82.7%"],
        ["cat", "9", "2", "11", "1.3%", "0.7%"],
        ["dog", "0", "1", "1", "0.0%", "16.7%"],
        ["Dog", "0", "0", "0", "0.0%", "0.0%"],
        ["in", "all", "9", "3", "12"],
    ]
    assert lines[7] == "counted are pictures that a class is in, and its share of the pixels"
    assert "error: nothing to train on: dog has pixels in val" in result.out
    fields = json.loads(dltk("data", "check", faulty, "--fast", "--json").out)
    assert fields["counts"]["cat"] == {"train": 9, "val": 2} and len(fields["errors"]) == 4


def test_check_looks_at_what_it_is_told_to(dltk, tmp_path):
    list(write_scenes(tmp_path, 12, val=3, size=48))
    result = dltk("data", "check", tmp_path, "--for", "segment", "--json")
    fields = json.loads(result.out)
    assert fields["pictures"] == {"train": 12, "val": 3} and "background" in fields["pixels"]
    assert sum(row["train"] for row in fields["pixels"].values()) == 12 * 48 * 48
    assert "areas" in json.loads(dltk("data", "check", tmp_path, "--json").out)
    assert "areas" in json.loads(dltk("data", "check", tmp_path, "--for", "detect", "--json").out)
    result = dltk("data", "check", write_pairs(tmp_path / "pairs"), "--for", "detect")
    assert result.code == 2 and "holds no pictures with objects" in result.err
    assert "--for" in dltk("data", "check", tmp_path, "--for", "caption").err


@pytest.mark.parametrize(("augmentation", "views"), [("none", 1), ("strong", 3)])
def test_show_draws_pictures_under_their_masks(dltk, tmp_path, augmentation, views):
    folder = write_pairs(tmp_path / "data")
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", folder, "-o", out, "--size", 64, "--augment", augmentation)
    assert result.code == 0, result.err
    sheet = Image.open(out)
    groups = min(3, 8 // (1 + views))
    assert sheet.width == 64 * groups * (1 + views)
    assert sheet.height > 64 * -(-3 // groups)  # and a legend
    assert software_of(out) == "examples of dltk data show"
    first = out.read_bytes()
    dltk("data", "show", folder, "-o", out, "--size", 64, "--augment", augmentation)
    assert out.read_bytes() == first
    result = dltk("data", "show", folder, "-o", out, "-m", "vgg16-hed")
    assert result.code == 2 and "pictures with masks are shown on a square canvas" in result.err


def test_a_sheet_has_the_colours_of_classes_and_names_what_it_shows(tmp_path):
    labels = blocks((2, 20, 0, 40, 30), (255, 0, 15, 20, 30), size=(40, 30))
    write_pair(tmp_path, "images/1.png", "masks/1.png", labels)
    Image.new("RGB", (40, 30), (100, 100, 100)).save(tmp_path / "images" / "1.png")
    (tmp_path / "classes.txt").write_text("a\nnever\nc")
    sheet = np.asarray(mask_sheet(read_masks(tmp_path), augmentation="none", size=160))
    tile = sheet[20:140, 0:160]
    assert tile[40, 30].tolist() == [50, 50, 50]  # black and grey
    assert tile[40, 120].tolist() == [50, 114, 50]  # VOC's green, 0, 128, 0
    hatched = tile[80:110, 10:60]
    assert 85 < hatched.min() < 110 and 140 < hatched.max() < 165
    assert np.ptp(tile[5:50, 5:70].astype(int)) < 5
    legend = sheet[162:]
    assert (legend == [0, 128, 0]).all(axis=-1).any()
    assert not (legend == [128, 0, 0]).all(axis=-1).any()  # of the class that is not there


def test_a_sheet_of_nothing_is_refused(tmp_path):
    data = read_masks(write_pairs(tmp_path))
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(UsageError, match=r"not one picture of \S+ can be read"):
        mask_sheet(data)
