"""Content, style and roughness: hand-worked values, the paper's formulas, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.losses.style import ContentLoss, StyleLoss, gram_sums, total_variation

TWO_PLACES = tf.constant([[[[1.0, 2.0], [3.0, 4.0]]]])  # (1, 1, 2, 2)


def features(seed: int, shape=(1, 3, 4, 5)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def tensor(array):
    return tf.constant(array, tf.float32)


def term(objective, at, local=None, target=None):
    """Return the one term of an objective that looks at one layer called "a"."""
    measures = objective.measure({"a": at}, local if local is not None else {})
    (value,) = objective.terms(measures, target).values()
    return value


def style_target(style: StyleLoss, picture, guides=None):
    local = {} if guides is None else {"a": guides}
    return style.target(style.measure({"a": tensor(picture)}, local))


def slope_of(function, at) -> np.ndarray:
    at = tensor(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at).numpy()


def central_differences(function, at: np.ndarray, step=1e-5) -> np.ndarray:
    """Return the gradient of a NumPy function, in double precision."""
    found = np.empty_like(at)
    for index in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[index] += step
        behind[index] -= step
        found[index] = (function(ahead) - function(behind)) / (2 * step)
    return found


def gram(array: np.ndarray, guide=1.0) -> np.ndarray:
    """Return the guided Gram matrix over the sum of squared guides, in double precision."""
    guide = np.broadcast_to(guide, array.shape[1:3])
    return np.einsum("hw,hwi,hwj->ij", guide**2, array[0], array[0]) / np.sum(guide**2)


# Grams


def test_a_gram_is_what_one_works_out_by_hand():
    np.testing.assert_array_equal(gram_sums(TWO_PLACES), [[[10, 14], [14, 20]]])


def test_guides_count_squared_and_for_each_region():
    guides = tf.constant([[[1.0, 0.5]], [[0.0, 2.0]]])
    expected = [[[3.25, 5], [5, 8]], [[36, 48], [48, 64]]]
    np.testing.assert_array_equal(gram_sums(TWO_PLACES, guides), expected)
    ones = tf.ones((1, 1, 2))
    np.testing.assert_array_equal(gram_sums(TWO_PLACES, ones), gram_sums(TWO_PLACES))


def test_grams_of_parts_add_up_to_that_of_the_whole():
    whole = tensor(features(0, (1, 7, 5, 3)))
    parts = gram_sums(whole[:, :4]) + gram_sums(whole[:, 4:])
    np.testing.assert_allclose(parts, gram_sums(whole), rtol=1e-5)


def test_grams_of_half_precision_are_summed_to_single():
    assert gram_sums(tf.cast(TWO_PLACES, tf.bfloat16)).dtype == tf.float32


# Content


def test_content_is_the_mean_squared_difference():
    content = ContentLoss({"a": 3.0})
    local = content.local({"a": TWO_PLACES, "b": TWO_PLACES})
    assert list(local) == ["a"]
    assert float(term(content, TWO_PLACES, local)) == 0
    # (1 + 4 + 9 + 16) / 4 values, times 3
    assert float(term(content, 2 * TWO_PLACES, local)) == 3 * 30 / 4


def test_contents_gradient_is_that_of_the_formula():
    here, there = features(1), features(2)
    content = ContentLoss({"a": 0.7})
    local = content.local({"a": tensor(here)})
    expected = central_differences(lambda at: 0.7 * np.mean((at - here) ** 2), there)
    found = slope_of(lambda at: term(content, at, local), there)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_layers_are_added_each_with_its_weight():
    content = ContentLoss({"a": 2.0, "b": 10.0})
    seen = {"a": tf.ones((1, 2, 2, 1)), "b": tf.ones((1, 1, 1, 3))}
    zeros = {name: tf.zeros_like(value) for name, value in seen.items()}
    terms = content.terms(content.measure(seen, content.local(zeros)), {})
    assert {name: float(value) for name, value in terms.items()} == {"content": 12.0}


# Style


def test_style_is_the_mean_over_a_gram_over_the_channels_squared():
    style = StyleLoss({"a": 3.0})
    target = style_target(style, np.zeros((1, 5, 6, 2)))
    # Gram over two places: 5, 7, 7, 10; squares add up to 223; a mean of 4 entries, 2² channels.
    assert float(term(style, TWO_PLACES, target=target)) == 3 * 223 / 4 / 4
    assert float(term(style, TWO_PLACES, target=style_target(style, TWO_PLACES))) == 0


def test_style_is_the_papers_but_for_a_factor():
    """Gatys et al. 2016, Eq. 4: 1/(4 N² M²) ΣΣ(G - A)², Grams as sums over M places."""
    here, there = features(3), features(4)
    channels, places = 5, 12
    difference = places * (gram(here) - gram(there))
    paper = np.sum(difference**2) / (4 * channels**2 * places**2)
    style = StyleLoss({"a": 1.0})
    found = float(term(style, tensor(here), target=style_target(style, there)))
    assert found == pytest.approx(4 * paper / channels**2, rel=1e-5)


def test_styles_gradient_is_that_of_the_formula():
    here, there = features(5), features(6, (1, 6, 2, 5))

    def reference(at):
        return 0.7 / 25 * np.mean((gram(at) - gram(there)) ** 2)

    style = StyleLoss({"a": 0.7})
    target = style_target(style, there)
    found = slope_of(lambda at: term(style, at, target=target), here)
    assert float(term(style, tensor(here), target=target)) == pytest.approx(reference(here), 1e-5)
    np.testing.assert_allclose(found, central_differences(reference, here), rtol=1e-3, atol=1e-8)


def test_guided_style_is_that_of_the_formula_and_regions_count_alike():
    here, one, other = features(7), features(8), features(9)
    guides = np.random.default_rng(0).uniform(0, 1, (2, 3, 4))

    def reference(at):
        regions = zip(guides, (one, other), strict=True)
        return np.mean([np.mean((gram(at, g) - gram(s)) ** 2) for g, s in regions]) / 25

    style = StyleLoss({"a": 1.0})
    target = [style_target(style, each)["a"] for each in (one, other)]
    target, local = {"a": tf.concat(target, axis=0)}, {"a": tensor(guides)}
    value = term(style, tensor(here), local, target)
    assert float(value) == pytest.approx(reference(here), rel=1e-5)
    found = slope_of(lambda at: term(style, at, local, target), here)
    np.testing.assert_allclose(found, central_differences(reference, here), rtol=1e-3, atol=1e-8)


def test_a_region_that_is_nowhere_pulls_nowhere():
    style = StyleLoss({"a": 1.0})
    target, local = style_target(style, features(1)), {"a": tf.zeros((1, 3, 4))}
    found = slope_of(lambda at: term(style, at, local, target), features(0))
    np.testing.assert_array_equal(found, np.zeros_like(found))


def test_the_loss_does_not_depend_on_the_size_of_the_picture():
    style = StyleLoss({"a": 1.0})
    small = features(0)
    large = np.tile(small, (1, 3, 2, 1))
    target = style_target(style, features(1))
    values = [float(term(style, tensor(each), target=target)) for each in (small, large)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


# Roughness


def test_total_variation_is_what_one_works_out_by_hand():
    pixels = tf.constant([[[[0.0], [1.0]], [[3.0], [0.0]]]])
    assert float(total_variation(pixels)) == (9 + 1 + 1 + 9) / 4
    assert float(total_variation(tf.fill((1, 5, 4, 3), 7.0))) == 0
    assert float(total_variation(tf.fill((1, 1, 1, 3), 7.0))) == 0


def test_total_variations_gradient_is_that_of_the_formula():
    def reference(at):
        return sum(np.sum(np.diff(at, axis=axis) ** 2) for axis in (1, 2)) / at.size

    at = features(0, (1, 4, 5, 3))
    expected = central_differences(reference, at)
    np.testing.assert_allclose(slope_of(total_variation, at), expected, rtol=1e-4, atol=1e-7)
