"""Diagrams of detection, and the folder and tables of an evaluation, with what they are to show."""

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from dltk import plots_detection
from dltk.cli.evaluate_detection import detection_tables
from dltk.data.examples import AnnotatedExamples
from dltk.errors import DltkError, UsageError
from dltk.metrics import measure_detections
from dltk.objects import Detections, Objects
from dltk.plots_detection import plot_boxes_sheet, plot_precision_recall
from recipes._detection_evaluation import DetectionEvaluation
from recipes._evaluation import check_contents

CLASSES = ("cat", "dog", "elk")
A, B, C, D = (10, 10, 50, 50), (100, 10, 140, 50), (10, 100, 50, 140), (100, 100, 140, 140)
TRUTH = Objects.of([A, B, C], [0, 1, 2], [False, False, True])
FOUND = Detections.of([A, C, D, B], [0, 2, 1, 0], [0.9, 0.8, 0.7, 0.2])  # B is no cat
COLOURS = {"right": "#1e90ff", "false": "#ff7800", "missed": "#e6007e"}
FILES = ["detections.csv", "evaluation.json", "mistakes.png", "precision_recall.png"]


def size(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return image.size


@pytest.fixture
def drawn(monkeypatch):
    """The axes of each diagram that is written, to see what was put where."""
    axes, write = [], plots_detection.write_figure

    def look(figure, path):
        axes.append(figure.axes)
        write(figure, path)

    monkeypatch.setattr(plots_detection, "write_figure", look)
    return axes


def curves(panel):
    return {line.get_label(): line.get_xydata() for line in panel.lines}


def boxes(panel, colour):
    """Return the corners of the boxes of a colour."""
    from matplotlib.colors import to_rgba

    return [
        tuple(np.ravel(patch.get_bbox().get_points()).astype(int).tolist())
        for patch in panel.patches
        if patch.get_edgecolor() == to_rgba(colour)
    ]


def many(count):
    """A report on `count` classes, each found less well than the one before."""
    truth = [Objects.of([(k * 50, 0, k * 50 + 40, 40) for k in range(count)], range(count))] * 5
    found = []
    for picture in range(5):
        kept = [k for k in range(count) if k % 5 <= picture]
        found.append(Detections.of(truth[0].boxes[kept], kept, [0.9 - 0.1 * picture] * len(kept)))
    return measure_detections(truth, found, [f"class {k}" for k in range(count)])


def test_a_curve_for_each_class_and_a_dot_where_it_is_best(tmp_path, drawn):
    report = many(4)
    plot_precision_recall(report, tmp_path / "curves.png")
    ((panel,),) = drawn
    shown = curves(panel)
    best = [f"{point.score:.2f}" for point in report.best]
    assert list(shown) == [
        f"class {k}  {report.ap50[k]:.3f}  ● {best[k]}" for k in np.argsort(-report.ap50)
    ]
    half = shown[f"class 3  {report.ap50[3]:.3f}  ● {best[3]}"]
    assert (
        half[-1] == pytest.approx([0.41, 0]) and (half[:-1, 1] == 1).all()
    )  # two of five are found
    dots = [tuple(p) for points in panel.collections for p in points.get_offsets().tolist()]
    assert (pytest.approx(0.4), pytest.approx(1)) in dots and len(dots) == 4
    assert "mAP@.5 0.7" in panel.get_title() and "5 pictures" in panel.get_title()


def test_of_many_classes_the_mean_is_bold_and_the_extremes_are_named(tmp_path, drawn):
    report = many(30)
    plot_precision_recall(report, tmp_path / "curves.png")
    ((panel,),) = drawn
    named = {label: line for label, line in curves(panel).items() if not label.startswith("_")}
    assert [label.split("  ")[0] for label in named] == [
        "best: class 0",
        "worst: class 29",
        "mean of 30 classes",
    ]
    assert len(panel.lines) == 31
    widths = [line.get_linewidth() for line in panel.lines]
    assert widths[-1] == max(widths) and min(widths) < 1
    np.testing.assert_allclose(named["mean of 30 classes"][:, 1], report.precisions.mean(axis=0))


def test_curves_of_nothing(tmp_path, drawn):
    plot_precision_recall(
        measure_detections([Objects.of()], [FOUND], CLASSES), tmp_path / "none.png"
    )
    missed = measure_detections([TRUTH], [Detections.of()], CLASSES)
    plot_precision_recall(missed, tmp_path / "missed.png")
    (nothing,), (zero,) = drawn
    assert curves(nothing) == {} and nothing.get_title() == "no objects, 1 picture"
    assert list(curves(zero)) == ["cat  0.000", "dog  0.000"]  # no score leads anywhere


def test_what_is_right_false_and_missed_is_seen_on_a_sheet(tmp_path, drawn, noise):
    picture = noise(size=(150, 150))
    plot_boxes_sheet(
        [picture] * 2, [TRUTH] * 2, [FOUND, Detections.of()], CLASSES, tmp_path / "sheet.png",
        names=["a.jpg", "b.jpg"], score=0.5,
    )  # fmt: skip
    ((first, second),) = drawn
    found = {name: boxes(first, colour) for name, colour in COLOURS.items()}
    assert found == {"right": [A], "false": [D], "missed": [B]}
    assert [text.get_text() for text in first.texts] == [
        "missed dog",
        "cat 0.90",
        "elk 0.80",
        "dog 0.70",
    ]
    assert first.get_title() == "a.jpg\n1 right, 1 false, 1 missed"
    assert boxes(second, COLOURS["missed"]) == [A, B]
    assert second.get_title() == "b.jpg\n0 right, 0 false, 2 missed"
    plot_boxes_sheet([picture], [TRUTH], [FOUND], CLASSES, tmp_path / "all.png")
    assert "cat 0.20, is dog" in [text.get_text() for text in drawn[1][0].texts]


def test_labels_stay_in_the_picture_and_off_each_other(tmp_path, drawn, noise):
    found = Detections.of([A] * 4 + [(0, 0, 150, 150)], [0] * 5, [0.9, 0.8, 0.7, 0.6, 0.5])
    plot_boxes_sheet(
        [noise(size=(150, 150))], [Objects.of()], [found], ["x" * 300], tmp_path / "s.png"
    )
    ((panel,),) = drawn
    places = [text.get_position() for text in panel.texts]
    assert len(set(places)) == 5
    assert all(0 <= x <= 150 and 0 <= y <= 150 for x, y in places)
    assert max(size(tmp_path / "s.png")) < 1000


@pytest.mark.parametrize("name", ["$5 and $6", "a\nb", "x" * 300, "猫", "\udcff", "50% _^"])
def test_any_name_can_be_drawn(tmp_path, noise, name):
    report = measure_detections([TRUTH], [FOUND], [name, "dog", "elk"])
    plot_precision_recall(report, tmp_path / "curves.png")
    names = [name, "dog", "elk"]
    plot_boxes_sheet([noise()], [TRUTH], [FOUND], names, tmp_path / "sheet.png", names=[name])
    assert size(tmp_path / "curves.png")[0] < 2000


def test_a_sheet_needs_pictures_and_as_many_of_the_rest(tmp_path, noise):
    for pictures, truths in (([], []), ([noise()], [])):
        with pytest.raises(ValueError, match="objects and detections of each"):
            plot_boxes_sheet(pictures, truths, [], CLASSES, tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def evaluation(noise):
    """Three pictures: one with mistakes, one without objects, one all right."""
    names = ("a.jpg", "b\n.jpg", "c\udcff.jpg")
    truth = (TRUTH, Objects.of(), Objects.of([A], [0]))
    found = (FOUND, Detections.of(), Detections.of([A], [0], [0.95]))
    examples = AnnotatedExamples(names, [noise(k, (150, 150)) for k in range(3)], truth)
    return DetectionEvaluation(
        "mine.keras", "photos", "test", measure_detections(truth, found, CLASSES), CLASSES, names,
        truth, found, (("d.jpg", "not a picture"),), None, [(examples, k) for k in range(3)],
    )  # fmt: skip


def test_an_evaluation_is_a_folder(evaluation, tmp_path):
    folder = tmp_path / "out"
    evaluation.save(folder)
    assert sorted(os.listdir(folder)) == FILES
    fields = json.loads((folder / "evaluation.json").read_text())
    assert (fields["format"], fields["task"]) == ("dltk.evaluate", "detect")
    assert fields["map50"] == pytest.approx(0.5) and fields["pictures"] == 3
    assert fields["failed"] == [{"path": "d.jpg", "error": "not a picture"}]
    with (folder / "detections.csv").open(newline="", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    outcomes = [(row["label"], row["outcome"], row["true_label"]) for row in rows[:5]]
    assert outcomes == [
        ("cat", "right", "cat"),
        ("elk", "ignored", "elk"),
        ("dog", "background", ""),
        ("cat", "wrong class", "dog"),
        ("", "missed", "dog"),
    ]
    assert rows[3]["score"] == "0.200000" and rows[4]["score"] == "" and len(rows) == 6
    assert [float(rows[4][side]) for side in ("left", "top", "right", "bottom")] == list(B)
    evaluation.save(folder)  # again, in place of the first


def test_pictures_with_most_mistakes_come_first(evaluation):
    assert evaluation.report.mistakes.score == pytest.approx(0.9)
    assert evaluation.mistakes(5) == [0] and evaluation.mistakes(0) == []


def test_without_mistakes_there_is_no_sheet_of_them(evaluation, tmp_path):
    evaluation.save(tmp_path / "out")
    fine = measure_detections(evaluation.truth[1:], evaluation.found[1:], CLASSES)
    examples = evaluation.examples[1:]
    DetectionEvaluation(
        "m", "d", "all", fine, CLASSES, evaluation.names[1:], evaluation.truth[1:],
        evaluation.found[1:], (), 0, examples,
    ).save(tmp_path / "out")  # fmt: skip
    assert sorted(os.listdir(tmp_path / "out")) == [name for name in FILES if "mist" not in name]


def test_an_evaluation_of_another_task_stays(evaluation, tmp_path):
    (tmp_path / "evaluation.json").write_text('{"format": "dltk.evaluate"}')  # of a classifier
    check_contents(tmp_path)
    with pytest.raises(UsageError, match="holds the evaluation of a model to classify; choose"):
        evaluation.save(tmp_path)
    (tmp_path / "evaluation.json").write_text("[]")
    with pytest.raises(UsageError, match="files that are no evaluation"):
        evaluation.save(tmp_path)
    assert os.listdir(tmp_path) == ["evaluation.json"]
    evaluation.save(tmp_path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == FILES
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DltkError, match="cannot write"):
        evaluation.save(tmp_path / "file" / "out")


def test_tables_tell_totals_classes_and_mistakes(evaluation):
    lines = detection_tables(evaluation).splitlines()
    assert lines[0] == "mine.keras on photos, test: 3 pictures with 3 objects of 2 classes"
    assert lines[1].startswith("mAP@[.5:.95] 0.500  mAP@.5 0.500  mAP@.75 0.500")
    assert "best at --score 0.9: precision 1.000  recall 0.667  F1 0.800" in lines
    cells = [line.split() for line in lines]
    assert ["cat", "2", "2", *["1.000"] * 5, "0.900"] in cells
    assert ["dog", "1", "1", "0.000", "0.000", "0.000", "0.000", "0.000", "–"] in cells
    assert ["right", "2"] in cells and ["missed", "1"] in cells
    assert max(map(len, lines)) <= 100
