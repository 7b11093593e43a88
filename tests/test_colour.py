"""Colours lent and kept: Gatys et al. 2017, Sec. 5, against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dltk.ops.colour import (
    luminance,
    match_histogram,
    match_luminance,
    match_mean_covariance,
    with_luminance,
)

# NTSC's matrix: RGB -> YIQ.
YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)


def picture(seed: int, shape=(17, 23), dtype=np.float64) -> np.ndarray:
    """Colours that go together, as those of photographs do."""
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
    mixing = np.array([[40], [25], [15]]) * axes
    return (random.normal(size=(*shape, 3)) @ mixing + random.uniform(60, 190, 3)).astype(dtype)


def flat(colour, shape=(5, 4)) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float64), (*shape, 3)).copy()


def statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    colours = image.reshape(-1, 3).astype(np.float64)
    return colours.mean(0), np.cov(colours, rowvar=False, bias=True)


MATCHES = (match_mean_covariance, match_histogram)


# Luminance


def test_luminance_weighs_red_green_and_blue():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [80, 80, 80]]], np.float32)
    assert luminance(image).dtype == np.float32
    np.testing.assert_allclose(luminance(image), [[76.245, 149.685, 29.07, 80]], rtol=1e-6)


def test_another_luminance_replaces_y_and_leaves_i_and_q():
    image, wanted = picture(0), luminance(picture(1))
    before, after = image @ YIQ.T, with_luminance(image, wanted) @ YIQ.T
    np.testing.assert_allclose(after[..., 0], wanted, atol=1e-9)
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=1e-9)


def test_a_luminance_can_be_put_back():
    image = picture(0)
    grey = with_luminance(image, np.full(image.shape[:2], 100.0))
    np.testing.assert_allclose(with_luminance(grey, luminance(image)), image, atol=1e-9)
    np.testing.assert_array_equal(with_luminance(image, luminance(image)), image)


def test_luminance_is_shifted_and_scaled():
    """Mean 2 and deviation 2 become mean 30 and deviation 10."""
    matched = match_luminance(np.array([[0.0, 4.0]]), np.array([[20.0], [40.0], [20.0], [40.0]]))
    np.testing.assert_allclose(matched, [[20, 40]])


def test_luminance_without_contrast():
    grey = np.full((3, 5), 7, np.float32)
    np.testing.assert_array_equal(match_luminance(grey, luminance(picture(0)) * 0 + 90), grey + 83)
    np.testing.assert_allclose(match_luminance(luminance(picture(0)), grey), 7)


# Mean and covariance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_and_covariance_are_matched(dtype):
    image, like = picture(0, dtype=dtype), picture(1, (9, 31), dtype)
    matched = match_mean_covariance(image, like)
    assert matched.dtype == dtype and matched.shape == image.shape
    for found, wanted in zip(statistics(matched), statistics(like), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=5e-3)
    np.testing.assert_allclose(statistics(matched)[0], statistics(like)[0], rtol=1e-5)


def test_the_map_of_colours_along_the_axes():
    """Channels without covariance are scaled each by its own: √(like's variance / image's)."""
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), -1).reshape(2, 4, 3)
    matched = match_mean_covariance(100 + corners * [40, 20, 10], 120 + corners * [10, 20, 30])
    least = 1e-5 * 255**2
    scale = np.sqrt((np.array([10, 20, 30]) ** 2 + least) / (np.array([40, 20, 10]) ** 2 + least))
    np.testing.assert_allclose(matched, 120 + corners * [40, 20, 10] * scale)


def test_the_map_is_symmetric_where_the_image_has_one_variance():
    """It turns no colour around: Q(like) itself is applied, and Q is symmetric."""
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), -1).reshape(2, 4, 3)
    like = picture(3)
    matched = match_mean_covariance(corners * 30, like) - statistics(like)[0]
    turn = np.linalg.lstsq(corners.reshape(-1, 3), matched.reshape(-1, 3), rcond=None)[0]
    np.testing.assert_allclose(turn, turn.T, atol=1e-8)
    assert (np.linalg.eigvalsh(turn) > 0).all()


# Histograms


def test_the_histogram_becomes_that_of_the_other():
    image, like = picture(0), picture(1)
    matched = match_histogram(image, like)
    for channel in range(3):
        one, other = matched[..., channel].ravel(), like[..., channel].ravel()
        np.testing.assert_array_equal(np.sort(one), np.sort(other))
        np.testing.assert_array_equal(np.argsort(one), np.argsort(image[..., channel].ravel()))


def test_histograms_of_pictures_of_different_sizes():
    image, like = picture(0, (40, 40), np.float32), picture(1, (25, 31), np.float32)
    matched = match_histogram(image, like)
    assert matched.dtype == np.float32 and matched.shape == image.shape
    shares = np.linspace(0.02, 0.98, 49)
    found, wanted = (np.quantile(a.reshape(-1, 3), shares, axis=0) for a in (matched, like))
    np.testing.assert_allclose(found, wanted, atol=1)


def test_equal_values_stay_equal():
    """Ranks 1/4 and 3/4 of four pixels: halfway between the lower two and the upper two."""
    image = np.repeat(np.array([[0.0, 0, 9, 9]])[..., None], 3, -1)
    like = np.repeat(np.array([[10.0, 20, 30, 50]])[..., None], 3, -1)
    np.testing.assert_allclose(match_histogram(image, like)[0, :, 0], [15, 15, 40, 40])


# Both


@pytest.mark.parametrize("match", MATCHES)
def test_a_picture_matched_to_itself_stays(match):
    rounded = np.rint(np.clip(picture(0), 0, 255))
    for image in (picture(0), rounded, flat((10, 20, 30))):
        np.testing.assert_allclose(match(image, image), image, atol=1e-6)


@pytest.mark.parametrize("match", MATCHES)
def test_pictures_of_one_colour(match):
    like = picture(0)
    np.testing.assert_allclose(match(like, flat((9, 99, 199))).mean((0, 1)), (9, 99, 199))
    assert np.ptp(match(like, flat((9, 99, 199))), axis=(0, 1)).max() < 10
    only = match(flat((10, 20, 30)), like)
    middle = np.mean if match is match_mean_covariance else np.median
    np.testing.assert_allclose(only, flat(middle(like, axis=(0, 1))))


@pytest.mark.parametrize("match", MATCHES)
def test_what_is_matched_is_not_changed(match):
    image, like = picture(0), picture(1)
    match(image, like)
    np.testing.assert_array_equal(image, picture(0))
    np.testing.assert_array_equal(like, picture(1))
