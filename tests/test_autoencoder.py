"""Auto-encoders: shapes, what is derived from a picture's size, and what they are measured by."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dltk.data.examples import Pictures
from dltk.data.pixels import Pixels
from dltk.geometry import Geometry
from dltk.losses.reconstruction import CrossEntropy, SquaredError
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.models.autoencoder import CODES, LOGITS, Design, decoder_of, new_autoencoder
from dltk.models.taps import last_map
from dltk.objects import PIXELS
from recipes._autoencoder_evaluation import grid_of, shown_of
from recipes._autoencoder_measuring import compared, restored
from recipes._autoencoder_pca import as_rows, components_of

SIDE = 4


def drawn(count: int, seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Return grey pictures, uint8 (N, side, side), which differ in more ways than one."""
    random = np.random.default_rng(seed)
    basis = random.uniform(0, 60, (6, side, side))
    return np.rint(np.tensordot(random.uniform(0, 0.7, (count, 6)), basis, 1)).astype(np.uint8)


def pixels_of(pictures: np.ndarray) -> Pixels:
    """Return pictures, uint8 (N, H, W), as pixels of a training."""
    names = tuple(f"{at:03d}" for at in range(len(pictures)))
    shape = Geometry(*pictures.shape[1:], 1, fit="crop", crop=1.0)
    return Pixels(Pictures(names, list(pictures)), shape)


@pytest.mark.parametrize("preset", ["deep", "conv"])
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (8, 1)])
def test_pictures_become_codes_and_pictures(preset, size, channels):
    network = new_autoencoder(Design(preset, size, channels, codes=3))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, size, size, channels))
    made = network(pictures.astype(np.float32))
    assert made[CODES].shape == (2, 3)
    assert made[PIXELS].shape == (2, size, size, channels)
    values = np.asarray(made[PIXELS])
    assert values.min() >= 0 and values.max() <= 255 and np.ptp(values) > 1
    assert network.get_layer(LOGITS).output.shape == (None, size, size, channels)
    assert last_map(network) == CODES
    again = decoder_of(network)(made[CODES])
    np.testing.assert_allclose(again, values, atol=1e-3)


def test_sizes_are_the_papers_for_digits_and_in_proportion_for_others():
    assert Design().widths == (1000, 500, 250) and Design().numbers == 784
    assert Design(size=14).widths == (500, 250, 125)
    assert Design(size=128, channels=3).widths == (2000, 1000, 500)
    dense = [layer for layer in new_autoencoder(Design(codes=30)).layers if layer.weights]
    units = [layer.units for layer in dense]
    assert units == [1000, 500, 250, 30, 250, 500, 1000, 784]
    assert [layer.activation.__name__ for layer in dense] == [
        *["relu"] * 3, "linear", *["relu"] * 3, "linear",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "step", "maps"),
    [(8, 2, (32,)), (16, 2, (32,)), (28, 4, (32, 64)), (64, 8, (32, 64, 128)),
     (256, 32, (32, 64, 128, 256, 256))],
)  # fmt: skip
def test_maps_are_halved_to_eight_pixels_or_less(size, step, maps):
    design = Design("conv", size)
    assert (design.step, design.maps) == (step, maps) and size // step <= 8


@pytest.mark.parametrize("preset", ["deep", "conv"])
def test_a_network_begins_at_the_mean_picture(preset):
    """Without any light from the codes, pixels are the mean's; of "conv", that of the channel."""
    mean = np.random.default_rng(0).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    mean[0, 0] = 0
    network = new_autoencoder(Design(preset, 8, 3), mean)
    last = network.get_layer("flat_logits" if preset == "deep" else LOGITS)
    last.kernel.assign(np.zeros(last.kernel.shape))
    made = np.asarray(network(np.zeros((1, 8, 8, 3), np.float32))[PIXELS])[0]
    want = np.clip(mean, 0.02 * 255, 0.98 * 255)
    if preset == "conv":
        want = np.broadcast_to(mean.mean(axis=(0, 1)), mean.shape)
    np.testing.assert_allclose(made, want, rtol=1e-4)


def test_losses_are_sums_over_a_picture():
    pictures = np.array([[[[0.0], [255.0]]], [[[51.0], [51.0]]]], np.float32)
    logits = np.zeros_like(pictures)  # mid-grey
    np.testing.assert_allclose(SquaredError().call(pictures, logits), [0.5, 0.18], rtol=1e-6)
    assert float(SquaredError()(pictures, logits)) == pytest.approx(0.34)
    np.testing.assert_allclose(CrossEntropy().call(pictures, logits), [2 * np.log(2)] * 2)
    sure = np.full_like(pictures, np.log(0.2 / 0.8))
    entropy = -0.2 * np.log(0.2) - 0.8 * np.log(0.8)
    assert float(CrossEntropy().call(pictures, sure)[1]) == pytest.approx(2 * entropy, rel=1e-5)
    assert float(SquaredError().call(pictures, sure)[1]) == pytest.approx(0, abs=1e-9)


def test_principal_components_are_scikit_learns():
    train, held = drawn(40), drawn(7, seed=1)
    rows, others = (part.reshape(len(part), -1) / 255 for part in (train, held))
    ours = components_of(pixels_of(train), 3, seed=0)
    peers = PCA(3, svd_solver="full").fit(rows)
    made = restored(ours, pixels_of(held))
    codes = peers.transform(others)
    np.testing.assert_allclose(np.abs(made.codes), np.abs(codes), atol=1e-5)
    errors = ((peers.inverse_transform(codes) - others) ** 2).sum(axis=1)
    np.testing.assert_allclose(made.errors, errors, atol=1e-6)
    few = restored(ours.first(2), pixels_of(held))
    np.testing.assert_array_equal(few.codes, made.codes[:, :2])
    assert few.error > made.error


def test_the_error_of_the_training_pictures_is_the_variance_left_out():
    """Pearson 1901: what the first components do not explain is what is lost."""
    train = drawn(40)
    rows = train.reshape(40, -1) / 255
    variances = np.sort(np.linalg.eigvalsh(np.cov(rows.T, bias=True)))[::-1]
    for count in (1, 2, 5):
        made = restored(components_of(pixels_of(train), count, seed=0), pixels_of(train))
        assert made.error == pytest.approx(variances[count:].sum(), rel=1e-4)


def test_there_are_no_more_components_than_pictures():
    train = drawn(3)
    axes = components_of(pixels_of(train), 10, seed=0)
    assert axes.axes.shape == (3, SIDE * SIDE)
    assert restored(axes, pixels_of(train)).error == pytest.approx(0, abs=1e-9)


def test_no_linear_way_of_as_many_codes_is_better_than_components():
    """Neither codes by chance nor any near the components, each with the best way back."""
    train = drawn(60)
    rows = as_rows(pixels_of(train)(np.arange(60)))
    found = components_of(pixels_of(train), 2, seed=0)
    best = restored(found, pixels_of(train)).error
    random = np.random.default_rng(0)
    for spread in (1.0, 0.1, 0.01):
        noise = random.normal(0, spread, found.axes.shape)
        codes = np.column_stack([rows @ (found.axes + noise).T, np.ones(60)])
        back, *_ = np.linalg.lstsq(codes, rows, rcond=None)
        error = np.square(rows - codes @ back).sum(axis=1).mean()
        assert error > best
    assert error < 1.1 * best


def test_a_comparison_tells_errors_and_neighbours():
    """By a way whose only code is the brightness, and one whose code says nothing."""
    bright = np.repeat([20, 40, 200, 220], 3)
    pictures = np.broadcast_to(bright[:, None, None], (12, 2, 2)).astype(np.uint8)
    labels = (bright > 100).astype(int)

    def brightness(pixels):
        mean = pixels.mean(axis=(1, 2, 3))
        return {CODES: mean[:, None], PIXELS: np.broadcast_to(mean[:, None, None, None],
                                                              pixels.shape)}  # fmt: skip

    def black(pixels):
        return {CODES: np.zeros((len(pixels), 1)), PIXELS: np.zeros_like(pixels)}

    known = pixels_of(pictures), labels
    row, own, pca = compared((brightness, black), known, known)
    assert (row.codes, row.components) == (1, 1)
    assert row.error == 0 and row.accuracy == 1
    np.testing.assert_allclose(pca.errors, 4 * (bright / 255) ** 2, rtol=1e-6)
    assert row.pca_error == pytest.approx(pca.errors.mean()) and row.pca_accuracy < 1
    np.testing.assert_array_equal(own.codes[:, 0], bright)
    unknown, _, _ = compared((brightness, black), (known[0], None), (known[0], None))
    assert unknown.accuracy is None and unknown.error == 0


def test_a_picture_of_each_class_is_shown():
    assert shown_of(np.array([1, 1, 0, 2, 0]), 5) == (2, 0, 3)
    assert shown_of(None, 3) == (0, 1, 2)
    assert shown_of(None, 100) == (0, 11, 22, 33, 44, 55, 66, 77, 88, 99)
    assert shown_of(np.arange(50), 50)[-1] == 49  # too many classes: from all over the pictures


def test_a_grid_spans_the_codes_row_by_row():
    codes = np.array([[-1.0, 10.0], [1.0, 30.0]], np.float32)

    def decode(places):
        return np.repeat(places, 2, axis=1).reshape(-1, 2, 2, 1) * 4

    pictures, (left, right, bottom, top) = grid_of(decode, codes)
    assert pictures.shape == (20, 20, 2, 2, 1) and pictures.dtype == np.uint8
    assert (left, right) == pytest.approx((-0.96, 0.96))
    assert (bottom, top) == pytest.approx((10.4, 29.6))
    rows = pictures[:, 0, 1, 0, 0]  # the second code
    assert rows[0] == 42 and rows[-1] == 118 and (np.diff(rows.astype(int)) > 0).all()
    assert (pictures[:, 0, 0] == 0).all() and (pictures[:, -1, 0] == 4).all()


@pytest.mark.parametrize("preset", ["deep", "conv"])
def test_a_saved_network_gives_the_same_codes(preset, tmp_path):
    network = new_autoencoder(Design(preset, 8), np.full((8, 8, 1), 90, np.float32))
    card = ModelCard("autoencode", (), Geometry(8, 8, 1, fit="crop", crop=1.0))
    save_model(network, tmp_path / "codes.keras", card)
    again = load_model(tmp_path / "codes.keras")
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 1)).astype(np.float32)
    first, second = network(pictures), again(pictures)
    assert set(second) == {CODES, PIXELS}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
