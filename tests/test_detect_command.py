"""`dltk detect`: the record, files for other tools, going on after a stop, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from PIL import Image
from pycocotools.coco import COCO

from tests.blobs import Blobs, blobs, colours, scene  # noqa: F401
from tests.folders import record, tree

SMALL, LARGE = (10, 20, 40, 50), (60, 10, 110, 70)


@pytest.fixture
def pictures(tmp_path):
    """Three pictures: with a red and a white object, without any, and with a white one."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    scene(red=[SMALL], white=[LARGE]).save(folder / "both.png")
    scene().save(folder / "deep er/none [1].png")
    scene(white=[SMALL]).save(folder / "one.jpg", quality=95)
    return folder


@pytest.fixture
def run(dltk, pictures, blobs, colours):  # noqa: F811
    """Run the command on the pictures with a detector that is always right."""
    return lambda *options: dltk("detect", pictures, "-m", colours, *options)


def test_json_lines_tell_every_picture_and_its_objects(run, pictures):
    (pictures / "broken.png").write_bytes(b"")
    result = run()
    header, *rows = map(json.loads, result.out.splitlines())
    assert result.code == 3 and "failed: broken.png: the file is empty" in result.err
    assert header["format"] == "dltk.detect" and header["model"][0]["name"] == "colours.keras"
    assert header["options"]["score"] is None and header["options"]["most"] == 100
    assert [row["path"] for row in rows] == [
        "both.png", "broken.png", "deep er/none [1].png", "one.jpg"
    ]  # fmt: skip
    assert rows[0]["objects"] == [
        {"label": "white", "id": "w1", "score": 0.9, "box": [60, 10, 110, 70]},
        {"label": "red one", "id": "r2", "score": 0.8, "box": [10, 20, 40, 50]},
    ]
    assert rows[1] == {"path": "broken.png", "status": "failed", "error": "the file is empty"}
    assert (rows[2]["status"], rows[2]["objects"]) == ("ok", [])


def test_a_table_for_people(run, pictures):
    (pictures / "new\nline.png").write_bytes(b"")
    lines = run("--format", "table").out.splitlines()
    assert lines[0].split("  ")[0] == "both.png"
    assert "2 objects" in lines[0] and lines[0].endswith("white 90.0%, red one 80.0%")
    assert lines[1].endswith("nothing found")
    assert "new\\nline.png" in lines[2] and lines[2].endswith("failed: the file is empty")
    assert "1 object " in lines[3] and len(lines) == 4


def test_csv_has_a_row_for_each_object_and_one_for_a_picture_without(run, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"")
    run("-o", tmp_path / "out", "--format", "csv")
    text = (tmp_path / "out/results.csv").read_text()
    assert text == run("--format", "csv").out.replace("\r", "")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["path"], row["label"]) for row in rows] == [
        ("both.png", "white"),
        ("both.png", "red one"),
        ("broken.png", ""),
        ("deep er/none [1].png", ""),
        ("one.jpg", "white"),
    ]
    assert [rows[1][name] for name in ("id", "score", "left", "top", "right", "bottom")] == [
        "r2", "0.8", "10.0", "20.0", "40.0", "50.0"
    ]  # fmt: skip
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "ok", "ok"]
    assert rows[2]["error"] == "the file is empty" and rows[3]["width"] == "120"


def test_all_that_can_be_written_lies_where_it_should(run, tmp_path):
    out = tmp_path / "out"
    copies = ("--annotate", out / "drawn", "--crops", out / "crops", "--blurred", out / "public")
    files = ("--coco", out, "--yolo", out / "yolo", "--voc", out / "voc")
    result = run("-o", out, *copies, "--blur", "red_one,white", "--pad", "0.1", *files)
    assert result.code == 0, result.err
    assert [name for name in tree(out) if not name.endswith(".dltk")] == sorted([
        "coco_images.json", "coco_results.json", "results.jsonl",
        "crops/red one/both-2.png", "crops/white/both-1.png", "crops/white/one-1.jpg",
        *(f"{kind}/{name}" for kind in ("drawn", "public")
          for name in ("both.png", "deep er/none [1].png", "one.jpg")),
        *(f"yolo/{name}.txt" for name in ("both", "classes", "deep er/none [1]", "one")),
        *(f"voc/{name}.xml" for name in ("both", "deep er/none [1]", "one")),
    ])  # fmt: skip
    header, rows = record(out)
    assert header["options"]["annotate"] == "drawn"
    assert header["options"]["blur"] == ["red one", "white"]
    assert rows[0]["files"] == {
        "annotated": "drawn/both.png",
        "blurred": "public/both.png",
        "crop-1": "crops/white/both-1.png",
        "crop-2": "crops/red one/both-2.png",
    }
    again = run("-o", out, *copies, "--blur", "WHITE", "--blur", "r2", "--pad", "0.1", *files)
    assert "0 done, 3 done before" in again.err
    (out / "crops/white/one-1.jpg").unlink()
    third = run("-o", out, *copies, "--blur", "red_one,white", "--pad", "0.1", *files)
    assert "1 done, 2 done before" in third.err and (out / "crops/white/one-1.jpg").exists()


def test_crops_of_what_is_no_longer_there_go_and_no_others(run, tmp_path):
    out, crops = tmp_path / "out", tmp_path / "crops"
    run("-o", out, "--crops", crops)
    assert tree(crops) == ["red one/both-2.png", "white/both-1.png", "white/one-1.jpg"]
    (crops / "white/mine.png").write_text("mine")
    scene(red=[(50, 20, 90, 60)]).save(tmp_path / "in/both.png")
    result = run("-o", out, "--crops", crops)
    assert "1 done, 2 done before" in result.err
    assert tree(crops) == ["red one/both-1.png", "white/mine.png", "white/one-1.jpg"]


def test_files_for_other_tools_are_made_of_the_record_without_looking_again(
    run, tmp_path, blobs  # noqa: F811
):  # fmt: skip
    out = tmp_path / "out"
    assert run("-o", out).code == 0 and len(blobs) == 1
    result = run("-o", out, "--coco", out, "--yolo", tmp_path / "labels", "--voc", tmp_path / "voc")
    assert result.code == 0 and "0 done, 3 done before" in result.err and len(blobs) == 1
    assert (tmp_path / "labels/both.txt").read_text().startswith("0 0.708333 0.500000")
    assert len(tree(tmp_path / "voc")) == 3
    found = COCO(out / "coco_images.json").loadRes(str(out / "coco_results.json"))
    assert len(found.getAnnIds()) == 3


def test_a_run_interrupted_before_its_first_line_goes_on(run, tmp_path, monkeypatch):
    """The copies of a picture are written, the picture after it is being looked at: Ctrl-C."""
    out, copies = tmp_path / "out", tmp_path / "copies"
    options = ("-o", out, "--annotate", copies)
    monkeypatch.setattr(Blobs, "batch_size", 1)
    look = Blobs.__call__

    def look_until_interrupted(self, loaded):
        if len(self.batches) == 1:
            while not tree(copies):
                time.sleep(0.01)
            raise KeyboardInterrupt
        return look(self, loaded)

    with monkeypatch.context() as interrupting:
        interrupting.setattr(Blobs, "__call__", look_until_interrupted)
        stopped = run(*options)
    assert stopped.code == 130 and "run the same command again" in stopped.err
    assert tree(copies) == ["both.png"]
    again = run(*options)
    assert again.code == 0 and len(tree(copies)) == 3
    assert [row["status"] for row in record(out)[1]] == ["ok"] * 3


def test_files_of_a_run_that_was_interrupted_and_went_on_are_complete(run, tmp_path, monkeypatch):
    out, labels = tmp_path / "out", tmp_path / "labels"
    options = ("-o", out, "--yolo", labels, "--coco", labels)
    monkeypatch.setattr(Blobs, "batch_size", 1)
    look = Blobs.__call__

    def look_until_interrupted(self, loaded):
        if len(self.batches) == 1:
            raise KeyboardInterrupt
        return look(self, loaded)

    with monkeypatch.context() as interrupting:
        interrupting.setattr(Blobs, "__call__", look_until_interrupted)
        stopped = run(*options)
    assert stopped.code == 130 and "finished work is kept" in stopped.err
    assert tree(labels) == []
    result = run(*options)
    assert result.code == 0 and "2 done, 1 done before" in result.err
    assert tree(labels) == [
        "both.txt", "classes.txt", "coco_images.json", "coco_results.json",
        "deep er/none [1].txt", "one.txt",
    ]  # fmt: skip
    assert len(json.loads((labels / "coco_results.json").read_text())) == 3


def test_without_an_output_folder_the_record_lies_with_the_first_files(run, tmp_path):
    result = run("--yolo", tmp_path / "labels")
    assert len(result.out.splitlines()) == 4 and "results in" in result.err
    assert "results.jsonl" in tree(tmp_path / "labels")
    assert "3 done before" in run("--yolo", tmp_path / "labels").err


def test_a_picture_that_breaks_loses_what_was_written_for_it(run, pictures, tmp_path):
    out = tmp_path / "out"
    options = ("-o", out, "--yolo", out / "yolo", "--crops", out / "crops")
    run(*options)
    (pictures / "one.jpg").write_bytes(b"broken")
    result = run(*options)
    assert result.code == 3 and "2 done before, 1 failed" in result.err
    assert tree(out / "yolo") == ["both.txt", "classes.txt", "deep er/none [1].txt"]
    assert tree(out / "crops") == ["red one/both-2.png", "white/both-1.png"]


def test_other_options_are_another_run_and_overwrite_starts_anew(run, tmp_path):
    out = tmp_path / "out"
    run("-o", out, "--crops", out / "crops")
    refused = run("-o", out, "--crops", out / "crops", "--score", 0.85)
    assert refused.code == 2 and "score was not given, now 0.85" in refused.err
    over = run("-o", out, "--crops", out / "crops", "--score", 0.85, "--overwrite")
    assert over.code == 0 and "3 done in" in over.err
    assert tree(out / "crops") == ["white/both-1.png", "white/one-1.jpg"]


def test_limit_takes_the_first_and_a_later_run_the_rest(run, tmp_path):
    out = tmp_path / "out"
    run("-o", out, "--yolo", out / "yolo", "--limit", 1)
    assert tree(out / "yolo") == ["both.txt", "classes.txt"]
    assert "2 done, 1 done before" in run("-o", out, "--yolo", out / "yolo").err
    assert len(tree(out / "yolo")) == 4


def test_on_error_stop_stops_after_recording_it(run, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"")
    result = run("-o", tmp_path / "out", "--coco", tmp_path / "coco", "--on-error", "stop")
    assert result.code == 3 and tree(tmp_path / "coco") == []
    _, rows = record(tmp_path / "out", "results.jsonl.part")
    assert [row["status"] for row in rows] == ["ok", "failed"]


def test_difficult_names_come_through_everything(run, pictures, tmp_path):
    names = ["with space.png", "[a-z].png", "new\nline.png", "-dash.png"]
    names.append(b"not-utf8-\xff.png".decode("utf-8", "surrogateescape"))
    for name in names:
        scene(white=[SMALL]).save(pictures / name)
    out = tmp_path / "out"
    options = ("-o", out, "--annotate", out / "drawn", "--crops", out / "crops")
    files = ("--coco", out, "--yolo", out / "yolo", "--voc", out / "voc", "--format", "csv")
    assert run(*options, *files).code == 0
    assert {path.name for path in (out / "drawn").iterdir()} >= set(names)
    for folder, ending in (("crops/white", "-1.png"), ("yolo", ".txt"), ("voc", ".xml")):
        there = {path.name for path in (out / folder).iterdir()}
        assert there >= {name.removesuffix(".png") + ending for name in names}
    files = {picture["file_name"] for picture in COCO(out / "coco_images.json").dataset["images"]}
    assert files >= set(names)
    assert "0 done, 8 done before" in run(*options).err


def test_names_that_would_meet_are_refused_before_any_work(run, pictures, tmp_path, blobs):  # noqa: F811
    scene().save(pictures / "one.png")
    for option in ("--yolo", "--voc"):
        result = run("-o", tmp_path / "out", option, tmp_path / "files")
        assert result.code == 2 and "one.jpg and one.png would both be written to" in result.err
    scene().save(pictures / "classes.png")
    assert "where YOLO's classes are named; rename it" in run("--yolo", tmp_path / "files").err
    assert not blobs and not (tmp_path / "out").exists() and not (tmp_path / "files").exists()


@pytest.mark.parametrize("option", ["--annotate", "--crops", "--yolo", "--voc", "--coco"])
def test_files_of_the_users_own_are_not_written_over(run, tmp_path, option):
    own = tmp_path / "mine/one.txt"
    own.parent.mkdir()
    own.write_text("mine")
    for output in ((), ("-o", tmp_path / "out")):
        result = run(option, own.parent, *output)
        assert result.code == 2 and "one.txt is there already" in result.err
    run("-o", tmp_path / "out")
    if option in ("--yolo", "--voc", "--coco"):  # a record elsewhere does not make them ours
        result = run(option, own.parent, "-o", tmp_path / "out")
        assert result.code == 2 and "one.txt is there already" in result.err
    assert own.read_text() == "mine" and tree(own.parent) == ["one.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--overlap", 0.3), "--overlap is about --tile, which is not given"),
        (("--pad", 0), "--pad is about --crops, which is not given"),
        (("--blur", "white"), "say where with --blurred"),
        (("--blurred", "x"), "name their class with --blur"),
        (("--classes", "white,7"), 'has no class "7". It has white, red one'),
        (("--classes", "white,rd one"), 'has no class "rd one". Did you mean "red one"?'),
        (("--annotate", "x", "--crops", "x"), "--annotate and --crops are the same folder"),
        (("--score", "nan"), "is not a number"),
        (("--tile", 20), "not in the range x>=64"),
        (("--annotate", ""), "the name is empty"),
        (("--overwrite",), "name it with --output"),
    ],
)
def test_options_that_do_nothing_or_cannot_work_are_refused(
    run, options, message, tmp_path, monkeypatch, blobs  # noqa: F811
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = run(*options)
    assert result.code == 2 and message in result.err and result.out == ""
    assert not blobs and tree(tmp_path) == ["in/both.png", "in/deep er/none [1].png", "in/one.jpg"]


def test_inputs_are_never_written_over(run, pictures):
    before = {name: (pictures / name).read_bytes() for name in tree(pictures)}
    for option in ("--annotate", "--crops", "--yolo", "--voc", "--coco"):
        result = run(option, pictures)
        assert result.code in (1, 2) and result.err.startswith("error: ")
    assert {name: (pictures / name).read_bytes() for name in tree(pictures)} == before


def test_a_large_picture_in_tiles(run, pictures):
    scene((1200, 800), red=[(5, 5, 25, 20)]).save(pictures / "one.png")
    (pictures / "both.png").unlink()
    whole, tiled = (
        json.loads(run(*options).out.splitlines()[-1]) for options in ((), ("--tile", 200))
    )
    assert whole["objects"] == []
    assert [found["box"] for found in tiled["objects"]] == [[5, 5, 25, 20]]
    assert Image.open(pictures / "one.png").size == (tiled["width"], tiled["height"])
