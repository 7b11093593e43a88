"""Measuring a model on labelled pictures, from Python and from the command line."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tracemalloc

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.cli.progress import Reporter
from dltk.data import Examples, LabelledData, in_memory
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.training.run import RunFolder
from recipes.evaluate import _predict_all, evaluate

FILES = ["calibration.png", "confusion.png", "evaluation.json", "mistakes.png", "predictions.csv"]


def grey(value):
    return Image.new("RGB", (12, 10), (value,) * 3)


@pytest.fixture
def model(tmp_path):
    """A model file that tells dark pictures from bright ones, and never says "red thing"."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(3, activation="softmax")
    network = keras.Model(inputs, head(x))
    slopes, offsets = np.array([[-0.01, 0.01, 0]] * 3), np.array([3.825, -3.825, -99])
    head.set_weights([slopes, offsets])  # the logits cross at 127.5
    path = tmp_path / "run" / "brightness.keras"
    card = ModelCard("classify", ("Dark", "Bright", "red thing"), Geometry(8, 8, fit="squash"))
    save_model(network, path, card)
    return path


@pytest.fixture
def shades(tmp_path):
    """A folder of four pictures, one of them in the wrong class's folder."""
    folder = tmp_path / "shades"
    for name, value in (("dark/1", 0), ("dark/2", 60), ("bright/3", 255), ("bright/4", 20)):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey(value).save(path)
    return folder


@pytest.fixture
def imagenet(photos, tmp_path):
    """Sample photographs in folders named by classes of ImageNet, in several spellings."""
    folder = tmp_path / "imagenet"
    classes = {"cat": "egyptian_CAT", "espresso": "n07920052", "flower": "daisy", "rocket": "tabby"}
    for photo, name in classes.items():
        (folder / name).mkdir(parents=True)
        shutil.copy(photos / f"{photo}.jpg", folder / name)
    return folder


def test_a_model_is_measured_on_folders_of_its_classes(model, shades):
    result = evaluate(model, shades, engine="keras")
    assert result.names == ("bright/3.png", "bright/4.png", "dark/1.png", "dark/2.png")
    assert [result.classes[label] for label in result.labels] == ["Bright"] * 2 + ["Dark"] * 2
    assert result.report.top1 == 0.75
    assert result.report.most_confused(3) == [("Bright", "Dark", 1)]
    assert result.mistakes(5) == [1]
    # 20 below, on three channels, by twice 0.01: the logit of a two-way softmax
    expected = 1 / (1 + np.exp(-2 * (3.825 - 0.03 * 20)))
    assert result.probabilities[1] == pytest.approx([expected, 1 - expected, 0], abs=1e-5)
    assert result.model == str(model)
    assert result.split == "all" and result.seen_in_training is None and result.failed == ()


def test_mistakes_come_surest_first(model):
    values = [0, 100, 60, 110, 255]
    data = in_memory([grey(value) for value in values], [1, 1, 1, 1, 1], ["dark", "bright"])
    result = evaluate(model, data, engine="keras")
    assert result.mistakes(9) == [0, 2, 1, 3] and result.mistakes(2) == [0, 2]


def test_real_photographs_by_names_and_ids(dltk, imagenet):
    result = dltk("evaluate", "EfficientNet_Lite0", imagenet, "--json", "-q")
    assert result.code == 0 and result.err == ""
    fields = json.loads(result.out)
    assert fields["model"] == "efficientnet-lite0"
    assert fields["top1"] == 0.75 and fields["examples"] == 4
    assert set(fields["classes"]) == {"Egyptian cat", "espresso", "daisy", "tabby"}
    assert fields["classes"]["espresso"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1
    }  # fmt: skip
    assert fields["confusion"]["tabby"] == {"missile": 1}
    assert fields["most_confused"] == [{"true": "tabby", "predicted": "missile", "count": 1}]


def test_the_litert_engine_needs_no_tensorflow(imagenet, own_cache):
    list(evaluate("efficientnet-lite0", imagenet).names)  # compiled
    code = (
        "import sys; from recipes.evaluate import evaluate;"
        "print(evaluate('efficientnet-lite0', sys.argv[1]).report.top1,"
        "      {'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, imagenet]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "0.75 set()\n", done.stderr


def test_a_table_tells_totals_classes_and_confusions(dltk, model, shades):
    result = dltk("evaluate", model, shades, "--engine", "keras")
    lines = result.out.splitlines()
    assert lines[0] == f"{model} on {shades}: 4 pictures of 2 classes"
    assert lines[1].startswith("top-1 75.0%  macro F1 0.733  ECE ")  # no top-5 of three classes
    assert ["Dark", "2", "0.667", "1.000", "0.800"] in [line.split() for line in lines]
    assert ["Bright", "2", "1.000", "0.500", "0.667"] in [line.split() for line in lines]
    assert lines[-1].split() == ["Bright", "Dark", "1"]


def test_of_many_classes_the_worst_come_first(dltk, photos, tmp_path):
    from dltk.models.catalog import imagenet_labels

    for label in imagenet_labels()[:24]:
        (tmp_path / "many" / label.id).mkdir(parents=True)
        shutil.copy(photos / "cat.jpg", tmp_path / "many" / label.id)
    (tmp_path / "many" / "Egyptian cat").mkdir()
    shutil.copy(photos / "cat.jpg", tmp_path / "many" / "Egyptian cat")
    out = dltk("evaluate", "efficientnet-lite0", tmp_path / "many").out
    assert "the 20 worst of 25 classes" in out
    table = out.split("most confused")[0]
    assert "tench" in table and "Egyptian cat" not in table


def test_an_output_folder_holds_the_measures_and_pictures(dltk, model, shades, tmp_path):
    out = tmp_path / "out"
    result = dltk("evaluate", model, shades, "-o", out, "--engine", "keras")
    assert result.code == 0 and f"results in {out}" in result.err
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert json.loads((out / "evaluation.json").read_text())["top1"] == 0.75
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    assert [row["predicted"] for row in rows] == ["Bright", "Dark", "Dark", "Dark"]
    wrong = rows[1]
    assert wrong["path"] == "bright/4.png" and wrong["label"] == "Bright"
    assert float(wrong["score"]) + float(wrong["label_score"]) == pytest.approx(1, abs=1e-5)


def test_a_second_evaluation_replaces_the_first(dltk, model, shades, tmp_path):
    out = tmp_path / "out"
    dltk("evaluate", model, shades, "-o", out, "--engine", "keras")
    (shades / "bright/4.png").unlink()
    assert dltk("evaluate", model, shades, "-o", out, "--engine", "keras").code == 0
    assert json.loads((out / "evaluation.json").read_text())["top1"] == 1
    assert not (out / "mistakes.png").exists()  # there are none any more


def test_files_of_the_users_own_stay(dltk, model, shades, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "evaluation.json").write_text('{"mine": 1}')
    refused = dltk("evaluate", model, shades, "-o", out, "--engine", "keras")
    assert refused.code == 2 and "holds files that are no evaluation" in refused.err
    assert os.listdir(out) == ["evaluation.json"]
    assert (out / "evaluation.json").read_text() == '{"mine": 1}'
    with pytest.raises(UsageError, match="no evaluation"):
        evaluate(model, shades, engine="keras").save(out)
    (out / "notes.txt").write_text("mine")
    done = dltk("evaluate", model, shades, "-o", out, "--overwrite", "--engine", "keras")
    assert done.code == 0 and (out / "notes.txt").read_text() == "mine"
    assert json.loads((out / "evaluation.json").read_text())["top1"] == 0.75


def test_results_do_not_go_into_the_data(dltk, model, shades):
    for anyway in ((), ("--overwrite",)):
        result = dltk("evaluate", model, shades, "-o", shades / "out", *anyway)
        assert result.code == 2 and "lies in the data" in result.err
    assert not (shades / "out").exists()
    with pytest.raises(UsageError, match="lies in the data"):
        evaluate(model, shades, engine="keras").save(shades / "out")
    lone = dltk("evaluate", model, shades, "--overwrite")
    assert lone.code == 2 and "name it with --output" in lone.err


def test_the_evaluation_of_a_training_run_is_not_replaced(dltk, model, shades, tmp_path):
    run = RunFolder.create("finetune", "shades", {}, path=tmp_path / "shades-run").path
    result = evaluate(model, shades, engine="keras")
    result.save(run, overwrite=True)  # as the training does
    (run / "evaluation.json").write_text(text := '{"format": "dltk.evaluate", "top1": 0.5}')
    kept = {path.name: path.read_bytes() for path in run.iterdir()}
    for anyway in ((), ("--overwrite",)):
        refused = dltk("evaluate", model, shades, "-o", run, *anyway)
        assert refused.code == 2 and refused.err.count("\n") == 1
        assert f"{run} holds a training run with its own evaluation" in refused.err
    with pytest.raises(UsageError, match="holds a training run"):
        result.save(run)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == kept
    assert set(kept) == {"config.json", *FILES} and kept["evaluation.json"] == text.encode()
    result.save(run / "measured")  # a folder in it may be had


def test_what_was_passed_over_is_said(dltk, model, shades):
    (shades / "dark" / "notes.txt").write_text("mine")
    command = ("evaluate", model, shades, "--json")
    assert "1 passed over in the data, such as dark/notes.txt: " in dltk(*command).err
    assert dltk(*command, "-q").err == ""


@pytest.mark.parametrize("name", ["classify", "features", "evaluate"])
def test_what_runs_where_is_said_only_if_it_is_asked_for(dltk, photos, imagenet, name):
    what = ("efficientnet-lite0", imagenet) if name == "evaluate" else (photos / "cat.jpg",)
    assert "efficientnet-lite0 on LiteRT, " in dltk(name, *what, "-v").err
    assert "LiteRT" not in dltk(name, *what).err


def test_all_else_that_a_recipe_reports_is_said(capsys):
    for quiet in (False, True):
        reporter = Reporter(verbose=False, quiet=quiet, bar=False)
        reporter.say("copying mnist/3.0.1, train, to /cache/tfds")
        reporter.say("cat on Keras, one GPU, float32, 3 pictures")
    assert capsys.readouterr().err == "copying mnist/3.0.1, train, to /cache/tfds\n"


def test_probabilities_are_held_once():
    """With the results in a list, and then in an array, there would be twice as many bytes."""

    class Indifferent:
        output_shape, batch_size, workers = (4000,), 8, 1

        def __call__(self, batch):
            return np.full((len(batch), *self.output_shape), 0.5, np.float32)

    count = 1000
    part = Examples([str(i) for i in range(count)], [grey(0)] * count, np.zeros(count, np.int64))
    examples = [(part, index) for index in range(count)]
    tracemalloc.start()
    try:
        probabilities, failed = _predict_all(examples, Geometry(2, 2), Indifferent(), print)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert probabilities.shape == (count, 4000) and (probabilities == 0.5).all() and not failed
    assert peak < 1.5 * probabilities.nbytes


def test_pictures_that_cannot_be_read_are_left_out_and_listed(dltk, model, shades, tmp_path):
    (shades / "dark/bad.png").write_text("<html>")
    result = dltk("evaluate", model, shades, "--json", "--engine", "keras")
    assert result.code == 3
    fields = json.loads(result.out)
    assert fields["examples"] == 4 and fields["top1"] == 0.75
    assert [failure["path"] for failure in fields["failed"]] == ["dark/bad.png"]
    assert "failed: dark/bad.png: not a picture" in result.err


def test_no_readable_picture_is_an_error(model, shades):
    for path in shades.glob("*/*.png"):
        path.write_text("no")
    with pytest.raises(DltkError, match=r"no picture could be measured: bright/3\.png: not a pic"):
        evaluate(model, shades, engine="keras")


def test_classes_that_the_model_does_not_know_are_named(model, shades):
    (shades / "dark").rename(shades / "drak")
    with pytest.raises(UsageError, match=r'no class "drak"\. Did you mean "Dark"\?'):
        evaluate(model, shades)
    for index in range(4):
        shutil.copytree(shades / "bright", shades / f"new {index}")
    with pytest.raises(UsageError, match=r'"new 1"\. And 2 more\.'):
        evaluate(model, shades)


def test_two_classes_that_are_one_to_the_model_are_refused(model, shades):
    shutil.copytree(shades / "dark", shades / "DARK_")
    with pytest.raises(UsageError, match=r"the classes dark and DARK_ are both Dark to"):
        evaluate(model, shades)


def test_exact_names_go_before_folded_ones(tmp_path):
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    card = ModelCard("classify", ("Polish", "polish", "red_fox"), Geometry(4, 4))
    save_model(network, tmp_path / "case.keras", card)
    data = in_memory([grey(0)] * 3, [0, 1, 2], ["polish", "Polish", "RED fox"])
    result = evaluate(tmp_path / "case.keras", data, engine="keras")
    assert result.labels.tolist() == [1, 0, 2]
    with pytest.raises(UsageError, match='no class "POLISH"'):  # either might be meant
        evaluate(tmp_path / "case.keras", in_memory([grey(0)] * 2, [0, 1], ["POLISH", "red_fox"]))


def test_names_that_outputs_share_are_told_apart(model, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("crane\ncrane\nfox\n")
    data = in_memory([grey(0), grey(255)], [0, 1], ["crane (output 0)", "crane (output 1)"])
    result = evaluate(model, data, labels=names, engine="keras")
    assert result.report.top1 == 1
    with pytest.raises(UsageError, match=r'no class "crane"'):
        evaluate(model, in_memory([grey(0)], [0], ["crane"]), labels=names)


def test_a_model_that_neither_classifies_nor_detects_is_refused(tmp_path, shades):
    inputs = keras.Input((4, 4, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs))
    save_model(network, tmp_path / "d.keras", ModelCard("draw", ("a",), Geometry(4, 4)))
    with pytest.raises(UsageError, match="a model to draw, not to classify"):
        evaluate(tmp_path / "d.keras", shades)
    with pytest.raises(UsageError, match="vgg16-hed has no class names"):
        evaluate("vgg16-hed", shades)


def divided(**splits):
    """Data with pictures of given brightnesses: their class is whether they are above 127."""
    parts = {
        name: Examples(
            tuple(f"{name}/{value}" for value in values),
            [grey(value) for value in values],
            np.array([int(value > 127) for value in values]),
        )
        for name, values in splits.items()
    }
    return LabelledData("memory", ("dark", "bright"), parts)


def test_the_test_pictures_are_taken_if_there_are_any(model):
    data = divided(train=[1, 2, 250], val=[3, 251], test=[4])
    sizes = {
        split: len(evaluate(model, data, split=split, engine="keras").names)
        for split in ("auto", "train", "val", "test", "all")
    }
    assert sizes == {"auto": 1, "train": 3, "val": 2, "test": 1, "all": 6}
    without = evaluate(model, divided(train=[1], val=[2, 3]), engine="keras")
    assert without.split == "all" and without.names == ("train/1", "val/2", "val/3")


def test_a_split_that_is_not_there_is_told(dltk, model, shades):
    with pytest.raises(UsageError, match="has no split test: it has train, val; try --split all"):
        evaluate(model, divided(train=[1], val=[2]), split="test")
    result = dltk("evaluate", model, shades, "--split", "val")
    assert result.code == 2 and "has no split val: it is not divided" in result.err
    with pytest.raises(UsageError, match='split "most"'):
        evaluate(model, shades, split="most")


def write_split(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split", "digest"])
        writer.writerows(rows)


def test_pictures_that_were_trained_on_are_counted(dltk, model, shades):
    from dltk.data import read_data

    examples = read_data(shades).splits["all"]
    splits = ["train", "val", "train", "test"]
    write_split(
        model.with_name("split.csv"),
        zip(examples.names, examples.labels, splits, examples.digests, strict=True),
    )
    (shades / "bright/3.png").rename(shades / "bright/renamed.png")  # the content counts
    result = dltk("evaluate", model, shades, "--json", "--engine", "keras")
    assert json.loads(result.out)["seen_in_training"] == 2
    assert "2 of these 4 pictures were trained on" in result.err
    write_split(model.with_name("split.csv"), [])
    result = dltk("evaluate", model, shades, "--json", "--engine", "keras")
    assert json.loads(result.out)["seen_in_training"] == 0 and result.err == ""


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"\xff\xfe"])
def test_another_split_csv_beside_the_model_does_no_harm(model, shades, content):
    model.with_name("split.csv").write_bytes(content)
    assert evaluate(model, shades, engine="keras").seen_in_training is None


def test_names_that_are_no_text_are_saved(model, tmp_path):
    examples = Examples(("a\udcff.png", "b\n.png"), [grey(0), grey(0)], np.array([0, 1]))
    data = LabelledData("memory", ("dark", "bright"), {"all": examples})
    evaluate(model, data, engine="keras").save(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    json.loads((tmp_path / "out/evaluation.json").read_text())


def test_the_engines_agree(model, shades):
    fast, plain = (evaluate(model, shades, engine=engine) for engine in ("litert", "keras"))
    np.testing.assert_allclose(fast.probabilities, plain.probabilities, atol=1e-5)
    assert fast.report.to_dict()["confusion"] == plain.report.to_dict()["confusion"]
