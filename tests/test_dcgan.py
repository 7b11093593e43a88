"""DCGAN's networks: what the paper says they are made of, and what comes out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import Spectral
from dltk.models.gan.dcgan import (
    SIZES,
    UPSAMPLINGS,
    Design,
    new_discriminator,
    new_generator,
)
from dltk.objects import PIXELS
from dltk.opponents import CLASSES, NOISE

SMALL = {"width": 4, "noise": 6}


def noise(count: int, size: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, size)).astype(np.float32)


def test_the_papers_generator_has_the_papers_layers():
    """Fig. 1: 100 numbers, 1024 × 4 × 4, 512 × 8 × 8, 256 × 16 × 16, 128 × 32 × 32, 3 × 64 × 64."""
    generator = new_generator(Design(width=128))
    maps = [generator.get_layer("map"), *(generator.get_layer(f"finer{at}") for at in range(3))]
    assert [layer.output.shape[1:] for layer in maps] == [
        (4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128)
    ]  # fmt: skip
    kernels = 100 * 16 * 1024 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3
    norms = 2 * (1024 + 512 + 256 + 128)
    trained = sum(int(np.prod(weight.shape)) for weight in generator.trainable_weights)
    assert trained == kernels + norms


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_pictures_of_every_size_are_made_and_scored(size, channels):
    design = Design(size, channels, **SMALL)
    generator, discriminator = new_generator(design), new_discriminator(design)
    pictures = generator({NOISE: noise(2)}, training=False).numpy()
    assert pictures.shape == (2, size, size, channels) and pictures.dtype == np.float32
    assert 0 <= pictures.min() < pictures.max() <= 255
    scores = discriminator({PIXELS: pictures}, training=False)
    assert scores.shape == (2,) and scores.dtype == "float32"
    maps = [layer for layer in discriminator.layers if layer.name.startswith("coarser")]
    assert maps[-1].output.shape[1:3] == (design.start,) * 2
    widths = [layer.output.shape[-1] for layer in maps]
    assert widths == design.widths[::-1] and max(widths) <= 16 * 4


def test_what_is_repeated_has_no_checkerboard():
    """One place of a coarse map reaches all fine ones alike; by strides of 2, 5 by 5 does not."""
    power = {}
    for upsampling in UPSAMPLINGS:
        keras.utils.set_random_seed(0)
        generator = new_generator(Design(32, 1, width=16, upsampling=upsampling))
        pictures = generator({NOISE: noise(32, 100)}, training=True).numpy()[..., 0]
        assert pictures.shape == (32, 32, 32)
        waves = np.abs(np.fft.fft2(pictures - pictures.mean())).mean(0)
        power[upsampling] = waves[16, 16] / waves.mean()
    assert power["nearest"] < 0.5 * power["transposed"]


def test_weights_begin_as_in_the_paper():
    keras.utils.set_random_seed(0)
    networks = new_generator(Design(width=32)), new_discriminator(Design(width=32))
    for weight in (weight for network in networks for weight in network.trainable_weights):
        values = np.asarray(weight)
        if weight.name == "gamma":
            assert abs(values.mean() - 1) < 0.01 and 0.01 < values.std() < 0.03
        elif weight.name == "kernel":
            assert values.std() == pytest.approx(0.02, rel=0.05)
        else:
            assert not values.any()


def test_classes_change_pictures_and_scores():
    design = Design(32, 3, classes=5, **SMALL)
    generator, discriminator = new_generator(design), new_discriminator(design)
    same = np.repeat(noise(1), 5, axis=0)
    pictures = generator({NOISE: same, CLASSES: np.arange(5)}, training=False).numpy()
    assert len({picture.tobytes() for picture in pictures}) == 5
    one = np.repeat(pictures[:1], 5, axis=0)
    scores = discriminator({PIXELS: one, CLASSES: np.arange(5)}, training=False).numpy()
    seen = keras.Model(discriminator.input[PIXELS], discriminator.get_layer("seen").output)(one)
    told = discriminator.get_layer("class").get_weights()[0]
    plain = discriminator.get_layer("score")(seen).numpy()[:, 0]
    np.testing.assert_allclose(scores, plain + told @ seen.numpy()[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_spectral_normalisation_holds_every_layer_in(classes):
    """In what a layer gives, that is: its weights stay as they are."""
    design = Design(32, 3, spectral=True, classes=classes, **SMALL)
    discriminator = new_discriminator(design)
    assert not [layer for layer in discriminator.layers if layer.name.startswith("norm")]
    held = [layer for layer in discriminator.layers if layer.name.startswith("held")]
    assert len(held) == 4 + bool(classes)
    inputs = {PIXELS: np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)}
    inputs |= {CLASSES: np.arange(4) % 3} if classes else {}
    before = [np.array(layer.layer.get_weights()[0]) for layer in held]
    for _ in range(60):  # each step comes nearer to the largest singular value
        discriminator(inputs, training=True)
    for layer, weights in zip(held, before, strict=True):
        np.testing.assert_array_equal(layer.layer.get_weights()[0], weights)
        largest = np.linalg.norm(weights.reshape(-1, weights.shape[-1]), 2)
        assert float(layer._sigma(False)) == pytest.approx(largest, rel=0.01)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_held_layer_gives_what_divided_weights_would(precision):
    random = np.random.default_rng(0)
    inner = keras.layers.Conv2D(4, 3, strides=2, padding="same", bias_initializer="ones")
    inner.dtype_policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    held, pixels = Spectral(inner), random.normal(size=(2, 8, 8, 3)).astype(np.float32)
    for _ in range(50):
        held(pixels, training=True)
    kernel = np.asarray(inner.get_weights()[0])
    sigma = np.linalg.norm(kernel.reshape(-1, 4), 2)
    plain = keras.layers.Conv2D(4, 3, strides=2, padding="same")
    plain(pixels)
    plain.set_weights([kernel / sigma, np.ones(4)])
    found, wanted = held(pixels).numpy(), plain(pixels).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=0.03 if precision == "bfloat16" else 3e-3)


def test_gradients_of_a_held_layer_go_through_its_norm():
    """Of Dense layers with one output, of x·w / |w|, they are at right angles to the weights."""
    held = Spectral(keras.layers.Dense(1, use_bias=False))
    x = np.array([[3.0, 4.0, 1.0]], np.float32)
    with tf.GradientTape() as tape:
        given = held(x, training=True)
    (slope,) = tape.gradient(given, held.trainable_variables)
    weights = held.trainable_variables[0].numpy()
    expected = x.T / np.linalg.norm(weights)
    expected -= weights * (x @ weights) / np.linalg.norm(weights) ** 3
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_without_batch_normalisation_pictures_are_scored_by_themselves():
    discriminator = new_discriminator(Design(32, 1, batch_norm=False, **SMALL))
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    together = discriminator({PIXELS: pictures}, training=True).numpy()
    alone = [discriminator({PIXELS: each[None]}, training=True).numpy()[0] for each in pictures]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_generator_is_the_same_from_its_file(tmp_path):
    generator = new_generator(Design(28, 1, classes=3, **SMALL))
    generator.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    inputs = {NOISE: noise(3), CLASSES: np.arange(3)}
    np.testing.assert_array_equal(again(inputs), generator(inputs))
