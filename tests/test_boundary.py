"""How well boundaries are found, worked by hand and by loops."""

import math

import numpy as np
import pytest
from scipy import ndimage

from dltk.masks import IGNORE
from dltk.metrics.boundary import TOLERANCE, boundary_scores

SIZE = (300, 400)  # with a diagonal of 500, of which the tolerance is 3.75


def halves(column: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A label map of 0 to the left of a column and 1 from there on."""
    return np.broadcast_to(np.arange(size[1]) >= column, size).astype(np.uint8)


def square(start: int, side: int = 100) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[start : start + side, start : start + side] = 1
    return mask


def blobs(seed: int, classes: int = 3, size: tuple[int, int] = (21, 26)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(classes, *size))
    return ndimage.gaussian_filter(noise, (0, 2, 2)).argmax(axis=0).astype(np.uint8)


def by_loops(truth, found, classes, reach):
    """The boundary F of label maps without ignored pixels, point by point."""

    def line(labels, label):
        height, width = labels.shape
        return [
            (y, x)
            for y in range(height)
            for x in range(width)
            if labels[y, x] == label
            and any(
                labels[v, u] != label
                for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
                if 0 <= v < height and 0 <= u < width
            )
        ]

    def share(points, others):
        return np.mean([min(math.dist(p, other) for other in others) < reach for p in points])

    scores = []
    for label in range(classes):
        true, taken = line(truth, label), line(found, label)
        precision, recall = share(taken, true), share(true, taken)
        scores.append(2 * precision * recall / (precision + recall))
    return scores


def test_a_boundary_is_near_that_is_less_than_the_tolerance_away():
    assert TOLERANCE * 500 == 3.75
    truth = halves(200)
    for moved, expected in ((0, 1), (3, 1), (4, 0), (-3, 1), (-4, 0)):
        assert boundary_scores(truth, halves(200 + moved), 2).tolist() == [expected] * 2
    scores = boundary_scores(truth, halves(204), 2, tolerance=4 / 500)
    assert scores.tolist() == [0, 0]  # exactly as far as the tolerance is too far
    assert boundary_scores(truth, halves(204), 2, tolerance=4.01 / 500).tolist() == [1, 1]


def test_half_a_boundary_by_hand():
    """From row 150 on class 0 goes on for 50 columns more than it should: there is a step.

    Its boundary as it was found has 150 pixels in column 199, which are right, 49 of the step, of
    which the first three are less than 3.75 from column 199, and 150 in column 249. Of the true
    ones below the step, three are near the end of the upper half, and the fourth is √10 from the
    first pixel of the step.
    """
    found = halves(200)
    found[150:] = halves(250)[150:]
    precision, recall = (150 + 3) / (150 + 49 + 150), (150 + 4) / 300
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_scores(halves(200), found, 2)[0] == pytest.approx(expected)


@pytest.mark.parametrize("seed", [0, 2, 4])
@pytest.mark.parametrize("reach", [0.5, 1.2, 2.5])
def test_scores_are_those_of_loops(seed, reach):
    truth, found = blobs(seed), blobs(seed + 1)
    found[:, :13] = truth[:, :13]
    tolerance = reach / math.hypot(*truth.shape)
    expected = by_loops(truth, found, 3, reach)
    np.testing.assert_allclose(boundary_scores(truth, found, 3, tolerance), expected)
    assert 0 < min(expected) < 1


def test_truth_and_found_can_change_places_and_so_can_classes_and_sides():
    truth, found = blobs(6), blobs(7)
    scores = boundary_scores(truth, found, 3, 0.05)
    np.testing.assert_allclose(boundary_scores(found, truth, 3, 0.05), scores)
    np.testing.assert_allclose(boundary_scores(truth.T, found.T, 3, 0.05), scores)
    order = np.uint8([2, 0, 1])
    np.testing.assert_allclose(boundary_scores(order[truth], order[found], 3, 0.05)[order], scores)


def test_the_edge_of_a_picture_is_no_boundary():
    """A strip along the edge, one and a half times as wide: its inner side alone is judged."""
    truth, found = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    truth[:20], found[:30] = 1, 1
    assert boundary_scores(truth, found, 2).tolist() == [0, 0]
    found[:] = truth
    assert boundary_scores(truth, found, 2).tolist() == [1, 1]


def test_a_class_of_only_one_of_the_two_is_all_wrong():
    plain, spot = np.zeros(SIZE, np.uint8), square(50, 3)
    nan = math.nan
    for one, other in ((plain, spot), (spot, plain)):
        np.testing.assert_array_equal(boundary_scores(one, other, 3), [0, 0, nan])
    np.testing.assert_array_equal(boundary_scores(plain, plain + 2, 3), [0, nan, 0])


def test_a_class_that_fills_the_picture_in_both_is_all_right():
    plain = np.ones(SIZE, np.uint8)
    np.testing.assert_array_equal(boundary_scores(plain, plain, 3), [math.nan, 1, math.nan])


def test_a_boundary_that_is_hidden_is_in_the_middle_of_what_hides_it():
    """Five ignored pixels along all boundaries, as in VOC."""
    truth = square(100)
    hidden = ndimage.binary_dilation(square(100), iterations=2) & ~ndimage.binary_erosion(
        square(100), iterations=3
    )
    truth[hidden] = IGNORE
    assert boundary_scores(truth, square(100), 2).tolist() == [1, 1]
    assert boundary_scores(truth, square(102, 97), 2).tolist() == [1, 1]
    far = boundary_scores(truth, square(110, 80), 2)
    assert far.tolist() == [0, 0]
    without = np.where(hidden, 0, truth).astype(np.uint8)
    assert boundary_scores(truth, without, 2).tolist() == [1, 1]  # half of the five away


def test_what_was_found_deep_in_ignored_pixels_does_not_count():
    truth = halves(200)
    truth[:, 250:] = IGNORE
    found = halves(200)
    found[100:200, 300:] = 0
    found[0:50, 350:] = 2
    np.testing.assert_array_equal(boundary_scores(truth, found, 3), [1, 1, math.nan])
    found[100:200, 251:] = 0  # three ignored pixels take the class beside them
    np.testing.assert_array_equal(boundary_scores(truth, found, 3), [1, 1, math.nan])
    found[100:200, 240:] = 0
    assert (boundary_scores(truth, found, 3)[:2] < 1).all()


def test_against_ignored_pixels_there_is_no_boundary():
    truth = np.zeros(SIZE, np.uint8)
    truth[:, 200:] = IGNORE
    np.testing.assert_array_equal(boundary_scores(truth, halves(230), 2), [1, math.nan])


def test_a_picture_that_is_all_ignored_has_no_scores():
    truth = np.full(SIZE, IGNORE, np.uint8)
    assert np.isnan(boundary_scores(truth, halves(3), 2)).all()


def test_no_answer_bounds_what_was_answered():
    truth, found = halves(200), halves(200)
    found[:, 100:110] = IGNORE
    scores = boundary_scores(truth, found, 2)
    assert scores[1] == 1 and scores[0] == pytest.approx(2 * (1 / 3) / (1 + 1 / 3))
    nothing = np.full(SIZE, IGNORE, np.uint8)
    assert boundary_scores(truth, nothing, 2).tolist() == [0, 0]
