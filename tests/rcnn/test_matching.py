"""Which object a region is to find, and which regions are learnt from."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.matching import GROUND, NEITHER, matched, noise_of, sampled
from tests.rcnn import cases, twins
from tests.rcnn.running import assert_same_in_graph

LIMITS = {"positive": 0.7, "negative": 0.3}


def match(overlaps, present=None, inside=None, **options) -> np.ndarray:
    """Match the regions of one picture; all objects are there, none ignored, unless it is said."""
    overlaps = np.array(overlaps, np.float32)
    present = np.ones(overlaps.shape[1], bool) if present is None else np.array(present)
    inside = np.zeros(len(overlaps), np.float32) if inside is None else np.float32(inside)
    found = matched(overlaps[None], present[None], inside[None], **(LIMITS | options))
    assert found.dtype == tf.int32
    return found[0].numpy()


def noise(seed: int, *shape: int) -> np.ndarray:
    return cases.random(seed).uniform(size=shape).astype(np.float32)


def test_a_region_finds_what_it_overlaps_most_if_that_is_enough():
    overlaps = [[0.7, 0.2], [0.1, 0.9], [0.8, 0.85], [0.69, 0.1], [0.3, 0.3], [0.29, 0.1], [0, 0]]
    expected = [0, 1, 1, NEITHER, NEITHER, GROUND, GROUND]
    np.testing.assert_array_equal(match(overlaps), expected)


def test_the_first_of_two_objects_overlapped_alike_is_found():
    np.testing.assert_array_equal(match([[0.75, 0.75]]), [0])


def test_every_object_that_is_overlapped_is_found_by_its_best_regions():
    overlaps = [[0.9, 0], [0.2, 0], [0, 0.25], [0, 0.25], [0, 0.24]]
    np.testing.assert_array_equal(match(overlaps), [0, -1, -1, -1, -1])
    np.testing.assert_array_equal(match(overlaps, keep_best=True), [0, -1, 1, 1, -1])


def test_regions_as_good_as_the_best_but_for_rounding_find_the_object_too():
    overlaps = np.float32([[0.25], [0.25 - 1.5e-8], [0.249], [0.1], [0.1]])
    np.testing.assert_array_equal(match(overlaps, keep_best=True), [0, 0, -1, -1, -1])


def test_a_best_region_finds_what_it_overlaps_most_itself():
    """The second object's best region is nearer to the first, as with torchvision."""
    np.testing.assert_array_equal(match([[0.5, 0.2], [0.9, 0.1]], keep_best=True), [0, 0])


def test_an_object_hardly_overlapped_at_all_takes_its_best_region_alone():
    np.testing.assert_array_equal(match([[5e-8], [0], [0]], keep_best=True), [0, -1, -1])


def test_an_object_that_nothing_overlaps_is_found_by_none():
    np.testing.assert_array_equal(match([[0.9, 0], [0, 0]], keep_best=True), [0, GROUND])


def test_what_lies_in_an_ignored_place_may_be_an_object_but_not_ground():
    overlaps, inside = [[0.9], [0.9], [0.5], [0.2], [0.2], [0]], [0, 1, 1, 0.5, 0.49, 1]
    expected = [0, 0, NEITHER, NEITHER, GROUND, NEITHER]
    np.testing.assert_array_equal(match(overlaps, inside=inside), expected)
    best = match([[0.2], [0.1]], inside=[1, 1], keep_best=True)
    np.testing.assert_array_equal(best, [0, NEITHER])
    np.testing.assert_array_equal(match(np.zeros((2, 0)), inside=[1, 0]), [NEITHER, GROUND])


@pytest.mark.parametrize("keep_best", [True, False])
def test_padding_of_objects_changes_nothing_whatever_it_overlaps(keep_best):
    overlaps = cases.made_overlaps()
    padded = np.concatenate([np.ones((40, 1)), overlaps, np.full((40, 2), 0.6)], axis=1)
    alone = match(overlaps, keep_best=keep_best)
    found = match(padded, present=[False] + [True] * 5 + [False] * 2, keep_best=keep_best)
    np.testing.assert_array_equal(found, np.where(alone >= 0, alone + 1, alone))


def test_a_picture_without_objects_is_all_ground():
    np.testing.assert_array_equal(match(np.zeros((3, 0)), keep_best=True), [GROUND] * 3)
    padded = match(np.full((3, 2), 0.9), present=[False, False], keep_best=True)
    np.testing.assert_array_equal(padded, [GROUND] * 3)
    assert match(np.zeros((0, 2)), keep_best=True).shape == (0,)


@pytest.mark.parametrize("limits", cases.MATCHERS)
def test_matches_are_those_of_a_loop_in_every_picture_of_a_batch(limits):
    random = cases.random(0)
    overlaps = (random.randint(0, 21, (4, 30, 6)) / 20).astype(np.float32)
    overlaps[1] *= 0.3
    present = random.uniform(size=(4, 6)) < 0.7
    inside = random.uniform(size=(4, 30)).astype(np.float32)
    names = ("positive", "negative", "keep_best")
    found = matched(overlaps, present, inside, **dict(zip(names, limits, strict=True)))
    for number in range(4):
        expected = twins.matched(overlaps[number], present[number], inside[number], *limits)
        np.testing.assert_array_equal(found[number], expected)


def test_those_with_an_object_come_first_and_ground_fills_up():
    matches = np.array([[GROUND, 3, NEITHER, 0, GROUND, 1, GROUND]], np.int32)
    order = np.array([[0.2, 0.5, 0.99, 0.9, 0.8, 0.1, 0.3]], np.float32)
    places, use = sampled(matches, order, count=4, positives=2)
    np.testing.assert_array_equal(places, [[3, 1, 4, 6]])
    assert places.dtype == tf.int32 and np.all(use)
    places, use = sampled(matches, order, count=6, positives=9)
    np.testing.assert_array_equal(places, [[3, 1, 5, 4, 6, 0]])


def test_where_regions_are_too_few_the_rest_is_not_to_be_used():
    matches = np.array([[GROUND, NEITHER, 1, 0]], np.int32)
    places, use = sampled(matches, noise(0, 1, 4), count=6, positives=1)
    np.testing.assert_array_equal(use, [[True, True, False, False, False, False]])
    assert matches[0, places[0, 0]] >= 0 and places[0, 1] == 0
    assert np.all((places.numpy() >= 0) & (places.numpy() < 4))
    none, use = sampled(np.zeros((1, 0), np.int32), noise(0, 1, 0), count=3, positives=1)
    assert none.shape == (1, 3) and not np.any(use)


@pytest.mark.parametrize(("count", "positives"), [(1, 0), (1, 1), (16, 4), (40, 40), (60, 30)])
def test_samples_are_those_of_a_loop_and_none_is_taken_twice(count, positives):
    matches = cases.random(1).randint(-2, 3, (5, 40)).astype(np.int32)
    matches[3], matches[4] = GROUND, NEITHER
    order = noise(2, 5, 40)
    places, use = sampled(matches, order, count=count, positives=positives)
    for number in range(5):
        taken = places[number].numpy()[use[number]]
        expected = twins.sampled(matches[number], order[number], count, positives)
        np.testing.assert_array_equal(taken, expected)
        assert len(set(taken)) == len(taken)
        assert not use[number, len(taken) :].numpy().any()


def test_every_region_is_as_likely_as_another_of_its_kind():
    """Of 10 with an object 3 are taken, and 5 of 20 of ground: 4000 draws, within 5 deviations."""
    draws = 4000
    matches = np.tile(np.array([0] * 10 + [GROUND] * 20 + [NEITHER], np.int32), (draws, 1))
    seeds = np.stack([np.arange(draws), np.full(draws, 7)], axis=1).astype(np.int32)
    order = tf.function(noise_of)(seeds, 31)
    places, use = sampled(matches, order, count=8, positives=3)
    assert np.all(use)
    shares = np.bincount(np.ravel(places), minlength=31) / draws
    np.testing.assert_allclose(shares[:10], 0.3, atol=5 * np.sqrt(0.3 * 0.7 / draws))
    np.testing.assert_allclose(shares[10:30], 0.25, atol=5 * np.sqrt(0.25 * 0.75 / draws))
    assert shares[30] == 0


def test_noise_depends_on_a_pictures_own_seed_alone():
    seeds = np.array([[1, 2], [3, 4], [1, 3]], np.int32)
    together = noise_of(seeds, 50).numpy()
    assert together.dtype == np.float32 and together.min() >= 0 and together.max() < 1
    for number, row in enumerate(together):
        np.testing.assert_array_equal(noise_of(seeds[number : number + 1], 50)[0], row)
    assert len({tuple(row) for row in together}) == 3


def test_more_noise_begins_with_the_same_numbers():
    """So padding behind a picture's regions does not change which of them are taken."""
    seeds = np.array([[1, 2], [3, 4]], np.int32)
    longest = noise_of(seeds, 1003).numpy()
    for count in (0, 1, 7, 1000):
        np.testing.assert_array_equal(noise_of(seeds, count), longest[:, :count])


def test_graphs_of_unknown_shapes_give_the_same():
    present, inside = np.ones((1, 5), bool), noise(9, 1, 40)

    def both(overlaps, present, inside, seeds):
        matches = matched(overlaps, present, inside, **LIMITS, keep_best=True)
        order = noise_of(seeds, tf.shape(matches)[1])
        return matches, order, sampled(matches, order, count=50, positives=4)

    overlaps = cases.made_overlaps()[None]
    assert_same_in_graph(both, overlaps, present, inside, np.array([[5, 6]], np.int32))
    assert_same_in_graph(both, overlaps[..., :0], present[:, :0], inside, np.int32([[5, 6]]))
