"""Proposals of masks: the best patches of all scales, drawn where they are, none twice."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dltk.data.instances.patches import Patch
from dltk.engine.proposals import (
    Candidate,
    ProposalNetwork,
    Seen,
    best_of,
    placed_runs,
    without_alike,
)
from dltk.masks import of_run_lengths, run_lengths
from dltk.models.masker.network import ANSWERS, MASKS, SCORES, Parts
from dltk.objects import PIXELS
from dltk.strategy import apply_precision
from tests.maskers import PATCH, seeing_brightness

CPU = tf.distribute.OneDeviceStrategy("CPU:0")


def test_masks_are_drawn_where_their_patch_is():
    logits = np.full((4, 4), -5.0, np.float32)
    logits[1:3, :] = 5.0  # half of a patch, across

    def placed(x, size=(16, 12), scale=1.0):
        return of_run_lengths(placed_runs(Candidate(logits, Patch(x, 6, 8)), size, scale, 0.5))

    shape = placed(8)
    assert shape.shape == (12, 16)
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    assert rows.tolist() == [4, 5, 6, 7] and columns.tolist() == list(range(4, 12))
    np.testing.assert_array_equal(placed(8, (8, 6), 0.5), shape[::2, ::2])
    assert np.flatnonzero(placed(0).any(axis=0)).tolist() == [0, 1, 2, 3]
    assert not placed(-9).any()


def test_of_masks_that_are_alike_the_surest_stays():
    def bar(first, last):
        shape = np.zeros((4, 10), bool)
        shape[1, first:last] = True
        return run_lengths(shape)

    shapes = [bar(0, 4), bar(0, 0), bar(0, 5), bar(1, 5), bar(6, 9)]
    assert list(without_alike(shapes, 0.7)) == [0, 3, 4]  # of 4/5 goes, of 3/5 stays
    assert list(without_alike(shapes, 0.5)) == [0, 4]
    assert list(without_alike(shapes, 1.0)) == [0, 2, 3, 4]
    assert list(without_alike([bar(0, 4)] * 300, 0.7)) == [0] and list(without_alike([], 0.7)) == []


@pytest.mark.parametrize("size", [(183, 137), (61, 183)])
def test_bright_things_are_proposed_where_they_are(size):
    """A masker set by hand: what comes out tells about scales and places alone."""
    ground = np.full((size[1], size[0], 3), 20, np.uint8)
    things = [(20, 20, 56, 56), (size[0] - 24, size[1] - 48, size[0] - 2, size[1] - 26)]
    truths = []
    for left, top, right, bottom in things:
        ground[top:bottom, left:right] = 240
        truths.append(np.zeros(size[::-1], bool))
        truths[-1][top:bottom, left:right] = True
    network = ProposalNetwork(seeing_brightness(), CPU, PATCH)
    found = network(Image.fromarray(ground), most=30)
    assert 2 <= len(found) <= 30 and (np.diff(found.scores) <= 0).all()
    assert all(shape["size"] == [size[1], size[0]] for shape in found.shapes)
    for truth in truths:
        shapes = [of_run_lengths(shape) for shape in found.shapes]
        best = max((shape & truth).sum() / (shape | truth).sum() for shape in shapes)
        assert best > 0.75
    small = Image.fromarray(ground).resize([side // 2 for side in size])
    again = network(small, size, most=1)
    assert len(again) == 1
    assert again.shapes[0]["size"] == [size[1], size[0]]


def _scales(random, counts):
    """Return what a network may have seen: half of the scores are equal to others."""
    scales = []
    for scale, count in enumerate(counts):
        scores = random.integers(0, 9, count).astype(np.float32)
        masks = random.normal(size=(count, 4)).astype(np.float32)
        scales.append(Seen(scores, masks, [Patch(scale, place, 1) for place in range(count)]))
    return scales


@pytest.mark.parametrize("count", [1, 7, 40, 500])
def test_the_best_are_found_scale_by_scale(count):
    """They are those that are first when all scales are sorted at once."""
    scales = _scales(np.random.default_rng(count), (3, 20, 5, 60, 1))
    scores, masks = (np.concatenate([each[at] for each in scales]) for at in (0, 1))
    patches = [patch for each in scales for patch in each.patches]
    first = np.argsort(-scores, kind="stable")[:count]
    found = best_of(iter(scales), count)
    np.testing.assert_array_equal(found.scores, scores[first])
    np.testing.assert_array_equal(found.masks, masks[first])
    assert found.patches == [patches[at] for at in first]


def test_masks_that_are_not_among_the_best_are_let_go():
    masks = []

    def seen():
        random = np.random.default_rng(0)
        for _ in range(5):
            assert all(each() is None for each in masks[:-1])  # the last may still be at hand
            (scale,) = _scales(random, (30,))
            masks.append(weakref.ref(scale.masks))
            yield scale

    found = best_of(seen(), 10)
    assert len(masks) == 5 and found.masks.shape == (10, 4)


def test_scores_are_told_apart_in_bfloat16():
    """It has but two digits; the scores of neighbouring patches differ by less."""
    masker = seeing_brightness()
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 144, 176, 3)).astype(np.float32)
    exact = masker({PIXELS: pixels})
    apply_precision(masker, "bfloat16", exact=ANSWERS)
    kinds = {layer.compute_dtype for layer in Parts.of(masker).backbone.layers}
    assert "bfloat16" in kinds
    found = masker({PIXELS: pixels})
    for name in (SCORES, MASKS):
        assert found[name].dtype == tf.float32
        rounded = tf.cast(tf.cast(found[name], tf.bfloat16), tf.float32)
        assert np.mean(rounded != found[name]) > 0.5
        np.testing.assert_allclose(found[name], exact[name], atol=0.5)
