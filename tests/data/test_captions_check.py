"""Checks of pictures with captions: what is wrong is found, counted and told; and a sheet."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data.captions import check_captions, read_captions, split_captions
from dltk.data.captions.check import Spoken
from dltk.data.captions.show import caption_sheet
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.data.scene_files import write_scenes
from dltk.errors import UsageError
from dltk.metadata import software_of
from tests.data.caption_files import karpathy, write_coco, write_pictures, write_rows, write_texts
from tests.data.object_files import write_json


@pytest.fixture
def faulty(tmp_path, noise):
    """Divided pictures with one fault of each kind."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    said = {f"{at}.png": [f"picture number {at}", "it's a picture."] for at in range(12)}
    for at, name in enumerate(said):
        noise(at, (20 + at, 10)).save(root / "images" / name)
    images = root / "images"
    shutil.copy(images / "0.png", images / "1.png")
    shutil.copy(images / "2.png", images / "10.png")
    (images / "3.png").write_bytes((images / "3.png").read_bytes()[:60])
    (images / "4.png").unlink()
    said["5.png"] = ["..."]
    said["6.png"] = []
    said["7.png"] += [" ".join(["very"] * 300)]
    write_json(root / "dataset_made.json", karpathy(said, ["train"] * 9 + ["val"] * 3))
    return root


def test_faults_are_found(faulty):
    findings = check_captions(read_captions(faulty), decode=True, threads=2)
    assert findings.spoken == {
        "train": Spoken(6, 13, 4.0, 300, 12, 6),
        "val": Spoken(3, 6, 3.5, 4, 8, 3),
        "in all": Spoken(9, 19, 4.0, 300, 15, 9),
    }
    assert findings.repeated == (("it 's a picture", 9),)
    assert [name for name, _ in findings.unreadable] == ["4.png", "images/3.png"]
    assert findings.duplicates == ((("train", "images/0.png"), ("train", "images/1.png")),)
    assert findings.leaks == ((("train", "images/2.png"), ("val", "images/10.png")),)
    assert findings.sizes["largest"] == (31, 10)
    assert findings.errors[0] == "unreadable: 4.png: no such file, with 2 captions"
    assert findings.errors[2:] == ["in several splits: images/2.png (train) = images/10.png (val)"]
    assert findings.warnings == [
        "pictures: 9, of which little can be learnt",
        'captions of many pictures: "it \'s a picture" (9)',
        "1 needless copy, such as images/0.png (train) = images/1.png (train)",
        "repaired: a caption without words: 1, such as dataset_made.json, image 6: '...', of "
        "images/5.png, left out",
        "repaired: a caption of more than 200 words: 1, such as dataset_made.json, image 8, "
        "caption 3: 300 words, of images/7.png, kept",
        "passed over: images/5.png (nothing usable in its 1 caption), images/6.png (without a "
        "caption)",
    ]
    fields = json.loads(json.dumps(findings.to_dict()))
    assert fields["spoken"]["val"]["captions"] == 6 and len(fields["errors"]) == 3


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == [
        "split",
        "pictures",
        "captions",
        "words",
        "of",
        "one",
        "longest",
        "distinct",
        "of",
        "these",
        "once",
    ]
    assert lines[1:4] == [
        ["train", "6", "13", "4", "300", "12", "50%"],
        ["val", "3", "6", "3.5", "4", "8", "38%"],
        ["in", "all", "9", "19", "4", "300", "15", "60%"],
    ]
    assert "\nwords of one: the median of all captions" in result.out
    assert "error: in several splits: images/2.png (train)" in result.out
    fast = dltk("data", "check", faulty, "--fast", "--json", "--for", "captions")
    fields = json.loads(fast.out)
    assert [name for name, _ in fields["unreadable"]] == ["4.png"] and fields["sizes"] == {}


def test_check_knows_captions_where_there_is_nothing_else(dltk, tmp_path):
    list(write_scenes(tmp_path / "scenes", 12, val=3, size=48))
    fields = json.loads(dltk("data", "check", tmp_path / "scenes", "--json").out)
    assert "areas" in fields
    result = dltk("data", "check", tmp_path / "scenes", "--json", "--for", "captions")
    assert json.loads(result.out)["spoken"]["in all"]["pictures"] == 15
    alone = tmp_path / "scenes" / "annotations" / "captions_val.json"
    fields = json.loads(dltk("data", "check", alone, "--json").out)
    assert sum(row["pictures"] for row in fields["spoken"].values()) == 2 * 3
    boxes = alone.with_name("instances_val.json")
    assert "areas" in json.loads(dltk("data", "check", boxes, "--json").out)
    for where in (write_texts(tmp_path / "texts"), write_coco(tmp_path / "coco")):
        result = dltk("data", "check", where, "--json")
        assert result.code == 0 and json.loads(result.out)["spoken"]["train"]["pictures"] >= 1
    write_rows(tmp_path / "texts" / "x.csv", [("path", "label"), ("a.png", "x"), ("b.png", "y")])
    assert "counts" in json.loads(dltk("data", "check", tmp_path / "texts" / "x.csv", "--json").out)
    result = dltk("data", "check", boxes, "--for", "captions")
    assert result.code == 2 and "annotations without captions" in result.err


def test_a_single_picture_is_data(tmp_path):
    write_pictures(tmp_path, ["a.png"])
    (tmp_path / "a.txt").write_text("a cat")
    data = split_captions(read_captions(tmp_path))
    assert list(data.splits) == ["train"]
    findings = check_captions(data, decode=True, threads=1)
    assert findings.errors == [] and findings.repeated == ()
    assert findings.warnings == ["pictures: 1, of which little can be learnt"]
    nothing = data.without({"train": {0: "gone"}})
    assert check_captions(nothing, decode=True, threads=1).spoken["train"].captions == 0


def test_show_draws_pictures_with_captions_below(dltk, tmp_path):
    folder = write_texts(tmp_path / "data")
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", folder, "-o", out, "--size", 96)
    assert result.code == 0, result.err
    sheet = Image.open(out)
    assert sheet.width == 3 * 96 + 4 * 8 and sheet.height > 8 + 72 + 20
    assert software_of(out) == "examples of dltk data show"
    first = out.read_bytes()
    dltk("data", "show", folder, "-o", out, "--size", 96)
    assert out.read_bytes() == first
    dltk("data", "show", folder, "-o", out, "--size", 96, "--seed", 1)
    assert out.read_bytes() != first
    for option in (["--no-flip"], ["--augment", "none"], ["-m", "vgg16-hed"]):
        result = dltk("data", "show", folder, "-o", out, *option)
        assert result.code == 2 and "captions are shown as they are; leave it out" in result.err


def test_a_sheet_shows_what_can_be_read(tmp_path):
    white = np.full((30, 40, 3), 255, np.uint8)
    examples = CaptionedExamples(
        ("a", "b", "c"), [white, b"damaged", white], (("one",), ("two",), ("three",) * 9)
    )
    sheet = caption_sheet(CaptionData("made", {"all": examples}), size=120, count=5)
    assert sheet.width == 2 * 120 + 3 * 8
    ink = (np.asarray(sheet.convert("L")) < 128).any(axis=1)
    rows = np.flatnonzero(np.diff(ink.astype(int)) == 1)
    assert len(rows) == 6  # five captions, and how many more there are
    data = CaptionData("made", {"all": examples.take([1])})
    with pytest.raises(UsageError, match="not one picture of made can be read"):
        caption_sheet(data)
