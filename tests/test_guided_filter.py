"""The guided filter: what it keeps, what it smooths, and how it enlarges."""

import numpy as np
import pytest
from PIL import Image

from dltk.ops.guided_filter import (
    GuidedFilter,
    applied,
    box_means,
    enlarged_rows,
)

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.uniform(0, 1, (12, 15, 3))
SIGNAL = RANDOM.uniform(0, 1, (12, 15))


def two_sides(wide, edge, high=8):
    """A picture that is dark on its left and light on its right, (high, wide, 3)."""
    return np.broadcast_to(np.where(np.arange(wide) < edge, 0.2, 0.8)[:, None], (high, wide, 3))


def guided_filter(guide, signal, radius, eps):
    """A signal (h, w), smoothed along the edges of a guide (h, w, C)."""
    return applied(GuidedFilter(guide, radius, eps).fit(signal), guide)


def test_box_means_are_of_what_lies_inside():
    np.testing.assert_allclose(box_means(np.array([[1, 2, 3, 10]]), 1), [[1.5, 2, 5, 6.5]])
    np.testing.assert_allclose(box_means(np.array([[0.0], [6], [0]]), 1), [[3], [2], [3]])
    np.testing.assert_allclose(box_means(SIGNAL, 20), np.full((12, 15), SIGNAL.mean()))
    each = np.stack([box_means(NOISE[..., channel], 2) for channel in range(3)], axis=-1)
    np.testing.assert_allclose(box_means(NOISE, 2), each)


def test_a_guide_of_one_colour_gives_the_mean_of_means():
    smooth = guided_filter(np.full((12, 15, 3), 0.3), SIGNAL, 2, 1e-3)
    np.testing.assert_allclose(smooth, box_means(box_means(SIGNAL, 2), 2), atol=1e-6)


@pytest.mark.parametrize("channel", range(3))
def test_a_guide_without_eps_gives_itself_back(channel):
    same = guided_filter(NOISE, NOISE[..., channel], 2, 1e-9)
    np.testing.assert_allclose(same, NOISE[..., channel], atol=1e-4)


def test_what_is_linear_in_the_guide_is_kept():
    linear = NOISE @ [2, -1, 0.5] + 0.25
    np.testing.assert_allclose(guided_filter(NOISE, linear, 3, 1e-9), linear, atol=1e-4)


def test_the_filter_is_linear_in_the_signal():
    once = guided_filter(NOISE, SIGNAL, 2, 1e-2)
    np.testing.assert_allclose(
        guided_filter(NOISE, 3 - 2 * SIGNAL, 2, 1e-2), 3 - 2 * once, atol=1e-5
    )


def test_weak_edges_of_the_guide_are_smoothed_and_strong_ones_kept():
    """In windows that all see the whole picture, half dark and half light, the guide varies by
    0.3² = 0.09, and so do the guide and the signal together: the slope is 0.09 / (0.09 + eps)."""
    step = two_sides(20, 10)
    for eps, slope in ((1e-6, 1.0), (0.01, 0.9), (0.09, 0.5), (0.81, 0.1)):
        functions = GuidedFilter(step[..., :1], 20, eps).fit(step[..., 0])
        np.testing.assert_allclose(functions[..., 0], slope, atol=1e-4)
        np.testing.assert_allclose(functions[..., 1], 0.5 - 0.5 * slope, atol=1e-4)


def test_a_blurred_signal_gets_the_edge_of_the_guide():
    blurred = np.clip((np.arange(24) - 6) / 12, 0, 1)[None].repeat(8, axis=0)
    sharp = guided_filter(two_sides(24, 12), blurred, 5, 1e-4)
    assert sharp[4, 12] - sharp[4, 11] > 0.4 > 4 * (blurred[4, 12] - blurred[4, 11])
    assert sharp[4, 11] < 0.35 and sharp[4, 12] > 0.65


def test_functions_of_a_small_guide_find_the_edge_in_a_large_one():
    """The edge is at 37 of 80 pixels: within the fifth of ten places, which are a mixture."""
    large = two_sides(80, 37, high=40)
    small = large.reshape(5, 8, 10, 8, 3).mean(axis=(1, 3))
    signal = small[..., 0] > 0.5
    functions = enlarged_rows(GuidedFilter(small, 2, 1e-4).fit(signal), (80, 40), range(40))
    found = applied(functions, large)
    np.testing.assert_array_equal(found > 0.5, large[..., 0] > 0.5)


def test_rows_are_enlarged_bilinearly_and_the_same_together_or_apart():
    values = NOISE.astype(np.float32)
    whole = enlarged_rows(values, (40, 31), range(31))
    apart = [enlarged_rows(values, (40, 31), range(at, min(at + 7, 31))) for at in range(0, 31, 7)]
    np.testing.assert_array_equal(np.concatenate(apart), whole)
    for channel in range(3):
        picture = Image.fromarray(values[..., channel])
        peer = np.asarray(picture.resize((40, 31), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(whole[..., channel], peer, atol=1e-5)


def test_a_picture_of_one_pixel_is_filtered():
    one = GuidedFilter(np.full((1, 1, 3), 0.5), 3, 1e-3).fit(np.array([[0.7]]))
    assert applied(enlarged_rows(one, (2, 3), range(3)), np.full((3, 2, 3), 0.5)) == pytest.approx(
        0.7
    )
