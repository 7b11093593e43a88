"""`dltk stylize`: folders in and out, what is written, what is done again, what Ctrl-C keeps."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from dltk.images import decode
from dltk.samples import FOLDER, STYLES
from tests.folders import digests, record, tree

# The first layers only, and few steps: a picture takes a second.
SMALL = (
    "--size", 48, "--steps", 2, "--content-layers", "block2_conv1",
    "--style-layers", "block1_conv1", "--precision", "float32",
)  # fmt: skip
DLTK = [sys.executable, "-c", "from dltk.cli.main import run; run()"]
BRUSH = ("--style", "brush-strokes")


def test_a_folder_in_two_styles_gives_every_pair_and_a_contact_sheet(dltk, folder, tmp_path):
    before, out = digests(folder), tmp_path / "out"
    style = tmp_path / "my [new] wave.png"
    shutil.copy(STYLES / "stained-glass.jpg", style)
    result = dltk("stylize", folder, *BRUSH, "--style", style, "-o", out, *SMALL)
    assert result.code == 0, result.err
    assert result.out == "" and "2 done" in result.err
    pairs = [
        f"{photo}__{style}"
        for photo in ("cat", "deep er/flower [1] (é)")
        for style in ("brush-strokes", "my [new] wave")
    ]
    endings = ".jpg", ".trace.jsonl"
    expected = [f"{pair}{ending}" for pair in pairs for ending in endings]
    assert tree(out) == sorted([*expected, "contact-sheet.png", "results.jsonl"])
    header, rows = record(out)
    assert header["format"] == "dltk.stylize" and header["options"]["steps"] == 2
    assert header["model"][0]["name"] == "vgg16-hed"
    assert [made["name"] for made in header["options"]["style"]] == ["brush-strokes", style.name]
    assert [row["path"] for row in rows] == ["cat.jpg", "deep er/flower [1] (é).jpg"]
    for row, pair in zip(rows, (pairs[:2], pairs[2:]), strict=True):
        assert row["status"] == "ok" and max(row["width"], row["height"]) == 48
        styles = list(row["losses"])
        assert [row["files"][style] for style in styles] == [f"{each}.jpg" for each in pair]
        lines = (out / row["files"][f"{styles[0]}/trace"]).read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [1, 2]
        assert decode(out / row["files"][styles[0]]).size == (row["width"], row["height"])
    assert digests(folder) == before  # no input was written over
    sheet = decode(out / "contact-sheet.png")
    assert sheet.width > 3 * 150 and sheet.height > 2 * 150


def test_a_second_run_does_nothing_and_overwrite_everything(dltk, folder, tmp_path):
    out = tmp_path / "out"
    command = ("stylize", folder, *BRUSH, "-o", out, *SMALL)
    assert dltk(*command).code == 0
    first = {name: (out / name).stat().st_mtime_ns for name in tree(out) if "__" in name}
    content = digests(out)
    again = dltk(*command)
    assert again.code == 0 and "2 done before" in again.err
    assert {name: (out / name).stat().st_mtime_ns for name in first} == first
    (out / "cat__brush-strokes.jpg").unlink()
    third = dltk(*command)
    assert "1 done, 1 done before" in third.err
    changed = {name for name in first if (out / name).stat().st_mtime_ns != first[name]}
    assert {name.partition("__")[0] for name in changed} == {"cat"}
    refused = dltk(*command, "--steps", 3)
    assert refused.code == 2 and "steps was 2, now 3" in refused.err
    over = dltk(*command, "--overwrite")
    assert over.code == 0 and "2 done in" in over.err
    assert all((out / name).stat().st_mtime_ns > first[name] for name in first)
    now = digests(out)
    assert {name: now[name] for name in now if name.endswith((".jpg", ".png"))} == {
        name: content[name] for name in content if name.endswith((".jpg", ".png"))
    }


def test_a_broken_photo_is_named_in_one_line_and_the_rest_is_done(dltk, folder, tmp_path):
    (folder / "broken.jpg").write_bytes((FOLDER / "cat.jpg").read_bytes()[:3000])
    Image.new("RGB", (50, 3)).save(folder / "tiny.png")
    result = dltk("stylize", folder, *BRUSH, "-o", tmp_path / "out", *SMALL)
    assert result.code == 3
    assert "2 done, 2 failed" in result.err and "Traceback" not in result.err
    lines = [line for line in result.err.splitlines() if line.startswith("failed: ")]
    assert [line.split(":")[1] for line in lines] == [" broken.jpg", " tiny.png"]
    assert "the network needs 32 on the shorter side" in lines[1]
    _, rows = record(tmp_path / "out")
    assert [row["status"] for row in rows] == ["failed", "ok", "ok", "failed"]
    assert len([name for name in tree(tmp_path / "out") if name.endswith(".jpg")]) == 2


def test_snapshots_and_an_animation_show_it_grow(dltk, tmp_path):
    out = tmp_path / "out"
    command = ("stylize", FOLDER / "cat.jpg", *BRUSH, "-o", out, *SMALL)
    result = dltk(*command, "--steps", 5, "--save-every", 2, "--gif")
    assert result.code == 0, result.err
    steps = "cat__brush-strokes.steps"
    assert [name for name in tree(out) if name.startswith(steps)] == [
        f"{steps}/00002.jpg", f"{steps}/00004.jpg"
    ]  # fmt: skip
    painted = decode(out / "cat__brush-strokes.jpg")
    with Image.open(out / "cat__brush-strokes.gif") as film:
        assert film.n_frames == 3 and film.size == painted.size
    far = [
        np.abs(np.asarray(decode(out / name), int) - np.asarray(painted, int)).mean()
        for name in (f"{steps}/00002.jpg", f"{steps}/00004.jpg")
    ]
    assert far[0] > far[1] > 0
    assert not (out / "contact-sheet.png").exists()  # one painting needs none


def test_one_photo_goes_to_a_folder_of_its_own_where_one_is(dltk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(FOLDER / "cat.jpg", tmp_path)
    result = dltk("stylize", ".", *BRUSH, *SMALL, "--format", "jsonl")
    assert result.code == 0
    assert (tmp_path / "stylized" / "cat__brush-strokes.jpg").exists()
    header, row = map(json.loads, result.out.splitlines())
    assert header["format"] == "dltk.stylize" and row["path"] == "cat.jpg"
    again = dltk("stylize", ".", *BRUSH, *SMALL)  # what was painted is no input
    assert again.code == 0 and "1 done before" in again.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat.jpg", "-o", "."], "cat.jpg is an input and lies in"),
        (["cat.jpg", "cat.png", "-o", "out"], "would both be written to"),
        (["cat.jpg", "--style", "none.jpg"], "no such style: none.jpg"),
        (["cat.jpg", "--style-layers", "block1_conv"], 'no layer "block1_conv". Did you mean'),
        (["cat.jpg", "--steps", "0"], "0 is not in the range x>=1"),
        (["cat.jpg", "--size", "31"], "--size is keep, or pixels from 32 to 4096, not 31"),
        (["none.jpg"], "no such file or folder: none.jpg"),
    ],
    ids=str,
)
def test_what_cannot_work_is_one_line_and_writes_nothing(
    dltk, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    for name in ("cat.jpg", "cat.png"):
        decode(FOLDER / "cat.jpg").resize((48, 40)).save(name)
    before = digests(tmp_path)
    style = () if "--style" in arguments else BRUSH
    result = dltk("stylize", *arguments, *style)
    assert result.code == 2 and message in result.err
    assert result.err.count("\n") == 1 or "Usage:" in result.err
    left = digests(tmp_path)
    assert {name: left[name] for name in before} == before
    assert not [name for name in left if "__" in name]


def test_ctrl_c_writes_the_picture_as_it_is(folder, tmp_path):
    out = tmp_path / "out"
    command = [*DLTK, "stylize", folder, *BRUSH, "-o", out, *SMALL]
    command = [*map(str, command), "--steps", "100000", "--save-every", "5"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "cat__brush-strokes.steps" / "00010.jpg").exists():
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "interrupted, finished work is kept" in err and "Traceback" not in err
    picture = decode(out / "cat__brush-strokes.jpg")
    lines = (out / "cat__brush-strokes.trace.jsonl").read_text().splitlines()
    assert picture.width == 48 and len(lines) >= 10
    assert not (out / "results.jsonl").exists()
    _, rows = record(out, "results.jsonl.part")
    assert [row["path"] for row in rows] == ["cat.jpg"]
    assert rows[0]["status"] == "failed"  # so that it is painted when the command runs again
    assert rows[0]["error"].startswith(f"stopped at step {len(lines)} of 100000")
