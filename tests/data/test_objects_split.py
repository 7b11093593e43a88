"""Dividing pictures with objects: every class is trained on, copies stay together."""

import numpy as np
import pytest

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.objects import split_objects
from dltk.errors import UsageError
from dltk.objects import Objects


def made(labels, *, sources=None, split="all", classes="abcdef"):
    """Return data of pictures with objects of these labels: made([[0, 1], [], …])."""
    pictures = sources or [np.full((2, 2), at, np.uint8) for at in range(len(labels))]
    objects = [Objects.of([[0, 0, 1, 1]] * len(each), each) for each in labels]
    names = tuple(f"{at:03d}" for at in range(len(labels)))
    return ObjectData("made", tuple(classes), {split: AnnotatedExamples(names, pictures, objects)})


def at_random(count, seed=0):
    random = np.random.default_rng(seed)
    weights = [0.5, 0.25, 0.12, 0.08, 0.04, 0.01]
    return [random.choice(6, random.integers(0, 5), p=weights).tolist() for _ in range(count)]


def members(data):
    return {split: set(examples.names) for split, examples in data.splits.items()}


def pictures_of(examples):
    """Return the number of pictures in which each class is, and that of those without objects."""
    kinds = [set(objects.labels.tolist()) or {6} for objects in examples.objects]
    return np.bincount([kind for of_one in kinds for kind in of_one], minlength=7)


def test_every_class_is_divided_alike_and_so_are_pictures_without_objects():
    data = made(at_random(240))
    total = pictures_of(data.splits["all"])
    divided = split_objects(data, val_share=0.2, test_share=0.1)
    for split, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        found = pictures_of(divided.splits[split])
        assert np.abs(found - share * total).max() <= 0.04 * 240, (split, found, total)
        assert (found > 0).all()
    parts = list(members(divided).values())
    assert sum(map(len, parts)) == len(set.union(*parts)) == 240
    for examples in divided.splits.values():
        assert list(examples.names) == sorted(examples.names)


def test_names_and_seed_decide_and_the_order_does_not():
    data = made(at_random(60))
    once, again, other = (split_objects(data, seed=seed) for seed in (1, 1, 2))
    assert members(once) == members(again) != members(other)
    turned = ObjectData("made", data.classes, {"all": data.splits["all"].take(reversed(range(60)))})
    assert members(split_objects(turned, seed=1)) == members(once)


@pytest.mark.parametrize(
    ("count", "expected"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (4, (2, 1, 1))]
)
def test_few_pictures_are_trained_on_first(count, expected):
    splits = split_objects(made([[0]] * count)).splits
    assert tuple(len(splits.get(split, ())) for split in ("train", "val", "test")) == expected


def test_every_class_is_trained_on_whatever_the_shares():
    labels = [[0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0], []]
    for seed in range(20):
        divided = split_objects(made(labels), val_share=0.45, test_share=0.45, seed=seed)
        assert (pictures_of(divided.splits["train"])[:6] > 0).all()


def test_copies_go_to_the_same_split():
    labels = at_random(40)
    pictures = [np.full((2, 2), at // 4, np.uint8) for at in range(40)]
    for seed in range(5):
        divided = split_objects(made(labels, sources=pictures), seed=seed)
        digests = [set(examples.digests) for examples in divided.splits.values()]
        assert sum(map(len, digests)) == len(set.union(*digests)) == 10


def test_given_splits_stay_and_validation_is_taken_from_training():
    data = made([[0]] * 20, split="train")
    test = made([[1]] * 3, split="test")
    data = ObjectData("made", data.classes, data.splits | test.splits)
    divided = split_objects(data, val_share=0.2)
    assert {split: len(ex) for split, ex in divided.splits.items()} == {
        "train": 16, "val": 4, "test": 3
    }  # fmt: skip
    assert members(split_objects(divided, seed=9)) == members(divided)


def test_without_objects_there_is_nothing_to_train_on():
    data = made([[], []], split="train")
    with pytest.raises(UsageError, match="made has nothing to train on: there are no objects in"):
        split_objects(data)
    ignored = Objects.of([[0, 0, 1, 1]], [0], [True])
    only = AnnotatedExamples(("1",), (np.zeros((2, 2), np.uint8),), (ignored,))
    with pytest.raises(UsageError, match="no objects in its 1 training pictures"):
        split_objects(ObjectData("made", ("a",), {"all": only}))
    with pytest.raises(UsageError, match="nothing to train on: only test"):
        split_objects(made([[0]], split="test"))
    with pytest.raises(UsageError, match="--val-share 1: a share is"):
        split_objects(made([[0]]), val_share=1)
