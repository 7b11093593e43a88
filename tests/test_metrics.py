"""Measures of a classifier, against values worked by hand and against scikit-learn."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as reference

from dltk.errors import DltkError, UsageError
from dltk.metrics import measure
from dltk.metrics.classification import (
    calibration,
    confusion_matrix,
    log_loss,
    precision_recall_f1,
    top_k_accuracy,
)

# Six examples of three classes. Predictions are 0 0 1 1 2 0.
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.5, 0.3, 0.2],
        [0.3, 0.6, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.1, 0.7],
        [0.6, 0.1, 0.3],
    ]
)
LABELS = np.array([0, 1, 1, 1, 2, 2])
CLASSES = ("ant", "bee", "cat")


@pytest.fixture
def many():
    """Probabilities of 500 examples of seven classes, mostly right, and their labels."""
    random = np.random.default_rng(3)
    labels = random.choice(7, 500, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])
    logits = random.normal(size=(500, 7)) + 1.5 * np.eye(7)[labels]
    odds = np.exp(2 * logits)
    return odds / odds.sum(axis=1, keepdims=True), labels


def test_a_report_worked_by_hand():
    report = measure(PROBABILITIES, LABELS, CLASSES)
    assert report.top1 == pytest.approx(4 / 6) and report.top5 == 1
    assert report.confusion.tolist() == [[1, 0, 0], [1, 2, 0], [1, 0, 1]]
    assert report.precision == pytest.approx([1 / 3, 1, 1])
    assert report.recall == pytest.approx([1, 2 / 3, 1 / 2])
    assert report.f1 == pytest.approx([1 / 2, 4 / 5, 2 / 3])
    assert report.support.tolist() == [1, 3, 2]
    assert report.macro_f1 == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)
    given = (0.9, 0.3, 0.6, 0.8, 0.7, 0.3)
    assert report.loss == pytest.approx(-sum(map(math.log, given)) / 6)
    assert report.most_confused(5) == [("bee", "ant", 1), ("cat", "ant", 1)]
    assert report.most_confused(1) == [("bee", "ant", 1)]


def test_scores_are_those_of_scikit_learn(many):
    probabilities, labels = many
    report = measure(probabilities, labels, [f"class {index}" for index in range(7)])
    predictions = probabilities.argmax(axis=1)
    assert (report.confusion == reference.confusion_matrix(labels, predictions)).all()
    theirs = reference.precision_recall_fscore_support(labels, predictions)
    for ours, value in zip(
        (report.precision, report.recall, report.f1, report.support), theirs, strict=True
    ):
        np.testing.assert_allclose(ours, value)
    macro = reference.precision_recall_fscore_support(labels, predictions, average="macro")[:3]
    assert (report.macro_precision, report.macro_recall, report.macro_f1) == pytest.approx(macro)
    assert report.loss == pytest.approx(reference.log_loss(labels, probabilities))
    for k in (1, 3, 5):
        theirs = reference.top_k_accuracy_score(labels, probabilities, k=k)
        assert top_k_accuracy(probabilities, labels, k) == pytest.approx(theirs)


def test_classes_of_equal_probability_are_taken_in_their_order():
    equal = np.full((3, 3), 1 / 3)
    labels = np.array([0, 1, 2])
    found = [top_k_accuracy(equal, labels, k) for k in (1, 2, 3, 9)]
    assert found == pytest.approx([1 / 3, 2 / 3, 1, 1])
    report = measure(equal, labels, CLASSES)
    assert report.top1 == np.trace(report.confusion) / 3


def test_what_is_a_share_of_nothing_is_0():
    # Class 1 is never predicted; class 2 has no examples; class 3 is neither.
    precision, recall, f1 = precision_recall_f1(
        confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 2]), 4)
    )
    assert precision.tolist() == [1, 0, 0, 0]
    assert recall.tolist() == [0.5, 0, 0, 0]
    assert f1 == pytest.approx([2 / 3, 0, 0, 0])


def test_only_classes_that_occur_are_told_of():
    probabilities = np.full((2, 1000), 1e-4)
    probabilities[0, 7] = probabilities[1, 500] = 0.9
    report = measure(probabilities, np.array([7, 8]), [f"c{index}" for index in range(1000)])
    assert report.classes == ("c7", "c8", "c500") and report.confusion.shape == (3, 3)
    assert report.macro_recall == 0.5  # of c7 and c8; c500 has no examples
    fields = report.to_dict()
    assert list(fields["classes"]) == ["c7", "c8"]
    assert fields["confusion"] == {"c7": {"c7": 1}, "c8": {"c500": 1}}


def test_a_probability_of_0_costs_no_more_than_in_training():
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-math.log(1e-7))


def test_the_loss_of_a_perfect_classifier_is_0_and_not_below():
    loss = log_loss(np.eye(2), np.array([0, 1]))
    assert loss == 0 and math.copysign(1, loss) == 1


def test_calibration_worked_by_hand():
    # Four bins. Sure of 0.5 (the upper edge of the second): right; 0.6 and 0.7: right and wrong;
    # 1.0: right.
    probabilities = np.array([[0.5, 0.5], [0.6, 0.4], [0.3, 0.7], [1.0, 0.0]])
    bins = calibration(probabilities, np.array([0, 0, 0, 0]), bins=4)
    assert bins.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert bins.counts.tolist() == [0, 1, 2, 1]
    assert bins.confidence == pytest.approx([0, 0.5, 0.65, 1])
    assert bins.accuracy.tolist() == [0, 1, 0.5, 1]
    assert bins.error == pytest.approx((1 * 0.5 + 2 * 0.15 + 1 * 0) / 4)
    rows = bins.to_dict()
    assert [row["examples"] for row in rows] == [1, 2, 1]
    assert rows[0] == {
        "from": 0.25, "to": 0.5, "examples": 1, "confidence": 0.5, "accuracy": 1.0
    }  # fmt: skip


def test_a_classifier_as_sure_as_it_is_right_has_no_calibration_error():
    sure = np.tile([[0.8, 0.2]], (10, 1)).astype(np.float32)
    labels = np.array([0] * 8 + [1] * 2)
    report = measure(sure, labels, ["a", "b"])
    assert report.ece == pytest.approx(0, abs=1e-6)
    assert measure(sure, 1 - labels, ["a", "b"]).ece == pytest.approx(0.6, abs=1e-6)


def test_a_report_is_json_with_the_keys_that_are_promised(many):
    probabilities, labels = many
    report = measure(probabilities.astype(np.float32), labels, list("abcdefg"))
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert {"examples", "top1", "top5", "loss", "ece", "macro_f1"} <= set(fields)
    assert set(fields["classes"]["a"]) == {"precision", "recall", "f1", "support"}
    assert sum(row["support"] for row in fields["classes"].values()) == fields["examples"] == 500
    assert sum(sum(row.values()) for row in fields["confusion"].values()) == 500
    assert sum(row["examples"] for row in fields["calibration"]) == 500


def test_a_network_that_diverged_is_told():
    broken = PROBABILITIES.copy()
    broken[1] = np.nan
    with pytest.raises(DltkError, match="no finite probabilities for 1 of 6 examples"):
        measure(broken, LABELS, CLASSES)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UsageError, match="no examples"):
        measure(np.zeros((0, 3)), np.zeros(0, np.int64), CLASSES)
    with pytest.raises(ValueError, match="all different"):
        measure(PROBABILITIES, LABELS, ("ant", "bee", "ant"))
    with pytest.raises(ValueError, match=r"\(6, 3\), 6 labels, 2 classes"):
        measure(PROBABILITIES, LABELS, ("ant", "bee"))
    for labels in (LABELS + 1, LABELS - 1, LABELS.astype(float)):
        with pytest.raises(ValueError, match="indices into classes"):
            measure(PROBABILITIES, labels, CLASSES)
