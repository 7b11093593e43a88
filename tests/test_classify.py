"""Labels of real photographs, from Python and from the command line."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.catalog import Label, imagenet_labels
from recipes.classify import best, classify, folder_name, mean_probabilities


def first(result):
    return result.labels[0].name


def test_the_samples_are_labelled_as_one_would(photos):
    found = {result.name: first(result) for result in classify(photos)}
    assert found == {
        "astronaut.jpg": "football helmet",  # the nearest ImageNet has
        "cat.jpg": "Egyptian cat",
        "espresso.jpg": "espresso",
        "flower.jpg": "daisy",
        "galaxies.jpg": "flatworm",
        "pagoda.jpg": "palace",
        "rocket.jpg": "missile",
    }


def test_a_path_an_image_and_an_array_give_the_same(photos):
    path = photos / "espresso.jpg"
    image = Image.open(path)
    forms = [path, str(path), image, np.asarray(image), path.read_bytes(), [path]]
    scores = [next(classify(form)).labels[0].score for form in forms]
    assert scores == [scores[0]] * 6


def test_an_iterator_is_streamed(photos):
    taken = []

    def pictures():
        for index in range(1000):
            taken.append(index)
            yield photos / "cat.jpg"

    results = classify(pictures(), batch_size=2)
    assert first(next(results)) == "Egyptian cat"
    results.close()
    assert len(taken) < 100


def test_nothing_is_printed(photos, capfd):
    list(classify(photos))
    assert capfd.readouterr() == ("", "")


def test_failures_come_in_their_place(photos):
    (photos / "d.jpg").write_text("<html>")
    results = list(classify([photos / "cat.jpg", photos / "d.jpg", photos / "pagoda.jpg"]))
    assert [bool(result.error) for result in results] == [False, True, False]
    assert results[1].labels == [] and results[1].to_dict()["status"] == "failed"


def test_labels_have_wordnet_ids():
    labels = imagenet_labels()
    assert len({label.name for label in labels}) == len({label.id for label in labels}) == 1000
    assert labels[281] == Label("tabby", "n02123045")
    assert labels[517] == Label("crane (lifting device)", "n03126707")
    assert labels[134] == Label("crane (wading bird)", "n02012849")
    assert [label.id for label in labels] == sorted(label.id for label in labels)


def test_best_is_sorted_cut_and_rounded():
    names = [Label(name) for name in "abcd"]
    found = best(np.array([0.1, 0.4, 0.4, 0.1234567]), names, 3, 0.12)
    assert [(label.name, label.score) for label in found] == [
        ("b", 0.4), ("c", 0.4), ("d", 0.12346)
    ]  # fmt: skip


def test_views_are_averaged_for_each_picture():
    class Network:
        output_shape = (1,)

        def __call__(self, batch):
            return batch[:, 0, 0, :1]

    views = [np.full((2, 1, 1, 1), 3.0), np.arange(4.0).reshape(4, 1, 1, 1)]
    assert mean_probabilities(Network(), views).tolist() == [[3.0], [1.5]]


def test_ten_crops_find_what_is_off_the_centre(photos):
    centre = next(classify(photos / "astronaut.jpg", top=1000))
    ten = next(classify(photos / "astronaut.jpg", top=1000, tta=True))

    def shuttle(result):
        return next(label.score for label in result.labels if label.name == "space shuttle")

    assert shuttle(ten) > shuttle(centre)
    assert sum(label.score for label in ten.labels) == pytest.approx(1, abs=0.01)


def test_an_ensemble_is_the_mean_of_its_members(photos):
    models = ["efficientnet-lite0", "efficientnet-lite1"]
    path = photos / "espresso.jpg"

    def scores(**options):
        labels = next(classify(path, top=1000, **options)).labels
        return {label.name: label.score for label in labels}

    one, two = (scores(model=name) for name in models)
    both = scores(model=models, ensemble=True)
    assert both == pytest.approx({name: (one[name] + two[name]) / 2 for name in one}, abs=2e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ["efficientnet-lite0", "efficientnet-lite1"]}, "add --ensemble"),
        ({"ensemble": True}, "name more than one"),
        ({"model": "vgg16-hed"}, "has no class names"),
        ({"top": 0}, "at least 1"),
    ],
)
def test_options_that_cannot_work_are_refused(photos, options, message):
    with pytest.raises(UsageError, match=message):
        next(classify(photos, **options))


@pytest.mark.parametrize(
    ("label", "folder"),
    [("tabby", "tabby"), ("a/b\\c", "a_b_c"), ("..", "_"), ("what? ", "what_"), ("x\n", "x_")],
)
def test_labels_become_safe_folder_names(label, folder):
    assert folder_name(label) == folder


def tiny(shape, *, activation="softmax", units=3):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(units, activation)]
    )


def test_a_plain_keras_file_needs_labels_and_takes_the_whole_picture(tmp_path, noise):
    model = tiny((12, 10, 3))
    model.save(tmp_path / "plain.keras")
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    picture = noise(3, (60, 20))
    path = str(tmp_path / "plain.keras")
    with pytest.raises(UsageError, match="no class names; name them with --labels"):
        next(classify(picture, model=path))
    result = next(classify(picture, model=path, labels=str(tmp_path / "labels.txt")))
    pixels = np.asarray(picture.resize((10, 12), Image.Resampling.BILINEAR), np.float32)
    expected = model.predict(pixels[None], verbose=0)[0]
    assert {label.name: label.score for label in result.labels} == pytest.approx(
        dict(zip(("ant", "bee", "cat"), expected, strict=True)), abs=1e-5
    )


def test_logits_ranges_and_grey_pictures_are_understood(tmp_path, noise):
    model = tiny((8, 8, 1), activation=None)
    model.save(tmp_path / "grey.keras")
    (tmp_path / "labels.json").write_text('{"0": "ant", "1": "bee", "2": "cat"}')
    options = {
        "model": str(tmp_path / "grey.keras"),
        "labels": str(tmp_path / "labels.json"),
        "pixel_range": "0..1",
    }
    picture = noise(4, (8, 8))
    result = next(classify(picture, **options))
    grey = np.asarray(picture.convert("L"), np.float32)[None, :, :, None] / 255
    expected = keras.ops.softmax(model.predict(grey, verbose=0))[0]
    scores = {label.name: label.score for label in result.labels}
    assert [scores[name] for name in ("ant", "bee", "cat")] == pytest.approx(
        np.asarray(expected).tolist(), abs=1e-5
    )


def test_a_wrong_number_of_labels_is_said(tmp_path, noise):
    tiny((8, 8, 3)).save(tmp_path / "plain.keras")
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    options = {"model": str(tmp_path / "plain.keras"), "labels": str(tmp_path / "labels.txt")}
    with pytest.raises(UsageError, match="has 3 outputs but 2 class names"):
        next(classify(noise(), **options))


def test_a_dltk_model_file_brings_its_own_labels(dltk, tmp_path, photos):
    geometry = Geometry(8, 8, fit="pad", interpolation="nearest")
    card = ModelCard("classify", ("ant", "bee", "cat"), geometry)
    save_model(tiny((8, 8, 3)), tmp_path / "mine.keras", card)
    result = dltk("classify", photos, "-m", tmp_path / "mine.keras", "--json")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert rows[0]["model"][0]["name"] == "mine.keras"
    assert {label["label"] for label in rows[1]["labels"]} == {"ant", "bee", "cat"}
    detector = ModelCard("detect", ("ant", "bee", "cat"), geometry)
    save_model(tiny((8, 8, 3)), tmp_path / "detector.keras", detector)
    other = dltk("classify", photos, "-m", tmp_path / "detector.keras")
    assert other.code == 2 and "is a model to detect, not to classify" in other.err


def test_json_lines_in_a_pipe_a_table_or_csv_on_request(dltk, photos):
    lines = [json.loads(line) for line in dltk("classify", photos).out.splitlines()]
    assert lines[0]["format"] == "dltk.classify" and len(lines) == 8
    espresso = next(line for line in lines[1:] if line["path"] == "espresso.jpg")
    assert espresso["labels"][0] == {"label": "espresso", "id": "n07920052", "score": 0.95408}
    table = dltk("classify", photos, "--format", "table").out
    assert "espresso.jpg   espresso 95.4%" in table and "\x1b" not in table
    rows = list(csv.DictReader(io.StringIO(dltk("classify", photos, "--format", "csv").out)))
    assert rows[2]["path"] == "espresso.jpg" and rows[2]["label1"] == "espresso"


def test_csv_beside_the_record(dltk, photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"")
    dltk("classify", photos, "-o", tmp_path, "--format", "csv", "--top", 2)
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert len(rows) == 8
    bad = next(row for row in rows if row["path"] == "bad.jpg")
    assert bad["error"] == "the file is empty" and bad["label1"] == ""


def test_min_score_may_leave_nothing(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("classify", photos, "--min-score", 0.5, "--sort-into", out)
    assert (out / "espresso/espresso.jpg").exists()
    assert len(list((out / "_unsure").iterdir())) == 6


def test_copies_are_sorted_unchanged_and_drawn_on(dltk, photos, tmp_path):
    dltk("classify", photos, "--annotate", tmp_path / "ann", "--sort-into", tmp_path / "sorted")
    copy = tmp_path / "sorted/espresso/espresso.jpg"
    assert copy.read_bytes() == (photos / "espresso.jpg").read_bytes()
    before, after = Image.open(photos / "espresso.jpg"), Image.open(tmp_path / "ann/espresso.jpg")
    assert after.size == before.size
    difference = np.abs(np.asarray(before, int) - np.asarray(after, int)).max(axis=2)
    assert (difference[-100:, :150] > 50).mean() > 0.5  # the panel in the corner
    assert (difference[:200] > 50).mean() < 0.01  # and nothing elsewhere


def test_standard_input_is_a_picture_or_a_list(photos):
    def run(given):
        command = [sys.executable, "-c", "from dltk.cli.main import run; run()", "classify", "-"]
        done = subprocess.run(command, input=given, capture_output=True, cwd=photos)
        return [json.loads(line) for line in done.stdout.splitlines()][1:]

    picture = run((photos / "espresso.jpg").read_bytes())
    assert picture[0]["path"] == "stdin" and picture[0]["labels"][0]["label"] == "espresso"
    listed = run(b"espresso.jpg\ncat.jpg\n")
    assert [row["path"] for row in listed] == ["espresso.jpg", "cat.jpg"]


def test_odd_names_come_through_whole(dltk, tmp_path, photos):
    folder = tmp_path / "odd"
    folder.mkdir()
    names = ["with space.jpg", "[a-z].jpg", "new\nline.jpg", "-dash.jpg", "ünï.jpg"]
    names.append(b"not-utf8-\xff.jpg".decode("utf-8", "surrogateescape"))
    for name in names:
        shutil.copy(photos / "cat.jpg", folder / name)
    out = tmp_path / "out"
    result = dltk("classify", folder, "-o", out, "--annotate", out / "ann", "--format", "csv")
    assert result.code == 0
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()][1:]
    assert sorted(row["path"] for row in rows) == sorted(names)
    assert sorted(path.name for path in (out / "ann").iterdir()) == sorted(names)
    assert "0 done, 6 done before" in dltk(
        "classify", folder, "-o", out, "--annotate", out / "ann"
    ).err  # fmt: skip
    table = dltk("classify", folder, "--format", "table").out
    assert len(table.splitlines()) == 6 and "new\\nline.jpg" in table


def test_an_empty_folder_says_what_was_looked_for(dltk, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    result = dltk("classify", tmp_path)
    assert result.code == 1
    assert "no pictures found in" in result.err and "(.txt ×1)" in result.err


def test_a_list_of_paths_from_anywhere_leaves_the_originals_alone(photos, tmp_path):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    out = tmp_path / "out"
    for images in (sorted(photos.iterdir()), iter(sorted(photos.iterdir()))):
        for result in classify(images, annotate=out / "ann", sort_into=out / "sorted"):
            assert result.error is None
            assert all(path.is_relative_to(out) for path in result.files.values())
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    assert (out / "ann/cat.jpg").exists()
    with pytest.raises(UsageError, match="choose another folder"):
        next(classify(iter([photos / "cat.jpg"]), annotate=photos))


def test_a_change_of_labels_or_pixels_is_another_run(dltk, tmp_path, noise):
    (tmp_path / "in").mkdir()
    noise().save(tmp_path / "in/a.png")
    tiny((8, 8, 3)).save(tmp_path / "plain.keras")
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")

    def run(*options):
        return dltk("classify", tmp_path / "in", "-m", tmp_path / "plain.keras", "--labels",
                    tmp_path / "labels.txt", "-o", tmp_path / "out", *options)  # fmt: skip

    assert run().code == 0
    other = run("--pixel-range", "0..1")
    assert other.code == 2 and "is the record of another run" in other.err
    (tmp_path / "labels.txt").write_text("ant\nbee\ndog\n")
    assert run().code == 2
    assert run("--overwrite").code == 0


def test_a_file_with_an_open_input_size_is_run_at_224(tmp_path, noise):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(2)(x)).save(tmp_path / "open.keras")
    (tmp_path / "labels.txt").write_text("ant\nbee")
    options = {"model": str(tmp_path / "open.keras"), "labels": str(tmp_path / "labels.txt")}
    found = [next(classify(noise(), engine=engine, **options)) for engine in ("litert", "keras")]
    scores = [{label.name: label.score for label in result.labels} for result in found]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.slow
def test_a_python_file_among_the_pictures_is_not_run(photos, tmp_path):
    for name in ("keras.py", "tensorflow.py", "numpy.py"):
        (photos / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dltk"), "classify", "."],
        cwd=photos,
        env={"DLTK_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("source", [None, 5])
def test_what_is_no_picture_at_all_is_refused(source):
    with pytest.raises(UsageError, match="images is a path, a picture, an array or several"):
        next(classify(source))
    result = next(classify([source]))
    assert "not a path, a picture or an array" in result.error


def test_options_that_do_nothing_are_refused(dltk, photos):
    assert "name it with --output" in dltk("classify", photos, "--overwrite").err
    assert "is for files of plain Keras" in dltk("classify", photos, "--pixel-range", "0..1").err
    assert "is not a number" in dltk("classify", photos, "--min-score", "nan").err


def test_devices_and_pipes_are_not_read(dltk, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    result = dltk("classify", tmp_path / "pipe.jpg", "/dev/zero")
    assert result.code == 3 and result.err.count("not a regular file") == 2


def test_a_folder_with_files_of_the_users_own_is_not_written_to(dltk, photos, tmp_path):
    for option, name in (("--annotate", "cat.jpg"), ("--sort-into", "Egyptian cat/cat.jpg")):
        own = tmp_path / option.strip("-") / name
        own.parent.mkdir(parents=True)
        own.write_text("mine")
        folder = tmp_path / option.strip("-")
        result = dltk("classify", photos, option, folder)
        assert result.code == 2 and "is there already" in result.err
        assert own.read_text() == "mine"
        assert dltk("classify", photos, option, folder, "--overwrite").code == 0
        assert own.read_text(errors="replace") != "mine"


def test_links_are_not_replaced_by_copies(dltk, photos, tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "cat.jpg").symlink_to(photos / "cat.jpg")
    result = dltk("classify", folder, "-o", tmp_path / "out", "--annotate", folder)
    assert result.code == 2 and (folder / "cat.jpg").is_symlink()


def test_a_table_of_the_users_own_stays(dltk, photos):
    (photos / "results.csv").write_text("mine")
    assert dltk("classify", photos, "-o", photos).code == 0
    assert (photos / "results.csv").read_text() == "mine"


def test_pictures_of_one_name_from_an_iterator_do_not_share_a_file(photos, tmp_path):
    images = iter([photos / "cat.jpg", photos / "cat.jpg"])
    with pytest.raises(UsageError, match="two pictures are called"):
        list(classify(images, annotate=tmp_path / "out"))


def test_an_empty_name_of_a_folder_is_refused(dltk, photos):
    for option in ("-o", "--annotate", "--sort-into"):
        result = dltk("classify", photos, option, "")
        assert result.code == 2 and "the name is empty" in result.err
