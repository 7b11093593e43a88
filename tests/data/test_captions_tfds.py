"""Captions in data sets that TensorFlow Datasets has prepared."""

import numpy as np
import pytest

from dltk.data.captions import check_captions, holds_captions, read_captions
from dltk.data.objects import holds_objects
from dltk.data.scenes import VALIDATION, scene
from dltk.data.scenes_tfds import prepare_scenes
from dltk.errors import UsageError

PIXELS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture(scope="module")
def write(prepare):
    """The same as prepare, with a picture in each example."""
    import tensorflow_datasets as tfds

    def written(features, splits):
        examples = {
            split: [{"image": PIXELS + at, **row} for at, row in enumerate(rows)]
            for split, rows in splits.items()
        }
        return prepare({"image": tfds.features.Image(), **features}, examples)

    return written


def test_captions_as_coco_captions_has_them(write):
    """Several texts of a picture, and a second split to train on."""
    import tensorflow_datasets as tfds

    def row(*texts):
        return {"captions": [{"text": text, "id": at} for at, text in enumerate(texts)]}

    features = {"captions": tfds.features.Sequence({"text": np.str_, "id": np.int64})}
    splits = {
        "train": [row("a cat", "ein Bär"), row()],
        "val": [row("one", "one")],
        "restval": [row("more")],
        "extra": [row("x")],
    }
    folder = write(features, splits)
    assert holds_captions(folder) and holds_captions(f"tfds:{folder}") and not holds_objects(folder)
    lines = []
    data = read_captions(folder, report=lines.append)
    assert data.where == f"tfds:{folder}" and len(lines) == 3
    assert list(data.splits["train"].captions) == [("a cat", "ein Bär"), ("more",)]
    assert data.splits["train"].names == ("train/00000", "restval/00000")
    assert list(data.splits["val"].captions) == [("one",)]
    assert data.passed_over == (
        ("extra", "neither train, validation nor test"),
        ("train/00001", "without a caption"),
    )
    assert data.repairs == (
        ("val/00000, caption 2", "a caption twice: 'one', of val/00000, kept once"),
    )
    assert np.array_equal(data.splits["train"].decode(0), PIXELS)
    read_captions(f"tfds:{folder}", report=lines.append)
    assert len(lines) == 3  # nothing is copied again
    findings = check_captions(data, decode=True, threads=1)
    assert len(findings.leaks) == 1  # the first picture is the same in all


def test_a_text_or_a_list_of_texts(write):
    import tensorflow_datasets as tfds

    text = tfds.features.Text()
    folder = write({"caption": text}, {"train": [{"caption": "a cat"}, {"caption": b"B\xe4r"}]})
    data = read_captions(folder)
    assert list(data.splits["all"].captions) == [("a cat",)]
    assert data.repairs == (
        ("train/00001, caption 1", r"not UTF-8: 'B\udce4r', of train/00001, left out"),
    )
    features = {"text": tfds.features.Sequence(text)}
    data = read_captions(write(features, {"test": [{"text": ["one", "two"]}]}))
    assert list(data.splits["test"].captions) == [("one", "two")]


def test_made_scenes_come_back_as_they_were_made(tmp_path):
    folder = prepare_scenes(tmp_path, 2, val=1, size=64)
    data = read_captions(folder)
    assert holds_objects(folder) and holds_captions(folder)
    for numbers, split in ((range(2), "train"), ([VALIDATION], "val")):
        made = [scene(number, size=64).captions for number in numbers]
        assert list(data.splits[split].captions) == made


def test_features_of_another_kind_are_refused(write):
    import tensorflow_datasets as tfds

    folder = write({"text": tfds.features.Scalar(np.int64)}, {"train": [{"text": 3}]})
    assert not holds_captions(folder)
    with pytest.raises(UsageError, match=r"wanted are image .* has image \(Image\), text \(Scalar"):
        read_captions(f"tfds:{folder}")
    label = {"label": tfds.features.ClassLabel(num_classes=2), "text": tfds.features.Text()}
    assert not holds_captions(write(label, {"train": [{"label": 1, "text": "a cat"}]}))
