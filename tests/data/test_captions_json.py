"""Captions in JSON: Karpathy's, COCO's, and entries of Hugging Face's kind."""

import json

import pytest

from dltk.data.captions import read_captions
from dltk.errors import UsageError
from tests.data.caption_files import CAPTIONS, coco, karpathy, write_pictures
from tests.data.object_files import picture, write_json


def names(data):
    return {split: list(examples.names) for split, examples in data.splits.items()}


def test_karpathys_splits_and_folders(tmp_path):
    """As in dataset_coco.json: folders of the years, and what is left of validation trained on."""
    captions = {f"{at}.png": [f"picture number {at}"] for at in range(4)}
    content = karpathy(captions, ["train", "restval", "val", "test"])
    for at, folder in enumerate(["train2014", "val2014", "val2014", "val2014"]):
        content["images"][at]["filepath"] = folder
        picture(tmp_path / "images" / folder / f"{at}.png")
    picture(tmp_path / "images" / "other" / "2.png")
    data = read_captions(write_json(tmp_path / "dataset_coco.json", content))
    assert names(data) == {
        "train": ["images/train2014/0.png", "images/val2014/1.png"],
        "val": ["images/val2014/2.png"],
        "test": ["images/val2014/3.png"],
    }
    assert list(data.splits["test"].captions) == [("picture number 3",)]
    assert data.passed_over == data.repairs == ()


def test_pictures_of_karpathys_that_lie_without_their_folders(tmp_path):
    content = karpathy({"1.png": ["a"]}, ["val"])
    content["images"][0]["filepath"] = "val2014"
    picture(tmp_path / "1.png")
    data = read_captions(write_json(tmp_path / "texts" / "x.json", content))
    assert names(data) == {"val": ["1.png"]}


def test_karpathys_tokens_stand_for_a_text_that_is_not_there(tmp_path):
    content = karpathy({"a.png": ["a"]})
    content["images"][0]["sentences"] = [
        {"tokens": ["a", "cat", ",", "black"]},
        {"raw": "a dog", "tokens": ["not", "this"]},
        "a bird",
        {"sentid": 3},
        {"raw": None},
    ]
    write_pictures(tmp_path, ["a.png"])
    data = read_captions(write_json(tmp_path / "x.json", content))
    assert list(data.splits["all"].captions) == [("a cat, black", "a dog", "a bird")]
    assert data.repairs == (
        ("x.json, image 1, caption 4", "no text: {'sentid': 3}, of a.png, left out"),
        ("x.json, image 1, caption 5", "no text: None, of a.png, left out"),
    )


def test_what_is_amiss_in_karpathys_file_is_named_and_the_rest_goes_on(tmp_path):
    content = karpathy({"a.png": ["one"], "gone.png": ["x", "y"], "b.png": ["two"], "c.png": []})
    images = content["images"]
    images += [7, {"sentences": []}, images[0] | {"sentences": [{"raw": "more"}]}]
    images += [{"filename": "b.png", "split": "test", "sentences": [{"raw": "two"}]}]
    images += [{"filename": "d.png", "split": "trian", "sentences": [{"raw": "d"}]}]
    images += [{"filename": ["a.png"], "sentences": [{"raw": "one"}]}]
    images[2]["split"] = "val"
    images[0]["split"] = images[6]["split"] = "train"
    write_pictures(tmp_path, ["a.png", "b.png", "c.png", "d.png"])
    data = read_captions(write_json(tmp_path / "x.json", content))
    assert dict(zip(data.splits["train"].names, data.splits["train"].captions, strict=True)) == {
        "a.png": ("one", "more")
    }
    assert list(data.splits["val"].captions) == [("two",)]
    assert data.damaged == (("gone.png", "no such file, with 2 captions"),)
    assert data.passed_over == (
        ("d.png", 'in the split "trian", which is no train, val or test'),
        ("gone.png", "no such file, with 2 captions"),
        ("c.png", "without a caption"),
    )
    assert data.repairs == (
        ("x.json, image 5", "not an entry: 7, left out"),
        ("x.json, image 6", "no picture is named: left out"),
        ("x.json, image 7", "a picture twice: a.png, captions taken together"),
        ("x.json, image 8", "a picture twice: b.png, captions taken together"),
        ("x.json, image 8", "a picture in two splits: b.png, val and test, taken for val"),
        ("x.json, image 10", "no picture is named: left out"),
        ("x.json, image 8", "a caption twice: 'two', of b.png, kept once"),
    )


def test_cocos_files_of_a_folder_are_its_splits(tmp_path):
    for split, name in (("train", "a.png"), ("val", "b.png")):
        picture(tmp_path / f"{split}2014" / name)
        content = coco({name: CAPTIONS[name]})
        write_json(tmp_path / "annotations" / f"captions_{split}2014.json", content)
        write_json(tmp_path / "annotations" / f"instances_{split}2014.json", {"images": []})
    data = read_captions(tmp_path)
    assert names(data) == {"train": ["train2014/a.png"], "val": ["val2014/b.png"]}
    assert list(data.splits["train"].captions) == [CAPTIONS["a.png"]]
    alone = read_captions(tmp_path / "annotations" / "captions_val2014.json")
    assert list(alone.splits) == ["all"] and alone.splits["all"].decode(0).size == (40, 30)


def test_what_is_amiss_in_cocos_file_is_named_and_the_rest_goes_on(tmp_path):
    content = coco({"a.png": ["one", "one"], "gone.png": ["x"], "b.png": []})
    content["images"] += [
        {"id": 3, "file_name": "b.png"},
        {"id": 9},
        {"id": 8, "file_name": "a.png"},
    ]
    content["annotations"] += [
        {"id": 20, "image_id": 77, "caption": "x"},
        {"id": 10, "image_id": "8", "caption": "two"},
        {"id": 22, "image_id": 1, "caption": 5},
        "what",
    ]
    write_pictures(tmp_path, ["a.png", "b.png"])
    data = read_captions(write_json(tmp_path / "x.json", content))
    assert list(data.splits["all"].captions) == [("one", "two")]
    assert data.passed_over == (
        ("x.json, image 9", "it has no file_name"),
        ("gone.png", "no such file, with 1 caption"),
        ("b.png", "without a caption"),
    )
    assert data.damaged == data.passed_over[:2]
    assert data.repairs == (
        ("x.json, image 3", "an image twice: b.png, taken once"),
        ("x.json, image 8", "an image twice: a.png, taken with image 1"),
        ("x.json, annotation no. 7", "not an entry: 'what', left out"),
        ("x.json, annotation 20", "unknown image: 77, left out"),
        ("x.json, annotation 10", "an annotation id twice: both kept"),
        ("x.json, annotation 11", "a caption twice: 'one', of a.png, kept once"),
        ("x.json, annotation 22", "no text: 5, of a.png, left out"),
    )


@pytest.mark.parametrize("content", [coco(CAPTIONS), karpathy(CAPTIONS)])
def test_pictures_that_are_all_missing_are_said_once_with_where_they_were_sought(tmp_path, content):
    (tmp_path / "images").mkdir()
    with pytest.raises(UsageError) as error:
        read_captions(write_json(tmp_path / "x.json", content))
    assert "x.json: not one of its 3 pictures is there, such as a.png; looked in" in str(
        error.value
    )
    assert f"{tmp_path}/images/" in str(error.value)


def test_entries_of_lines_and_lists(tmp_path):
    write_pictures(tmp_path, ["a.png", "b.png", "c.png", "d.png"])
    entries = [
        {"file_name": "a.png", "text": "one", "split": "train"},
        {"image": "b.png", "captions": ["two", "three"], "split": "dev"},
        {"filename": "c.png", "caption": None, "split": "test"},
        {"file_name": "a.png", "text": "four", "split": "train"},
        {"text": "of nothing"},
    ]
    lines = [*map(json.dumps, entries), "{'file_name': 1}", "3", ""]
    (tmp_path / "x.jsonl").write_bytes("\n".join(lines).encode() + b"\r\n\xe4\n")
    data = read_captions(tmp_path / "x.jsonl")
    assert list(data.splits["train"].captions) == [("one", "four")]
    assert list(data.splits["val"].captions) == [("two", "three")]
    assert data.passed_over == (("c.png", "without a caption"),)
    offset = len("\n".join(lines)) + 2
    assert data.repairs == (
        ("x.jsonl, line 3", "no caption: left out"),
        ("x.jsonl, line 5", "no picture is named: left out"),
        ("x.jsonl, line 6, column 2", "no JSON: \"{'file_name': 1}\", left out"),
        ("x.jsonl, line 7", "not an entry: 3, left out"),
        ("x.jsonl, line 9", f"not UTF-8: byte 0xe4 at offset {offset}, left out"),
    )
    listed = read_captions(write_json(tmp_path / "x.json", entries))
    assert listed.splits["val"].captions == data.splits["val"].captions
    assert listed.repairs == (
        ("x.json, entry 3", "no caption: left out"),
        ("x.json, entry 5", "no picture is named: left out"),
    )


def test_pictures_beside_metadata_that_it_does_not_name(tmp_path):
    write_pictures(tmp_path, [f"{at}.png" for at in range(9)])
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a"}\n')
    data = read_captions(tmp_path)
    assert data.passed_over == (("./", "8 pictures, such as 1.png: without a caption"),)
