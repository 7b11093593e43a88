"""Dividing pictures with label maps: every class is trained on, copies stay together."""

import numpy as np
import pytest

from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.masks import split_masks
from dltk.errors import UsageError


def made(labels, *, sources=None, split="all", classes="abcdef"):
    """Return data of pictures with a pixel of each of these labels: made([[0, 1], [2], …])."""
    pictures = sources or [np.full((2, 2), at, np.uint8) for at in range(len(labels))]
    counts = np.array([[int(label in each) for label in range(len(classes))] for each in labels])
    masks = tuple(lambda each=each: np.array([each], np.uint8) for each in labels)
    names = tuple(f"{at:03d}" for at in range(len(labels)))
    examples = MaskedExamples(names, pictures, masks, counts)
    return MaskData("made", tuple(classes), {split: examples})


def at_random(count, seed=0):
    random = np.random.default_rng(seed)
    weights = np.array([0.25, 0.12, 0.08, 0.04, 0.01])
    return [[0, *(np.flatnonzero(random.random(5) < 2 * weights) + 1)] for _ in range(count)]


def members(data):
    return {split: set(examples.names) for split, examples in data.splits.items()}


def pictures_of(examples):
    return (examples.counts > 0).sum(axis=0)


def test_every_class_is_divided_alike():
    data = made(at_random(240))
    total = pictures_of(data.splits["all"])
    divided = split_masks(data, val_share=0.2, test_share=0.1)
    for split, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        found = pictures_of(divided.splits[split])
        assert np.abs(found - share * total).max() <= 0.04 * 240, (split, found, total)
        assert (found > 0).all()
    parts = list(members(divided).values())
    assert sum(map(len, parts)) == len(set.union(*parts)) == 240
    for examples in divided.splits.values():
        assert list(examples.names) == sorted(examples.names)
        for mask, row in zip(examples.masks, examples.counts, strict=True):
            assert np.flatnonzero(row).tolist() == mask().ravel().tolist()


def test_names_and_seed_decide_and_the_order_does_not():
    data = made(at_random(60))
    once, again, other = (split_masks(data, seed=seed) for seed in (1, 1, 2))
    assert members(once) == members(again) != members(other)
    turned = MaskData("made", data.classes, {"all": data.splits["all"].take(reversed(range(60)))})
    assert members(split_masks(turned, seed=1)) == members(once)


def test_every_class_is_trained_on_whatever_the_shares():
    labels = [[0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0]]
    for seed in range(20):
        divided = split_masks(made(labels), val_share=0.45, test_share=0.45, seed=seed)
        assert (pictures_of(divided.splits["train"]) > 0).all()


def test_copies_go_to_the_same_split():
    pictures = [np.full((2, 2), at // 4, np.uint8) for at in range(40)]
    for seed in range(5):
        divided = split_masks(made(at_random(40), sources=pictures), seed=seed)
        digests = [set(examples.digests) for examples in divided.splits.values()]
        assert sum(map(len, digests)) == len(set.union(*digests)) == 10


def test_given_splits_stay_and_validation_is_taken_from_training():
    data = made([[0]] * 20, split="train")
    data = MaskData("made", data.classes, data.splits | made([[1]] * 3, split="test").splits)
    divided = split_masks(data, val_share=0.2)
    assert {split: len(ex) for split, ex in divided.splits.items()} == {
        "train": 16, "val": 4, "test": 3
    }  # fmt: skip
    assert members(split_masks(divided, seed=9)) == members(divided)
    with pytest.raises(UsageError, match="nothing to train on: only test"):
        split_masks(made([[0]], split="test"))
    with pytest.raises(UsageError, match="--val-share 1: a share is"):
        split_masks(made([[0]]), val_share=1)
