"""What a detector learns from pictures: matching, sampling and losses together, and gradients."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.layers import RegionProposals
from dltk.losses.detection import BETA
from dltk.models.rcnn.detector import Parts
from dltk.models.rcnn.learning import Learner, Lessons
from dltk.objects import BOXES, EXTENT, IGNORED, LABELS, PADDING, PIXELS, PROPOSALS, SEEDS
from dltk.ops.boxes import pairwise_iou
from dltk.strategy import apply_precision
from dltk.training.model import TrainingModel
from tests.rcnn import twins
from tests.rcnn.tiny import made_batch, of_pictures, tiny_detector, with_proposals

LESSONS = Lessons(anchors=5, regions=6, before=25, after=12)
NEAR = Lessons(regions=4, share=0.5, least_overlap=0.1)  # as Fast R-CNN learns
BOTH = pytest.mark.parametrize("regions", ["network", "outside"])
ALL_LOSSES = ("objectness", "anchor_box", "region_class", "region_box")


@cache
def learner(regions: str = "network", lessons: Lessons | None = None) -> Learner:
    default = LESSONS if regions == "network" else NEAR
    return Learner(tiny_detector(regions), lessons or default)


def annotated(regions: str = "network") -> dict[str, np.ndarray]:
    """Return four pictures, with 0 to 3 objects, one of them ignored, and regions if needed."""
    batch = made_batch()
    batch[LABELS][3, 1] = IGNORED
    return with_proposals(batch) if regions == "outside" else batch


def losses_of(model: Learner, batch: dict) -> dict[str, np.ndarray]:
    return {name: loss.numpy() for name, loss in model(batch).items()}


def assert_same_losses(one: dict, other: dict, rtol: float = 1e-4) -> None:
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=1e-6, err_msg=name)


def noise(seed, count: int) -> np.ndarray:
    return tf.random.stateless_uniform([count], seed).numpy()


def anchor_losses(parts: Parts, batch: dict, lessons: Lessons) -> tuple[float, float]:
    """Return what the proposal network of a batch of one picture costs, anchor by anchor."""
    logits, deltas = parts.answers(parts.maps(batch[PIXELS], batch[EXTENT]))
    anchors = np.concatenate(parts.proposals.anchors(batch[PIXELS], logits))
    logits = np.concatenate([np.ravel(level) for level in logits])
    deltas = np.concatenate([np.reshape(level, (-1, 4)) for level in deltas])
    boxes, labels = batch[BOXES][0], batch[LABELS][0]
    overlaps = pairwise_iou(anchors, boxes).numpy()
    low, high = lessons.anchor_overlap
    inside = [twins.inside(anchor, boxes[labels == IGNORED]) for anchor in anchors]
    matches = twins.matched(overlaps, labels >= 0, inside, high, low, True)
    height, width = batch[EXTENT][0]
    within = [a[0] < width and a[1] < height and a[2] > 0 and a[3] > 0 for a in anchors]
    matches = np.where(within, matches, -2)
    order = noise(batch[SEEDS][0], len(anchors))
    chosen = twins.sampled(matches, order, lessons.anchors, lessons.anchors // 2)
    sure = [twins.cross_entropy([0, logits[i]], int(matches[i] >= 0)) for i in chosen]
    found = [i for i in chosen if matches[i] >= 0]
    goals = [twins.encoded(boxes[matches[i]], anchors[i], (1, 1, 1, 1)) for i in found]
    apart = twins.smooth_l1(deltas[found] - np.reshape(goals, (-1, 4)), BETA)
    return np.mean(sure), apart.sum() / len(chosen)


def region_losses(parts: Parts, batch: dict, lessons: Lessons) -> tuple[float, float]:
    """Return what the second stage of a batch of one picture costs, region by region."""
    maps = parts.maps(batch[PIXELS], batch[EXTENT])
    boxes, labels = batch[BOXES][0], batch[LABELS][0]
    if parts.rpn is None:
        regions = batch[PROPOSALS][0]
    else:
        numbers = {"before": lessons.before, "after": lessons.after}
        layer = RegionProposals.from_config(parts.proposals.get_config() | numbers)
        regions = layer(batch[PIXELS], batch[EXTENT], *parts.answers(maps))[0].numpy()
    regions = np.concatenate([regions, np.where(labels[:, None] >= 0, boxes, 0)])
    overlaps = np.where(labels >= 0, pairwise_iou(regions, boxes), 0)
    inside = [twins.inside(region, boxes[labels == IGNORED]) for region in regions]
    limit = lessons.region_overlap
    matches = twins.matched(overlaps, labels >= 0, inside, limit, limit, False)
    for number, region in enumerate(regions):
        padding = region[2] <= region[0] or region[3] <= region[1]
        far = (labels >= 0).any() and overlaps[number].max() < lessons.least_overlap
        if padding or (matches[number] == -1 and far):
            matches[number] = -2
    order = noise(batch[SEEDS][0] + 1, len(regions))
    positives = round(lessons.share * lessons.regions)
    chosen = twins.sampled(matches, order, lessons.regions, positives)
    cut = parts.region_features(parts.levels(maps), regions[None, chosen])
    scores, deltas = (each.numpy() for each in parts.box_head(cut))
    sure, apart = [], 0.0
    for number, i in enumerate(chosen):
        label = labels[matches[i]] + 1 if matches[i] >= 0 else 0
        sure.append(twins.cross_entropy(scores[number], label))
        if label:
            goal = twins.encoded(boxes[matches[i]], regions[i], parts.final_boxes.delta_weights)
            own = deltas[number, 4 * label : 4 * label + 4]
            apart += twins.smooth_l1(own - goal, BETA).sum()
    return np.mean(sure), apart / len(chosen)


@BOTH
def test_losses_are_those_of_matching_sampling_and_costs_one_after_another(regions):
    model, batch = learner(regions), annotated(regions)
    found = losses_of(model, batch)
    assert tuple(found) == model.loss_names == ALL_LOSSES[0 if regions == "network" else 2 :]
    parts = Parts.of(model.detector)
    for number in range(4):
        alone = of_pictures(batch, slice(number, number + 1))
        expected = region_losses(parts, alone, NEAR if regions == "outside" else LESSONS)
        if regions == "network":
            expected = *anchor_losses(parts, alone, LESSONS), *expected
        own = [loss[number] for loss in found.values()]
        np.testing.assert_allclose(own, expected, rtol=2e-4, atol=1e-6)
    assert all(np.isfinite(loss).all() and (loss[1:] > 0).all() for loss in found.values())


@BOTH
def test_a_pictures_losses_depend_neither_on_its_neighbours_nor_on_padding(regions):
    model, batch = learner(regions), annotated(regions)
    together = losses_of(model, batch)
    padded = batch | {
        BOXES: np.pad(batch[BOXES], ((0, 0), (0, 4), (0, 0)), constant_values=9),
        LABELS: np.pad(batch[LABELS], ((0, 0), (0, 4)), constant_values=PADDING),
    }
    assert_same_losses(losses_of(model, padded), together)
    for chosen in ([2], [3, 0]):
        alone = losses_of(model, of_pictures(batch, chosen))
        assert_same_losses(alone, {name: loss[chosen] for name, loss in together.items()})


@BOTH
def test_pictures_without_objects_teach_what_ground_is(regions):
    model, batch = learner(regions), of_pictures(annotated(regions), [0, 0])
    found = losses_of(model, batch)
    for name, loss in found.items():
        assert np.isfinite(loss).all()
        assert (loss == 0).all() if name.endswith("_box") else (loss > 0).all()
    no_places = batch | {BOXES: batch[BOXES][:, :0], LABELS: batch[LABELS][:, :0]}
    assert_same_losses(losses_of(model, no_places), found)


@BOTH
def test_nothing_is_learnt_from_ignored_objects_not_even_that_they_are_ground(regions):
    """With all that is there ignored, only what lies outside of it is ground."""
    model, batch = learner(regions), of_pictures(annotated(regions), [3])
    batch[LABELS][batch[LABELS] != PADDING] = IGNORED
    found = losses_of(model, batch)
    for name, loss in found.items():
        assert np.isfinite(loss).all() and (loss == 0).all() == name.endswith("_box")
    everywhere = np.float32([[[0, 0, 64, 64]] * 3])
    if regions == "outside":
        batch[PROPOSALS][:, :7] = 1, 1, 63, 60
        assert (losses_of(model, batch | {BOXES: everywhere})["region_class"] == 0).all()
        batch[PROPOSALS][:, :7] = 20, 30, 29, 36  # small, in the middle of a crowd
        assert (losses_of(model, batch | {BOXES: everywhere})["region_class"] == 0).all()


def test_which_regions_are_learnt_from_depends_on_a_pictures_seeds():
    model, batch = learner(), of_pictures(annotated(), [2, 2, 2])
    batch[SEEDS] = np.int32([[1, 2], [1, 2], [3, 4]])
    found = losses_of(model, batch)
    for loss in found.values():
        assert loss[0] == pytest.approx(loss[1], rel=1e-5)
    assert found["objectness"][0] != pytest.approx(found["objectness"][2], rel=1e-3)


def test_boxes_without_area_are_found_by_nothing():
    model, batch = learner(), of_pictures(annotated(), [0, 0])
    batch[LABELS][1] = 1
    batch[BOXES][1] = [[9, 9, 9, 9], [30, 20, 10, 10], [5, 5, 40, 5]]
    batch[SEEDS][1] = batch[SEEDS][0]
    for name, loss in losses_of(model, batch).items():
        assert np.isfinite(loss).all(), name
        np.testing.assert_allclose(loss[1], loss[0], rtol=1e-5)


def test_of_a_whole_picture_its_own_answer_is_learnt_and_no_other_regions():
    """However many objects there are: one region, which is to find what fills most of it."""
    lessons = Lessons(regions=1, share=1.0, region_overlap=1e-6)
    model, batch = learner("whole", lessons), made_batch()
    found = losses_of(model, batch)
    parts = Parts.of(model.detector)
    maps = parts.levels(parts.maps(batch[PIXELS], batch[EXTENT]))
    whole = np.stack([[0, 0, width, height] for height, width in batch[EXTENT]])
    cut = parts.region_features(maps, np.float32(whole[:, None]))
    scores, deltas = (each.numpy() for each in parts.box_head(cut))
    for number, (boxes, labels) in enumerate(zip(batch[BOXES], batch[LABELS], strict=True)):
        sides = boxes[:, 2:] - boxes[:, :2]
        largest = np.argmax(sides.prod(1))
        label = labels[largest] + 1
        expected = twins.cross_entropy(scores[number], label)
        assert found["region_class"][number] == pytest.approx(expected, rel=1e-4)
        cost = 0.0
        if label:
            goal = twins.encoded(boxes[largest], whole[number], parts.final_boxes.delta_weights)
            cost = twins.smooth_l1(deltas[number, 4 * label : 4 * label + 4] - goal, BETA).sum()
        assert found["region_box"][number] == pytest.approx(cost, rel=1e-4)


def gradients(model: Learner, batch: dict) -> list[np.ndarray]:
    """Return those of the mean over pictures of the sum of losses."""

    with tf.GradientTape() as tape:
        total = tf.add_n([tf.reduce_mean(loss) for loss in model(batch).values()])
    return [each.numpy() for each in tape.gradient(total, model.trainable_variables)]


@BOTH
def test_all_parts_learn_and_two_halves_of_a_batch_learn_what_the_whole_does(regions):
    model, batch = learner(regions), annotated(regions)
    whole = gradients(model, batch)
    parts = Parts.of(model.detector)
    assert len(whole) == len(model.detector.trainable_weights)
    names = {
        weight.path: each for weight, each in zip(model.trainable_variables, whole, strict=True)
    }
    for part in ("stem", "next", "inner0", "layer0", "fc6", "fc7", "cls_score", "bbox_pred"):
        kernels = [each for path, each in names.items() if path.endswith(f"{part}/kernel")]
        assert kernels and all(np.any(each) for each in kernels), part
    assert (parts.rpn is None) or np.any(names["conv0/kernel"])
    halves = [gradients(model, of_pictures(batch, half)) for half in ([0, 1], [2, 3])]
    for one, first, second in zip(whole, *halves, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one, (first + second) / 2, rtol=1e-3, atol=1e-5)


def test_a_frozen_backbone_does_not_learn_and_all_else_does_without_objects_too():
    detector = tiny_detector()
    Parts.of(detector).backbone.trainable = False
    model = Learner(detector, LESSONS)
    assert not any("stem" in weight.path for weight in model.trainable_variables)
    assert len(model.trainable_variables) == len(detector.weights) - 4
    found = gradients(model, of_pictures(annotated(), [0]))
    assert all(np.isfinite(each).all() for each in found) and np.any(found[0])


def test_in_half_precision_losses_are_nearly_the_same():
    model, batch = Learner(tiny_detector("outside"), NEAR), annotated("outside")
    exact = losses_of(model, batch)
    apply_precision(model.detector, "bfloat16")
    assert_same_losses(losses_of(model, batch), exact, rtol=0.03)


def test_a_detector_learns_after_a_classifier_in_one_process():
    inputs = keras.Input((2,))
    TrainingModel(inputs, keras.layers.Dense(2)(inputs))  # of which Keras makes a functional class
    assert_same_losses(
        losses_of(Learner(tiny_detector(), LESSONS), annotated()), losses_of(learner(), annotated())
    )
