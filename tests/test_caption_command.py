"""`dltk caption`: the record, files, going on after a stop, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from PIL import Image

from recipes._trained_captioner import NetworkCaptioner
from tests.captioners import SIDE, WORDS, backbone, chance, chance_without  # noqa: F401
from tests.folders import digests, record, tree
from tests.test_caption import noisy

NAMES = ("a.png", "deep er/b [1].png", "c.bmp")
SHORT = ("--longest", 5, "--shortest", 2)


@pytest.fixture
def pictures(tmp_path):
    """Three pictures, one of them deeper."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        Image.fromarray(noisy(seed)).save(folder / name)
    return folder


@pytest.fixture
def run(dltk, pictures, chance):  # noqa: F811
    """Run the command on the pictures with a captioner of chance."""
    return lambda *options: dltk(
        "caption", pictures, "-m", chance, "--devices", "cpu", *SHORT, *options
    )


def stop_at(count, monkeypatch, wait=lambda: None):
    """Let whoever captions be interrupted when it is called for that time."""
    look, calls = NetworkCaptioner.__call__, []

    def look_until_interrupted(self, loaded):
        calls.append(len(loaded))
        if len(calls) == count:
            wait()
            raise KeyboardInterrupt
        return look(self, loaded)

    monkeypatch.setattr(NetworkCaptioner, "__call__", look_until_interrupted)


# The record


def test_json_lines_tell_every_picture_and_its_captions(run, pictures):
    (pictures / "broken.png").write_bytes(b"")
    result = run("--best", 2)
    header, *rows = map(json.loads, result.out.splitlines())
    assert result.code == 3 and "failed: broken.png: the file is empty" in result.err
    assert header["format"] == "dltk.caption" and header["model"][0]["name"] == "chance.keras"
    options = header["options"]
    assert (options["beams"], options["best"], options["longest"]) == (3, 2, 5)
    assert (options["prefix"], options["temperature"], options["sidecar"]) == ("", 0.0, False)
    assert (options["attention"], options["animation"], options["precision"]) == (
        None, None, "auto"
    )  # fmt: skip
    assert [row["path"] for row in rows] == ["a.png", "broken.png", "c.bmp", "deep er/b [1].png"]
    assert rows[1] == {"path": "broken.png", "status": "failed", "error": "the file is empty"}
    for row in (rows[0], *rows[2:]):
        assert 2 <= len(row["caption"].split()) <= 5 and row["score"] < 0
        assert len(row["others"]) == 1 and set(row["caption"].split()) <= set(WORDS)


def test_a_table_for_people(run, pictures):
    (pictures / "new\nline.png").write_bytes(b"")
    lines = run("--format", "table", "--best", 2).out.splitlines()
    rows = [json.loads(line) for line in run("--best", 2).out.splitlines()[1:]]
    assert len(lines) == 4 and lines[3].endswith("failed: the file is empty")
    for line, row in zip(lines[:3], rows[:3], strict=True):
        assert line.startswith(row["path"]) and f"  {row['caption']} " in line
        assert line.endswith(row["others"][0]["caption"])
    assert "new\\nline.png" in lines[3]


def test_csv_has_a_row_for_each_caption(run, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"")
    options = ("--format", "csv", "--best", 2)
    assert run("-o", tmp_path / "out", *options).code == 3
    text = (tmp_path / "out/results.csv").read_text()
    assert text == run(*options).out.replace("\r", "")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["path", "status", "error", "rank", "caption", "score", "cut_off"]
    assert [(row["path"], row["rank"]) for row in rows] == [
        ("a.png", "1"), ("a.png", "2"), ("broken.png", ""), ("c.bmp", "1"), ("c.bmp", "2"),
        ("deep er/b [1].png", "1"), ("deep er/b [1].png", "2"),
    ]  # fmt: skip
    assert rows[2]["error"] == "the file is empty" and rows[2]["caption"] == ""
    assert float(rows[0]["score"]) > float(rows[1]["score"])


def test_all_that_can_be_written_lies_where_it_should(run, pictures, tmp_path):
    out = tmp_path / "out"
    options = ["-o", out, "--attention", out / "seen", "--animation", out / "moving", "--sidecar"]
    result = run(*options)
    assert result.code == 0 and result.out == "", result.err
    stems = [name.rsplit(".", 1)[0] for name in NAMES]
    assert tree(out) == sorted(
        ["results.jsonl", *(f"{folder}/{stem}.{ending}" for folder, ending in
                            (("seen", "png"), ("moving", "gif")) for stem in stems)]
    )  # fmt: skip
    assert tree(pictures) == sorted([*NAMES, *(f"{stem}.txt" for stem in stems)])
    header, rows = record(out)
    assert (header["options"]["attention"], header["options"]["animation"]) == ("seen", "moving")
    assert rows[1]["files"] == {
        "text": "../in/c.txt", "attention": "seen/c.png", "animation": "moving/c.gif"
    }  # fmt: skip
    for row in rows:
        text = (out / row["files"]["text"]).read_text()
        assert text == row["caption"] + "\n"
    before = tree(out), digests(pictures)
    assert "0 done, 3 done before" in run(*options).err
    (out / "seen/c.png").unlink()
    (pictures / "a.txt").unlink()
    result = run(*options)
    assert "2 done, 1 done before" in result.err and result.code == 0, result.err
    assert (tree(out), digests(pictures)) == before
    assert [row["caption"] for row in record(out)[1]] == [row["caption"] for row in rows]


def test_folders_of_pictures_keep_the_record_too(run, tmp_path):
    assert run("--animation", tmp_path / "moving").code == 0
    assert "results.jsonl" in tree(tmp_path / "moving")
    refused = run("--animation", tmp_path / "moving", "--best", 2)
    assert refused.code == 2 and "best was 1, now 2" in refused.err


# Texts beside pictures


def test_texts_of_an_earlier_run_are_written_anew_and_others_never(run, pictures, tmp_path):
    options = ("-o", tmp_path / "out", "--sidecar")
    (pictures / "c.txt").write_text("mine\n")
    result = run(*options)
    assert result.code == 3 and "failed: c.bmp: c.txt is beside it already; move that" in result.err
    first = (pictures / "a.txt").read_text()
    (pictures / "deep er/b [1].txt").write_text("corrected by hand\n")
    result = run(*options, "--overwrite", "--beams", 1, "--prefix", "there are")
    assert "1 done, 2 failed" in result.err, result.err
    second = (pictures / "a.txt").read_text()
    assert second != first and second.startswith("there are")
    assert (pictures / "c.txt").read_text() == "mine\n"
    assert (pictures / "deep er/b [1].txt").read_text() == "corrected by hand\n"


def test_options_that_cannot_work_cost_nothing(run, pictures, tmp_path):
    options = ("-o", tmp_path / "out", "--sidecar", "--overwrite")
    assert run(*options).code == 0

    def there():
        paths = [*pictures.rglob("*.txt"), *(tmp_path / "out").rglob("*.jsonl")]
        return {path: path.read_text() for path in paths}

    before = there()
    assert len(before) == 4
    for wrong in (("--prefix", "a zebra"), ("--best", 9), ("--seed", 7), ("--top-k", 3)):
        assert run(*options, *wrong).code == 2
        assert there() == before, wrong


def test_a_picture_that_changed_gets_another_text(run, pictures, tmp_path):
    options = ("-o", tmp_path / "out", "--sidecar", "--best", 3)
    run(*options)
    before = {path: path.read_text() for path in pictures.rglob("*.txt")}
    Image.fromarray(noisy(77)).save(pictures / "a.png")
    result = run(*options)
    assert result.code == 0 and "1 done, 2 done before" in result.err, result.err
    changed = [path.name for path, text in before.items() if path.read_text() != text]
    assert changed == ["a.txt"]


def test_a_text_without_a_record_is_nobodys(run, pictures):
    assert run("--sidecar").code == 0 and len(list(pictures.rglob("*.txt"))) == 3
    assert run("--sidecar").code == 0  # word for word the same
    result = run("--sidecar", "--prefix", "there are", "--beams", 1)
    assert result.code == 3 and result.err.count("is beside it already") == 3


def test_two_pictures_of_one_name_are_refused_before_any_work(run, pictures, tmp_path):
    Image.fromarray(noisy(9)).save(pictures / "a.bmp")
    result = run("-o", tmp_path / "out", "--sidecar")
    assert result.code == 2 and result.err.count("\n") == 1
    assert "--sidecar: a.bmp and a.png would both have their text in" in result.err
    assert not (tmp_path / "out").exists() and not list(pictures.rglob("*.txt"))


# Going on


def test_a_run_that_was_interrupted_goes_on_and_ends_like_one_that_was_not(
    run, tmp_path, monkeypatch
):
    options = ("--attention", "--batch-size", 1)
    assert (
        run("-o", tmp_path / "whole", options[0], tmp_path / "whole/seen", *options[1:]).code == 0
    )

    def until_written():
        while not tree(tmp_path / "out/seen"):
            time.sleep(0.01)

    again = ("-o", tmp_path / "out", options[0], tmp_path / "out/seen", *options[1:])
    with monkeypatch.context() as interrupting:
        stop_at(2, interrupting, until_written)
        stopped = run(*again)
    assert stopped.code == 130 and "run the same command again" in stopped.err
    result = run(*again)
    assert result.code == 0, result.err
    assert record(tmp_path / "out")[1] == record(tmp_path / "whole")[1]
    assert digests(tmp_path / "out/seen") == digests(tmp_path / "whole/seen")


def test_the_record_of_other_options_is_not_gone_on_with(run, tmp_path):
    out = tmp_path / "out"
    assert run("-o", out, "--limit", 1).code == 0
    for options, change in (
        (("--no-repeat", 2), "no_repeat was 0, now 2"),
        (("--temperature", 0.5), "temperature was 0.0, now 0.5"),
    ):
        result = run("-o", out, *options)
        assert result.code == 2 and change in result.err, result.err
    result = run("-o", out, "--batch-size", 2)  # which is no matter
    assert result.code == 0 and "2 done, 1 done before" in result.err


# What is refused


def test_without_a_captioner_it_is_said_how_to_make_one(dltk, pictures):
    result = dltk("caption", pictures)
    assert result.code == 2 and result.out == "" and result.err.count("\n") == 1
    for part in (
        "there is none to download",
        '"dltk samples scenes --scenes 3000"',
        '"dltk train captioner scenes"',
        "Flickr8k",
        "a .txt file beside each picture",
    ):
        assert part in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-m", "efficientnet-lite0"], "is a model to classify, and no captioner; train one with"),
        (["--prefix", "a zebra"], '--prefix: the captioner does not know "zebra".'),
        (["--best", 9], "--best 9 is more than --beams 3"),
        (["--top-k", 9], "--top-k has no meaning here: words are not chosen by chance"),
        (["--temperature", "nan"], "nan is not a number"),
        (["--top-p", 0], "is not in the range"),
        (["--engine", "keras"], "No such option"),
        (["--overwrite"], "--overwrite is about a folder of results"),
        (["--attention", "same", "--animation", "same"], "--attention and --animation are the sa"),
    ],
)
def test_options_that_cannot_work_are_refused(run, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = run(*options)
    assert result.code == 2 and message in result.err and result.out == "", result.err
    assert not (tmp_path / "same").exists()


def test_folders_with_other_files_are_refused(run, pictures, tmp_path):
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/mine.png").write_text("mine")
    result = run("-o", tmp_path / "out", "--attention", tmp_path / "seen")
    assert result.code == 2 and "mine.png is there already" in result.err
    result = run("--attention", pictures)
    assert result.code == 2 and "lies in" in result.err


def test_captioners_that_attend_to_nothing_have_no_sheets(run, chance_without, tmp_path):  # noqa: F811
    result = run("-m", chance_without, "--attention", tmp_path / "seen")
    assert result.code == 2 and "show-tell captioners attend to nothing" in result.err
    assert not (tmp_path / "seen").exists()
    assert run("-m", chance_without).code == 0


def test_other_commands_say_what_a_captioner_is_for(dltk, pictures, chance, tmp_path):  # noqa: F811
    for command in (["classify", pictures], ["detect", pictures], ["segment", pictures]):
        result = dltk(*command, "-m", chance)
        assert result.code == 2 and "chance.keras is a model to caption" in result.err
    result = dltk("features", pictures, "-m", chance)
    assert result.code == 2
    assert 'chance.keras says what is in pictures; it is for "dltk caption"' in result.err
    result = dltk("export", chance, "-o", tmp_path / "out")
    assert result.code == 2 and "is a model to caption" in result.err
    facts = json.loads(dltk("models", "info", chance, "--json").out)
    assert facts["task"] == "caption" and str(SIDE) in facts["input"]
