"""Pictures varied for a discriminator: how far, each by itself, and such that gradients pass."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.ops.diff_augment import POLICIES, varied

MIDDLE = 127.5
PICTURES = np.random.default_rng(0).uniform(0, 255, (64, 16, 24, 3)).astype(np.float32)


def of(policies, pictures=PICTURES, seed=(1, 2)) -> np.ndarray:
    return varied(tf.constant(pictures), policies, tf.constant(seed, tf.int32)).numpy()


def test_the_seed_decides_and_each_picture_is_varied_by_itself():
    same = np.repeat(PICTURES[:1], 8, axis=0)
    first = of(POLICIES, same)
    np.testing.assert_array_equal(first, of(POLICIES, same))
    assert np.abs(first - of(POLICIES, same, seed=(1, 3))).max() > 1
    assert all(np.abs(first[0] - other).max() > 1 for other in first[1:])
    np.testing.assert_array_equal(of(()), PICTURES)


def test_colours_are_varied_as_far_as_is_told():
    grey = np.full((2000, 2, 2, 3), 100, np.float32)
    shifts = of(["colour"], grey)[:, 0, 0, 0] - 100
    assert -MIDDLE / 2 <= shifts.min() < -60 and 60 < shifts.max() <= MIDDLE / 2
    # Around a mean of 0 contrast is a factor, and so is saturation around a pixel's grey.
    chess = np.tile([[[[50.0] * 3, [150.0] * 3], [[150.0] * 3, [50.0] * 3]]], (2000, 1, 1, 1))
    found = of(["colour"], chess.astype(np.float32))
    contrast = (found[:, 0, 1] - found[:, 0, 0])[:, 0] / 100
    assert 0.5 <= contrast.min() < 0.52 and 1.48 < contrast.max() <= 1.5
    colour = np.tile(np.float32([90, 100, 110]), (2000, 2, 2, 1))
    colours = of(["colour"], colour)[:, 0, 0]
    saturation = (colours[:, 2] - colours[:, 0]) / 20
    assert -0.001 <= saturation.min() < 0.02 and 2.5 < saturation.max() <= 3  # contrast, too


def test_pictures_are_moved_by_whole_pixels_up_to_an_eighth():
    found, shifts = of(["translation"]), set()
    for before, after in zip(PICTURES, found, strict=True):
        fits = []
        for down in range(-3, 4):
            for right in range(-4, 5):
                wanted = np.full_like(before, MIDDLE)
                rows, columns = np.mgrid[:16, :24]
                inside = (rows - down >= 0) & (rows - down < 16)
                inside &= (columns - right >= 0) & (columns - right < 24)
                wanted[inside] = before[(rows - down)[inside], (columns - right)[inside]]
                if np.array_equal(wanted, after):
                    fits.append((down, right))
        assert len(fits) == 1
        shifts.add(fits[0])
    assert {down for down, _ in shifts} == set(range(-2, 3))
    assert {right for _, right in shifts} == set(range(-3, 4))


def test_a_square_of_half_the_side_is_covered():
    found = of(["cutout"])
    covered = (found == MIDDLE).all(axis=3)
    np.testing.assert_array_equal(found[~covered], PICTURES[~covered])
    heights, widths = covered.any(axis=2).sum(axis=1), covered.any(axis=1).sum(axis=1)
    assert heights.max() == 8 and widths.max() == 12  # of 16 by 24
    assert heights.min() < 8 and widths.min() < 12  # some reach over the edge
    np.testing.assert_array_equal(covered.sum(axis=(1, 2)), heights * widths)


def test_shares_of_a_batch_are_varied_as_the_whole_is():
    parts = [
        varied(tf.constant(PICTURES[at * 16 :][:16]), POLICIES, tf.constant([1, 2]), (at, 4))
        for at in range(4)
    ]
    np.testing.assert_allclose(np.concatenate(parts), of(POLICIES), rtol=1e-6, atol=1e-4)


def test_gradients_pass_wherever_the_picture_is_seen():
    pictures = tf.Variable(PICTURES[:4])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(varied(pictures, ["translation", "cutout"], tf.constant([0, 1])))
    slopes = tape.gradient(total, pictures).numpy()
    assert set(np.unique(slopes)) == {0, 1} and slopes.mean() > 0.5


def test_pictures_of_any_size_are_varied_in_a_graph():
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, None))])
    def graph(pictures):
        return varied(pictures, POLICIES, tf.constant([1, 2]))

    np.testing.assert_allclose(graph(PICTURES), of(POLICIES), atol=1e-3)
    assert graph(PICTURES[..., :1]).shape == (64, 16, 24, 1)


def test_an_unknown_way_is_told():
    with pytest.raises(ValueError, match=r"policies are some of .* Received: \['color'\]"):
        of(["color"])
