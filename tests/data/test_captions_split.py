"""Dividing pictures with captions: at random by seed, copies stay together."""

import numpy as np
import pytest

from dltk.data.captions import split_captions
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.errors import UsageError


def made(count, *, sources=None, split="all"):
    """Return data of pictures, each of its own caption."""
    pictures = sources or [np.full((2, 2), at, np.uint8) for at in range(count)]
    names = tuple(f"{at:03d}" for at in range(count))
    captions = tuple((f"number {at}", "a picture") for at in range(count))
    return CaptionData("made", {split: CaptionedExamples(names, pictures, captions)})


def members(data):
    return {split: set(examples.names) for split, examples in data.splits.items()}


def test_every_picture_goes_to_one_split_with_its_captions():
    divided = split_captions(made(200), val_share=0.2, test_share=0.1)
    sizes = {split: len(examples) for split, examples in divided.splits.items()}
    assert sizes == {"train": 140, "val": 40, "test": 20}
    assert len(set.union(*members(divided).values())) == 200
    for examples in divided.splits.values():
        assert list(examples.names) == sorted(examples.names)
        for at, name in enumerate(examples.names):
            assert examples.captions[at][0] == f"number {int(name)}"
            assert (examples.sources[at] == int(name)).all()


def test_names_and_seed_decide_and_the_order_does_not():
    data = made(60)
    once, again, other = (split_captions(data, seed=seed) for seed in (1, 1, 2))
    assert members(once) == members(again) != members(other)
    turned = CaptionData("made", {"all": data.splits["all"].take(reversed(range(60)))})
    assert members(split_captions(turned, seed=1)) == members(once)


def test_copies_go_to_the_same_split():
    pictures = [np.full((2, 2), at // 4, np.uint8) for at in range(40)]
    for seed in range(5):
        divided = split_captions(made(40, sources=pictures), seed=seed)
        digests = [set(examples.digests) for examples in divided.splits.values()]
        assert sum(map(len, digests)) == len(set.union(*digests)) == 10


def test_copies_leave_no_split_empty_that_could_have_some():
    pictures = [np.full((2, 2), at // 2, np.uint8) for at in range(10)]  # five, each twice
    for seed in range(5):
        divided = split_captions(
            made(10, sources=pictures), val_share=0.1, test_share=0.1, seed=seed
        )
        sizes = {split: len(part) for split, part in divided.splits.items()}
        assert sizes == {"train": 6, "val": 2, "test": 2}


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_pictures_are_trained_on_whatever_the_shares(count):
    for seed in range(10):
        divided = split_captions(made(count), val_share=0.45, test_share=0.45, seed=seed)
        assert len(divided.splits["train"]) >= 1 and len(divided) == count


def test_given_splits_stay_and_validation_is_taken_from_training():
    data = CaptionData("made", made(20, split="train").splits | made(3, split="test").splits)
    divided = split_captions(data, val_share=0.2)
    sizes = {split: len(examples) for split, examples in divided.splits.items()}
    assert sizes == {"train": 16, "val": 4, "test": 3}
    assert members(split_captions(divided, seed=9)) == members(divided)
    with pytest.raises(UsageError, match="nothing to train on: only test"):
        split_captions(made(2, split="test"))
    with pytest.raises(UsageError, match="--val-share 1: a share is"):
        split_captions(made(2), val_share=1)
