"""Measures of label maps, against values worked by hand and against scikit-learn."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as reference

from dltk import plots, plots_segmentation
from dltk.errors import DltkError, UsageError
from dltk.masks import IGNORE
from dltk.metrics import SegmentationReport, measure_masks
from dltk.metrics.segmentation import pixel_confusion
from dltk.plots_segmentation import plot_class_iou, plot_pixel_confusion

CLASSES = ("ground", "ant", "bee", "cat")
TRUTH = np.uint8([[0, 0, 0, 0, 1, 1], [0, 0, 2, 2, IGNORE, IGNORE]])
FOUND = np.uint8([[0, 0, 0, 1, 1, 0], [0, IGNORE, 2, 1, 3, IGNORE]])


def made(seed=0, pictures=5, classes=6):
    """Label maps of several sizes, mostly right; the last class is never there, nor found."""
    random = np.random.default_rng(seed)
    truths, founds = [], []
    for _ in range(pictures):
        shape = tuple(random.integers(15, 30, 2))
        coarse = random.integers(0, classes - 1, (3, 3))
        truth = np.kron(coarse, np.ones((10, 10)))[: shape[0], : shape[1]].astype(np.uint8)
        found = np.where(random.random(shape) < 0.7, truth, random.integers(0, classes - 1, shape))
        truths.append(np.where(random.random(shape) < 0.1, IGNORE, truth).astype(np.uint8))
        founds.append(found.astype(np.uint8))
    return truths, founds


def names(count):
    return [f"class {index}" for index in range(count)]


@pytest.fixture
def drawn(monkeypatch):
    """The axes of each diagram that is written, to see what was put where."""
    axes = []
    for module in (plots, plots_segmentation):

        def look(figure, path, write=module.write_figure):
            axes.append(figure.axes)
            write(figure, path)

        monkeypatch.setattr(module, "write_figure", look)
    return axes


def test_confusion_worked_by_hand():
    """Ten pixels count, of six of class 0 one was taken for 1 and one has no answer."""
    confusion = pixel_confusion(TRUTH, FOUND, 4)
    assert confusion.dtype == np.int64
    assert confusion.tolist() == [[4, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0] * 5]


def test_a_report_worked_by_hand():
    report = measure_masks([TRUTH], [FOUND], CLASSES, boundaries=False)
    nan = math.nan
    assert report.pictures == 1 and report.unanswered == 1
    assert report.pixels.tolist() == [6, 2, 2, 0] and report.found.tolist() == [5, 3, 1, 0]
    assert report.recall == pytest.approx([4 / 6, 1 / 2, 1 / 2, nan], nan_ok=True)
    assert report.precision == pytest.approx([4 / 5, 1 / 3, 1, nan], nan_ok=True)
    assert report.iou == pytest.approx([4 / 7, 1 / 4, 1 / 2, nan], nan_ok=True)
    assert report.dice == pytest.approx([8 / 11, 2 / 5, 2 / 3, nan], nan_ok=True)
    assert report.pixel_accuracy == pytest.approx(6 / 10)
    assert report.mean_accuracy == pytest.approx((4 / 6 + 1 / 2 + 1 / 2) / 3)
    assert report.mean_iou == pytest.approx((4 / 7 + 1 / 4 + 1 / 2) / 3)
    assert report.frequency_weighted_iou == pytest.approx(0.6 * 4 / 7 + 0.2 / 4 + 0.2 / 2)
    assert report.mean_dice == pytest.approx((8 / 11 + 2 / 5 + 2 / 3) / 3)
    assert report.boundary is None and math.isnan(report.boundary_f)
    assert report.most_confused(2) == [("ground", "ant", 1), ("ant", "ground", 1)]
    assert len(report.most_confused(99)) == 3


def test_scores_are_those_of_scikit_learn():
    truths, founds = made()
    report = measure_masks(truths, founds, names(6), boundaries=False)
    true, taken = (np.concatenate([each.ravel() for each in many]) for many in (truths, founds))
    true, taken = true[true != IGNORE], taken[true != IGNORE]
    theirs = reference.confusion_matrix(true, taken, labels=range(6))
    np.testing.assert_array_equal(report.confusion[:, :-1], theirs)
    assert report.unanswered == 0
    iou = reference.jaccard_score(true, taken, average=None)
    np.testing.assert_allclose(report.iou[:5], iou)
    assert math.isnan(report.iou[5]) and 0.3 < report.mean_iou < 0.9
    assert report.mean_iou == pytest.approx(reference.jaccard_score(true, taken, average="macro"))
    assert report.frequency_weighted_iou == pytest.approx(
        reference.jaccard_score(true, taken, average="weighted")
    )
    assert report.mean_accuracy == pytest.approx(reference.balanced_accuracy_score(true, taken))
    assert report.pixel_accuracy == pytest.approx(reference.accuracy_score(true, taken))
    scores = reference.precision_recall_fscore_support(true, taken)
    for ours, value in zip(
        (report.precision, report.recall, report.dice, report.pixels), scores, strict=True
    ):
        np.testing.assert_allclose(ours[:5], value)


def test_dice_follows_from_iou():
    report = measure_masks(*made(1), names(6), boundaries=False)
    np.testing.assert_allclose(report.dice, 2 * report.iou / (1 + report.iou))


def test_no_answer_is_wrong_at_no_other_classs_expense():
    truths, founds = made(2)
    before = measure_masks(truths, founds, names(6), boundaries=False)
    founds[0][truths[0] == founds[0]] = IGNORE
    after = measure_masks(truths, founds, names(6), boundaries=False)
    lost = np.diagonal(before.confusion) - np.diagonal(after.confusion)
    assert after.unanswered == lost.sum() > 0
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert after.pixel_accuracy < before.pixel_accuracy
    here = lost > 0
    assert (after.iou[here] < before.iou[here]).all()
    np.testing.assert_array_equal(after.iou[~here][:-1], before.iou[~here][:-1])


def test_a_class_that_is_only_found_is_wrong_and_one_that_is_neither_is_left_out():
    truth = np.uint8([[0, 0, 0, 1]])
    report = measure_masks([truth], [np.uint8([[0, 0, 2, 1]])], CLASSES)
    assert report.iou == pytest.approx([2 / 3, 1, 0, math.nan], nan_ok=True)
    assert report.mean_iou == pytest.approx(5 / 9) and report.mean_accuracy == pytest.approx(5 / 6)
    assert math.isnan(report.recall[2]) and report.precision[2] == 0
    rows = report.per_class()
    assert list(rows) == ["ground", "ant", "bee"] and rows["bee"]["recall"] is None


def test_a_class_that_is_never_found_has_no_precision():
    report = measure_masks([np.uint8([[0, 1]])], [np.uint8([[0, 0]])], CLASSES, boundaries=False)
    assert math.isnan(report.precision[1]) and report.recall[1] == report.iou[1] == 0


def test_nothing_but_ignored_pixels():
    report = measure_masks([np.full((3, 4), IGNORE, np.uint8)], [np.zeros((3, 4), int)], CLASSES)
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert fields["pictures"] == 1 and fields["pixels"] == 0
    assert fields["mean_iou"] is fields["pixel_accuracy"] is fields["boundary_f"] is None
    assert fields["frequency_weighted_iou"] is None
    assert fields["classes"] == fields["confusion"] == {}


def test_classes_can_change_their_places():
    truths, founds = made(3)
    order = np.array([2, 0, 5, 1, 4, 3])
    table = np.append(order, [IGNORE] * 250).astype(np.uint8)
    before = measure_masks(truths, founds, names(6))
    turned = [[table[each] for each in many] for many in (truths, founds)]
    after = measure_masks(*turned, [names(6)[at] for at in np.argsort(order)])
    assert after.per_class() == {name: before.per_class()[name] for name in after.per_class()}
    for what in ("mean_iou", "boundary_f", "frequency_weighted_iou", "mean_dice"):
        assert getattr(after, what) == pytest.approx(getattr(before, what))


def test_pixels_of_all_pictures_are_counted_together():
    """The mean over pictures would be (1 + 0) / 2."""
    small, large = np.zeros((1, 1), np.uint8), np.zeros((3, 3), np.uint8)
    report = measure_masks([small, large], [small, large + 1], ["a", "b"], boundaries=False)
    assert report.iou.tolist() == [1 / 10, 0] and report.mean_iou == pytest.approx(1 / 20)


def test_pictures_come_one_after_the_other():
    asked = []

    def coming(what):
        for at in range(3):
            asked.append((what, at))
            yield np.zeros((2, 2), np.uint8)

    report = measure_masks(coming("truth"), coming("found"), CLASSES)
    assert asked == [(what, at) for at in range(3) for what in ("truth", "found")]
    assert report.pictures == 3 and report.mean_iou == 1


def test_boundaries_are_a_mean_over_pictures_of_means_over_classes():
    """In the first both classes are right, in the second one is found that is not there."""
    halves = np.repeat(np.uint8([[0, 1]]), 20, axis=0).repeat(10, axis=1)
    plain, spot = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    spot[5, 5] = 2
    report = measure_masks([halves, plain], [halves, spot], CLASSES)
    assert report.boundary == pytest.approx([1 / 2, 1, 0, math.nan], nan_ok=True)
    assert report.boundary_f == pytest.approx((1 + 0) / 2)
    row = report.per_class()["ground"]
    assert row["boundary_f"] == 0.5 and report.to_dict()["boundary_f"] == 0.5


def test_a_report_is_json_with_the_keys_that_are_promised():
    truths, founds = made(4)
    report = measure_masks(truths, founds, names(6))
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    totals = {"pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou", "mean_dice"}
    assert totals | {"pictures", "pixels", "unanswered", "boundary_f"} <= set(fields)
    assert list(fields["classes"]) == names(5)
    assert set(fields["classes"]["class 0"]) == {
        "iou", "dice", "precision", "recall", "boundary_f", "pixels", "found"
    }  # fmt: skip
    assert sum(row["pixels"] for row in fields["classes"].values()) == fields["pixels"]
    assert sum(sum(row.values()) for row in fields["confusion"].values()) == fields["pixels"]
    mean = np.mean([row["iou"] for row in fields["classes"].values()])
    assert fields["mean_iou"] == pytest.approx(mean, abs=1e-6)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UsageError, match="no pictures"):
        measure_masks([], [], CLASSES)
    with pytest.raises(ValueError, match="all different"):
        measure_masks([TRUTH], [FOUND], ("a", "b", "a", "c"))
    with pytest.raises(ValueError, match="shorter"):
        measure_masks([TRUTH, TRUTH], [FOUND], CLASSES)
    with pytest.raises(ValueError, match=r"truth\.shape=\(2, 6\), found\.shape=\(6, 2\)"):
        pixel_confusion(TRUTH, FOUND.T, 4)
    with pytest.raises(ValueError, match=r"truth must hold indices .* Received: 2, and 2 classes"):
        pixel_confusion(TRUTH, FOUND, 2)
    with pytest.raises(ValueError, match=r"found must hold indices .* Received: -1"):
        pixel_confusion(TRUTH, FOUND.astype(int) - 1, 4)


# Diagrams


def report_of(ious):
    """A report on classes of a thousand pixels, of which so many are found and no others."""
    count = len(ious)
    confusion = np.zeros((count, count + 1), np.int64)
    hits = np.rint(1000 * np.array(ious)).astype(np.int64)
    confusion[np.arange(count), np.arange(count)] = hits
    confusion[:, -1] = 1000 - hits
    return SegmentationReport(tuple(names(count)), confusion, 7)


def bars(panel):
    """Return (name, value, colour) of each bar, from above."""
    from matplotlib.colors import to_hex

    labels = [label.get_text() for label in panel.get_yticklabels()]
    return [
        (label, round(bar.get_width(), 6), to_hex(bar.get_facecolor()))
        for label, bar in zip(labels, panel.patches, strict=True)
    ]


def test_a_bar_for_each_class_the_best_above(tmp_path, drawn):
    plot_class_iou(report_of([0.2, 0.9, 0.5]), tmp_path / "iou.png")
    ((panel,),) = drawn
    assert [row[:2] for row in bars(panel)] == [
        ("class 1", 0.9),
        ("class 2", 0.5),
        ("class 0", 0.2),
    ]
    assert panel.get_ylim()[0] > panel.get_ylim()[1]  # rows count from above
    (mean,) = panel.lines
    assert mean.get_xdata() == pytest.approx([1.6 / 3] * 2)
    assert panel.get_title() == "mean IoU 0.533 of 3 classes, 7 pictures"
    assert [text.get_text() for text in panel.texts] == ["0.900", "0.500", "0.200"]


def test_of_many_classes_the_best_and_the_worst_have_bars(tmp_path, drawn):
    plot_class_iou(report_of(np.linspace(1, 0.001, 150)), tmp_path / "iou.png")
    ((panel,),) = drawn
    rows = bars(panel)
    assert [name for name, _, _ in rows] == [
        *names(150)[:20], "110 others, mean", *names(150)[130:]
    ]  # fmt: skip
    colours = {colour for _, _, colour in rows}
    assert rows[20][1] == pytest.approx(0.5, abs=0.01) and len(colours) == 2
    assert "of 150 classes" in panel.get_title()
    with Image.open(tmp_path / "iou.png") as picture:
        assert picture.format == "PNG" and max(picture.size) < 2400
    plot_class_iou(report_of([0.5] * 40), tmp_path / "forty.png")
    assert len(bars(drawn[1][0])) == 40


def test_bars_of_nothing(tmp_path, drawn):
    plot_class_iou(report_of([]), tmp_path / "none.png")
    ((panel,),) = drawn
    assert not panel.patches and panel.get_title() == "no pixels that count, 7 pictures"


def test_a_confusion_of_pixels_is_in_percent(tmp_path, drawn):
    report = measure_masks([TRUTH], [FOUND], CLASSES, boundaries=False)
    plot_pixel_confusion(report, tmp_path / "confusion.png")
    panel = drawn[0][0]
    assert panel.get_title() == "pixel accuracy 60.0% of 10 pixels"
    columns = [label.get_text() for label in panel.get_xticklabels()]
    assert columns == ["ground", "ant", "bee", "(others)"]
    cells = {text.get_position(): text.get_text() for text in panel.texts}
    assert cells[0, 0] == "67%" and cells[3, 0] == "17%" and cells[1, 2] == "50%"
    rare = SegmentationReport(("a", "b"), np.array([[1000, 1, 0], [0, 1, 0]]), 1)
    plot_pixel_confusion(rare, tmp_path / "rare.png")
    assert sorted(text.get_text() for text in drawn[1][0].texts) == ["", "100%", "100%"]


def test_a_confusion_of_no_pixels_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="a report on none"):
        plot_pixel_confusion(report_of([]), tmp_path / "confusion.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["$5 and $6", "a\nb", "x" * 300, "猫", "\udcff", "50% _^"])
def test_any_name_can_be_drawn(tmp_path, name):
    report = measure_masks([TRUTH], [FOUND], (name, *CLASSES[1:]), boundaries=False)
    plot_class_iou(report, tmp_path / "iou.png")
    plot_pixel_confusion(report, tmp_path / "confusion.png")
    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.width < 1600


def test_a_diagram_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DltkError, match=r"iou\.png"):
        plot_class_iou(report_of([0.5]), tmp_path / "file" / "iou.png")
