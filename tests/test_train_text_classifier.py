"""Training text classifiers: that they read order, resume, distribute, and tell what they do."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.data.texts import split_texts, texts_in_memory
from dltk.errors import DltkError, UsageError
from dltk.modelfile import read_card
from dltk.text.encoder import Encoder, padded
from dltk.text.grammar import write_texts
from dltk.text.tokenizer import Tokenizer
from dltk.text.vectors import WordVectors, write_vectors
from dltk.text.vocabulary import FIRST, TOKENS, UNKNOWN, Vocabulary
from dltk.training.run import RunFolder
from recipes import _text_classifier_words as words_of
from recipes._cross_validation import CrossValidation, Fold
from recipes.train_text_classifier import resume_train_text_classifier, train_text_classifier
from tests.runs import history_of, killed_at, weights_of
from tests.texts import made_texts

TINY = {"size": 16, "maps": 8, "windows": "2,3", "batch_size": 16, "epochs": 2, "devices": "cpu",
        "dropout": 0.1, "warmup": 0.0}  # fmt: skip
COUNTS = {"preset": "bow", "batch_size": 16, "epochs": 2, "devices": "cpu", "warmup": 0.0}
# What reads order in a few seconds.
READS = TINY | {"maps": 24, "size": 24, "windows": "3,4", "batch_size": 40, "lr": 0.005,
                "epochs": 7, "schedule": "constant"}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of texts in which order decides."""
    folder = tmp_path_factory.mktemp("texts") / "some texts"
    return next(iter(write_texts(folder, 1200)))


@pytest.fixture(scope="module")
def lines():
    """What the training of `trained` reported."""
    return []


@pytest.fixture(scope="module")
def trained(table, lines, tmp_path_factory):
    """A convolutional classifier of who acts."""
    run = tmp_path_factory.mktemp("classifier") / "a run"
    return train_text_classifier(table, run_dir=run, report=lines.append, **READS)


# What it learns


def test_windows_read_order_where_counts_are_chance(trained, tmp_path):
    assert trained.evaluation.report.top1 >= 0.98 and trained.evaluation.split == "test"
    how = COUNTS | {"lr": 0.05}
    done = train_text_classifier(made_texts(400), run_dir=tmp_path / "bow", **how)
    assert done.evaluation.report.top1 == 0.5
    first, second = (Counter(made_texts(400).splits["test"].text(at).split()) for at in (0, 1))
    assert first == second


def test_negation_is_read_where_counts_see_words_alone(tmp_path):
    data, found = made_texts(700, "opinions"), {}
    for preset in ("textcnn", "bow"):
        how = READS | {"epochs": 8} if preset == "textcnn" else {"preset": "bow", "lr": 0.02}
        done = train_text_classifier(data, run_dir=tmp_path / preset, **how)
        found[preset] = done.evaluation.report.top1
    assert found["textcnn"] >= 0.9 and 0.5 <= found["bow"] < found["textcnn"] - 0.15


def test_the_first_loss_is_that_of_equal_chances(tmp_path):
    """Before anything is learnt, log K within a twentieth."""
    said = [f"{word} text number {at}" for at in range(10) for word in "abcde"]
    data = texts_in_memory(said, list(range(5)) * 10, "vwxyz")
    how = TINY | {"lr": 1e-7, "epochs": 1, "val_share": 0.2}
    (row,) = history_of(train_text_classifier(data, run_dir=tmp_path / "run", **how).run)
    assert float(row["loss"]) == pytest.approx(math.log(5), rel=0.05)
    assert float(row["val_loss"]) == pytest.approx(math.log(5), rel=0.05)


# What it leaves


def test_a_run_folder_tells_the_whole_story(trained, table, lines):
    assert {path.name for path in trained.run.iterdir()} == {
        "best.keras", "calibration.png", "checkpoint", "config.json", "confusion.png",
        "curves.png", "evaluation.json", "history.csv", "log.txt", "predictions.csv", "report.md",
        "split.csv",
    } | ({"mistakes.html"} if trained.evaluation.mistakes(1) else set())  # fmt: skip
    report = (trained.run / "report.md").read_text()
    assert "(960 train, 120 val, 120 test): textcnn, random vectors, 97 words, 24 tokens" in report
    assert f"dltk text classify TEXTS -m '{trained.model}'" in report
    assert "## Measured on 120 texts of the test split" in report
    assert "| class | precision | recall | F1 | texts |" in report and "flatter" not in report
    card = read_card(trained.model)
    assert (card.task, card.labels, card.geometry) == ("classify texts", ("cat", "dog"), None)
    assert card.text == Tokenizer(marks=True).to_dict() | {"length": 24}
    assert len(card.words) == trained.words == 97 and card.words[0] == "the"
    assert card.training["texts"] == {"train": 960, "val": 120, "test": 120}
    assert card.metrics["top1"] == trained.evaluation.report.top1 and card.backbone is None
    record = json.loads((trained.run / "evaluation.json").read_text())
    assert (record["task"], record["examples"]) == ("classify texts", 120)
    assert record["seen_in_training"] == 0 and record["data"] == str(table)
    rows = list(csv.DictReader((trained.run / "predictions.csv").open()))
    assert rows[0]["path"] == "who-acts.csv:4" and rows[0]["label"] == "dog"
    split = list(csv.DictReader((trained.run / "split.csv").open()))
    assert Counter(row["split"] for row in split) == {"train": 960, "val": 120, "test": 120}
    assert {row["label"] for row in split} == {"cat", "dog"}
    history = history_of(trained.run)
    accuracies = [float(row["val_accuracy"]) for row in history]
    best = trained.chosen["best epoch of network"]
    assert accuracies[best - 1] == max(accuracies) and "val_macro_f1" in history[0]
    assert "reading 960 texts to train on" in lines
    assert "97 words, 100.0% of what is written; looked at are 24 tokens of a text" in lines
    assert any("one device (CPU:0), 40 texts a replica and step" in line for line in lines)
    with Image.open(trained.run / "curves.png") as picture:
        assert picture.height > picture.width


def test_the_file_says_what_the_training_measured(trained):
    card, network = read_card(trained.model), keras.saving.load_model(trained.model)
    fields = dict(card.text)
    encoder = Encoder(
        Tokenizer(**{k: v for k, v in fields.items() if k != "length"}), Vocabulary(card.words),
        fields["length"],
    )  # fmt: skip
    part, _ = trained.evaluation.examples[0]
    numbers = [encoder(part.text(at)).numbers for at in range(len(part))]
    found = network({TOKENS: padded(numbers, encoder.length)})
    np.testing.assert_allclose(found, trained.evaluation.probabilities, atol=1e-5)
    assert list(network.input) == [TOKENS]


@pytest.mark.parametrize(
    "command",
    [("classify", "PICTURES", "-m", "FILE"), ("detect", "PICTURES", "-m", "FILE"),
     ("segment", "PICTURES", "-m", "FILE"), ("caption", "PICTURES", "-m", "FILE"),
     ("features", "PICTURES", "-m", "FILE"), ("visualize", "filters", "-m", "FILE"),
     ("export", "FILE"), ("finetune", "PICTURES", "--backbone", "FILE"), ("generate", "FILE")],
    ids=lambda command: command[0],
)  # fmt: skip
def test_other_commands_refuse_it_in_a_line(trained, photos, dltk, command):
    words = {"PICTURES": photos, "FILE": trained.model}
    result = dltk(*(words.get(word, word) for word in command))
    assert result.code == 2 and result.err.count("\n") == 1, result.err
    assert "texts" in result.err


def test_the_worst_mistakes_are_shown_with_their_texts(tmp_path):
    """Of a network that has learnt nothing, names and texts with signs of HTML among them."""
    said = [f"<b>{'x' * 3000} & {at}</b>\n\nمرحبا" for at in range(20)]
    data = texts_in_memory(said, [0, 1] * 10, ["<ham>", "spam"])
    how = COUNTS | {"epochs": 1, "lr": 1e-7, "val_share": 0.3, "test_share": 0.3}
    done = train_text_classifier(data, run_dir=tmp_path / "run", **how)
    wrong = len(done.evaluation.mistakes(100))
    page = (done.run / "mistakes.html").read_text()
    assert page.count("<article>") == wrong > 0
    assert f"{wrong} of 6 texts were taken for another class, the surest first." in page
    assert "&lt;b&gt;xxx" in page and "<b>x" not in page and "xx…</p>" in page
    assert "&lt;ham&gt;" in page and 'dir="auto"' in page
    assert "[The worst mistakes](mistakes.html)" in (done.run / "report.md").read_text()
    rows = list(csv.DictReader((done.run / "predictions.csv").open()))
    assert {row["label"] for row in rows} == {"<ham>", "spam"}


# That it goes on, and distributes


FOLDED = TINY | {"folds": 2, "class_weights": "balanced"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A short training in folds that was not stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return train_text_classifier(made_texts(120), run_dir=run, **FOLDED)


def test_a_run_killed_ends_like_one_never_stopped(whole, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys, json; from tests.texts import made_texts;"
        "from recipes.train_text_classifier import train_text_classifier;"
        "train_text_classifier(made_texts(120), run_dir=sys.argv[1], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[2]))"
    )
    killed_at(code, (run, json.dumps(FOLDED)), "fold 2 of 2", "epoch 1 of 2")
    assert not (run / "best.keras").exists()
    done = resume_train_text_classifier(run, data=made_texts(120))
    assert done.folds == whole.folds and done.chosen == whole.chosen
    for a, b in zip(history_of(done.run), history_of(whole.run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole.model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    np.testing.assert_array_equal(done.evaluation.probabilities, whole.evaluation.probabilities)
    told = RunFolder.open(run, "text train").resume_command
    assert told == f"resume_train_text_classifier('{run}', data=...)"
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_text_classifier(run, data=made_texts(122))
    with pytest.raises(UsageError, match=r"--maps 8 then, 9 now"):
        resume_train_text_classifier(run, data=made_texts(120), maps=9)


def test_two_replicas_learn_as_one(tmp_path):
    """But for dropout, which each draws for its own texts. Their longest texts differ."""
    done, lines, data = [], [], made_texts(60)
    train = data.splits["train"].take([0, 1, 2, 4, 6, 7, *range(8, 40)])  # not balanced
    data = replace(data, splits=data.splits | {"train": train})
    how = TINY | {"dropout": 0.0, "max_norm": 0.05, "batch_size": 6, "lr": 0.01, "clip": 0.1}
    for devices in ("cpu", "cpu:2"):
        how |= {"devices": devices, "class_weights": "balanced"}
        run = tmp_path / devices.replace(":", "")
        done.append(train_text_classifier(data, run_dir=run, report=lines.append, **how))
    assert any("MirroredStrategy on 2 devices (CPU:0, CPU:1), 3 texts" in line for line in lines)
    losses = [[float(row["loss"]) for row in history_of(each.run)] for each in done]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    first, second = (weights_of(each.model) for each in done)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)


# Folds, weights of classes, vectors


def test_folds_are_measured_each_by_a_network_of_its_own(whole):
    folds = whole.folds
    assert sum(fold.examples for fold in folds.folds) == 96 and len(folds.folds) == 2
    rows = history_of(whole.run)
    assert [row["stage"] for row in rows] == ["fold-1"] * 2 + ["fold-2"] * 2 + ["network"] * 2
    report = (whole.run / "report.md").read_text()
    assert "## Cross-validation, 2 folds of the training texts" in report
    assert f"Accuracy **{folds.told()}**" in report and "| 2 | 48 | " in report
    assert whole.chosen["accuracy over 2 folds"] == folds.told()
    told = json.loads(json.dumps(whole.to_dict()))["folds"]
    assert told["accuracy"]["mean"] == pytest.approx(folds.mean(), abs=1e-5)
    assert [fold["examples"] for fold in told["folds"]] == [48, 48]


def test_mean_and_deviation_are_as_worked_by_hand():
    folds = CrossValidation((Fold(5, 0.5, 0.2), Fold(5, 0.7, 0.4), Fold(5, 0.9, 0.9)))
    assert folds.mean() == pytest.approx(0.7) and folds.deviation() == pytest.approx(0.2)
    assert folds.mean("macro_f1") == pytest.approx(0.5) and folds.told() == "70.0% ± 20.0%"


def test_words_of_a_fold_alone_help_nobody(tmp_path):
    """Of texts that have nothing in common, a network finds no class that it was not trained on."""
    said = [f"word{at}" for at in range(24)]
    data = texts_in_memory(said, [0, 1] * 12, "ab")
    train = data.splits["all"]
    data = replace(data, splits={"train": train})
    how = TINY | {"folds": 2, "min_count": 1, "epochs": 1, "lr": 0.1, "val_share": 0.0}
    done = train_text_classifier(data, run_dir=tmp_path / "run", **how)
    assert [fold.accuracy for fold in done.folds.folds] == [0.5] * 2
    assert done.evaluation is None
    assert "No texts were held out." in (done.run / "report.md").read_text()


def test_rare_classes_weigh_more_where_that_is_asked_for(tmp_path):
    said = [f"one {at}" for at in range(36)] + [f"two {at}" for at in range(4)]
    data = texts_in_memory(said, [0] * 36 + [1] * 4, ["often", "seldom"])
    how = {"preset": "bow", "devices": "cpu", "epochs": 1, "lr": 1e-6, "val_share": 0.0,
           "test_share": 0.25, "batch_size": 30, "optimizer": "sgd", "warmup": 0.0}  # fmt: skip
    seen = []
    for weights in ("none", "balanced"):
        run = tmp_path / weights
        done = train_text_classifier(data, run_dir=run, class_weights=weights, **how)
        bias = next(v for v in weights_of(done.model).values() if v.shape == (2,))
        seen.append(bias[0] / 1e-6 * 30)
    # A step of SGD moves the bias by the mean of weight · (truth - 1/2).
    assert seen == pytest.approx([27 * 0.5 - 3 * 0.5, 0.0], abs=0.01)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Vectors of some of the words: animals far from each other, and others that are in no text."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    words = ("zebra", "Dog", "cat", "new york", "hound", "kitten", "Zulu")
    numbers = np.arange(28, dtype=np.float32).reshape(7, 4) / 10
    words = tuple(word.replace(" ", "_") for word in words)
    write_vectors(path, WordVectors(words, numbers))
    return path, dict(zip(words, numbers, strict=True))


@pytest.mark.parametrize("embedding", ["non-static", "both"])
def test_words_begin_with_their_vectors(embedding, vectors, tmp_path):
    path, known = vectors
    lines = []
    how = {k: v for k, v in TINY.items() if k != "size"} | {"lr": 0.01, "vocabulary": 200}
    done = train_text_classifier(
        made_texts(60), embedding=embedding, vectors=path, run_dir=tmp_path / "run",
        report=lines.append, **how,
    )  # fmt: skip
    card, weights = read_card(done.model), weights_of(done.model)
    assert "dog" in card.words and "Dog" not in card.words
    assert {"zebra", "zulu", "new_york"} <= set(card.words[-4:])  # in no text: behind the others
    found = [value for value in weights.values() if value.shape == (FIRST + len(card.words), 4)]
    assert len(found) == 1 + (embedding == "both")
    stays = [
        all(
            np.array_equal(each[FIRST + card.words.index(word.lower())], vector)
            for word, vector in known.items()
        )
        for each in found
    ]
    assert stays == {"non-static": [False], "both": [True, False]}[embedding]
    assert "7 words begin with a vector of 4 numbers" in lines
    assert all(np.abs(each[UNKNOWN]).max() < 0.3 for each in found)
    assert f"textcnn, {embedding} vectors" in (done.run / "report.md").read_text()


def test_vectors_of_other_content_are_no_resume(vectors, tmp_path):
    path, _ = vectors
    mine = tmp_path / "mine.txt"
    mine.write_text(path.read_text())
    how = {k: v for k, v in TINY.items() if k != "size"} | {"epochs": 1}
    run = tmp_path / "run"
    train_text_classifier(made_texts(60), embedding="static", vectors=mine, run_dir=run, **how)
    mine.write_text(mine.read_text().replace("0.1", "0.7", 1))
    with pytest.raises(UsageError, match="--vectors-sha256"):
        resume_train_text_classifier(run, data=made_texts(60))
    (tmp_path / "none.txt").write_text("no vectors here\n")
    with pytest.raises(DltkError, match=r"none\.txt: line 1"):
        train_text_classifier(made_texts(60), embedding="static", vectors=tmp_path / "none.txt")


# What else can be asked for


@pytest.mark.parametrize(
    "asked",
    [
        {"optimizer": "adadelta", "schedule": "constant", "judge": "macro-f1"},
        {"preset": "lstm", "units": 8, "unit": "character", "lower": False, "length": 40},
        {"preset": "gru", "units": 8, "unit": "space", "marks": True, "precision": "bfloat16"},
        {"preset": "rnn", "units": 8, "marks": False, "ema": 0.9, "patience": 1},
        {"precision": "bfloat16", "max_norm": 0.0, "length": 3, "vocabulary": 9},
    ],
    ids=lambda asked: asked.get("preset", "textcnn") + str(len(asked)),
)
def test_other_classifiers_are_trained(asked, tmp_path):
    how = TINY | {"epochs": 1} | asked
    if "preset" in asked:
        how = {k: v for k, v in how.items() if k not in ("maps", "windows")}
    lines = []
    data = made_texts(60)
    done = train_text_classifier(data, run_dir=tmp_path / "run", report=lines.append, **how)
    (row,) = history_of(done.run)
    assert 0.3 < float(row["loss"]) < 1.5
    card = read_card(done.model)
    assert card.text["unit"] == asked.get("unit", "word")
    if asked.get("unit") == "character":
        assert len(card.words) < 40 and card.text["length"] == 40
        assert any(line.startswith("note: longer texts, of which the rest") for line in lines)
    if "vocabulary" in asked:
        assert len(card.words) == 9 and card.text["length"] == 3
    found = keras.saving.load_model(done.model)({TOKENS: np.array([[4, 5, 6]], np.int32)})
    np.testing.assert_allclose(np.sum(found), 1, atol=1e-5)


def test_empty_texts_and_rare_words_are_told(tmp_path):
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "".join(f"here is {at},{'xy'[at % 2]}\n" for at in range(30)) + ",x\n"
        "here is 7,x,y\n"
    )
    done = train_text_classifier(tmp_path / "a.csv", run_dir=tmp_path / "run", **COUNTS)
    assert read_card(done.model).words == ("here", "is")
    report = (done.run / "report.md").read_text()
    assert "## Left out\n" in report and "a.csv:33: 3 cells in a table of 2 columns" in report
    assert "## Texts left out\n" in report and "a.csv:32: an empty text" in report
    assert done.passed_over[0][0] == "a.csv:33"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"preset": "cnn"}, "--preset is one of textcnn, lstm, .*, not cnn"),
        ({"embedding": "frozen"}, "--embedding is one of random, static, non-static, both"),
        ({"embedding": "static"}, "--embedding static needs vectors to begin with: --vectors"),
        ({"vectors": "a.txt"}, "--vectors has no meaning here: vectors begin at random"),
        ({"embedding": "both", "vectors": "gone.txt"}, r"no such file.*gone\.txt"),
        ({"embedding": "both", "vectors": "a.txt", "size": 3}, "--size has no meaning here: it is"),
        ({"units": 5}, "--units has no meaning here: the textcnn preset has none such"),
        ({"preset": "lstm", "windows": "3"}, "--windows has no meaning here: the lstm preset has"),
        ({"preset": "bow", "size": 5}, "--size has no meaning here: the bow preset has none"),
        ({"preset": "bow", "dropout": 0.1}, "--dropout has no meaning here: the bow"),
        ({"unit": "character", "marks": False}, "--marks has no meaning here: every character is"),
        ({"unit": "letter"}, "--unit is one of word, space, character, not letter"),
        ({"windows": "3,x"}, "--windows is numbers of tokens such as 3,4,5, not 3,x"),
        ({"windows": "0"}, "--windows is numbers of tokens such as 3,4,5, not 0"),
        ({"windows": "51"}, "--windows is at most 50, not 51"),
        ({"maps": 0}, "--maps is at least 1, not 0"),
        ({"length": 0}, "--length is at least 1, not 0"),
        ({"length": "long"}, "--length is a whole number, not long"),
        ({"dropout": 1}, r"--dropout is a number from 0 to 0\.95, not 1"),
        ({"max_norm": float("nan")}, "--max-norm is a number of at least 0, not nan"),
        ({"folds": 1}, "--folds is 0, for no cross-validation, or 2 and up, not 1"),
        ({"folds": 50}, "--folds 50: there are 48 different training texts"),
        ({"class_weights": "auto"}, "--class-weights is one of none, balanced, not auto"),
        ({"judge": "f1"}, "--judge is one of accuracy, macro-f1, not f1"),
        ({"min_count": 999}, "no word is in the training texts 999 times; take a smaller"),
        ({"batch_size": 3, "devices": "cpu:2"}, "shared out among 2 replicas; take 2"),
        ({"text_column": "a"}, "--text-column has no meaning here: the texts are in memory"),
        ({"label_column": 2}, "--label-column has no meaning here: the texts are in memory"),
        ({"optimizer": "adadeltta"}, "--optimizer is one of .*adadelta"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(asked, message, tmp_path):
    if asked.get("vectors") == "a.txt":
        (tmp_path / "a.txt").write_text("one 1 2\n")
        asked = asked | {"vectors": tmp_path / "a.txt"}
    with pytest.raises(UsageError, match=message):
        train_text_classifier(made_texts(60), run_dir=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_too_few_texts_for_the_replicas_are_told_as_texts(tmp_path):
    data = texts_in_memory(["one one", "two two"], [0, 1], "ab")
    data = replace(data, splits={"train": data.splits["all"].take([0])})
    with pytest.raises(UsageError, match="1 training texts are too few for 2 replicas"):
        train_text_classifier(data, batch_size=2, devices="cpu:2", run_dir=tmp_path / "run")


def test_copies_do_not_fill_folds(tmp_path):
    data = texts_in_memory(["one", "two", "two", "two"], [0, 1, 1, 1], "ab")
    data = replace(data, splits={"train": data.splits["all"]})
    with pytest.raises(UsageError, match="--folds 3: there are 2 different training texts"):
        train_text_classifier(data, folds=3, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_columns_are_kept_for_a_resume(tmp_path):
    rows = "".join(f"{'good' if at % 2 else 'bad'} {at},{at % 2}\n" for at in range(30))
    (tmp_path / "plain.csv").write_text(rows)
    how = COUNTS | {"epochs": 1, "text_column": 1, "label_column": "2"}
    done = train_text_classifier(tmp_path / "plain.csv", run_dir=tmp_path / "run", **how)
    again = resume_train_text_classifier(done.run)
    np.testing.assert_array_equal(again.evaluation.probabilities, done.evaluation.probabilities)
    assert again.classes == ("0", "1")


def test_of_whole_books_the_beginnings_are_looked_at(monkeypatch):
    """Else batches of them would fill memory."""
    monkeypatch.setattr(words_of, "_MOST", 16)
    lines, said = [], [(f"{'word ' * (10 + at)} {'ab'[at % 2]}", "ab"[at % 2]) for at in range(20)]
    data = texts_in_memory([text for text, _ in said], ["ab".index(c) for _, c in said], "ab")
    data = split_texts(data, val_share=0, test_share=0)
    asked = SimpleNamespace(length="auto", min_count=1, vocabulary=100, vectors=None)
    read = words_of.ReadTexts(asked, SimpleNamespace(tokenizer=Tokenizer()), data, lines.append)
    read.tell()
    assert read.encoder.length == 16 and "looked at are 16 tokens" in lines[-2]
    assert lines[-1] == "note: longer texts, of which the rest is not read: 70.0%; see --length"
