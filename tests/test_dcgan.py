"""DCGAN's networks: what the paper says they are made of, and what comes out."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dltk.models.gan.dcgan import (
    SIZES,
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


def test_spectral_normalisation_holds_every_layer_in():
    design = Design(32, 3, spectral=True, **SMALL)
    discriminator = new_discriminator(design)
    assert not [layer for layer in discriminator.layers if layer.name.startswith("norm")]
    pictures = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    for _ in range(40):  # each step comes nearer to the largest singular value
        discriminator({PIXELS: pictures}, training=True)
    held = [layer for layer in discriminator.layers if layer.name.startswith("held")]
    assert len(held) == 4
    for layer in held:
        kernel = np.asarray(layer.layer.kernel)
        largest = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        assert largest == pytest.approx(1, abs=0.02)


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
