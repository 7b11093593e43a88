"""Every layout of captions says the same of the same pictures, and is known for what it is."""

import json
import shutil

import pytest

from dltk.data.captions import holds_captions, read_captions
from dltk.data.masks import holds_masks
from dltk.data.objects import holds_objects
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import VALIDATION, scene, scene_captions_data
from dltk.errors import UsageError
from tests.data.caption_files import (
    CAPTIONS,
    coco,
    karpathy,
    token_lines,
    write_bars,
    write_coco,
    write_kaggle,
    write_karpathy,
    write_list,
    write_metadata,
    write_metadata_table,
    write_pictures,
    write_rows,
    write_table,
    write_tabs,
    write_texts,
    write_tokens,
)
from tests.data.object_files import coco as coco_boxes
from tests.data.object_files import picture, write_json, write_yolo

FILES = (
    write_karpathy,
    write_coco,
    write_tokens,
    write_kaggle,
    write_bars,
    write_table,
    write_tabs,
    write_list,
)
FOLDERS = (write_texts, write_metadata, write_metadata_table)


def said(data, split="all"):
    """Return the captions by the last part of the pictures' names."""
    examples = data.splits[split]
    names = [name.split("/")[-1] for name in examples.names]
    return dict(zip(names, examples.captions, strict=True))


@pytest.mark.parametrize("write", FILES + FOLDERS)
def test_all_layouts_say_the_same(tmp_path, write):
    where = write(tmp_path / "data")
    assert holds_captions(where)
    data = read_captions(where)
    assert data.where == str(where) and not data.divided and len(data) == 3
    assert said(data) == CAPTIONS
    assert data.splits["all"].decode(0).size == (40, 30)
    assert data.repairs == data.passed_over == data.damaged == ()


@pytest.mark.parametrize("write", FILES)
def test_the_folder_of_a_file_does_as_well(tmp_path, write):
    write(tmp_path / "data")
    where = tmp_path / "data"
    assert holds_captions(where) and not holds_masks(where)
    data = read_captions(where)
    assert said(data) == CAPTIONS and data.repairs == data.passed_over == ()
    for name in data.splits["all"].names:
        assert (where / name).is_file()  # names are relative to the folder


def test_made_scenes_are_read_as_they_were_made(tmp_path):
    list(write_scenes(tmp_path, 4, val=2, size=64))
    data = read_captions(tmp_path)
    assert data.splits["train"].names[0] == "images/train/000000.jpg"
    made = scene_captions_data(4, val=2, size=64)
    assert list(made.splits) == list(data.splits) == ["train", "val"]
    for split, first in (("train", 0), ("val", VALIDATION)):
        captions = tuple(data.splits[split].captions)
        assert captions == tuple(made.splits[split].captions)
        assert captions[1] == scene(first + 1, size=64).captions
        assert data.splits[split].digests == made.splits[split].digests
    assert data.passed_over == data.repairs == ()
    assert holds_captions(tmp_path) and holds_objects(tmp_path)
    alone = scene_captions_data(3, size=64)
    assert list(alone.splits) == ["all"] and alone.splits["all"].take([2]).captions == (
        scene(2, size=64).captions,
    )


def test_splits_of_a_folder_of_texts(tmp_path):
    write_texts(tmp_path / "train")
    write_texts(tmp_path / "valid" / "images")
    (tmp_path / "valid" / "captions").mkdir()
    for path in (tmp_path / "valid" / "images").glob("*.txt"):
        shutil.move(path, tmp_path / "valid" / "captions" / path.name)
    assert holds_captions(tmp_path)
    data = read_captions(tmp_path)
    assert said(data, "train") == said(data, "val") == CAPTIONS
    assert data.splits["val"].names[0] == "valid/images/a.png" and data.passed_over == ()


def test_splits_of_metadata(tmp_path):
    for split in ("train", "validation", "test"):
        write_metadata(tmp_path / split)
    data = read_captions(tmp_path)
    assert list(data.splits) == ["train", "val", "test"] and said(data, "test") == CAPTIONS
    assert data.splits["val"].names[0] == "validation/a.png"


def test_files_that_are_called_after_splits(tmp_path):
    write_pictures(tmp_path / "images")
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        entries = [{"image": f"{name}.png", "caption": CAPTIONS[f"{name}.png"][0]}]
        write_json(tmp_path / f"made_{split}.json", entries)
    data = read_captions(tmp_path)
    assert {split: ex.names for split, ex in data.splits.items()} == {
        "train": ("images/a.png",),
        "val": ("images/b.png",),
        "test": ("images/c.png",),
    }
    write_json(tmp_path / "more.json", entries)
    with pytest.raises(UsageError, match=r"has made_test.json and .* name the one that is wanted"):
        read_captions(tmp_path)


def test_of_several_files_karpathys_comes_first_and_then_cocos(tmp_path):
    write_pictures(tmp_path / "images")
    write_rows(tmp_path / "x.csv", [("image", "caption"), ("a.png", "of the table")])
    assert said(read_captions(tmp_path)) == {"a.png": ("of the table",)}
    write_json(tmp_path / "annotations" / "captions_val.json", coco({"a.png": ["of COCO"]}))
    assert said(read_captions(tmp_path), "val") == {"a.png": ("of COCO",)}
    path = tmp_path / "annotations" / "dataset_coco.json"
    write_json(path, karpathy({"a.png": ["of Karpathy"]}))
    assert said(read_captions(tmp_path)) == {"a.png": ("of Karpathy",)}
    write_json(path.with_name("dataset_other.json"), karpathy(CAPTIONS))
    with pytest.raises(UsageError, match=r"dataset_coco.json and dataset_other.json; name the one"):
        read_captions(tmp_path)


def test_what_may_be_something_else_is_not_taken_for_captions(tmp_path):
    classes = tmp_path / "classes"
    for name in ("cats/1.png", "dogs/2.png"):
        picture(classes / name)
        (classes / name).with_suffix(".txt").write_text("a pet")
    assert not holds_captions(classes)
    assert len(read_captions(classes)) == 2  # but if this is asked for
    assert not holds_captions(write_yolo(tmp_path / "yolo"))
    beside = tmp_path / "beside"
    picture(beside / "1.png")
    (beside / "1.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert not holds_captions(beside)
    with pytest.raises(UsageError, match=r"holds no pictures with captions; wanted is a .json"):
        read_captions(beside)
    few = write_texts(tmp_path / "few")
    write_pictures(few, [f"{at}.png" for at in range(4)])
    assert not holds_captions(few)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "path,label,text\n1.png,cat,a cat\n"),
        ("x.csv", "path,left,caption\n"),
        ("x.csv", ""),
        ("x.txt", "see issue#12 of it\nimage\n"),
        ("x.jsonl", '{"file_name": "1.png", "objects": {}, "text": "x"}'),
        ("x.jsonl", '{"text": "x"}'),
        ("x.jsonl", "{"),
        ("x.json", "{}"),
        ("x.json", "[1, 2]"),
        ("x.json", json.dumps(coco_boxes([("1.png", 4, 3)], [(1, 10, (0, 0, 1, 1))]))),
        ("x.yaml", "text: x"),
    ],
)
def test_files_of_something_else(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert not holds_captions(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b'{"images": [1, 2,]}', "in line 1, column 1"),
        ("x.json", b'[{"image": "1.png",\n "caption": "x"', "it ends in line 2, after 35 charac"),
        ("x.json", b'{"images": [], "caption": "\xe4"}', "not UTF-8: byte 0xe4 at offset 27"),
        ("x.json", b"{}", "is no data set of captions; wanted is a .json file of Karpathy's or"),
        ("x.json", b'"x"', "is no data set of captions"),
        ("x.json", b"[]", "has no pictures with captions that can be used"),
        ("x.json", b'{"images": [], "sentences": []}', "has no pictures with captions"),
        (
            "x.json",
            b'{"images": 3, "x": {"sentences": []}}',
            'no captions: it has no list "images"',
        ),
        ("x.csv", b"path,label\n1.png,cat\n", 'has no column "caption" (or captions, text, com'),
        ("x.csv", "path,caption\n".encode("utf-16"), "it is not UTF-8 but UTF-16; save it as"),
        ("x.csv", b'path,caption\n1.png,"' + b"x" * 140_000, "is a quotation mark left open?"),
        ("x.jsonl", b'{"file_name": 3}\n{', "x.jsonl, line 1: no picture is named: left out (2 su"),
        ("x.txt", b"hello", "is no data set of captions"),
        ("x.xyz", b"hello", "is no data set of captions"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_captions(tmp_path / name)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_boxes_are_no_captions(tmp_path):
    picture(tmp_path / "1.png")
    content = coco_boxes([("1.png", 40, 30)], [(1, 10, (0, 0, 1, 1))])
    with pytest.raises(UsageError, match="1 annotations without captions, such as those of boxes"):
        read_captions(write_json(tmp_path / "instances_val.json", content))
    content["annotations"].append({"id": 7, "image_id": 1, "caption": "a cat"})
    path = write_json(tmp_path / "both.json", content)
    assert not holds_captions(path)
    data = read_captions(path)
    assert said(data) == {"1.png": ("a cat",)}
    assert data.repairs == (("both.json, annotation 1", "no text: None, of 1.png, left out"),)


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match=r"no such folder or file: \S+gone"):
        read_captions(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"the name of the data is empty: wanted is a .json"):
        read_captions("")
    with pytest.raises(UsageError, match="holds no pictures with captions"):
        read_captions(tmp_path)
    assert not holds_captions("") and not holds_captions(tmp_path / "gone")


def test_a_single_picture_can_be_read(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "x.token").write_text(token_lines({"a.png": ["a cat"]}))
    assert said(read_captions(tmp_path / "x.token")) == {"a.png": ("a cat",)}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("captions_train.json", '{"images": [', "captions_train.json: it ends in"),
        ("annotations/captions.txt", "a cat", "captions.txt is no data set of captions"),
        ("dataset_coco.json", '{"images": [{"a" 1}]}', "in line 1, column 18: it is no JSON"),
        ("metadata.csv", "file_name;words\n", 'metadata.csv has no column "caption" (or captions'),
        ("metadata.jsonl", "{", "metadata.jsonl, line 1, column 2: no JSON: '{', left out"),
        ("x.token.txt", "a.png a cat", "x.token.txt is no data set of captions; wanted is"),
    ],
)
def test_a_damaged_file_in_a_folder_is_named(tmp_path, name, text, message):
    write_pictures(tmp_path)
    (tmp_path / "annotations").mkdir()
    (tmp_path / name).write_text(text)
    assert not holds_captions(tmp_path)
    with pytest.raises(UsageError) as error:
        read_captions(tmp_path)
    assert message in str(error.value)


def test_lines_may_end_as_they_once_did_on_a_mac(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "x.csv").write_bytes(b"image,caption\ra.png,one\rb.png,two\r")
    (tmp_path / "x.token").write_bytes(b"a.png#0\tone\rb.png#0\ttwo\r")
    for name in ("x.csv", "x.token"):
        assert said(read_captions(tmp_path / name)) == {"a.png": ("one",), "b.png": ("two",)}
