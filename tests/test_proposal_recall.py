"""How many objects proposals cover, worked by hand and by pycocotools."""

import io
import json
import math
from contextlib import redirect_stdout

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools.mask import area, toBbox

from dltk.errors import UsageError
from dltk.masks import run_lengths
from dltk.metrics.proposals import measure_proposals


def row(start: int, stop: int):
    """Return the run lengths of some pixels of a picture with one row of 100."""
    return run_lengths((np.arange(100) >= start) & (np.arange(100) < stop)[None])


def made(seed: int, pictures: int = 12):
    """Ellipses that overlap, and proposals near to them, some of them twice."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :80]
    truths, proposals = [], []

    def ellipse(centre, radii):
        away = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2
        return run_lengths(away <= 1)

    for picture in range(pictures):
        count = random.integers(1, 7) if picture % 5 else 0
        centres, radii = random.uniform(10, 50, (count, 2)), random.uniform(4, 20, (count, 2))
        truths.append([ellipse(*each) for each in zip(centres, radii, strict=True)])
        near = []
        for at in random.integers(0, max(count, 1), 25 if picture % 4 else 0):
            centre = centres[at] if count else (30, 30)
            size = radii[at] if count else (9, 9)
            shift, grow = random.normal(scale=2, size=2), random.uniform(0.8, 1.25, 2)
            near.append(ellipse(centre + shift * random.integers(0, 2), size * grow))
        proposals.append(near + near[:3])
    return truths, proposals


def by_files(truths, proposals, limit, crowds=()):
    """Let pycocotools measure the same, of categories that do not fit, with crowds besides."""
    data = {
        "images": [{"id": at, "height": 60, "width": 80} for at in range(len(truths))],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [],
    }
    for at, objects in enumerate(truths):
        for crowd, each in [(0, one) for one in objects] + [(1, one) for one in crowds]:
            data["annotations"].append(
                {
                    "id": len(data["annotations"]) + 1, "image_id": at, "category_id": 1,
                    "segmentation": each, "iscrowd": crowd, "area": float(area(each)),
                    "bbox": toBbox(each).tolist(),
                }
            )  # fmt: skip
    found = [
        {"image_id": at, "category_id": 2, "segmentation": each, "score": 1 - rank / 100}
        for at, suggestions in enumerate(proposals)
        for rank, each in enumerate(suggestions)
    ]
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = data
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "segm")
        evaluation.params.useCats, evaluation.params.maxDets = 0, [limit]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["recall"][:, 0, 0, 0]


@pytest.mark.parametrize("seed", [0, 1])
def test_recalls_are_those_of_pycocotools(seed):
    truths, proposals = made(seed)
    report = measure_proposals(truths, proposals, (1, 3, 10, 100))
    assert report.pictures == 12 and report.objects == sum(map(len, truths))
    assert report.proposed == sum(map(len, proposals))
    crowd = run_lengths(np.ones((60, 80), bool))
    for limit in (1, 3, 10, 100):
        theirs = by_files(truths, proposals, limit)
        np.testing.assert_allclose(report.recalls[limit], theirs, atol=1e-12)
        assert report.average_recalls[limit] == pytest.approx(theirs.mean())
        np.testing.assert_array_equal(by_files(truths, proposals, limit, [crowd]), theirs)
    averages = list(report.average_recalls.values())
    assert averages == sorted(averages) and 0.02 < averages[0] < averages[-1] < 0.9


def test_recall_worked_by_hand():
    """The first covers an object by 0.8, the second the same by 0.9, the third another by 0.5."""
    truths = [[row(0, 10), row(20, 40)], [row(50, 60)]]
    proposals = [[row(0, 8), row(0, 9), row(20, 30)], []]
    report = measure_proposals(truths, proposals, (1, 2, 3))
    assert report.thresholds == pytest.approx(np.linspace(0.5, 0.95, 10))
    third = 1 / 3
    assert report.recalls[1] == pytest.approx([third] * 7 + [0] * 3)
    # What covers by 0.9 finds the object free where 0.8 was not enough.
    assert report.recalls[2] == pytest.approx([third] * 9 + [0])
    assert report.recalls[3] == pytest.approx([2 / 3] + [third] * 8 + [0])
    assert report.average_recalls == pytest.approx({1: 7 / 30, 2: 9 / 30, 3: 10 / 30})
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert fields["ar3"] == pytest.approx(1 / 3, abs=1e-6) and fields["recall50_1"] == 0.333333
    assert (fields["pictures"], fields["objects"], fields["proposed"]) == (2, 3, 3)


def test_a_proposal_covers_one_object():
    twice = [[row(0, 10), row(0, 10)]]
    once = measure_proposals(twice, [[row(0, 10)]], (10,))
    assert once.average_recalls == {10: 0.5}
    assert measure_proposals(twice, [[row(0, 10)] * 2], (10,)).average_recalls == {10: 1}


def test_the_best_come_first():
    truths, best = [[row(0, 10)]], [row(0, 10), row(50, 60)]
    assert measure_proposals(truths, [best], (1,)).average_recalls == {1: 1}
    assert measure_proposals(truths, [best[::-1]], (1,)).average_recalls == {1: 0}


def test_nothing_to_cover_and_nothing_to_cover_it():
    none = measure_proposals([[]], [[row(0, 9)]])
    assert none.objects == 0 and math.isnan(none.average_recalls[10])
    assert none.to_dict()["ar10"] is None and list(none.recalls) == [10, 100, 1000]
    assert measure_proposals([[row(0, 9)]], [[]]).average_recalls == {10: 0, 100: 0, 1000: 0}


def test_pictures_are_needed_and_as_many_of_both():
    with pytest.raises(UsageError, match="no pictures"):
        measure_proposals([], [])
    with pytest.raises(ValueError, match="shorter"):
        measure_proposals([[], []], [[]])
