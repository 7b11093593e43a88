"""What a segmenter learns from, worked by hand, by loops and by PyTorch."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import tensorflow as tf

from dltk.errors import UsageError
from dltk.losses.segmentation import (
    WEIGHTINGS,
    class_weights,
    dice_loss,
    focal_loss,
    pixel_cross_entropy,
)
from dltk.masks import IGNORE
from tests.rcnn.running import assert_same_in_graph
from tests.torchvision_peer import needs_torchvision

# Two pixels that count and one that does not; the true classes are given 1/2 and 1/8.
ODDS = np.float32([[[[0.5, 0.25, 0.25], [0.5, 0.375, 0.125], [0.9, 0.05, 0.05]]]])
SCORES, MASK = np.log(ODDS), np.uint8([[[0, 2, IGNORE]]])
LOSSES = [pixel_cross_entropy, focal_loss, dice_loss]

TORCH = """
import sys, numpy as np, torch
from torch.nn.functional import cross_entropy
given = np.load(sys.argv[1])
scores = torch.from_numpy(given["scores"]).permute(0, 3, 1, 2).requires_grad_()
mask, weights = torch.from_numpy(given["mask"].astype("int64")), torch.from_numpy(given["weights"])
losses = torch.stack([
    cross_entropy(one[None], true[None], weights, ignore_index=255)
    for one, true in zip(scores, mask)
])
losses.sum().backward()
slopes = scores.grad.permute(0, 2, 3, 1).numpy()
np.savez(sys.argv[2], losses=losses.detach().numpy(), slopes=slopes)
"""


def made(seed: int = 0, pictures: int = 3, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Scores and label maps of which the last class never occurs and a tenth is ignored."""
    random = np.random.default_rng(seed)
    scores = random.normal(scale=2, size=(pictures, 6, 7, classes)).astype(np.float32)
    mask = random.integers(0, classes - 1, scores.shape[:3]).astype(np.uint8)
    mask[random.random(mask.shape) < 0.1] = IGNORE
    return scores, mask


def softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(np.float64(scores) - scores.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def by_pixels(scores, mask, weights=None, gamma=0.0) -> list[float]:
    """Cross-entropy, or focal loss, of each picture, pixel by pixel."""
    losses = []
    for given, labels in zip(softmax(scores), mask, strict=True):
        total = weight = 0.0
        for odds, label in zip(given.reshape(-1, given.shape[-1]), labels.ravel(), strict=True):
            if label != IGNORE:
                own = 1.0 if weights is None else weights[label]
                total += own * (1 - odds[label]) ** gamma * -np.log(odds[label])
                weight += own
        losses.append(total / weight)
    return losses


def by_classes(scores, mask, smooth) -> list[float]:
    """Dice loss of each picture, class by class."""
    losses = []
    for given, labels in zip(softmax(scores), mask, strict=True):
        dice = []
        for label in set(labels.ravel().tolist()) - {IGNORE}:
            true = (labels == label)[labels != IGNORE]
            odds = given[..., label][labels != IGNORE]
            parts = 2 * odds[true].sum() + smooth, (odds**2).sum() + true.sum() + smooth
            dice.append(parts[0] / parts[1])
        losses.append(1 - np.mean(dice))
    return losses


def slopes(loss, scores, *others):
    with tf.GradientTape() as tape:
        given = tf.Variable(scores)
        total = tf.reduce_sum(loss(given, *others))
    return tape.gradient(total, given).numpy()


def test_cross_entropy_is_the_mean_over_pixels_that_count():
    expected = (np.log(2) + np.log(8)) / 2
    np.testing.assert_allclose(pixel_cross_entropy(SCORES, MASK), [expected], rtol=1e-6)


def test_weights_weigh_the_pixels_of_a_picture_against_each_other():
    """Three parts of the first, one of the second, whatever their sum; a lone class is itself."""
    expected = (3 * np.log(2) + np.log(8)) / 4
    for scale in (1, 100):
        weights = np.float32([3, 7, 1]) * scale
        found = pixel_cross_entropy(SCORES, MASK, weights)
        np.testing.assert_allclose(found, [expected], rtol=1e-6)
    alone = np.uint8([[[0, 0, IGNORE]]])
    np.testing.assert_allclose(pixel_cross_entropy(SCORES, alone, weights), [np.log(2)], rtol=1e-6)


def test_focal_loss_plays_down_what_is_decided():
    expected = (0.5**2 * np.log(2) + 0.875**2 * np.log(8)) / 2
    np.testing.assert_allclose(focal_loss(SCORES, MASK), [expected], rtol=1e-6)
    weighted = (3 * 0.5**2 * np.log(2) + 0.875**2 * np.log(8)) / 4
    found = focal_loss(SCORES, MASK, weights=np.float32([3, 7, 1]))
    np.testing.assert_allclose(found, [weighted], rtol=1e-6)


def test_dice_is_of_the_classes_in_the_label_map():
    """Of the two there are: 2·½ / (½² + ½² + 1) and 2·⅛ / (¼² + ⅛² + 1), a pixel more in each."""
    first = (2 * 0.5 + 1) / (0.5**2 + 0.5**2 + 1 + 1)
    third = (2 * 0.125 + 1) / (0.25**2 + 0.125**2 + 1 + 1)
    found = dice_loss(SCORES, MASK)
    np.testing.assert_allclose(found, [1 - (first + third) / 2], rtol=1e-6)


def test_what_is_certain_and_right_costs_nothing():
    mask = np.uint8([[[0, 1], [IGNORE, 2]]])
    scores = 50 * np.eye(4, dtype=np.float32)[mask % 4]
    for loss in LOSSES:
        np.testing.assert_allclose(loss(scores, mask), [0], atol=1e-6)
        assert loss(-scores, mask) > 0.5


def test_losses_of_pictures_are_those_of_loops():
    scores, mask = made()
    weights = np.float32([1, 0.5, 4, 0, 3])
    for found, expected in (
        (pixel_cross_entropy(scores, mask), by_pixels(scores, mask)),
        (pixel_cross_entropy(scores, mask, weights), by_pixels(scores, mask, weights)),
        (focal_loss(scores, mask, 3.0), by_pixels(scores, mask, gamma=3)),
        (focal_loss(scores, mask, 0.5, weights), by_pixels(scores, mask, weights, 0.5)),
        (dice_loss(scores, mask), by_classes(scores, mask, 1)),
        (dice_loss(scores, mask, 0.0), by_classes(scores, mask, 0)),
    ):
        assert found.dtype == tf.float32 and found.shape == (3,)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_focal_loss_without_focus_is_cross_entropy():
    scores, mask = made(1)
    found, plain = focal_loss(scores, mask, 0.0), pixel_cross_entropy(scores, mask)
    np.testing.assert_allclose(found, plain, rtol=1e-6)
    np.testing.assert_allclose(
        slopes(focal_loss, scores, mask, 0.0), slopes(pixel_cross_entropy, scores, mask), atol=1e-7
    )


@needs_torchvision
def test_cross_entropy_is_that_of_pytorch(tmp_path):
    scores, mask = made(2)
    weights = np.float32([1, 0.5, 4, 0.1, 3])
    np.savez(tmp_path / "given.npz", scores=scores, mask=mask, weights=weights)
    command = ["/usr/bin/python3", "-c", TORCH, tmp_path / "given.npz", tmp_path / "theirs.npz"]
    subprocess.run(command, check=True)
    with np.load(tmp_path / "theirs.npz") as theirs:
        found = pixel_cross_entropy(scores, mask, weights)
        np.testing.assert_allclose(found, theirs["losses"], rtol=1e-5)
        found = slopes(pixel_cross_entropy, scores, mask, weights)
        np.testing.assert_allclose(found, theirs["slopes"], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_classes_can_change_their_places(loss):
    scores, mask = made(3)
    order = np.array([3, 0, 4, 1, 2])  # where each class comes from
    places = np.append(np.argsort(order), [IGNORE] * 251)
    turned = places[mask].astype(np.uint8)
    np.testing.assert_allclose(loss(scores[..., order], turned), loss(scores, mask), rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_pixels_have_no_part_in_loss_and_gradient(loss):
    scores, mask = made(4)
    changed = np.where((mask == IGNORE)[..., None], scores + 9, scores)
    np.testing.assert_allclose(loss(changed, mask), loss(scores, mask), rtol=1e-6)
    found = slopes(loss, scores, mask)
    assert not found[mask == IGNORE].any() and np.abs(found[mask != IGNORE]).min() > 0
    np.testing.assert_allclose(found.sum(axis=-1), 0, atol=1e-6)  # scores are known but for a sum


@pytest.mark.parametrize("loss", LOSSES)
def test_a_picture_that_is_all_ignored_costs_nothing(loss):
    scores, mask = made(5)
    mask[1] = IGNORE
    found, alone = loss(scores, mask), loss(scores[:1], mask[:1])
    assert found[1] == 0 and found[2] > 0
    np.testing.assert_allclose(found[0], alone[0], rtol=1e-6)
    assert np.isfinite(slopes(loss, scores, mask)).all()
    assert not slopes(loss, scores, mask)[1].any()


def test_a_picture_of_classes_without_weight_costs_nothing():
    weights = np.float32([0, 1, 0])
    for loss in (pixel_cross_entropy, lambda *given: focal_loss(*given[:2], weights=given[2])):
        assert loss(SCORES, MASK, weights) == 0
        assert not slopes(loss, SCORES, MASK, weights).any()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_gradients_are_finite_however_sure_the_network_is(gamma):
    mask = np.uint8([[[0, 1, IGNORE, 0]]])
    scores = np.float32([[[[1e4, 0], [1e4, 0], [1e4, -1e4], [0, 0]]]])
    for loss, *more in ((focal_loss, gamma), (dice_loss, 0.0), (pixel_cross_entropy,)):
        assert np.isfinite(loss(scores, mask, *more)).all()
        assert np.isfinite(slopes(loss, scores, mask, *more)).all()


def test_label_maps_may_be_of_any_whole_numbers_and_graphs_of_any_shape():
    scores, mask = made(6)
    weights = np.float32([1, 2, 3, 4, 5])
    for loss in LOSSES:
        assert_same_in_graph(loss, scores, mask)
        wide = loss(scores, mask.astype(np.int32))
        np.testing.assert_array_equal(wide, loss(scores, mask))
    assert_same_in_graph(pixel_cross_entropy, scores, mask, weights)


def test_each_replica_has_the_losses_of_its_pictures():
    scores, mask = made(7, pictures=4)
    for loss in LOSSES:
        halves = [loss(scores[half], mask[half]) for half in (slice(2), slice(2, 4))]
        np.testing.assert_allclose(np.concatenate(halves), loss(scores, mask), rtol=1e-6)


def test_class_weights_worked_by_hand():
    counts = np.array([60, 30, 0, 10])
    expected = {
        "none": [1, 1, 1, 1],
        "balanced": [0.5 / 1.5, 1 / 1.5, 0, 3 / 1.5],
        "median": [0.3 / 0.6, 1, 0, 3],
        "log": [1 / np.log(1.62), 1 / np.log(1.32), 0, 1 / np.log(1.12)],
    }
    assert tuple(expected) == WEIGHTINGS
    for how, values in expected.items():
        found = class_weights(counts, how)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, rtol=1e-6)


def test_the_median_balances_by_the_pictures_that_have_a_class():
    """Class 1 is a fifth of the one picture that has it, class 2 a half; 0 is 0.65 of both."""
    counts = np.array([[80, 20, 0], [50, 0, 50]])
    found = class_weights(counts, "median")
    np.testing.assert_allclose(found, [0.5 / 0.65, 0.5 / 0.2, 1], rtol=1e-6)
    for how in ("balanced", "log"):
        np.testing.assert_allclose(class_weights(counts, how), class_weights(counts.sum(0), how))


@pytest.mark.parametrize("how", ["balanced", "median"])
def test_a_class_of_one_pixel_weighs_50_times_as_much_as_another_at_most(how):
    found = class_weights(np.array([10**9, 10**8, 1, 0]), how)
    np.testing.assert_allclose(found / found[0], [1, 10, 50, 0], rtol=1e-6)
    if how == "balanced":
        assert found[:3].mean() == pytest.approx(1)


def test_weights_of_enet_end_below_51():
    found = class_weights(np.array([10**9, 1]), "log")
    np.testing.assert_allclose(found, [1 / np.log(2.02), 1 / np.log(1.02)], rtol=1e-6)
    assert found.min() > 1 and found.max() < 51


def test_without_pixels_nothing_weighs_anything():
    for how in WEIGHTINGS[1:]:
        assert class_weights(np.zeros(3, np.int64), how).tolist() == [0, 0, 0]


def test_other_weightings_are_refused():
    with pytest.raises(UsageError, match="by none, balanced, median, log, not by inverse"):
        class_weights(np.array([1, 2]), "inverse")
