"""What becomes of each detection and object, and VOC's measure, against slow loops."""

import math

import numpy as np
import pytest

from dltk.metrics import measure_detections
from dltk.metrics.iou import overlaps
from dltk.metrics.mistakes import OUTCOMES, judge
from dltk.metrics.voc import all_point_ap, eleven_point_ap
from dltk.objects import Detections, Objects
from tests.test_detection_metrics import CLASSES, made


def square(left, top, side=20):
    return (left, top, left + side, top + side)


def said(judgement):
    return [OUTCOMES[outcome] for outcome in judgement.outcomes]


def test_each_mistake_is_called_by_its_name():
    # An ant at 0, a bee at 100, and an elk at 200 that does not count.
    truth = Objects.of(
        [square(0, 0), square(100, 0), square(200, 0)], [0, 1, 4], [False, False, True]
    )
    of_ants = {
        square(1, 0): "right",
        square(0, 1): "duplicate",
        square(10, 0): "misplaced",  # a third
        square(101, 0): "wrong class",
        square(110, 0): "wrong class, misplaced",
        square(18, 0): "background",  # less than a tenth
        square(400, 400): "background",
    }
    scores = np.linspace(0.9, 0.3, len(of_ants))
    boxes = [*of_ants, square(205, 5, 5), square(205, 5, 5)]
    labels = [0] * len(of_ants) + [4, 0]
    found = Detections.of(boxes, labels, [*scores, 0.2, 0.1])
    (judgement,) = judge([truth], [found])
    assert said(judgement) == [*of_ants.values(), "ignored", "background"]
    assert judgement.objects.tolist() == [0, 0, 0, 1, 1, -1, -1, 2, -1]
    assert judgement.missed().tolist() == [False, True, False]
    assert judgement.found_at[0] == pytest.approx(0.9) and np.isnan(judgement.found_at[1:]).all()

    mistakes = measure_detections([truth], [found], CLASSES, score=0.15).mistakes
    assert mistakes.to_dict() == {
        "score": 0.15, "right": 1, "wrong_class": 1, "misplaced": 1, "wrong_class_misplaced": 1,
        "duplicate": 1, "background": 2, "ignored": 1, "missed": 1,
    }  # fmt: skip
    report = measure_detections([truth], [found], CLASSES, score=0.75)
    assert report.mistakes.outcomes[0].tolist() == [1, 0, 0, 0, 1, 0, 0]
    assert report.most_confused(5) == []
    assert measure_detections([truth], [found], CLASSES, score=0).most_confused(5) == [
        ("bee", "ant", 1)
    ]


def test_an_object_is_missed_at_a_score_above_what_found_it():
    (judgement,) = judge(
        [Objects.of([square(0, 0)], [0])], [Detections.of([square(0, 0)], [0], [0.5])]
    )
    assert not judgement.missed(0.5)[0] and judgement.missed(0.51)[0]


def test_of_two_objects_the_one_of_its_class_decides():
    for labels in ([0, 1], [1, 0]):
        truth = Objects.of([square(0, 0), square(0, 0)], labels)
        (judgement,) = judge([truth], [Detections.of([square(11, 0)], [0], [0.5])])
        assert said(judgement) == ["misplaced"]
        assert judgement.objects.tolist() == [labels.index(0)]


def test_of_objects_that_it_fits_equally_a_detection_finds_the_last():
    truth = Objects.of([square(0, 0)] * 3, [0] * 3, [False, False, True])  # as COCO has it
    (judgement,) = judge([truth], [Detections.of([square(0, 0)] * 3, [0] * 3, [0.9, 0.8, 0.7])])
    assert judgement.objects.tolist() == [1, 0, 2] and said(judgement)[2] == "ignored"


def test_pictures_are_judged_each_for_itself_and_in_their_order():
    truth, found = made(3, pictures=20)
    at_once = judge(truth, found)
    assert len(at_once) == 20 and judge([], []) == []
    for judgement, one, other in zip(at_once, truth, found, strict=True):
        (alone,) = judge([one], [other])
        for name in ("outcomes", "objects", "found_at", "counts"):
            np.testing.assert_array_equal(getattr(judgement, name), getattr(alone, name))
        named = judgement.objects >= 0
        ious = overlaps(other.boxes, one.boxes)[named, judgement.objects[named]]
        right = judgement.outcomes[named] == OUTCOMES.index("right")
        assert (ious[right] >= 0.5).all()
        same = other.labels[named] == one.labels[judgement.objects[named]]
        assert same[right].all()


def test_counts_add_up():
    truth, found = made(4)
    report = measure_detections(truth, found, CLASSES, score=0.3)
    mistakes = report.mistakes
    right = mistakes.outcomes[:, OUTCOMES.index("right")]
    assert (right + mistakes.missed == report.objects).all()
    kept = np.concatenate([each.labels[each.scores >= 0.3] for each in found])
    assert mistakes.outcomes.sum(axis=1).tolist() == np.bincount(kept, minlength=5).tolist()
    wrong = mistakes.outcomes[:, OUTCOMES.index("wrong class")]
    assert (mistakes.taken_for.sum(axis=0) == wrong).all() and wrong.sum() > 0
    assert np.trace(mistakes.taken_for) == 0


def slow_voc(truth, found, label):
    """VOC's rule as the development kit goes through it: detection by detection."""
    rows = [
        (-score, picture, box)
        for picture, each in enumerate(found)
        for box, kind, score in zip(each.boxes, each.labels, each.scores, strict=True)
        if kind == label
    ]
    before, hits, counted = set(), 0, 0
    recall, precision = [], []
    total = sum(int((~each.ignored[each.labels == label]).sum()) for each in truth)
    for _, picture, box in sorted(rows, key=lambda row: row[0]):
        own = np.flatnonzero(truth[picture].labels == label)
        ious = overlaps([box], truth[picture].boxes[own])[0]
        best = own[ious.argmax()] if len(own) and ious.max() >= 0.5 else None
        if best is not None and truth[picture].ignored[best]:
            continue
        counted += 1
        if best is not None and (picture, best) not in before:
            before.add((picture, best))
            hits += 1
        recall.append(hits / total)
        precision.append(hits / counted)
    return np.array(recall), np.array(precision)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_voc_measures_are_those_of_its_own_loop(seed):
    truth, found = made(seed)
    report = measure_detections(truth, found, CLASSES)
    for label in (0, 1, 2):
        recall, precision = slow_voc(truth, found, label)
        ours, area = report.voc07[label], report.voc10[label]
        points = [max(precision[recall >= k / 10], default=0) for k in range(11)]
        assert ours == pytest.approx(np.mean(points)) and 0.1 < ours < 0.9
        envelope = [max(precision[at:]) for at in range(len(precision))]
        steps = np.diff(recall, prepend=0)
        assert area == pytest.approx(sum(steps * envelope)) and area != ours
    assert math.isnan(report.voc07[3]) and report.voc10[4] == 0  # never there; never found


def test_a_difficult_object_neither_counts_nor_hurts():
    boxes = [square(0, 0), square(100, 0)]
    truth = [Objects.of(boxes, [0, 0], [False, True])]
    twice = [Detections.of([boxes[1], boxes[1], boxes[0]], [0] * 3, [0.9, 0.8, 0.7])]
    report = measure_detections(truth, twice, CLASSES)
    assert (report.voc07[0], report.voc10[0], report.map50) == pytest.approx((1, 1, 1))
    assert report.objects.tolist() == [1] and report.best[0].precision == 1


def test_a_voc_detection_is_of_the_object_it_overlaps_most_even_if_that_was_found():
    # The second overlaps both, and the first object more: COCO gives it the second, VOC nothing.
    truth = [Objects.of([square(0, 0, 100), square(30, 0, 100)], [0, 0])]
    found = [Detections.of([square(0, 0, 100), square(14, 0, 100)], [0, 0], [0.9, 0.8])]
    report = measure_detections(truth, found, CLASSES)
    assert report.voc10[0] == pytest.approx(0.5) and report.map50 == pytest.approx(1)


def test_a_box_of_voc_is_measured_as_the_development_kit_does():
    # From pixel 1 to 10 and from 1 to 20 it has 10 × 10 of 10 × 20 pixels: 0.5 is enough.
    report = measure_detections(
        [Objects.of([(0, 0, 10, 20)], [0])], [Detections.of([(0, 0, 10, 10)], [0], [1])], CLASSES
    )
    assert (report.voc10[0], report.ap50[0], report.ap75[0]) == pytest.approx((1, 1, 0))


def test_both_formulas_of_voc_worked_by_hand():
    recall = np.array([0.25, 0.25, 0.5, 0.5, 0.75])
    precision = np.array([1, 1 / 2, 2 / 3, 1 / 2, 3 / 5])
    assert eleven_point_ap(recall, precision) == pytest.approx(6.2 / 11)
    assert all_point_ap(recall, precision) == pytest.approx(0.25 * (1 + 2 / 3 + 3 / 5))
    nothing = np.zeros(0)
    assert eleven_point_ap(nothing, nothing) == all_point_ap(nothing, nothing) == 0
    # Three of ten are a recall of 0.3 and not less.
    assert eleven_point_ap(np.array([0.1, 0.2, 0.3]), np.ones(3)) == pytest.approx(4 / 11)
