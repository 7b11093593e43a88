"""Measures of a detector, against values worked by hand and against pycocotools and its files."""

import json
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dltk.errors import DltkError, UsageError
from dltk.metrics import measure_detections
from dltk.metrics.iou import covered, overlaps
from dltk.objects import Detections, Objects

CLASSES = ("ant", "bee", "cat", "dog", "elk")
BOX = (10, 10, 30, 30)
FAR = (200, 200, 220, 220)


def objects(*boxes, labels=None, **known):
    return Objects.of(boxes, [0] * len(boxes) if labels is None else labels, **known)


def detections(*boxes_scores, label=0):
    boxes, scores = zip(*boxes_scores, strict=True) if boxes_scores else ((), ())
    return Detections.of(boxes, [label] * len(boxes), scores)


def made(seed=0, pictures=40):
    """Truth and detections of made pictures with all that makes matching hard.

    Crowds, areas of masks, several sizes, equal scores, an object annotated twice, pictures
    without objects or detections; "dog" is never there and "elk" never found.
    """
    random = np.random.default_rng(seed)
    truth, found = [], []
    for picture in range(pictures):
        count = random.integers(0, 9) if picture % 7 else 0
        sides = np.exp(random.uniform(np.log(8), np.log(200), (count, 2)))
        starts = random.uniform(0, 200, (count, 2))
        boxes = np.concatenate([starts, starts + sides], axis=1)
        labels = random.choice([0, 1, 2, 4], count)
        if count > 4:
            boxes[1], labels[1] = boxes[0], labels[0]
        areas = np.prod(sides, axis=1) * random.uniform(0.4, 1, count)
        truth.append(Objects.of(boxes, labels, random.random(count) < 0.15, areas))
        near = np.repeat(boxes, 5, axis=0)
        shift = random.normal(size=near.shape) * np.tile(np.repeat(sides, 5, axis=0), 2)
        near = near + shift * random.choice([0, 0.05, 0.3], (len(near), 1))
        near = np.concatenate([np.minimum(near[:, :2], near[:, 2:]), near[:, 2:]], axis=1)
        kinds = np.where(random.random(len(near)) < 0.7, np.repeat(labels, 5), 3)
        kinds[kinds == 4] = 2
        scores = random.integers(1, 20, len(near)) / 20
        found.append(Detections.of(near, kinds, scores) if picture % 5 else detections())
    crowd = random.uniform(0, 150, (130, 2))  # more than COCO looks at
    found[1] = Detections.of(np.hstack([crowd, crowd + 50]), [0] * 130, random.random(130))
    return truth, found


def by_files(folder, truth, found):
    """Let pycocotools measure the same by its own files."""

    def rows(each, more):
        return [
            {"image_id": 7 * picture, "category_id": 3 * label + 1, "bbox": bbox} | more(one, at)
            for picture, one in enumerate(each)
            for at, label in enumerate(one.labels.tolist())
            for left, top, right, bottom in [one.boxes[at].tolist()]
            for bbox in [[left, top, right - left, bottom - top]]
        ]

    def known(one, at):
        return {"iscrowd": int(one.ignored[at]), "area": float(one.areas[at])}

    annotations = rows(truth, known)
    for number, row in enumerate(annotations, start=1):
        row["id"] = number
    data = {
        "images": [{"id": 7 * picture} for picture in range(len(truth))],
        "categories": [{"id": 3 * label + 1, "name": name} for label, name in enumerate(CLASSES)],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(data))
    (folder / "found.json").write_text(
        json.dumps(rows(found, lambda one, at: {"score": float(one.scores[at])}))
    )
    coco = COCO(str(folder / "truth.json"))
    evaluation = COCOeval(coco, coco.loadRes(str(folder / "found.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("seed", [0, 1])
def test_coco_measures_are_those_of_pycocotools(tmp_path, seed):
    truth, found = made(seed)
    theirs = by_files(tmp_path, truth, found)
    ours = measure_detections(truth, found, CLASSES)
    totals = [ours.map, ours.map50, ours.map75, *ours.map_by_size.values(), ours.ar1, ours.ar10]
    totals += [np.nanmean(ours.ar100), *ours.ar_by_size.values()]
    assert totals == pytest.approx(theirs.stats.tolist(), abs=1e-12)
    assert 0.1 < ours.map < 0.9 and len(set(totals)) == 12  # the case is a hard one
    assert ours.classes == CLASSES
    precision = theirs.eval["precision"][..., 0, -1]  # overlap, recall, class
    known = np.array([True, True, True, False, True])
    assert np.isnan(ours.ap[~known]).all() and (precision[..., ~known] == -1).all()
    np.testing.assert_allclose(ours.ap[known], precision[..., known].mean((0, 1)), atol=1e-12)
    np.testing.assert_allclose(ours.ap75[known], precision[5][:, known].mean(0), atol=1e-12)
    np.testing.assert_array_equal(ours.precisions[known], precision[0][:, known].T)
    np.testing.assert_array_equal(ours.recalls, theirs.params.recThrs)


def test_nothing_is_printed(capsys):
    measure_detections(*made(pictures=8), CLASSES)
    assert capsys.readouterr() == ("", "")


def test_the_order_of_detections_does_not_matter():
    truth, found = made(pictures=12)
    found = [  # no two of equal score, which would take turns in the order they come
        Detections.of(each.boxes, each.labels, each.scores - np.arange(len(each)) * 1e-4)
        for each in found
    ]
    turned = [each.take(np.arange(len(each))[::-1]) for each in found]
    report = measure_detections(truth, found, CLASSES)
    assert measure_detections(truth, turned, CLASSES).to_dict() == report.to_dict()


def test_average_precision_worked_by_hand():
    # Four objects. By score: right, false, right, found before, right.
    truth = [objects(BOX, FAR), objects(BOX), objects(BOX)]
    found = [
        detections((BOX, 0.9), (BOX, 0.6)),
        detections((FAR, 0.8), (BOX, 0.7)),
        detections((BOX, 0.5)),
    ]
    report = measure_detections(truth, found, CLASSES)
    assert report.classes == ("ant",) and report.objects.tolist() == [4]
    assert report.pictures_with.tolist() == [3] and report.found.tolist() == [5]
    # Precision is 1 to a recall of 1/4, 2/3 to 1/2, 3/5 to 3/4, and 0 beyond.
    assert report.map50 == report.map == pytest.approx((26 * 1 + 25 * 2 / 3 + 25 * 3 / 5) / 101)
    assert report.voc07[0] == pytest.approx((3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11)
    assert report.voc10[0] == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    assert report.precisions[0, [0, 25, 26, 50, 51, 75, 76]] == pytest.approx(
        [1, 1, 2 / 3, 2 / 3, 0.6, 0.6, 0]
    )
    assert report.ar1 == 0.5 and report.ar10 == 0.75  # the surest in the second picture is false
    best = report.best[0]  # of 2/5, 1/3, 4/7, 1/2 and 2/3
    assert (best.precision, best.recall, best.f1) == pytest.approx((3 / 5, 3 / 4, 2 / 3))
    assert best.score == 0.5 and report.best_of_all == best


def test_only_large_objects_are_large():
    truth = [objects((0, 0, 20, 20), (100, 100, 250, 250))]
    report = measure_detections(truth, [detections(((100, 100, 250, 250), 0.9))], CLASSES)
    assert report.objects_by_size == {"small": 1, "medium": 0, "large": 1}
    assert report.map_by_size["small"] == 0 and report.map_by_size["large"] == pytest.approx(1)
    assert math.isnan(report.map_by_size["medium"])
    assert report.to_dict()["sizes"]["medium"] == {"objects": 0, "map": None, "ar100": None}
    own = measure_detections(truth, [detections()], CLASSES, sizes={"tiny": (0, 400)})
    assert own.objects_by_size == {"tiny": 1}  # both ends are in


def test_detections_of_equal_score_come_together():
    truth = [objects(BOX)]
    report = measure_detections(truth, [detections((BOX, 0.7), (FAR, 0.7))], CLASSES)
    best = report.best[0]
    assert (best.score, best.precision, best.recall) == pytest.approx((0.7, 0.5, 1))


def test_no_detections_at_all():
    report = measure_detections([objects(BOX)] * 2, [detections()] * 2, CLASSES)
    assert report.map == report.voc10[0] == report.voc07[0] == report.ar100[0] == 0
    row = report.per_class()["ant"]
    assert row["score"] is None and row["recall"] == row["precision"] == row["f1"] == 0
    assert report.mistakes.missed.tolist() == [2] and report.mistakes.score == 0


def test_no_objects_at_all():
    report = measure_detections([objects()], [detections((BOX, 0.9))], CLASSES)
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert fields["map"] is fields["voc07"] is fields["best"]["f1"] is None
    assert fields["classes"] == fields["curves"] == {} and fields["found"] == 1
    assert fields["mistakes"]["background"] == 1
    empty = measure_detections([objects()], [detections()], CLASSES)
    assert empty.classes == () and math.isnan(empty.map) and empty.to_dict()["pictures"] == 1


def test_a_class_that_is_only_ignored_is_left_out_of_means():
    truth = [objects(BOX, FAR, labels=[0, 1], ignored=[False, True])]
    report = measure_detections(truth, [detections((BOX, 0.9))], CLASSES)
    assert report.classes == ("ant", "bee") and report.ignored.tolist() == [0, 1]
    assert report.map == pytest.approx(1) and math.isnan(report.ap[1])
    assert list(report.per_class()) == ["ant"]


def test_a_class_that_is_only_found_is_false_but_not_in_means():
    found = [Detections.of([BOX, FAR], [0, 3], [0.5, 0.9])]
    report = measure_detections([objects(BOX)], found, CLASSES)
    assert report.map == pytest.approx(1) and report.classes == ("ant", "dog")
    assert report.best_of_all.precision == 0.5 and report.best[0].precision == 1
    assert math.isnan(report.best[1].f1)


def test_a_report_is_json_with_the_keys_that_are_promised():
    report = measure_detections(*made(), CLASSES)
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert {"map", "map50", "map75", "ar1", "ar10", "ar100", "voc07", "voc10"} <= set(fields)
    assert set(fields["classes"]) == set(fields["curves"]) == {"ant", "bee", "cat", "elk"}
    assert fields["objects"] == sum(row["objects"] for row in fields["classes"].values())
    assert fields["found"] == sum(map(len, made()[1])) and len(fields["curves"]["ant"]) == 101
    score = fields["best"]["score"]  # lets in what is counted
    kept = sum(int((each.scores >= score).sum()) for each in made()[1])
    assert kept == sum(fields["mistakes"][name] for name in fields["mistakes"] if name not in (
        "score", "missed"
    ))  # fmt: skip


def test_overlaps_worked_by_hand():
    boxes = [(0, 0, 2, 2), (5, 5, 5, 9), (3, 3, 1, 1)]  # the second is empty, the third swapped
    others = [(0, 0, 2, 2), (1, 1, 3, 3), (0, 0, 4, 1), (5, 5, 5, 9)]
    third, sixth = 2 / 6, 1 / 7
    assert overlaps(boxes, others).tolist() == [[1, sixth, third, 0], [0] * 4, [0] * 4]
    assert covered(boxes, others).tolist() == [[1, 0.25, 0.5, 0], [0] * 4, [0] * 4]
    assert overlaps([], others).shape == (0, 4) and overlaps(boxes, []).shape == (3, 0)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UsageError, match="no pictures"):
        measure_detections([], [], CLASSES)
    with pytest.raises(ValueError, match="truth of 1 pictures, found in 2"):
        measure_detections([objects()], [detections()] * 2, CLASSES)
    with pytest.raises(ValueError, match="all different"):
        measure_detections([objects()], [detections()], ("ant", "ant"))
    for label in (-1, 5):
        with pytest.raises(ValueError, match="indices into classes"):
            measure_detections([objects()], [detections((BOX, 1), label=label)], CLASSES)
        with pytest.raises(ValueError, match="indices into classes"):
            measure_detections([objects(BOX, labels=[label])], [detections()], CLASSES)
    with pytest.raises(ValueError, match="must be finite"):
        measure_detections([objects((0, 0, np.nan, 1))], [detections()], CLASSES)


@pytest.mark.parametrize("broken", [((0, 0, np.inf, 1), 0.5), (BOX, np.nan)])
def test_a_network_that_diverged_is_told(broken):
    found = [detections(broken), detections((BOX, 0.5)), detections()]
    with pytest.raises(DltkError, match="not finite in 1 of 3 pictures; its training may"):
        measure_detections([objects(BOX)] * 3, found, CLASSES)
