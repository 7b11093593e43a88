"""Classifiers of texts measured on labelled ones."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest

from dltk.data.texts import read_texts
from dltk.errors import UsageError
from recipes.classify_text import classify_text
from recipes.evaluate import evaluate
from tests.text_models import save_linear

WEIGHTS = {"good": (0, 2), "bad": (1, 0), "fine": (0, 0.5), "awful": (3, 0)}
ROWS = [
    ("a good film", "positive"),
    ("a bad film", "negative"),
    ("fine", "negative"),  # which is a mistake
    ("awful", "negative"),
    ("good, good!", "positive"),
    ("bad but fine", "positive"),  # another
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return save_linear(folder / "mine.keras", WEIGHTS, ("negative", "positive"))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as file:
        rows = [(*row, "test" if number > 1 else "train") for number, row in enumerate(ROWS)]
        csv.writer(file).writerows([("text", "label", "split"), *rows])
    return path


def test_the_measures_are_those_of_the_labels_that_are_given(model, table):
    result = evaluate(model, table, split="all")
    labels = list(classify_text([text for text, _ in ROWS], model=model, batch_size=2))
    for scores, label in zip(result.probabilities, labels, strict=True):
        own = {each.name: each.score for each in label.labels}
        np.testing.assert_allclose(scores, [own["negative"], own["positive"]], atol=2e-5)
    assert result.report.top1 == pytest.approx(4 / 6) and result.report.examples == 6
    assert result.report.per_class()["negative"] == {
        "precision": round(2 / 3, 6), "recall": round(2 / 3, 6), "f1": round(2 / 3, 6), "support": 3
    }  # fmt: skip
    assert result.report.most_confused(5) == [
        ("negative", "positive", 1), ("positive", "negative", 1)
    ]  # fmt: skip
    assert result.names == tuple(f"reviews.csv:{line}" for line in range(2, 8))
    assert [result.names[place] for place in result.mistakes(9)] == [
        "reviews.csv:4",
        "reviews.csv:7",
    ]
    assert result.classes == ("negative", "positive") and result.failed == ()
    for size in (1, 64):
        other = evaluate(model, table, split="all", batch_size=size)
        np.testing.assert_allclose(other.probabilities, result.probabilities, atol=1e-6)


def test_a_split_is_measured_and_known_texts_are_told(model, table, tmp_path):
    result = evaluate(model, table)
    assert result.split == "test" and result.report.examples == 4
    assert result.seen_in_training is None
    copy = tmp_path / "run" / "best.keras"
    copy.parent.mkdir()
    copy.write_bytes(model.read_bytes())
    digests = [hashlib.sha256(text.encode()).hexdigest()[:32] for text, _ in ROWS]
    with (copy.parent / "split.csv").open("w", newline="") as file:
        rows = [("train", digests[0]), ("train", digests[3]), ("val", digests[4])]
        csv.writer(file).writerows([("split", "digest"), *rows])
    assert evaluate(copy, table).seen_in_training == 1
    assert evaluate(copy, table, split="all").seen_in_training == 2


def test_data_of_all_layouts_is_taken(model, table, tmp_path):
    for number, (text, label) in enumerate(ROWS):
        path = tmp_path / "folders" / label / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    told = evaluate(model, table, split="all").report.to_dict()
    assert evaluate(model, tmp_path / "folders").report.to_dict() == told
    assert evaluate(model, read_texts(table), split="all").report.to_dict() == told
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace("text,label,split", "said,meant,part"))
    columns = {"text_column": "said", "label_column": "meant"}
    assert evaluate(model, other, **columns).report.to_dict() == told
    with pytest.raises(UsageError, match=r"mine\.keras labels texts, but .* no column"):
        evaluate(model, other)
    with pytest.raises(UsageError, match="are of files, and this data is read"):
        evaluate(model, read_texts(table), text_column="said")


def test_classes_are_found_by_name_and_unknown_ones_are_named(model, table):
    content = table.read_text()
    table.write_text(content.replace(",positive", ",POSITIVE"))
    assert evaluate(model, table, split="all").report.top1 == pytest.approx(4 / 6)
    table.write_text(content.replace(",positive,test", ",positiv,test"))
    with pytest.raises(UsageError, match=r'has no class "positiv"\. Did you mean "positive"'):
        evaluate(model, table)


def test_models_of_pictures_and_texts_keep_to_their_own(model, table, noise, tmp_path):
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        noise(number).save(tmp_path / "pictures" / name / "1.jpg")
    with pytest.raises(UsageError, match=r"mine\.keras labels texts, but .*pictures") as error:
        evaluate(model, tmp_path / "pictures")
    assert "\n" not in str(error.value)
    for data in (table, read_texts(table)):
        with pytest.raises(UsageError, match=r"reviews\.csv holds texts, and efficientnet"):
            evaluate("efficientnet-lite0", data)
    (tmp_path / "texts/a").mkdir(parents=True)
    (tmp_path / "texts/a/1.txt").write_text("one")
    with pytest.raises(UsageError, match="holds texts, and efficientnet-lite0 classifies pictures"):
        evaluate("efficientnet-lite0", tmp_path / "texts")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"engine": "litert"}, "classifiers of texts run on the keras engine"),
        ({"samples": 5}, "--samples is for generators"),
        ({"regions": "x"}, "--regions is for detectors"),
        ({"split": "val"}, "has no split val"),
        ({"split": "tset"}, 'split "tset" is not'),
    ],
)
def test_options_that_mean_nothing_are_refused(model, table, options, why):
    with pytest.raises(UsageError, match=why):
        evaluate(model, table, **options)


def test_columns_are_of_texts(photos):
    for name in ("text", "label"):
        with pytest.raises(UsageError, match=f"--{name}-column is for classifiers of texts"):
            evaluate("efficientnet-lite0", photos, **{f"{name}_column": "x"})


def test_the_command_prints_and_writes_what_there_is(dltk, model, table, tmp_path):
    out = tmp_path / "out"
    result = dltk("evaluate", model, table, "--split", "all", "-o", out)
    assert result.code == 0 and f"results in {out}" in result.err
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == f"{model} on {table}: 6 texts of 2 classes"
    assert lines[1].startswith(
        "accuracy 66.7% micro F1 0.667 macro precision 0.667 recall 0.667 F1 0.667 ECE "
    )
    assert "class texts precision recall F1" in lines
    assert "negative 3 0.667 0.667 0.667" in lines
    assert "most confused taken for texts" in lines
    assert sorted(path.name for path in out.iterdir()) == [
        "calibration.png", "confusion.png", "evaluation.json", "mistakes.html", "predictions.csv"
    ]  # fmt: skip
    fields = json.loads((out / "evaluation.json").read_text())
    assert fields["task"] == "classify texts" and fields["top1"] == pytest.approx(4 / 6, abs=1e-6)
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    assert [row["predicted"] for row in rows] == [
        "positive", "negative", "positive", "negative", "positive", "negative"
    ]  # fmt: skip
    printed = dltk("evaluate", model, table, "--json", "-q")
    assert json.loads(printed.out)["examples"] == 4
    assert dltk("evaluate", model, table, "--split", "val").code == 2
