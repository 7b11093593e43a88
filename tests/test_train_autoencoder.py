"""Training an auto-encoder: that it beats PCA, resumes, distributes, and leaves its codes' file."""

from __future__ import annotations

import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from dltk.data import in_memory, read_data
from dltk.data.plain import pictures_in_memory
from dltk.errors import UsageError
from dltk.modelfile import read_card
from dltk.models.autoencoder import CODES
from recipes._autoencoder_data import KIND, read_known
from recipes._looked_over import channels_of, look_over, tell_small
from recipes.features import features
from recipes.train_autoencoder import resume_train_autoencoder, train_autoencoder
from tests.runs import history_of, killed_at, weights_of

TINY = {"size": 8, "batch_size": 16, "precision": "float32", "devices": "cpu"}


def digits(count: int):
    """Return handwritten digits of 8 × 8 pixels, grey, with their classes."""
    told = load_digits()
    pictures = np.rint(told.images[:count] * 255 / 16).astype(np.uint8)
    return in_memory(list(pictures), told.target[:count], [str(digit) for digit in range(10)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """400 digits in class folders."""
    root = tmp_path_factory.mktemp("digits") / "some digits"
    data = digits(400)
    part = data.splits["all"]
    for name, picture, label in zip(part.names, part.sources, part.labels, strict=True):
        (root / data.classes[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(root / data.classes[label] / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def lines():
    """What the training of `trained` reported."""
    return []


@pytest.fixture(scope="module")
def trained(folder, lines, tmp_path_factory):
    """An auto-encoder of 2 codes that has learnt digits, and one of 4 beside it."""
    run = tmp_path_factory.mktemp("auto-encoder") / "a run"
    how = TINY | {"epochs": 40, "compare": "4"}
    return train_autoencoder(folder, run_dir=run, report=lines.append, **how)


def test_pictures_come_back_better_than_from_principal_components(trained, lines):
    report = trained.evaluation.report
    assert report.pictures == 60 and report.numbers == 64
    two, four = report.compared
    assert (two.codes, two.components, four.codes, four.components) == (2, 2, 4, 4)
    assert report.own == two
    assert two.error < 0.75 * two.pca_error and four.error < 0.9 * four.pca_error
    assert four.error < two.error
    assert trained.evaluation.seen_in_training == 0
    assert "pictures are taken for grey" in lines and not any("enlarged" in each for each in lines)
    rows = history_of(trained.run)
    assert [row["stage"] for row in rows] == ["4-codes"] * 40 + ["2-codes"] * 40
    losses = [float(row["val_loss"]) for row in rows[40:]]
    assert trained.chosen["best epoch of 2-codes"] == 1 + np.argmin(losses)


def test_a_run_folder_tells_the_whole_story(trained, folder):
    assert {path.name for path in trained.run.iterdir()} == {
        "best.keras", "checkpoint", "config.json", "curves.png", "errors.png", "evaluation.json",
        "history.csv", "log.txt", "manifold.png", "map.png", "pictures.csv", "reconstruction.png",
        "report.md", "split.csv",
    }  # fmt: skip
    own = trained.evaluation.report.own
    report = (trained.run / "report.md").read_text()
    assert '(280 train, 60 val, 60 test): the auto-encoder "deep", from 8 × 8' in report
    assert f"dltk features PICTURES -m '{trained.model}'" in report
    assert f"**{own.error:.2f}** a picture, against {own.pca_error:.2f}" in report
    assert f"| {own.error / 64:.5f} | {own.pca_error / 64:.5f} |" in report
    assert f"| {own.accuracy:.1%} | {own.pca_accuracy:.1%} |" in report
    record = json.loads((trained.run / "evaluation.json").read_text())
    assert record["task"] == "autoencode" and record["split"] == "test"
    assert [row["codes"] for row in record["compared"]] == [2, 4]
    rows = list(csv.DictReader((trained.run / "pictures.csv").open()))
    assert np.mean([float(row["error"]) for row in rows]) == pytest.approx(own.error, abs=1e-4)
    mean = np.mean([float(row["pca_error"]) for row in rows])
    assert mean == pytest.approx(own.pca_error, abs=1e-4)
    assert all(row["path"].startswith(f"{row['label']}/") for row in rows)
    split = list(csv.DictReader((trained.run / "split.csv").open()))
    assert len(split) == 400 and {row["label"] for row in split} == set("0123456789")
    card = read_card(trained.model)
    assert card.task == "autoencode" and card.labels == () and card.backbone is None
    assert (card.geometry.height, card.geometry.channels, card.geometry.crop) == (8, 1, 1.0)
    assert card.metrics["error"] == pytest.approx(own.error) and "compared" not in card.metrics
    for name in ("map.png", "reconstruction.png", "manifold.png", "errors.png"):
        with Image.open(trained.run / name) as picture:
            assert min(picture.size) > 200


def test_features_are_the_codes(trained, folder, dltk, tmp_path):
    network = keras.saving.load_model(trained.model)  # plain Keras does
    paths = sorted((folder / "3").iterdir())[:5]
    pixels = np.stack([np.asarray(Image.open(path), np.float32)[..., None] for path in paths])
    want = np.asarray(network(pixels)[CODES])
    found = [each.vector for each in features(paths, model=str(trained.model))]
    np.testing.assert_allclose(found, want, atol=1e-4)
    measured = {row["path"]: row for row in csv.DictReader((trained.run / "pictures.csv").open())}
    name = next(iter(measured))
    (again,) = features(folder / name, model=str(trained.model))
    told = [float(measured[name][code]) for code in ("code1", "code2")]
    np.testing.assert_allclose(again.vector, told, atol=1e-4)
    split = csv.DictReader((trained.run / "split.csv").open())
    known = [row for row in split if row["split"] == "train"]
    codes = features([folder / row["path"] for row in known], model=str(trained.model))
    nearest = KNeighborsClassifier(5)
    nearest.fit([each.vector for each in codes], [row["label"] for row in known])
    held = [[float(row["code1"]), float(row["code2"])] for row in measured.values()]
    right = nearest.predict(held) == [row["label"] for row in measured.values()]
    assert np.mean(right) == pytest.approx(trained.evaluation.report.own.accuracy, abs=0.02)
    assert dltk("models", "layers", trained.model).out.count("(taken by default)") == 1


@pytest.mark.parametrize(
    "command",
    [("classify", "PICTURES", "-m", "FILE"), ("detect", "PICTURES", "-m", "FILE"),
     ("segment", "PICTURES", "-m", "FILE"), ("caption", "PICTURES", "-m", "FILE"),
     ("evaluate", "FILE", "PICTURES"), ("export", "FILE"),
     ("finetune", "PICTURES", "--backbone", "FILE")],
    ids=lambda command: command[0],
)  # fmt: skip
def test_other_commands_refuse_it_in_a_line(trained, folder, dltk, command):
    words = {"PICTURES": folder, "FILE": trained.model}
    result = dltk(*(words.get(word, word) for word in command))
    assert result.code == 2 and result.err.count("\n") == 1 and "encode" in result.err


def test_the_command_shows_what_was_measured(folder, dltk, tmp_path):
    options = ("--size", 8, "--epochs", 1, "--codes", 3, "--run-dir", tmp_path / "run")
    result = dltk("train", "autoencoder", folder, *options)
    assert result.code == 0, result.err
    own = json.loads((tmp_path / "run/evaluation.json").read_text())
    assert "60 pictures of test" in result.out
    assert f"{own['error']:.2f}" in result.out and f"{own['pca_error']:.2f}" in result.out
    assert not (tmp_path / "run/manifold.png").exists() and (tmp_path / "run/map.png").exists()
    again = dltk("train", "autoencoder", "--resume", tmp_path / "run", "--json")
    assert json.loads(again.out)["evaluation"]["codes"] == 3


SHORT = TINY | {"epochs": 2, "compare": "1"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A short training of two networks that was not stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return train_autoencoder(digits(80), run_dir=run, **SHORT)


def test_a_run_killed_ends_like_one_never_stopped(whole, tmp_path):
    run = tmp_path / "a run"
    code = (
        "import sys, json; from tests.test_train_autoencoder import digits;"
        "from recipes.train_autoencoder import train_autoencoder;"
        "train_autoencoder(digits(80), run_dir=sys.argv[1], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[2]))"
    )
    arguments = run, json.dumps(SHORT)
    printed = killed_at(code, arguments, "training a network of 2 codes", "epoch 1 of 2")
    begins = [line.split(" on ")[0] for line in printed]
    assert begins.index("measuring") < begins.index("training a network of 2 codes")
    assert not (run / "best.keras").exists()
    done = resume_train_autoencoder(run, data=digits(80))
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_autoencoder(run, data=digits(79))
    for a, b in zip(history_of(done.run), history_of(whole.run), strict=True):
        assert a.pop("stage") == b.pop("stage")
        for name in a:
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-5), name
    first, second = weights_of(whole.model), weights_of(done.model)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert done.evaluation.report.compared == whole.evaluation.report.compared


def test_two_replicas_learn_as_one(tmp_path):
    done, lines = [], []
    for devices in ("cpu", "cpu:2"):
        run = tmp_path / devices.replace(":", "")
        how = TINY | {"preset": "conv", "epochs": 2, "devices": devices}
        done.append(train_autoencoder(digits(60), run_dir=run, report=lines.append, **how))
    assert any("MirroredStrategy on 2 devices (CPU:0, CPU:1)" in line for line in lines)
    losses = [[float(row["loss"]) for row in history_of(each.run)] for each in done]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    first, second = (weights_of(each.model) for each in done)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-4, err_msg=name)


def test_nothing_need_be_known_of_pictures(noise, tmp_path):
    """Some of which are grey, some too small, and one no picture at all."""
    root = tmp_path / "pictures"
    root.mkdir()
    for at in range(12):
        picture = noise(at, (20, 16) if at else (6, 7))
        (picture.convert("L") if at < 3 else picture).save(root / f"{at}.png")
    (root / "broken.png").write_bytes(b"no picture")
    lines = []
    how = TINY | {"epochs": 1, "codes": 1, "loss": "cross-entropy"}
    done = train_autoencoder(root, run_dir=tmp_path / "run", report=lines.append, **how)
    assert any("left out: broken.png" in line for line in lines)
    assert "pictures are taken for colour" in lines
    assert "note: 3 of 12 pictures are grey, the others have colours" in lines
    assert "note: 1 of 12 pictures are smaller than 8 pixels, and are enlarged" in lines
    assert any("few to begin from nothing" in line for line in lines)
    assert [name for name, _ in done.passed_over] == ["broken.png"]
    own = done.evaluation.report.own
    assert own.accuracy is None and read_card(done.model).geometry.channels == 3
    assert "nearest neighbours" not in (done.run / "report.md").read_text()
    with Image.open(done.run / "map.png") as picture:
        assert picture.width > picture.height


def test_more_codes_than_components_are_told(tmp_path):
    how = TINY | {"epochs": 1, "codes": 12}
    data = pictures_in_memory(digits(10).splits["all"].sources)
    done = train_autoencoder(data, run_dir=tmp_path / "run", **how)
    own, train = done.evaluation.report.own, read_card(done.model).training["pictures"]["train"]
    assert own.codes == 12 and own.components == train < 12
    report = (done.run / "report.md").read_text()
    assert f"no more than {train} principal components" in report


def test_without_held_out_pictures_nothing_is_measured(tmp_path):
    data = pictures_in_memory(digits(12).splits["all"].sources)
    how = TINY | {"epochs": 1, "val_share": 0.0, "test_share": 0.0}
    done = train_autoencoder(data, run_dir=tmp_path / "run", **how)
    assert done.evaluation is None
    assert "No pictures were held out." in (done.run / "report.md").read_text()
    assert not (done.run / "map.png").exists()


def test_classes_are_taken_where_those_of_all_pictures_are_known(folder, tmp_path, noise):
    assert read_known(folder).classes == read_data(folder).classes
    root = tmp_path / "loose too"
    for name in ("cats/1.png", "dogs/2.png", "3.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        noise(len(name)).save(root / name)
    loose = read_known(root)
    assert len(loose) == 3 and not hasattr(loose, "classes")
    (root / "3.png").rename(root / "notes.txt")
    assert read_known(root).classes == ("cats", "dogs")
    (root / "known.csv").write_text("path,label\ncats/1.png,cat\ndogs/2.png,dog\n")
    assert read_known(root / "known.csv").classes == ("cat", "dog")
    (root / "plain.csv").write_text("path\ncats/1.png\ndogs/2.png\n")
    assert len(read_known(root / "plain.csv")) == 2
    with pytest.raises(UsageError, match="no such folder or file"):
        read_known(tmp_path / "nowhere")


def test_grey_is_told_from_colour_through_jpeg(noise, tmp_path):
    grey = noise(0).convert("L")
    for name, picture in (("1.jpg", grey), ("2.jpg", grey.convert("RGB")), ("3.jpg", noise(1))):
        picture.save(tmp_path / name, quality=60)

    (tmp_path / "4.jpg").write_bytes((tmp_path / "3.jpg").read_bytes()[:-100])
    lines = []

    def looked_over(size):
        data = KIND.split(read_known(tmp_path), val_share=0.0, test_share=0.0)
        return look_over(data, size, lines.append)

    data, looks = looked_over(30)
    assert len(data) == 3 and looks == (2, 0, 3)
    assert lines[0] == "reading 4 pictures to train on" and len(lines) == 2
    assert lines[1].startswith("note: left out: 4.jpg: ")
    for asked, channels, told in (
        (None, 3, "note: 2 of 3 pictures are grey, the others have colours"),
        (3, 3, "note: 2 of 3 pictures are grey, the others have colours"),
        (1, 1, "note: 1 of 3 pictures have colours, which are left out"),
    ):
        lines.clear()
        assert channels_of(looks, asked, lines.append) == channels and lines == [told]
    (tmp_path / "3.jpg").unlink()
    _, looks = looked_over(31)
    assert looks == (2, 2, 2)
    lines.clear()
    assert channels_of(looks, None, lines.append) == 1 and not lines
    assert channels_of(looks, 3, lines.append) == 3 and not lines
    tell_small(looks, 31, lines.append)
    assert lines == ["note: 2 of 2 pictures are smaller than 31 pixels, and are enlarged"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"preset": "deap"}, r'--preset is one of deep, conv, not deap. Did you mean "deep"\?'),
        ({"loss": "square"}, "--loss is one of squared, cross-entropy"),
        ({"channels": "gray"}, "--channels is one of auto, grey, colour, not gray"),
        ({"codes": 0}, "--codes is at least 1"),
        ({"codes": 64}, "64 codes bring nothing down: a picture of 8 × 8 pixels has 64 numbers"),
        ({"compare": "2-80"}, "--compare 2-80 means 79 networks; name 20 at most"),
        ({"compare": "8-2"}, "--compare is numbers of codes such as 2-8 or 2,4,8, not 8-2"),
        ({"compare": "2,"}, "--compare is numbers of codes"),
        ({"size": 7}, "--size is at least 8"),
        ({"size": 300, "preset": "conv"}, "--size is at most 256"),
        ({"size": 200}, "--size 200: the deep preset takes 128 pixels at most"),
        ({"size": 30, "preset": "conv"}, "--size 30: the conv preset .* take 28 or 32"),
        ({"lr": float("nan")}, "--lr is a number above 0"),
        ({"batch_size": 3, "devices": "cpu:2"}, "shared out among 2 replicas; take 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_made(options, told, tmp_path):
    with pytest.raises(UsageError, match=told):
        train_autoencoder(digits(20), run_dir=tmp_path / "run", **TINY | options)
    assert not (tmp_path / "run").exists()


def test_one_picture_is_too_few(tmp_path, noise):
    with pytest.raises(UsageError, match="one picture is too few: codes are learnt from what"):
        train_autoencoder(pictures_in_memory([noise(0)]), run_dir=tmp_path / "run", **TINY)
    root = tmp_path / "pictures"
    root.mkdir()
    noise(0).save(root / "1.png")
    (root / "2.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="two at least"):
        train_autoencoder(root, run_dir=tmp_path / "run", val_share=0.0, test_share=0.0, **TINY)
