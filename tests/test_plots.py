"""Diagrams: written whole, of a size that can be read, with what they are to show."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dltk import plots
from dltk.errors import DltkError
from dltk.metrics import measure
from dltk.plots import (
    plot_calibration,
    plot_confusion,
    plot_curves,
    plot_folds,
    plot_rate_search,
    plot_templates,
    plot_worst,
)
from dltk.training.outcome import draw_curves


def report(count, names=None, *, right=True, examples=2):
    """A report on `count` classes, all right or each taken for the next."""
    labels = np.tile(np.arange(count), examples)
    probabilities = np.full((len(labels), count), 0.1 / count)
    probabilities[np.arange(len(labels)), (labels + (not right)) % count] += 0.9
    return measure(probabilities, labels, names or [f"class {index}" for index in range(count)])


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def share(picture, colour, slack=12):
    """Return how much of a picture has about the colour."""
    return (np.abs(picture - colour).max(axis=-1) <= slack).mean()


@pytest.fixture
def drawn(monkeypatch):
    """The axes of each diagram that is written, to see what was put where."""
    axes, write = [], plots.write_figure

    def look(figure, path):
        axes.append(figure.axes)
        write(figure, path)

    monkeypatch.setattr(plots, "write_figure", look)
    return axes


def marks(axes, label):
    """Return (x, y) of the points drawn under a label that begins so."""
    return [
        tuple(point)
        for panel in axes
        for points in panel.collections
        if points.get_label().startswith(label)
        for point in points.get_offsets().tolist()
    ]


DARK = (8, 48, 107)  # what a share of 1 is drawn in
ORANGE = (221, 107, 32)


def test_a_confusion_matrix_is_dark_where_all_examples_are(tmp_path):
    plot_confusion(report(2), tmp_path / "right.png")
    plot_confusion(report(2, right=False), tmp_path / "wrong.png")
    right, wrong = pixels(tmp_path / "right.png"), pixels(tmp_path / "wrong.png")
    rows, columns = np.nonzero(np.abs(right - DARK).max(axis=-1) < 3)
    assert np.corrcoef(rows, columns)[0, 1] > 0.5  # the diagonal
    rows, columns = np.nonzero((np.abs(wrong - DARK).max(axis=-1) < 3)[:, : columns.max()])
    assert np.corrcoef(rows, columns)[0, 1] < -0.5


@pytest.mark.parametrize(("count", "least"), [(2, 400), (25, 1500), (200, 3000)])
def test_a_confusion_matrix_grows_with_its_classes(tmp_path, count, least):
    plot_confusion(report(count, examples=1), tmp_path / "confusion.png")
    height, width, _ = pixels(tmp_path / "confusion.png").shape
    assert least <= min(height, width) and max(height, width) < 6000


def test_of_very_many_classes_the_most_confused_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "_MOST_SHOWN", 3)
    labels = np.array([0, 1, 2, 3, 4, 5])
    predictions = np.array([0, 1, 3, 2, 4, 1])
    probabilities = np.eye(6)[predictions]
    measured = measure(probabilities, labels, list("abcdef"))
    assert plots._classes_shown(measured.confusion, measured.support).tolist() == [1, 2, 3]
    plot_confusion(measured, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").exists()


@pytest.mark.parametrize(
    "name", ["$5 and $6", "$", "a\nb", "x" * 300, "猫", "\udcff", "\\frac{1}{2}", "50% _^"]
)
def test_any_name_can_be_drawn(tmp_path, name):
    plot_confusion(report(2, [name, "cat"]), tmp_path / "confusion.png")
    plot_worst([Image.new("RGB", (9, 9))], [f"said {name}\nis cat"], tmp_path / "worst.png")
    wide = max(pixels(tmp_path / name).shape[1] for name in ("confusion.png", "worst.png"))
    assert wide < 1600  # a long name is cut


def test_calibration_shows_a_gap_only_where_there_is_one(tmp_path):
    sure = np.tile([[0.8, 0.2]], (10, 1))
    labels = np.array([0] * 8 + [1] * 2)
    plot_calibration(measure(sure, labels, ["a", "b"]), tmp_path / "good.png")
    plot_calibration(measure(sure, 1 - labels, ["a", "b"]), tmp_path / "bad.png")
    good, bad = (share(pixels(tmp_path / name), ORANGE) for name in ("good.png", "bad.png"))
    assert bad > 1.5 * good


def test_curves_have_a_panel_for_each_quantity(tmp_path):
    history = {"loss": [2.0, 1.0, None], "val_loss": [None, 1.5, float("nan")]}
    plot_curves(history, tmp_path / "one.png")
    history |= {"accuracy": [0.1, 0.5, 0.6], "learning_rate": [1e-3, 1e-4, 1e-5]}
    plot_curves(history, tmp_path / "three.png", stages=[("head", 0), ("all", 2)])
    one, three = pixels(tmp_path / "one.png"), pixels(tmp_path / "three.png")
    assert three.shape[0] > 2 * one.shape[0]


def test_the_best_epoch_is_marked_if_it_is_told(tmp_path, drawn):
    history = {
        "loss": [3.0, 2.0, 1.0],
        "val_loss": [1.0, 2.0, 3.0],
        "val_accuracy": [0.5, 0.9, 0.7],
    }
    for best in (2, None, 7):  # 7 is not in the history
        plot_curves(history, tmp_path / "curves.png", best=best)
    marked, unmarked, beyond = drawn
    assert marks(marked, "kept, epoch 3: ") == [(3, 3.0), (3, 0.7)]
    assert marks(unmarked, "kept") == marks(beyond, "kept") == []


def test_of_stages_the_epoch_is_marked_from_which_the_last_went_on(tmp_path, drawn):
    rows = {
        "speak": [{"val_cider": 3.0}, {"val_cider": 2.0}],
        "tune": [{"val_cider": 1.0}, {"val_cider": 0.5}],
    }
    run = SimpleNamespace(chief=True, rows=rows, path=tmp_path)
    for kept in ({"speak": 2, "tune": 1}, {"speak": 1, "tune": 0}, {}):  # 0: tuning was no good
        draw_curves(run, kept)
    assert [marks(axes, "kept, epoch 3: ") for axes in drawn] == [[(3, 1.0)], [], []]
    assert marks(drawn[1], "kept, epoch 1: ") == [(1, 3.0)] and marks(drawn[2], "kept") == []


def test_curves_of_a_training_that_never_ended_an_epoch(tmp_path):
    plot_curves({"loss": [], "val_loss": []}, tmp_path / "curves.png", stages=[("head", 0)])
    assert pixels(tmp_path / "curves.png").min() < 100


def test_a_rate_search_marks_the_rate_chosen(tmp_path):
    rates, losses = np.geomspace(1e-6, 1, 30), [2.0] * 10 + [1.0] * 15 + [50.0] * 4 + [float("nan")]
    plot_rate_search(rates, losses, None, tmp_path / "none.png")
    plot_rate_search(rates, losses, 1e-3, tmp_path / "chosen.png")
    assert share(pixels(tmp_path / "none.png"), ORANGE) == 0
    assert share(pixels(tmp_path / "chosen.png"), ORANGE) > 0


def test_folds_mark_the_value_chosen(tmp_path, drawn):
    grid = {"l2": {1: [0.5, 0.6], 3: [0.7, 0.8]}, "cosine": {1: [0.55, 0.6], 3: [0.75, 0.85]}}
    plot_folds(grid, tmp_path / "plain.png", label="k")
    plot_folds(grid, tmp_path / "chosen.png", label="k", chosen=("cosine", 3))
    plain, chosen = drawn
    assert marks(plain, "chosen") == []
    assert marks(chosen, "chosen: cosine, k = 3, 80.0%") == [(3, pytest.approx(0.8))]
    assert pixels(tmp_path / "chosen.png").min() < 100


def test_folds_of_a_lone_line_need_no_name(tmp_path, drawn):
    grid = {"": {1e-4: [0.3, 0.4], 1.0: [0.2, 0.2]}}
    for chosen in (None, ("", 1e-4)):
        plot_folds(grid, tmp_path / "log.png", label="l2", log=True, chosen=chosen)
    (plain,), (marked,) = drawn
    assert plain.get_legend() is None and plain.get_xscale() == "log"
    assert marks([marked], "chosen: l2 = 0.0001, 35.0%") == [(1e-4, pytest.approx(0.35))]


def test_templates_are_grey_where_a_weight_is_0(tmp_path):
    weights = np.zeros((4, 4, 3, 2))
    weights[..., 0, 0] = 0.01  # red speaks for the first class; nothing for the second
    plot_templates(weights, ["red", "nothing"], tmp_path / "templates.png")
    picture = pixels(tmp_path / "templates.png")
    assert share(picture, (255, 128, 128)) > 0.2 and share(picture, (128, 128, 128)) > 0.2
    plot_templates(np.ones((4, 4, 1, 3)), list("abc"), tmp_path / "grey.png")
    assert share(pixels(tmp_path / "grey.png"), (255, 255, 255)) > 0.9


def test_pictures_and_captions_must_be_as_many(tmp_path):
    for pictures, captions in (([], []), ([Image.new("RGB", (2, 2))], [])):
        with pytest.raises(ValueError, match=r"one caption for each"):
            plot_worst(pictures, captions, tmp_path / "worst.png")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DltkError, match="cannot write"):
        plot_calibration(report(2), tmp_path / "file" / "calibration.png")
    assert (tmp_path / "file").read_text() == "mine"


def test_pyplot_is_left_alone(tmp_path):
    code = (
        "import sys, dltk.plots; assert 'matplotlib' not in sys.modules;"
        "dltk.plots.plot_rate_search([1, 2], [2, 1], 1, sys.argv[1]);"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, tmp_path / "rates.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    assert (tmp_path / "rates.png").exists()
