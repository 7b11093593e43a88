"""What dreams are made of: objectives by hand, steps uphill, pyramids, octaves, windows, turns."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.errors import UsageError
from dltk.losses.dream import ClassScores, Guidance, LayerNorms
from dltk.painting.ascent import GRADIENTS, ascend
from dltk.painting.octaves import octave_sizes, plan_windows, smallest_side
from dltk.painting.redirect import redirected, redirected_unit
from dltk.painting.smoothing import laplacian_normalised, merge, split
from dltk.painting.watch import PaintingStoppedError, Watch
from dltk.painting.zoom import zoomed

TWO_PLACES = tf.constant([[[[1.0, 2.0], [3.0, 4.0]]]])  # (1, 1, 2, 2)


def tensor(array):
    return tf.constant(array, tf.float32)


def values(seed: int, shape=(1, 3, 4, 5)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def grey(size=(24, 30), level=128.0):
    return tf.fill((1, *size, 3), level)


def terms_of(objective, features: dict, local=None) -> dict[str, float]:
    found = objective.terms(objective.measure(features, local or {}), {})
    return {name: float(value) for name, value in found.items()}


def slope_of(objective, at: np.ndarray, local=None) -> np.ndarray:
    """Return the gradient of the one term of an objective that looks at layer "a"."""
    at = tensor(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        (value,) = objective.terms(objective.measure({"a": at}, local or {}), {}).values()
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


# Norms of layers


def test_a_norm_is_half_the_mean_square_of_what_a_layer_gives():
    norms = LayerNorms({"a": 3.0, "b": 1.0})
    found = terms_of(norms, {"a": TWO_PLACES, "b": 2 * TWO_PLACES})
    assert found == {"a": -3 * 30 / 4 / 2, "b": -4 * 30 / 4 / 2}
    assert norms.layers == ("a", "b")


def test_of_chosen_channels_only_these_count():
    assert terms_of(LayerNorms({"a": 1.0}, [1]), {"a": TWO_PLACES}) == {"a": -(4 + 16) / 2 / 2}
    both = terms_of(LayerNorms({"a": 1.0}, [1, 0]), {"a": TWO_PLACES})
    assert both == terms_of(LayerNorms({"a": 1.0}), {"a": TWO_PLACES})


@pytest.mark.parametrize("channels", [None, [0, 3]])
def test_a_norms_gradient_is_that_of_the_formula(channels):
    at = values(0)
    expected = central_differences(
        lambda x: -0.7 * np.mean(x[..., channels or slice(None)] ** 2) / 2, at
    )
    found = slope_of(LayerNorms({"a": 0.7}, channels), at)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_norms_of_parts_make_that_of_the_whole():
    whole, norms = tensor(values(1, (1, 8, 5, 3))), LayerNorms({"a": 1.0})
    parts = [norms.measure({"a": part}, {}) for part in (whole[:, :3], whole[:, 3:])]
    found = norms.terms(tf.nest.map_structure(tf.add, *parts), {})
    assert float(found["a"]) == pytest.approx(terms_of(norms, {"a": whole})["a"], rel=1e-6)


# Guides


def test_each_place_is_compared_with_the_place_of_the_guide_that_it_is_most_like():
    guide = tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])  # two places, (1, 0) and (0, 2)
    seen = {"a": tensor([[[[3.0, 1.0], [1.0, 5.0], [-1.0, -1.0]]]])}
    guidance = Guidance({"a": 2.0})
    # max(3, 2) = 3, max(1, 10) = 10, max(-1, -2) = -1: a mean of 4
    assert terms_of(guidance, seen, guidance.local({"a": guide})) == {"a": -2 * 4}


def test_a_guides_gradient_is_the_guide_where_it_is_alike():
    guidance, guide, at = Guidance({"a": 0.7}), values(3, (1, 2, 3, 5)), values(2)
    rows = guide.reshape(-1, 5)

    def likeness(x):
        return -0.7 * np.mean((x.reshape(-1, 5) @ rows.T).max(axis=1))

    found = slope_of(guidance, at, guidance.local({"a": tensor(guide)}))
    np.testing.assert_allclose(found, central_differences(likeness, at), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("places", "kept"), [(1024, 1024), (1025, 513), (5000, 1000)])
def test_of_large_guides_an_even_share_is_kept(places, kept):
    guide = tf.reshape(tf.range(places, dtype=tf.float32), (1, 1, places, 1))
    local = Guidance({"a": 1.0}).local({"a": guide, "b": guide})
    assert list(local) == ["a"] and local["a"].shape == (kept, 1)
    assert len(set(np.diff(local["a"].numpy().ravel()))) == 1


# Classes


def test_a_class_counts_with_its_score_and_over_tiles_with_their_mean():
    picks = {"class cat": lambda f: f["scores"][:, 1], "class dog": lambda f: f["scores"][:, 0]}
    objective = ClassScores(["scores"], picks)
    one, other = tensor([[1.0, 5.0, 9.0]]), tensor([[2.0, -3.0, 0.0]])
    assert terms_of(objective, {"scores": one}) == {"class cat": -5, "class dog": -1}
    parts = [objective.measure({"scores": scores}, {}) for scores in (one, other)]
    found = objective.terms(tf.nest.map_structure(tf.add, *parts), {})
    assert {name: float(term) for name, term in found.items()} == {
        "class cat": -1, "class dog": -1.5
    }  # fmt: skip


# Steps


def climb(descent, start, **changed):
    options = {
        "steps": 1, "step": 1.5, "jitter": 0, "gradient": "normalised",
        "random": np.random.default_rng(0), "on_step": lambda *_: None,
    }  # fmt: skip
    return ascend(descent, start, **options | changed)


def against(slope):
    return lambda at: ({"x": tf.reduce_sum(at)}, tensor(slope))


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_pixels_move_by_the_step_size_on_average_however_steep_it_is(gradient, scale):
    start = grey()
    moved = climb(against(scale * values(0, start.shape)), start, gradient=gradient) - start
    assert float(tf.reduce_mean(tf.abs(moved))) == pytest.approx(1.5, rel=1e-4)


def test_a_step_goes_against_the_slope_in_proportion():
    slope = values(0, (1, 24, 30, 3))
    moved = climb(against(slope), grey()) - 128.0
    expected = -1.5 * slope / np.abs(slope).mean()
    np.testing.assert_allclose(moved, expected, rtol=1e-3, atol=1e-4)


def test_pixels_stay_within_0_and_255():
    slope = np.sign(values(0, (1, 24, 30, 3)))
    end = climb(against(slope), grey(), steps=100, step=5.0)
    np.testing.assert_array_equal(end, np.where(slope < 0, 255.0, 0.0))


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_without_a_slope_nothing_moves(gradient):
    np.testing.assert_array_equal(
        climb(against(np.zeros((1, 24, 30, 3))), grey(), gradient=gradient), grey()
    )


def test_under_a_mask_the_step_is_the_mean_over_what_is_white():
    mask = np.zeros((24, 30), np.float32)
    mask[:, 10:] = 1
    moved = climb(against(np.ones((1, 24, 30, 3))), grey(), mask=mask) - 128.0
    np.testing.assert_allclose(moved[:, :, :10], 0)
    np.testing.assert_allclose(moved[:, :, 10:], -1.5, rtol=1e-5)
    nowhere = climb(against(np.ones((1, 24, 30, 3))), grey(), mask=0 * mask)
    np.testing.assert_array_equal(nowhere, grey())


def test_jitter_shifts_the_picture_under_the_network_and_the_step_back():
    start, seen = tensor(np.arange(24 * 30 * 3).reshape(1, 24, 30, 3) % 200 + 20.0), []

    def descent(at):
        seen.append(at.numpy())
        return {"x": tf.constant(0.0)}, at - 100.0  # towards 100, at every place on its own

    end = climb(descent, start, steps=6, jitter=5)
    np.testing.assert_allclose(end, climb(lambda at: ({}, at - 100.0), start, steps=6), rtol=1e-5)
    shifts = [(down, right) for down in range(-5, 6) for right in range(-5, 6)]
    first = {shift for shift in shifts if np.array_equal(np.roll(start, shift, (1, 2)), seen[0])}
    assert len(first) == 1 and first != {(0, 0)}


def test_the_same_seed_gives_the_same_shifts():
    def shifts(seed):
        seen = []

        def descent(at):
            seen.append(np.unravel_index(np.argmax(at[0, :, :, 0]), (24, 30)))
            return {}, tf.zeros_like(at)

        start = tf.tensor_scatter_nd_update(grey(), [[0, 12, 15, 0]], [200.0])
        climb(descent, start, steps=8, jitter=4, random=np.random.default_rng(seed))
        return seen

    assert shifts(1) == shifts(1) != shifts(2)
    assert all(8 <= row <= 16 and 11 <= column <= 19 for row, column in shifts(1))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_slope_that_is_not_finite_is_named_and_ends_it_with_the_last_good_picture(bad):
    watch, calls = Watch("x"), []
    watch.plan(5)

    def descent(at):
        calls.append(at)
        slope = np.ones((1, 24, 30, 3))
        slope[0, 3, 4, 1] = bad if len(calls) == 3 else 1
        return {"x": tf.constant(-1.0)}, tensor(slope)

    message = "the gradient is not finite at step 3 of 5 at this size, 30 × 24 pixels; the picture"
    with pytest.raises(PaintingStoppedError, match=message):
        climb(descent, grey(), steps=5, on_step=watch.step)
    assert len(calls) == 3
    np.testing.assert_allclose(watch.pixels, 128.0 - 2 * 1.5)


# Pyramids


@pytest.mark.parametrize("size", [(32, 32), (37, 50), (9, 64), (5, 5), (1, 1)])
def test_merging_is_the_inverse_of_splitting(size):
    image = tensor(values(0, (1, *size, 3)))
    bands = split(image)
    assert [band.shape[1] for band in bands] == sorted((b.shape[1] for b in bands), reverse=True)
    np.testing.assert_allclose(merge(bands), image, atol=1e-5)


def test_levels_are_fine_to_coarse_and_only_the_last_has_a_mean():
    bands = split(tensor(values(0, (1, 64, 64, 1)) + 7))
    assert [band.shape[1] for band in bands] == [64, 32, 16, 8]
    means = [float(tf.reduce_mean(band)) for band in bands]
    assert means[:3] == pytest.approx([0, 0, 0], abs=0.01) and means[3] == pytest.approx(7, abs=0.1)
    assert len(split(tensor(values(0, (1, 12, 64, 1))))) == 2


def test_every_level_gets_the_same_say():
    where = np.arange(64)
    fine, coarse = np.cos(np.pi * where), np.cos(2 * np.pi * where / 64)
    slope = np.broadcast_to((100 * fine + coarse)[None, :, None, None], (1, 64, 64, 1))
    smoothed = laplacian_normalised(tensor(slope)).numpy()[0, :, 0, 0]

    def share(wave, signal):
        return abs(np.dot(wave, signal)) / np.dot(wave, wave)

    before = share(fine, slope[0, :, 0, 0]) / share(coarse, slope[0, :, 0, 0])
    after = share(fine, smoothed) / share(coarse, smoothed)
    assert before == pytest.approx(100) and 0.2 < after < 2


def test_smoothing_forgets_scale_and_what_would_tint_the_whole_picture():
    slope = values(0, (1, 40, 48, 3))
    one, other = (laplacian_normalised(tensor(s)) for s in (slope, 1e-9 * slope))
    np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-3)
    flat = laplacian_normalised(tensor(np.full((1, 40, 48, 3), 5.0)))
    np.testing.assert_allclose(flat, 0, atol=1e-3)


# Sizes


@pytest.mark.parametrize(
    ("size", "octaves", "least", "expected"),
    [
        ((200, 100), 3, 16, [(50, 25), (100, 50), (200, 100)]),
        ((200, 100), 3, 30, [(100, 50), (200, 100)]),
        ((200, 100), 1, 16, [(200, 100)]),
        ((20, 10), 4, 16, [(20, 10)]),
    ],
)
def test_octaves_go_from_coarse_to_the_picture_itself(size, octaves, least, expected):
    assert octave_sizes(size, octaves=octaves, scale=2.0, least=least) == expected


def seeing(*strides: int, side=None) -> keras.Model:
    inputs = x = keras.Input((side, side, 3))
    for stride in strides:
        x = layers.Conv2D(2, 3, stride)(x)  # without padding: 2 pixels fewer, at least
    return keras.Model(inputs, {"deep": x})


@pytest.mark.parametrize(
    ("strides", "least"), [((1,), 16), ((2, 2, 2), 16), ((2, 2, 2, 2), 31), ((2,) * 5, 63)]
)
def test_the_smallest_side_is_the_first_that_leaves_a_place(strides, least):
    network = seeing(*strides)
    assert smallest_side(network) == least
    assert network(tf.zeros((1, least, least, 3)))["deep"].shape[1] >= 1


def test_a_network_that_sees_nothing_is_named():
    with pytest.raises(UsageError, match="sees no picture of any size up to 1024 pixels"):
        smallest_side(seeing(*[2] * 10))


@pytest.mark.parametrize(
    ("height", "width", "window", "multiple"),
    [
        (64, 64, (64, 64), 8),
        (150, 64, (64, 64), 8),
        (131, 200, (64, 48), 4),
        (65, 129, (64, 64), 1),
    ],
)
def test_windows_are_all_of_one_size_and_their_cores_cover_the_picture_once(
    height, width, window, multiple
):
    covered = np.zeros((height, width), int)
    for tile in plan_windows(height, width, window=window, multiple=multiple):
        top, left, bottom, right = tile.outer
        assert (bottom - top, right - left) == window
        assert min(top, left) >= 0 and bottom <= height and right <= width
        high, near, low, far = tile.core
        assert top <= high < low <= bottom and left <= near < far <= right
        covered[high:low, near:far] += 1
        assert all(edge % multiple == 0 for edge in tile.inner[:2])
    assert (covered == 1).all()


# Units that are off

FROM_BELOW_TO_ABOVE = np.array([-3.0, -0.5, 0.5, 5.0, 6.5, 9.0], np.float32)


def values_and_slopes(layer) -> tuple[np.ndarray, np.ndarray]:
    at = tensor(FROM_BELOW_TO_ABOVE)
    with tf.GradientTape() as tape:
        tape.watch(at)
        found = layer(at)
    return found.numpy(), tape.gradient(found, at).numpy()


@pytest.mark.parametrize("make", [lambda: layers.ReLU(6.0), lambda: layers.Activation("relu6")])
def test_a_capped_unit_stays_what_it_is_and_its_slope_fades_beyond_its_ends(make):
    swapped = redirected(make())
    found, slopes = values_and_slopes(swapped)
    np.testing.assert_array_equal(found, FROM_BELOW_TO_ABOVE.clip(0, 6))
    np.testing.assert_allclose(slopes, np.exp([-3, -0.5, 0, 0, -0.5, -3]), rtol=1e-6)


def test_a_convolution_with_a_cap_is_changed_in_its_place():
    convolution = layers.Conv2D(1, 1, activation="relu6", kernel_initializer="ones")
    assert redirected(convolution) is None
    found, slopes = values_and_slopes(lambda x: convolution(tf.reshape(x, (1, 1, -1, 1))))
    np.testing.assert_array_equal(found.ravel(), FROM_BELOW_TO_ABOVE.clip(0, 6))
    np.testing.assert_allclose(slopes, np.exp([-3, -0.5, 0, 0, -0.5, -3]), rtol=1e-6)


def test_other_layers_are_left_alone():
    for layer in (layers.ReLU(), layers.Conv2D(1, 1, activation="relu"), layers.MaxPooling2D()):
        before = getattr(layer, "activation", None)
        assert redirected(layer) is None and getattr(layer, "activation", None) is before
    assert redirected(layers.ReLU(6.0, negative_slope=0.1)) is None


def test_of_one_layer_alone_the_units_are_redirected_without_a_cap_too():
    own, other = layers.ReLU(name="own"), layers.ReLU(6.0)
    swap = redirected_unit(own)
    assert swap(other) is None and swap(own).name == "own"
    found, slopes = values_and_slopes(swap(own))
    np.testing.assert_array_equal(found, FROM_BELOW_TO_ABOVE.clip(0))
    np.testing.assert_allclose(slopes, np.exp([-3, -0.5, 0, 0, 0, 0]), rtol=1e-6)


# Turns


def test_nearer_by_one_is_the_picture_itself():
    image = values(0, (1, 13, 18, 3)).astype(np.float32)
    np.testing.assert_allclose(zoomed(image, 1.0, 0.0), image, atol=1e-6)


def test_a_quarter_turn_goes_counter_clockwise():
    image = values(0, (1, 9, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(zoomed(image, 1.0, 90.0)[0], np.rot90(image[0]), atol=1e-5)


def test_twice_as_near_shows_the_middle_half():
    ramp = np.broadcast_to(np.arange(21.0)[None, None, :, None], (1, 21, 21, 3))
    found = zoomed(ramp, 2.0, 0.0)
    assert found.dtype == np.float32 and found.shape == ramp.shape
    np.testing.assert_allclose(found[0, 10, :, 0], 5 + np.arange(21) / 2, atol=1e-5)


def test_farther_away_mirror_images_fill_the_border():
    image = values(0, (1, 21, 21, 1)).astype(np.float32)
    found = zoomed(image, 0.5, 0.0)[0, :, :, 0]
    inside = image[0, ::2, ::2, 0]
    np.testing.assert_allclose(found[5:16, 5:16], inside, atol=1e-5)
    np.testing.assert_allclose(found[:, 4], found[:, 6], atol=1e-5)
    np.testing.assert_allclose(found[4], found[6], atol=1e-5)
