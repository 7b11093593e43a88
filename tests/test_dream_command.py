"""`dltk dream`: folders in and out, films, what is done again, what Ctrl-C keeps."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dltk.images import decode
from dltk.samples import FOLDER
from tests.folders import digests, record, tree

SMALL = "--size", 48, "--steps", 2, "--octaves", 2, "--precision", "float32"
DLTK = (  # which tells of its steps every second
    "from dltk.painting import watch; watch._TELL_EVERY_SECS = 1.0;"
    "from dltk.cli.main import run; run()"
)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """How to name a small network, a layer of it, and few steps: a picture takes no second."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(6, 5, 2, "same", activation="relu", name="seen")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    path = tmp_path_factory.mktemp("network") / "small [1].keras"
    model.save(path)
    return "-m", path


def test_a_folder_gives_a_folder_of_dreams_of_the_same_names(dltk, folder, network, tmp_path):
    before, out = digests(folder), tmp_path / "out"
    result = dltk("dream", folder, *network, "--layer", "seen", "-o", out, *SMALL)
    assert result.code == 0, result.err
    assert result.out == "" and "2 done" in result.err
    bases = "cat", "deep er/flower [1] (é)"
    expected = [base + ending for base in bases for ending in (".jpg", ".trace.jsonl")]
    assert tree(out) == sorted([*expected, "results.jsonl"])
    header, rows = record(out)
    assert header["format"] == "dltk.dream" and header["options"]["layer"] == ["seen"]
    assert header["model"][0]["name"] == "small [1].keras"
    for row, base in zip(rows, bases, strict=True):
        assert row["path"] == f"{base}.jpg" and row["status"] == "ok"
        assert row["files"] == {"dream": f"{base}.jpg", "trace": f"{base}.trace.jsonl"}
        lines = (out / row["files"]["trace"]).read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]
        assert decode(out / row["files"]["dream"]).size == (row["width"], row["height"])
    assert digests(folder) == before  # no input was written over


def test_a_second_run_does_nothing_and_overwrite_everything(dltk, folder, network, tmp_path):
    out = tmp_path / "out"
    command = ("dream", folder, *network, "-o", out, *SMALL)
    assert dltk(*command).code == 0
    content = digests(out)
    assert "2 done before" in dltk(*command).err and digests(out) == content
    (out / "cat.jpg").unlink()
    assert "1 done, 1 done before" in dltk(*command).err
    refused = dltk(*command, "--octaves", 1)
    assert refused.code == 2 and "octaves was 2, now 1" in refused.err
    over = dltk(*command, "--overwrite")
    assert over.code == 0 and "2 done in" in over.err
    now = digests(out)
    assert {name: now[name] for name in now if name.endswith(".jpg")} == {
        name: content[name] for name in content if name.endswith(".jpg")
    }


def test_another_guide_or_mask_of_the_same_name_is_told(dltk, network, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("L", (90, 60), 255).save(picture)
    command = ("dream", FOLDER / "cat.jpg", *network, "-o", tmp_path / "out", *SMALL)
    command += ("--guide", picture, "--mask", picture)
    assert dltk(*command).code == 0
    assert "1 done before" in dltk(*command).err
    Image.new("L", (90, 60), 200).save(picture)
    result = dltk(*command)
    assert result.code == 2 and "(guide picture.png has changed)" in result.err


def test_a_broken_photo_is_named_in_one_line_and_the_rest_is_done(dltk, folder, network, tmp_path):
    (folder / "broken.jpg").write_bytes((FOLDER / "cat.jpg").read_bytes()[:3000])
    Image.new("RGB", (1, 1)).save(folder / "tiny.png")
    result = dltk("dream", folder, *network, "-o", tmp_path / "out", *SMALL)
    assert result.code == 3
    assert "2 done, 2 failed" in result.err and "Traceback" not in result.err
    lines = [line for line in result.err.splitlines() if line.startswith("failed: ")]
    assert [line.split(":")[1] for line in lines] == [" broken.jpg", " tiny.png"]
    assert "the network needs 16 on the shorter side" in lines[1]
    _, rows = record(tmp_path / "out")
    assert [row["status"] for row in rows] == ["failed", "ok", "ok", "failed"]
    assert len([name for name in tree(tmp_path / "out") if name.endswith(".jpg")]) == 2


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["--frames", 2], ["cat.gif", "cat.jpg", "cat.trace.jsonl"]),
        (
            ["--frames", 2, "--video", "frames", "--zoom", 0.9, "--rotate", -5],
            ["cat.frames/00000.png", "cat.frames/00001.png", "cat.jpg", "cat.trace.jsonl"],
        ),
        (["--preview"], ["cat_layers.png"]),
    ],
    ids=["gif", "frames", "preview"],
)
def test_films_and_sheets_lie_beside_the_dream(dltk, network, tmp_path, options, files):
    command = ("dream", FOLDER / "cat.jpg", *network, "-o", tmp_path, *SMALL, *options)
    result = dltk(*command)
    assert result.code == 0, result.err
    assert tree(tmp_path) == [*files, "results.jsonl"]
    assert "1 done before" in dltk(*command).err  # it is all there


def test_one_photo_goes_to_a_folder_of_its_own(dltk, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(FOLDER / "cat.jpg", tmp_path)
    result = dltk("dream", ".", *network, *SMALL, "--format", "jsonl")
    assert result.code == 0
    assert (tmp_path / "dreams" / "cat.jpg").exists()
    header, row = map(json.loads, result.out.splitlines())
    assert header["format"] == "dltk.dream" and row["path"] == "cat.jpg"
    again = dltk("dream", ".", *network, *SMALL)  # what was dreamt is no input
    assert again.code == 0 and "1 done before" in again.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat.jpg", "-o", "."], "cat.jpg is an input and lies in"),
        (["cat.jpg", "cat.png", "-o", "out"], "would both be written to"),
        (["cat.jpg", "--layer", "sene"], 'no layer "sene". Did you mean "seen"'),
        (["cat.jpg", "--layer", "pool"], "layer pool gives (6,), which has no places"),
        (["cat.jpg", "--class", "dog"], 'has no class "dog". Its classes have no names'),
        (["cat.jpg", "--guide", "note.txt"], "cannot dream of note.txt"),
        (["cat.jpg", "--preset", "dreams"], '--preset "dreams" is none of'),
        (["cat.jpg", "--preview", "--layer", "seen"], "--preview shows every layer"),
        (["cat.jpg", "--steps", "0"], "0 is not in the range x>=1"),
        (["cat.jpg", "--octave-scale", "1"], "--octave-scale is a number of at least 1.05"),
        (["cat.jpg", "--size", "31"], "--size is keep, or pixels from 32 to 4096, not 31"),
        (["cat.jpg", "--zoom", "nan", "--frames", "2"], "nan is not a number"),
        (["cat.jpg", "--guide", "none.png"], "no such file: none.png"),
        (["cat.jpg", "--size", "0"], "--size is keep, or pixels from 32 to 4096, not 0"),
        (["none.jpg"], "no such file or folder: none.jpg"),
    ],
    ids=str,
)
def test_what_cannot_work_is_one_line_and_writes_no_picture(
    dltk, network, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("no picture")
    for name in ("cat.jpg", "cat.png"):
        decode(FOLDER / "cat.jpg").resize((48, 40)).save(name)
    before = digests(tmp_path)
    result = dltk("dream", *arguments, *network)
    assert result.code == 2 and message in result.err
    assert result.err.count("\n") == 1 or "Usage:" in result.err
    left = digests(tmp_path)
    assert {name: left[name] for name in before} == before
    assert not [name for name in set(left) - set(before) if "cat" in name]


def test_ctrl_c_writes_the_picture_as_it_is(folder, network, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", DLTK, "dream", folder, *network, "-o", out, *SMALL]
    command = [*map(str, command), "--steps", "10000000"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = (line for line in child.stderr if line.startswith("cat.jpg: step "))
    assert next(told) and next(told)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "interrupted, finished work is kept" in err and "Traceback" not in err
    picture = decode(out / "cat.jpg")
    photo = decode(FOLDER / "cat.jpg").resize(picture.size, Image.Resampling.LANCZOS)
    lines = (out / "cat.trace.jsonl").read_text().splitlines()
    assert picture.width == 48 and len(lines) > 1
    assert np.abs(np.asarray(picture, int) - np.asarray(photo, int)).mean() > 0.5
    assert not (out / "results.jsonl").exists()
    _, rows = record(out, "results.jsonl.part")
    assert [row["path"] for row in rows] == ["cat.jpg"]
    assert rows[0]["status"] == "failed"  # so that it is dreamt over when the command runs again
    assert rows[0]["error"].startswith(f"stopped at step {len(lines)} of 20000000")


def test_files_that_are_not_ours_and_films_of_others_are_left_alone(dltk, network, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "mine").mkdir()
    photo = decode(FOLDER / "cat.jpg").resize((48, 40))
    photo.save(tmp_path / "in/cat.jpg")
    (tmp_path / "mine/cat.jpg").write_text("mine")
    few = (*network, "--octaves", 1, "--steps", 1)
    result = dltk("dream", tmp_path / "in", "-o", tmp_path / "mine", *few)
    assert result.code == 2 and "cat.jpg is there already" in result.err
    assert (tmp_path / "mine/cat.jpg").read_text() == "mine"
    film = ("dream", tmp_path / "in", "-o", tmp_path / "film", "--frames", 2, *few)
    assert dltk(*film).code == 0
    before = digests(tmp_path / "film")
    photo.save(tmp_path / "in/cat.png")
    result = dltk(*film)
    assert result.code == 2 and "would both be written to" in result.err
    assert digests(tmp_path / "film") == before


def test_another_folder_of_masks_is_another_request(dltk, network, tmp_path):
    photo = decode(FOLDER / "cat.jpg").resize((48, 40))
    photo.save(tmp_path / "cat.jpg")
    for name, white in (("a", 255), ("b", 0)):
        (tmp_path / name).mkdir()
        photo.convert("L").point(lambda _, white=white: white).save(tmp_path / name / "cat.png")
    run = ("dream", tmp_path / "cat.jpg", "-o", tmp_path / "out", *network, "--octaves", 1)
    assert dltk(*run, "--steps", 1, "--mask", f"{tmp_path}/a/").code == 0
    assert "1 done before" in dltk(*run, "--steps", 1, "--mask", tmp_path / "a").err
    result = dltk(*run, "--steps", 1, "--mask", f"{tmp_path}/b/")
    assert result.code == 2 and "record of another run" in result.err


def test_a_request_that_cannot_work_leaves_no_folder(dltk, network, tmp_path):
    decode(FOLDER / "cat.jpg").resize((48, 40)).save(tmp_path / "cat.jpg")
    result = dltk(
        "dream", tmp_path / "cat.jpg", "-o", tmp_path / "out", "--layer", "sene", *network
    )
    assert result.code == 2 and not (tmp_path / "out").exists()


def test_what_changed_is_told_by_name(dltk, network, tmp_path):
    photo = decode(FOLDER / "cat.jpg").resize((48, 40))
    for name in ("cat.jpg", "guide.png"):
        photo.save(tmp_path / name)
    run = ("dream", tmp_path / "cat.jpg", "-o", tmp_path / "out", *network, "--steps", 1)
    assert dltk(*run, "--octaves", 1).code == 0
    result = dltk(*run, "--octaves", 1, "--guide", tmp_path / "guide.png")
    assert result.code == 2 and "(guide was not given, now guide.png)" in result.err


def test_the_pictures_of_a_preview_have_the_size_asked_for(dltk, network, tmp_path):
    result = dltk("dream", FOLDER / "cat.jpg", "-o", tmp_path, "--preview", "--size", 64,
                  "--steps", 1, "--octaves", 1, *network)  # fmt: skip
    assert result.code == 0, result.err
    assert Image.open(tmp_path / "cat_layers.png").width < 6 * 64
