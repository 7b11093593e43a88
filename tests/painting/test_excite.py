"""Pictures that excite a unit: their Fourier basis, their transforms, and that they excite it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dltk.errors import UsageError
from dltk.models.laid_open import SCORES, see_layers
from dltk.painting.excite import Exciter
from dltk.painting.fourier import FourierPicture
from dltk.painting.transforms import GREY, draw_transform, transform
from dltk.painting.watch import PaintingStoppedError, Watch

# The Fourier basis


@pytest.mark.parametrize("size", [(8, 12), (7, 9), (1, 1), (1, 6)])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_coefficients_are_a_grey_picture(size, channels):
    picture = FourierPicture(*size, channels)
    pixels = picture(tf.zeros(picture.shape))
    assert pixels.shape == (1, *size, channels) and (pixels.numpy() == GREY).all()


def test_the_constant_term_is_a_plain_colour():
    picture = FourierPicture(6, 10)
    coefficients = np.zeros(picture.shape, np.float32)
    coefficients[0, 0, 0, 0] = 0.5
    # 0.5 · sqrt(60) / (1 / 10), of 60 places, divided by 4; times the first axis of colour
    level = 0.5 * 60**0.5 * 10 / 60 / 4
    axis = np.array([0.26, 0.27, 0.27]) / np.linalg.norm([0.26, 0.27, 0.27])
    expected = np.broadcast_to(255 / (1 + np.exp(-level * axis)), (1, 6, 10, 3))
    np.testing.assert_allclose(picture(coefficients), expected, rtol=1e-5)


def test_a_coefficient_is_a_wave_of_its_frequency_and_weaker_the_finer_it_is():
    picture = FourierPicture(16, 16, 1)

    def waves(row, column):
        coefficients = np.zeros(picture.shape, np.float32)
        coefficients[0, 0, row, column] = 0.1
        pixels = np.asarray(picture(coefficients), np.float64)[0, :, :, 0] / 255
        return np.log(pixels / (1 - pixels))

    for row, column, frequency in [(0, 2, 2), (4, 0, 4), (3, 4, 5)]:
        found = waves(row, column)
        spectrum = np.abs(np.fft.rfft2(found))
        assert np.unravel_index(spectrum.argmax(), spectrum.shape) == (row, column)
        # 2 · 0.1 · sqrt(256) / (frequency / 16) of 256 places, divided by 4; without the factor
        # 2 where the half spectrum has the mirrored wave too
        doubled = 2 if column else 1
        expected = doubled * 0.1 * 16 / (frequency / 16) / 256 / 4
        assert found[0, 0] == pytest.approx(expected, rel=1e-3)


def test_the_axes_of_colour_are_brightness_and_two_of_hue():
    picture = FourierPicture(4, 4)
    away = []
    for axis in range(3):
        coefficients = np.zeros(picture.shape, np.float32)
        coefficients[0, axis, 0, 0] = 8
        away.append(picture(coefficients).numpy()[0, 0, 0] - GREY)
    bright, red_blue, green = away
    assert bright.min() > 0.9 * bright.max() > 0
    assert (
        red_blue[0] > 20
        and abs(red_blue[1]) < 1
        and red_blue[2] == pytest.approx(-red_blue[0], rel=0.1)
    )
    assert green[1] < 0 < min(green[0], green[2])


def test_the_first_picture_is_almost_grey_and_another_for_every_seed():
    picture = FourierPicture(32, 48)
    one, again, other = (picture(picture.start(seed)).numpy() for seed in (3, 3, 4))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert 0 < np.abs(one - GREY).mean() < 6


# Transforms


def pixels(height=6, width=8, channels=3):
    random = np.random.default_rng(0)
    return tf.constant(random.uniform(0, 255, (1, height, width, channels)), tf.float32)


def affine(*numbers):
    return tf.constant([*numbers, 0, 0], tf.float32)


def test_the_identity_leaves_the_picture_as_it_is():
    np.testing.assert_allclose(transform(pixels(), affine(1, 0, 0, 0, 1, 0)), pixels(), atol=1e-4)


def test_a_shift_lets_grey_in():
    found = transform(pixels(), affine(1, 0, 2, 0, 1, -1)).numpy()
    np.testing.assert_allclose(found[:, 1:, :-2], pixels()[:, :-1, 2:], atol=1e-4)
    assert (found[:, 0] == GREY).all() and (found[:, :, -2:] == GREY).all()


def test_half_a_pixel_is_a_mean_of_two():
    found = transform(pixels(), affine(1, 0, 0.5, 0, 1, 0)).numpy()
    middle = (pixels()[:, :, :-1] + pixels()[:, :, 1:]) / 2
    np.testing.assert_allclose(found[:, :, :-1], middle, atol=1e-3)


def test_the_gradient_goes_back_where_the_pixels_came_from():
    upstream = pixels()
    with tf.GradientTape() as tape:
        x = pixels()
        tape.watch(x)
        y = transform(x, affine(1, 0, 2, 0, 1, -1))
    slopes = tape.gradient(y, x, upstream).numpy()
    np.testing.assert_allclose(slopes[:, :-1, 2:], upstream[:, 1:, :-2], atol=1e-3)
    assert (slopes[:, :, :2] == 0).all() and (slopes[:, -1] == 0).all()


@pytest.mark.parametrize(("size", "most"), [((128, 200), 4 + 2 * 1.2), ((16, 16), 1)])
def test_transforms_are_small_turns_scales_and_shifts_about_the_centre(size, most):
    found = [draw_transform(5, step, *size).astype(float) for step in range(300)]
    for a, b, c, d, e, f, *rest in found:
        assert rest == [0, 0]
        scale = 1 / np.hypot(a, b)
        assert 0.899 < scale < 1.101 and abs(np.degrees(np.arctan2(b, a))) < 10.01
        assert (a, b) == pytest.approx((e, -d))  # neither sheared nor mirrored
        x, y = (size[1] - 1) / 2, (size[0] - 1) / 2
        assert max(abs(a * x + b * y + c - x), abs(d * x + e * y + f - y)) <= most
    assert np.mean(found, axis=0)[[0, 1, 3, 4]] == pytest.approx([1, 0, 0, 1], abs=0.03)


def test_a_transform_depends_on_seed_and_step_alone():
    one = draw_transform(1, 2, 64, 64)
    np.random.default_rng(0).normal(size=9)
    assert np.array_equal(draw_transform(1, 2, 64, 64), one)
    assert len({draw_transform(*each, 64, 64).tobytes() for each in [(1, 2), (2, 1), (1, 3)]}) == 3


# Exciting


def convnet() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((24, 24, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(4, 5, strides=2, activation="relu", name="deep")(x)
    return keras.Model(inputs, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(x)))


def exciter(model, layer, method, *, size=(24, 24), l2=0.0) -> Exciter:
    network = see_layers(model, [layer], any_size=False)
    return Exciter(network, layer, size=size, method=method, l2=l2)


@pytest.mark.parametrize("method", ["fourier", "simonyan"])
@pytest.mark.parametrize(("layer", "units"), [("deep", 4), (SCORES, 3)])
def test_what_is_painted_excites_its_unit_more_than_any_other_picture(method, layer, units):
    painter = exciter(convnet(), layer, method)
    network = see_layers(convnet(), [layer], any_size=False)
    found = []
    for unit in range(units):
        watch = Watch("unit")
        direction = np.eye(units, dtype=np.float32)[unit]
        found.append(painter.paint(direction, steps=60, seed=0, watch=watch).numpy()[0])
        trace = [-step["minus_activation"] for step in watch.trace]
        assert len(trace) == 60 and np.mean(trace[-20:]) > trace[0]
    answers = np.asarray(network(np.stack(found))[layer]).reshape(units, -1, units).mean(axis=1)
    assert (answers.argmax(axis=0) == range(units)).all()


def linear(kernel) -> keras.Model:
    inputs = keras.Input(kernel.shape[:3])
    dense = layers.Dense(kernel.shape[3], "softmax", use_bias=False)
    model = keras.Model(inputs, dense(layers.Flatten()(inputs)))
    dense.set_weights([kernel.reshape(-1, kernel.shape[3])])
    return model


def test_the_picture_of_a_linear_classifiers_class_points_along_its_weights():
    kernel = np.random.default_rng(1).normal(size=(6, 5, 3, 2)).astype(np.float32)
    painter = exciter(linear(kernel), SCORES, "simonyan", size=(6, 5), l2=1e4)
    for unit in range(2):
        away = painter.paint(np.eye(2)[unit], steps=60, seed=0, watch=Watch("")).numpy()[0] - GREY
        weights = kernel[..., unit]
        cosine = (away * weights).sum() / np.linalg.norm(away) / np.linalg.norm(weights)
        assert cosine > 0.98


def test_the_penalty_holds_pixels_near_grey():
    kernel = np.random.default_rng(1).normal(size=(6, 5, 3, 2)).astype(np.float32)

    def spread(l2):
        painter = exciter(linear(kernel), SCORES, "simonyan", size=(6, 5), l2=l2)
        watch = Watch("")
        found = painter.paint(np.eye(2)[0], steps=40, seed=0, watch=watch)
        assert ("l2" in watch.trace[0]) == (l2 > 0)
        return float(tf.math.reduce_std(found))

    assert spread(0) > spread(1e4) > spread(1e6)


def test_the_penalty_is_the_mean_square_of_pixels_from_minus_1_to_1():
    seen = []
    watch = Watch("", snapshot_every=1, on_snapshot=lambda step, pixels: seen.append(pixels))
    exciter(convnet(), "deep", "simonyan", l2=3.0).paint(np.eye(4)[0], steps=4, seed=0, watch=watch)
    expected = [3 * np.mean((np.asarray(each) / 127.5 - 1) ** 2) for each in seen]
    assert [step["l2"] for step in watch.trace] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["fourier", "simonyan"])
def test_a_seed_always_gives_the_same_picture(method):
    def painted(seed):
        watch = Watch("")
        return exciter(convnet(), "deep", method).paint(
            np.eye(4)[1], steps=4, seed=seed, watch=watch
        )

    one, again, other = (painted(seed).numpy() for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one.min() >= 0 and one.max() <= 255


def test_faint_pictures_are_shown_with_contrast():
    painter = exciter(convnet(), "deep", "simonyan")
    faint = GREY + np.linspace(-1, 1, 1000, dtype=np.float32).reshape(1, 10, 100, 1)
    shown = painter.shown(faint)
    assert (
        shown.min() == 0 and shown.max() == 255 and 0.98 < (np.abs(shown - GREY) < GREY).mean() < 1
    )
    assert shown[0, 5, 0, 0] == pytest.approx(GREY, abs=1)
    assert (painter.shown(np.full((1, 4, 4, 3), GREY)) == GREY).all()
    bright = np.full((1, 4, 4, 3), 200.0)
    assert exciter(convnet(), "deep", "fourier").shown(bright) is bright


def test_an_unknown_method_is_told():
    with pytest.raises(UsageError, match='method "sgd" is none of fourier, simonyan'):
        exciter(convnet(), "deep", "sgd")


def test_what_is_not_finite_stops_and_keeps_the_last_good_picture():
    model = convnet()
    kernel, bias = model.get_layer("deep").get_weights()
    model.get_layer("deep").set_weights([kernel, bias + np.inf])  # ReLU of nan may be 0
    watch = Watch("")
    with pytest.raises(PaintingStoppedError, match="minus_activation is nan at step 1 of 5"):
        exciter(model, "deep", "fourier").paint(np.eye(4)[0], steps=5, seed=0, watch=watch)


@pytest.mark.parametrize("method", ["fourier", "simonyan"])
def test_a_dead_unit_is_told(method):
    model = convnet()
    kernel, bias = model.get_layer("deep").get_weights()
    model.get_layer("deep").set_weights([kernel, bias - 1e4])
    with pytest.raises(PaintingStoppedError, match="nothing excites it"):
        exciter(model, "deep", method, l2=1.0).paint(np.eye(4)[0], steps=3, seed=0, watch=Watch(""))


@pytest.mark.parametrize("method", ["fourier", "simonyan"])
def test_scores_without_a_gradient_are_told(method):
    inputs = keras.Input((6, 5, 3))
    votes = keras.ops.one_hot(keras.ops.argmax(layers.Flatten()(inputs), axis=-1), 90)
    painter = exciter(keras.Model(inputs, votes), SCORES, method, size=(6, 5), l2=10.0)
    with pytest.raises(UsageError, match="the scores have no gradient"):
        painter.paint(np.eye(90)[0], steps=3, seed=0, watch=Watch(""))
