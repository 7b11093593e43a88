"""`dltk segment`: the record, files, going on after a stop, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import time

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from dltk.masks import IGNORE, PALETTE, of_run_lengths
from recipes._trained_segmenter import NetworkSegmenter
from recipes.segment_instances import SCORE
from tests.folders import digests, record, tree
from tests.maskers import bright_masker  # noqa: F401
from tests.small_segmenters import (  # noqa: F401
    GREEN,
    GREEN_BOX,
    RED,
    RED_BOX,
    colours,
    painted,
    save_colours,
    truth_of,
)

NAMES = ("both.png", "deep er/none [1].png", "one.bmp")


@pytest.fixture
def pictures(tmp_path):
    """Three pictures: with something red and something green, with neither, and with red."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    painted(red=[RED_BOX], green=[GREEN_BOX]).save(folder / "both.png")
    painted((40, 30)).save(folder / "deep er/none [1].png")
    painted((120, 80), red=[(60, 10, 110, 70)]).save(folder / "one.bmp")
    return folder


@pytest.fixture
def run(dltk, pictures, colours):  # noqa: F811
    """Run the command on the pictures with a segmenter that is always right."""
    return lambda *options: dltk("segment", pictures, "-m", colours, "--devices", "cpu", *options)


def stop_at(count, monkeypatch, wait=lambda: None):
    """Let whoever segments be interrupted when it is called for the second time, or the fourth."""
    look, calls = NetworkSegmenter.__call__, []

    def look_until_interrupted(self, loaded):
        calls.append(len(loaded))
        if len(calls) == count:
            wait()
            raise KeyboardInterrupt
        return look(self, loaded)

    monkeypatch.setattr(NetworkSegmenter, "__call__", look_until_interrupted)


# The record


def test_json_lines_tell_every_picture_and_its_classes(run, pictures):
    (pictures / "broken.png").write_bytes(b"")
    result = run()
    header, *rows = map(json.loads, result.out.splitlines())
    assert result.code == 3 and "failed: broken.png: the file is empty" in result.err
    assert header["format"] == "dltk.segment" and header["model"][0]["name"] == "colours.keras"
    options = header["options"]
    assert (options["score"], options["scales"], options["classes"]) == (None, [1.0], [])
    assert (options["outlines"], options["masks"], options["flip"]) == ("none", None, False)
    assert [row["path"] for row in rows] == ["both.png", "broken.png", *NAMES[1:]]
    assert [(a["label"], a["value"], a["pixels"]) for a in rows[0]["areas"]] == [
        ("background", 0, 1888), ("green", 2, 672), ("red one", 1, 512)
    ]  # fmt: skip
    assert rows[1] == {"path": "broken.png", "status": "failed", "error": "the file is empty"}
    assert [area["share"] for area in rows[2]["areas"]] == [1.0]


def test_a_table_for_people(run, pictures):
    (pictures / "new\nline.png").write_bytes(b"")
    lines = run("--format", "table").out.splitlines()
    assert lines[0].split("  ")[0] == "both.png" and "3 classes" in lines[0]
    assert lines[0].endswith("background 61.5%, green 21.9%, red one 16.7%")
    assert "1 class " in lines[1] and lines[1].endswith("background 100.0%")
    assert "new\\nline.png" in lines[2] and lines[2].endswith("failed: the file is empty")
    assert len(lines) == 4
    pale = run("--format", "table", "--score", 1).out.splitlines()
    assert pale[1].endswith("nothing found")


def test_csv_has_a_row_for_each_class_and_one_for_a_picture_without(run, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"")
    options = ("--format", "csv", "--score", "0.9")
    assert run("-o", tmp_path / "out", *options).code == 3
    text = (tmp_path / "out/results.csv").read_text()
    assert text == run(*options).out.replace("\r", "")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == [
        "path", "status", "error", "width", "height", "label", "id", "value", "pixels", "share",
        "score",
    ]  # fmt: skip
    assert [(row["path"], row["label"], row["pixels"]) for row in rows][:4] == [
        ("both.png", "green", "672"),
        ("both.png", "red one", "512"),
        ("broken.png", "", ""),
        ("deep er/none [1].png", "", ""),
    ]
    assert rows[2]["error"] == "the file is empty" and rows[3]["width"] == "40"
    assert float(rows[0]["share"]) == 0.21875 and float(rows[0]["score"]) > 0.99


def test_all_that_can_be_written_lies_where_it_should(run, tmp_path):
    out = tmp_path / "out"
    copies = ("overlay", "binary", "cutouts", "heat")
    options = ["-o", out, "--coco", out, "--alpha", "0.7", "--flip", "--scales", "1,2"]
    options += [word for name in copies for word in (f"--{name}", out / name)]
    result = run(*options)
    assert result.code == 0 and result.out == "", result.err
    of_classes = ("green/both.png", "red one/both.png", "red one/one.png")
    masks = ("both.png", "deep er/none [1].png", "one.png")
    assert [name for name in tree(out) if not name.endswith(".dltk")] == sorted([
        "coco_images.json", "coco_results.json", "results.jsonl",
        *(f"masks/{name}" for name in masks),
        *(f"overlay/{name}" for name in NAMES),
        *(f"{kind}/{name}" for kind in copies[1:] for name in of_classes),
    ])  # fmt: skip
    header, rows = record(out)
    assert (header["options"]["masks"], header["options"]["heat"]) == ("masks", "heat")
    assert (header["options"]["outlines"], header["options"]["scales"]) == ("rle", [1.0, 2.0])
    assert rows[2]["files"] == {
        "mask": "masks/one.png",
        "overlay": "overlay/one.bmp",
        "binary-red one": "binary/red one/one.png",
        "cutout-red one": "cutouts/red one/one.png",
        "heat-red one": "heat/red one/one.png",
    }
    before = digests(out)
    assert "0 done, 3 done before" in run(*options).err and digests(out) == before
    (out / "cutouts/red one/one.png").unlink()
    assert "1 done, 2 done before" in run(*options).err and digests(out) == before


def test_label_maps_are_indices_into_the_colours_of_voc(run, pictures, tmp_path):
    assert (
        run("-o", tmp_path / "out", "--masks", tmp_path / "maps", "--classes", "red_one").code == 0
    )
    assert tree(tmp_path / "out") == ["results.jsonl"]
    written = Image.open(tmp_path / "maps/both.png")
    expected = np.where(truth_of(Image.open(pictures / "both.png")) == RED, RED, 0)
    assert written.mode == "P" and written.format == "PNG"
    np.testing.assert_array_equal(np.asarray(written), expected)
    np.testing.assert_array_equal(np.asarray(written.convert("RGB")), PALETTE[expected])
    assert written.convert("RGB").getpixel((10, 10)) == (128, 0, 0)
    header, _ = record(tmp_path / "out")
    assert header["options"]["classes"] == ["red one"] and header["options"]["masks"] == "../maps"


def test_open_pixels_are_255_and_hatched(run, pictures, tmp_path):
    out = tmp_path / "out"
    run("-o", out, "--overlay", out / "seen", "--score", "0.9")
    written = Image.open(out / "masks/both.png")
    truth = truth_of(Image.open(pictures / "both.png"))
    np.testing.assert_array_equal(np.asarray(written), np.where(truth == 0, IGNORE, truth))
    assert written.convert("RGB").getpixel((0, 0)) == (224, 224, 192)
    seen = np.asarray(Image.open(out / "seen/deep er/none [1].png").convert("RGB"))
    assert set(np.unique(seen)) == {128, 150}  # of one grey, striped


def test_cutouts_are_transparent_elsewhere_and_binary_masks_black(run, pictures, tmp_path):
    run("--cutouts", tmp_path / "cut", "--binary", tmp_path / "white", "--classes", "green")
    assert tree(tmp_path / "white") == ["green/both.png", "results.jsonl"]
    assert tree(tmp_path / "cut") == ["green/both.png"]
    before = Image.open(pictures / "both.png")
    there = truth_of(before) == GREEN
    cut = np.asarray(Image.open(tmp_path / "cut/green/both.png"))
    np.testing.assert_array_equal(cut[..., 3] == 255, there)
    np.testing.assert_array_equal(cut[..., 3] == 0, ~there)
    np.testing.assert_array_equal(cut[..., :3], np.asarray(before))
    white = np.asarray(Image.open(tmp_path / "white/green/both.png"))
    assert white.dtype == np.uint8 and (white == 255 * there).all()


# Files for other tools


def test_coco_reads_the_masks(run, pictures, tmp_path):
    out = tmp_path / "out"
    assert run("-o", out, "--coco", tmp_path / "coco").code == 0
    truth = COCO(tmp_path / "coco/coco_images.json")
    found = truth.loadRes(str(tmp_path / "coco/coco_results.json"))
    categories = {each["id"]: each["name"] for each in truth.loadCats(truth.getCatIds())}
    assert categories == {1: "background", 2: "red one", 3: "green"}
    seen = []
    for picture in found.loadImgs(found.getImgIds()):
        mask = np.asarray(Image.open(out / "masks" / picture["file_name"].replace(".bmp", ".png")))
        assert mask.shape == (picture["height"], picture["width"])
        for each in found.loadAnns(found.getAnnIds(imgIds=[picture["id"]])):
            there = mask == each["category_id"] - 1
            np.testing.assert_array_equal(found.annToMask(each) == 1, there)
            assert each["area"] == there.sum() and 0.9 < each["score"] <= 1
            seen.append((picture["file_name"], categories[each["category_id"]]))
    assert sorted(seen) == [("both.png", "green"), ("both.png", "red one"), ("one.bmp", "red one")]
    rows = record(out)[1]
    shape = of_run_lengths(rows[2]["areas"][1]["segmentation"])
    assert (shape == (truth_of(Image.open(pictures / "one.bmp")) == RED)).mean() > 0.97


def test_cocos_results_are_made_of_a_record_with_run_lengths_without_looking_again(run, tmp_path):
    out = tmp_path / "out"
    run("-o", out, "--outlines", "rle")
    before = digests(out / "masks")
    result = run("-o", out, "--coco", tmp_path / "coco")
    assert "0 done, 3 done before" in result.err and digests(out / "masks") == before
    assert len(json.loads((tmp_path / "coco/coco_results.json").read_text())) == 3
    plain = run("-o", tmp_path / "plain")
    assert plain.code == 0
    refused = run("-o", tmp_path / "plain", "--coco", tmp_path / "coco")
    assert refused.code == 2 and "outlines was none, now rle" in refused.err


def test_the_ground_is_in_cocos_results_if_it_is_looked_for(run, tmp_path):
    run("--coco", tmp_path / "coco", "--classes", "background,green")
    results = json.loads((tmp_path / "coco/coco_results.json").read_text())
    assert [(each["image_id"], each["category_id"]) for each in results] == [
        (1, 1), (1, 3), (2, 1), (3, 1)
    ]  # fmt: skip


# Going on


@pytest.mark.parametrize("copies", ["--masks", "--overlay"])
def test_a_run_interrupted_before_its_first_line_goes_on(run, tmp_path, monkeypatch, copies):
    """The files of a picture are written, the picture after it is being looked at: Ctrl-C."""
    options = ("-o", tmp_path / "out", copies, tmp_path / "copies", "--batch-size", 1)

    def until_written():
        while not tree(tmp_path / "copies"):
            time.sleep(0.01)

    with monkeypatch.context() as interrupting:
        stop_at(2, interrupting, until_written)
        stopped = run(*options)
    assert stopped.code == 130 and "run the same command again" in stopped.err
    assert tree(tmp_path / "copies") == ["both.png"]
    again = run(*options)
    assert again.code == 0 and len(tree(tmp_path / "copies")) == 3
    assert [row["status"] for row in record(tmp_path / "out")[1]] == ["ok"] * 3


def test_what_a_run_that_went_on_leaves_is_that_of_one_that_was_not_stopped(
    run, pictures, tmp_path, monkeypatch
):
    def options(out):
        files = (
            "--overlay",
            out / "seen",
            "--cutouts",
            out / "cut",
            "--coco",
            out,
            "--format",
            "csv",
        )
        return ("-o", out, *files, "--batch-size", 1)

    for name in ("x.png", "y.png"):
        painted((30, 20), red=[(0, 0, 9, 9)]).save(pictures / name)
    out, other = tmp_path / "out", tmp_path / "other"
    with monkeypatch.context() as interrupting:
        stop_at(4, interrupting)
        stopped = run(*options(out))
    assert stopped.code == 130 and "finished work is kept" in stopped.err
    assert not (out / "coco_results.json").exists() and not (out / "results.jsonl").exists()
    result = run(*options(out))
    assert result.code == 0 and "4 done, 1 done before" in result.err
    assert run(*options(other)).code == 0
    one, two = digests(out), digests(other)
    assert one == two and len(one) == 5 + 5 + 5 + 4


def test_a_picture_that_changed_loses_what_was_written_for_it(run, pictures, tmp_path):
    out = tmp_path / "out"
    options = ("-o", out, "--binary", out / "white", "--overlay", out / "seen")
    run(*options)
    (out / "white/red one/mine.png").write_text("mine")
    painted(green=[RED_BOX]).save(pictures / "both.png")
    result = run(*options)
    assert "1 done, 2 done before" in result.err
    assert tree(out / "white") == ["green/both.png", "red one/mine.png", "red one/one.png"]
    (pictures / "both.png").write_bytes(b"broken")
    result = run(*options)
    assert result.code == 3 and "2 done before, 1 failed" in result.err
    assert tree(out / "white") == ["red one/mine.png", "red one/one.png"]
    assert tree(out / "masks") == ["deep er/none [1].png", "one.png"]


def test_other_options_are_another_run_and_overwrite_starts_anew(run, tmp_path):
    out = tmp_path / "out"
    options = ("-o", out, "--binary", out / "white")
    run(*options)
    for other, told in (
        (("--score", 0.9), "score was not given, now 0.9"),
        (("--classes", "green"), "classes was none, now green"),
        (("--scales", "1,2"), "scales was 1.0, now 1.0, 2.0"),
        (("--flip",), "flip was False, now True"),
        (("--min-area", 9), "min_area was 0, now 9"),
        (("--tile", 64), "tile was not given, now 64"),
        (("--masks", out / "maps"), "masks was masks, now maps"),
    ):
        refused = run(*options, *other)
        assert refused.code == 2 and told in refused.err
    assert tree(out / "white") == ["green/both.png", "red one/both.png", "red one/one.png"]
    over = run(*options, "--classes", "green", "--overwrite")
    assert over.code == 0 and "3 done in" in over.err
    assert tree(out / "white") == ["green/both.png"]


def test_without_an_output_folder_the_record_lies_with_the_first_files(run, tmp_path):
    result = run("--overlay", tmp_path / "seen")
    assert len(result.out.splitlines()) == 4 and "results in" in result.err
    assert tree(tmp_path / "seen") == [*NAMES, "results.jsonl"]
    assert "3 done before" in run("--overlay", tmp_path / "seen").err


def test_limit_takes_the_first_and_on_error_stops(run, pictures, tmp_path):
    run("-o", tmp_path / "out", "--limit", 1)
    assert tree(tmp_path / "out/masks") == ["both.png"]
    assert "2 done, 1 done before" in run("-o", tmp_path / "out").err
    (pictures / "broken.png").write_bytes(b"")
    result = run("-o", tmp_path / "other", "--coco", tmp_path / "coco", "--on-error", "stop")
    assert result.code == 3 and tree(tmp_path / "coco") == []
    assert [r["status"] for r in record(tmp_path / "other", "results.jsonl.part")[1]] == [
        "ok",
        "failed",
    ]


# Names


def test_difficult_names_come_through_everything(run, pictures, tmp_path):
    names = ["with space.png", "[a-z].png", "new\nline.png", "-dash.png", "two.dots.png"]
    names.append(b"not-utf8-\xff.png".decode("utf-8", "surrogateescape"))
    for name in names:
        painted(red=[RED_BOX]).save(pictures / name)
    out = tmp_path / "out"
    kinds = {"overlay": "overlay", "binary": "binary/red one", "cutouts": "cutouts/red one"}
    kinds |= {"heat": "heat/red one", "masks": "masks"}
    options = [word for kind in kinds for word in (f"--{kind}", out / kind)]
    result = run("-o", out, *options, "--coco", out, "--format", "csv")
    assert result.code == 0, result.err
    for folder in kinds.values():
        assert {path.name for path in (out / folder).iterdir()} >= set(names)
    files = {picture["file_name"] for picture in COCO(out / "coco_images.json").dataset["images"]}
    assert files >= set(names)
    assert "0 done, 9 done before" in run("-o", out, *options, "--coco", out).err


def test_names_that_would_meet_are_refused_before_any_work(run, pictures, tmp_path):
    painted().save(pictures / "both.jpg")
    for option in ("--masks", "--binary", "--cutouts", "--heat", "-o"):
        result = run(option, tmp_path / "files")
        assert result.code == 2 and result.out == ""
        assert "both.jpg and both.png would both be written to" in result.err
    assert not (tmp_path / "files").exists()
    assert run("--overlay", tmp_path / "files").code == 0


@pytest.mark.parametrize(
    "option", ["--masks", "--overlay", "--binary", "--cutouts", "--heat", "--coco"]
)
def test_files_of_the_users_own_are_not_written_over(run, tmp_path, option):
    own = tmp_path / "mine/one.txt"
    own.parent.mkdir()
    own.write_text("mine")
    for output in ((), ("-o", tmp_path / "out")):
        result = run(option, own.parent, *output)
        assert result.code == 2 and "one.txt is there already" in result.err
    assert own.read_text() == "mine" and tree(own.parent) == ["one.txt"]
    assert not (tmp_path / "out").exists()


def test_inputs_are_never_written_over(run, pictures):
    before = digests(pictures)
    for option in ("--masks", "--overlay", "--binary", "--cutouts", "--heat", "--coco"):
        result = run(option, pictures)
        assert result.code in (1, 2) and result.err.startswith("error: ")
        assert digests(pictures) == before
    for done in ("3 done in", "0 done, 3 done before"):  # masks are no pictures to look at
        assert done in run("-o", pictures).err
    masks = [f"masks/{name}" for name in ("both.png", "deep er/none [1].png", "one.png")]
    assert tree(pictures) == sorted([*before, *masks, "results.jsonl"])
    assert digests(pictures).items() >= before.items()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--overlap", 0.3), "--overlap is about --tile, which is not given"),
        (("--alpha", 0.5), "--alpha is about --overlay, which is not given"),
        (("--classes", "green,7"), 'has no class "7". It has background, red one, green'),
        (("--classes", "gren"), 'colours.keras has no class "gren". Did you mean "green"?'),
        (("--masks", "x", "--heat", "x"), "--masks and --heat are the same folder"),
        (("-o", "x", "--overlay", "x/masks"), "--masks and --overlay are the same folder"),
        (("--coco", "x", "--outlines", "polygons"), "--coco goes with --outlines rle"),
        (("--score", "nan"), "is not a number"),
        (("--score", "1.1"), "--score"),
        (("--tile", 20), "not in the range x>=64"),
        (("--min-area", -1), "not in the range x>=0"),
        (("--scales", "1,0"), "'1,0' is not numbers above 0 with commas between"),
        (("--scales", "big"), "'big' is not numbers above 0 with commas between"),
        (("--scales", "1,,2"), "'1,,2' is not numbers above 0 with commas between"),
        (("--scales", "1,9"), "--scales is a number from 0.1 to 8, not 9"),
        (("--outlines", "boxes"), "'boxes' is not one of"),
        (("--overlay", ""), "the name is empty"),
        (("--overwrite",), "name it with --output"),
        (("--engine", "litert"), "segmenters run on the keras engine; leave --engine out"),
    ],
)
def test_options_that_do_nothing_or_cannot_work_are_refused(
    run, options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run(*options)
    assert result.code == 2 and message in result.err and result.out == ""
    assert tree(tmp_path) == [f"in/{name}" for name in NAMES]


def test_models_and_pictures_that_are_not_there_are_told_in_a_line(dltk, pictures, tmp_path):
    for model, message in (
        ("faster-rcnn-mobilenet", "faster-rcnn-mobilenet is a model to detect, not to segment"),
        ("fcn-resnet5", 'unknown model "fcn-resnet5". Did you mean "fcn-resnet50"'),
        (tmp_path / "no.keras", "no such model file: "),
        ("vgg16-hed", "vgg16-hed has no class names"),
    ):
        result = dltk("segment", pictures, "-m", model)
        assert result.code in (1, 2) and result.out == ""
        (line,) = result.err.splitlines()
        assert line.startswith("error: ") and message in line
    result = dltk("segment", tmp_path / "nothing", "-m", "fcn-resnet50")
    assert result.code == 2 and "no such file or folder" in result.err
    (tmp_path / "empty").mkdir()
    result = dltk("segment", tmp_path / "empty", "-m", "fcn-resnet50")
    assert result.code == 1 and "no pictures found in" in result.err


def test_a_masker_is_for_single_objects(run, bright_masker):  # noqa: F811
    result = run("-m", bright_masker)
    assert result.code == 2
    assert "is a model to mask, not to segment; give it with --instances" in result.err


def test_help_tells_what_is_left_out_by_itself(dltk):
    told = " ".join(dltk("segment", "--help").out.split())
    assert f"[default: the model's; {SCORE} with --instances]" in told
    assert "in these sizes, as parts of the model's own, and average" in told


def test_a_large_picture_in_tiles(run, pictures):
    picture = painted((1200, 800), green=[(700, 300, 704, 304)])
    picture.save(pictures / "both.png")
    whole, tiled = (
        json.loads(run(*options).out.splitlines()[1]) for options in ((), ("--tile", 256))
    )
    assert [area["label"] for area in whole["areas"]] == ["background"]
    assert (tiled["width"], tiled["height"]) == (1200, 800)
    assert [area["label"] for area in tiled["areas"]] == ["background", "green"]
