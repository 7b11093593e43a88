"""Batches of pictures with captions: who shares one, how they are padded, and what chance does."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.data.captions.batches import (
    MOST_CAPTIONS,
    CaptionBatches,
    by_caption,
    by_picture,
    numbered,
)
from dltk.text.vocabulary import END, PADDING, START, Vocabulary

LETTERS = tuple("abcdefghij")
KNOWN = Vocabulary(LETTERS)


def captions_of(counts, lengths) -> list[list[np.ndarray]]:
    """Return captions of pictures: so many of each, of so many words in turn."""
    at, every = 0, []
    for count in counts:
        texts = []
        for _ in range(count):
            texts.append([LETTERS[at % len(LETTERS)]] * lengths[at % len(lengths)])
            at += 1
        every.append(numbered(texts, KNOWN, 50))
    return every


def load(indices: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
    """Stand in for pictures."""
    return {"picture": indices.astype(np.float32)[:, None] * [1, 10], "epoch": indices * 0 + epoch}


def batches_of(examples, batch_size: int, *, seed: int = 0, **options) -> CaptionBatches:
    return CaptionBatches(
        load,
        examples,
        words="words",
        losses=("one", "other"),
        batch_size=batch_size,
        seed=seed,
        **options,
    )


def pairs_of(batches: CaptionBatches, step: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return the pictures of a step with the words of each caption."""
    inputs, _ = batches.share(step, 0, 1)
    return [
        (int(picture[0]), tuple(row[row != PADDING].tolist()))
        for picture, rows in zip(inputs["picture"], inputs["words"], strict=True)
        for row in rows
        if row[0] != PADDING
    ]


def test_every_caption_comes_once_an_epoch_with_its_picture():
    captions = captions_of([3, 1, 2, 4, 2], [2, 5, 3])
    expected = sorted((at, tuple(row.tolist())) for at, rows in enumerate(captions) for row in rows)
    for examples, size in ((by_caption(captions), 4), (by_picture(captions), 5)):
        batches = batches_of(examples, size)
        for epoch in range(3):
            steps = range(epoch * batches.steps_per_epoch, (epoch + 1) * batches.steps_per_epoch)
            assert sorted(pair for step in steps for pair in pairs_of(batches, step)) == expected


def test_inputs_and_what_losses_are_compared_with():
    batches = batches_of(by_picture(captions_of([3, 1, 2, 4], [2, 5, 3])), 2)
    inputs, targets = batches.share(1, 0, 1)
    assert inputs["words"].shape == (2, 4, 7) and inputs["words"].dtype == np.int32
    assert inputs["picture"].shape == (2, 2) and inputs["epoch"].tolist() == [0, 0]
    assert batches.share(2, 0, 1)[0]["epoch"].tolist() == [1, 1]
    for name in ("one", "other"):
        assert targets[name].shape == (2,) and targets[name].dtype == np.float32
        assert not targets[name].any()
    for rows in inputs["words"]:
        for row in rows[rows[:, 0] != PADDING]:
            count = np.count_nonzero(row)
            assert row[0] == START and row[count - 1] == END and not row[count:].any()


def test_captions_of_about_one_length_share_a_batch():
    lengths = list(np.random.default_rng(0).integers(1, 30, 97))
    examples = by_caption(captions_of([1] * 400, lengths))
    batches = batches_of(examples, 8)
    spread = [
        np.ptp([len(words) for _, words in pairs_of(batches, step)])
        for step in range(batches.steps_per_epoch)
    ]
    assert np.mean(spread) < 2  # of 28
    order = [len(pairs_of(batches, step)[0][1]) for step in range(batches.steps_per_epoch)]
    assert abs(np.corrcoef(order, np.arange(len(order)))[0, 1]) < 0.5  # short ones do not go first


def test_what_is_left_over_waits_for_another_epoch():
    batches = batches_of(by_caption(captions_of([1] * 11, [3])), 4)
    assert batches.steps_per_epoch == 2
    seen = [
        {picture for step in (2 * epoch, 2 * epoch + 1) for picture, _ in pairs_of(batches, step)}
        for epoch in range(6)
    ]
    assert all(len(each) == 8 for each in seen) and set.union(*seen) == set(range(11))


def test_replicas_share_a_step_out():
    batches = batches_of(by_picture(captions_of([2, 1, 3, 1] * 3, [2, 5, 3])), 6)
    for step in (0, 3):
        whole, _ = batches.share(step, 0, 1)
        for replicas in (2, 3):
            parts = [batches.share(step, replica, replicas)[0] for replica in range(replicas)]
            for name in whole:
                joined = np.concatenate([part[name] for part in parts])
                np.testing.assert_array_equal(joined, whole[name])


def test_seed_and_step_decide_and_nothing_else():
    examples = by_picture(captions_of([2, 1, 9, 1] * 5, [2, 5, 3]))
    one, other = batches_of(examples, 4), batches_of(examples, 4)
    steps = [7, 0, 3, 12]
    assert [pairs_of(one, step) for step in steps] == [
        pairs_of(other, step) for step in steps[::-1]
    ][::-1]
    assert [pairs_of(batches_of(examples, 4, seed=1), step) for step in steps] != [
        pairs_of(one, step) for step in steps
    ]
    assert [pairs_of(one, 0), pairs_of(one, 1)] != [pairs_of(one, 5), pairs_of(one, 6)]


def test_of_many_captions_chance_takes_some_in_every_epoch():
    captions = captions_of([9], [1, 2, 3])
    batches = batches_of(by_picture(captions), 1)
    told = [pairs_of(batches, epoch) for epoch in range(12)]
    every = {tuple(row.tolist()) for row in captions[0]}
    assert all(len(set(each)) == MOST_CAPTIONS and {w for _, w in each} <= every for each in told)
    assert {words for each in told for _, words in each} == every
    assert len({tuple(each) for each in told}) > 6


def test_pictures_of_a_step_are_named():
    captions = captions_of([2, 1], [3])
    batches = batches_of(by_caption(captions), 3, names=("cat.jpg", "dog\n.jpg"))
    assert sorted(batches.describe(0).split(", ")) == ["cat.jpg", "cat.jpg", "dog\\n.jpg"]


@pytest.mark.parametrize("first", [0, 5])
def test_a_stream_can_be_entered_anywhere(first):
    batches = batches_of(by_picture(captions_of([2, 1, 3, 1], [2, 5, 3])), 2)
    stream = iter(batches.dataset(tf.distribute.OneDeviceStrategy("CPU:0"), first))
    for step in range(first, first + 3):
        inputs, targets = next(stream)
        expected, zeros = batches.share(step, 0, 1)
        assert set(inputs) == set(expected) and set(targets) == set(zeros)
        for name, each in expected.items():
            np.testing.assert_array_equal(inputs[name], each)


def test_one_caption_alone_is_a_batch():
    batches = batches_of(by_caption(captions_of([1], [4])), 64)
    assert batches.batch_size == 1 and batches.steps_per_epoch == 1
    assert pairs_of(batches, 9)[0][1] == (START, *KNOWN.encode("aaaa"), END)
