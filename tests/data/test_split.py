"""Dividing: by class, by seed, without leaks."""

import shutil

import numpy as np
import pytest
from PIL import ExifTags, Image

from dltk.data import check_data, in_memory, read_data, split_data
from dltk.data.shapes import shape_pictures
from dltk.errors import UsageError


def shapes(count=60, **options):
    return in_memory(*shape_pictures(count, size=8, **options))


def members(data):
    return {split: set(examples.names) for split, examples in data.splits.items()}


def test_every_class_is_divided_alike():
    data = split_data(shapes(120), val_share=0.2, test_share=0.1)
    counts = {split: np.bincount(ex.labels).tolist() for split, ex in data.splits.items()}
    assert counts == {"train": [14] * 6, "val": [4] * 6, "test": [2] * 6}
    parts = list(members(data).values())
    assert set.union(*parts) == set(shapes(120).splits["all"].names) and sum(map(len, parts)) == 120
    for examples in data.splits.values():
        assert list(examples.names) == sorted(examples.names)


def test_the_seed_decides_and_the_order_of_the_examples_does_not():
    data = shapes(60)
    once, again, other = (split_data(data, seed=seed) for seed in (1, 1, 2))
    assert members(once) == members(again) != members(other)
    turned = data.splits["all"].take(reversed(range(60)))
    turned = type(data)(data.where, data.classes, {"all": turned})
    assert members(split_data(turned, seed=1)) == members(once)


def test_pictures_in_memory_are_known_by_what_is_seen_of_them():
    indices = np.array([[0, 1], [1, 0]], np.uint8)
    red, blue, turned = (Image.fromarray(indices, "P") for _ in range(3))
    for picture, colour in ((red, (255, 0, 0)), (blue, (0, 0, 255)), (turned, (255, 0, 0))):
        picture.putpalette([0, 0, 0, *colour])
    turned.getexif()[ExifTags.Base.Orientation] = 6
    data = in_memory([red, blue, turned, red.convert("RGB")], [0, 0, 1, 1], ("a", "b"))
    first, second, third, fourth = data.splits["all"].digests
    assert len({first, second, third}) == 3 and fourth == first


def test_another_class_changes_nothing_for_the_others(make):
    root = make(*(f"{kind}/{n}.png" for kind in "ab" for n in range(12)))
    before = members(split_data(read_data(root)))
    make(*(f"_first/{n}.png" for n in range(5)))
    after = members(split_data(read_data(root)))
    assert all(before[split] <= after[split] for split in before)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (4, (2, 1, 1)), (20, (14, 3, 3))],
)
def test_small_classes_train_first(count, expected):
    images, labels, classes = shape_pictures(6 * count, size=8)
    data = split_data(in_memory(images, labels, classes))
    counts = [int((data.splits[s].labels == 0).sum()) if s in data.splits else 0
              for s in ("train", "val", "test")]  # fmt: skip
    assert tuple(counts) == expected


def test_without_a_test_share_two_pictures_make_a_validation():
    data = split_data(shapes(12), test_share=0)
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 6, "val": 6}
    alone = split_data(shapes(12), val_share=0, test_share=0)
    assert {split: len(ex) for split, ex in alone.splits.items()} == {"train": 12}


def test_copies_stay_together():
    images, labels, classes = shape_pictures(36, size=8)
    images, labels = np.concatenate([images] * 3), np.concatenate([labels] * 3)
    for seed in range(5):
        data = split_data(in_memory(images, labels, classes), seed=seed)
        parts = [set(examples.digests) for examples in data.splits.values()]
        assert len(parts) == 3 and sum(map(len, parts)) == len(set.union(*parts)) == 36
        assert check_data(data, decode=False, threads=1).leaks == ()


def test_a_picture_in_two_classes_is_trained_on_only():
    images, labels, classes = shape_pictures(60, size=8)
    images, labels = np.concatenate([images, images[:12]]), np.append(labels, (labels[:12] + 1) % 6)
    data = in_memory(images, labels, classes)
    for seed in range(5):
        splits = split_data(data, seed=seed).splits
        parts = {split: set(examples.digests) for split, examples in splits.items()}
        assert parts["train"] >= set(data.splits["all"].digests[60:])
        assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 60
        assert sum(map(len, splits.values())) == 72
        # Of each class, 8 pictures are to be divided, and 4 in dispute.
        assert np.bincount(splits["train"].labels).tolist() == [4 + 6] * 6
        assert np.bincount(splits["val"].labels).tolist() == [1] * 6


def test_a_class_of_copies_only_is_trained_on():
    images, labels, classes = shape_pictures(2, size=8, kinds=("star", "ring"))
    data = split_data(in_memory(np.repeat(images, 9, 0), np.repeat(labels, 9), classes))
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 18}


def test_given_splits_stay_and_validation_is_taken_from_training(make):
    names = [f"{n:02d}.png" for n in range(10)]
    root = make(*(f"train/{kind}/{name}" for kind in "ab" for name in names), "test/a/x.png")
    data = split_data(read_data(root), val_share=0.2)
    assert {split: len(ex) for split, ex in data.splits.items()} == {
        "train": 16, "val": 4, "test": 1
    }  # fmt: skip
    assert np.bincount(data.splits["val"].labels).tolist() == [2, 2]
    make("val/a/1.png", "val/b/1.png")
    assert members(split_data(read_data(root))) == members(read_data(root))
    shutil.rmtree(root / "test")
    assert list(split_data(read_data(root)).splits) == ["train", "val"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_share": -0.1}, "--val-share -0.1: a share is at least 0"),
        ({"test_share": float("nan")}, "--test-share nan"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_impossible_divisions(options, message):
    with pytest.raises(UsageError, match=message):
        split_data(shapes(6), **options)


def test_nothing_to_train_on(make):
    data = read_data(make("test/a/1.png", "test/b/1.png"))
    with pytest.raises(UsageError, match="nothing to train on: only test"):
        split_data(data)
