"""COCO's results, YOLO's and VOC's files, read back by those that read them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from pycocotools.coco import COCO

from dltk.batch import Item
from dltk.errors import UsageError
from dltk.models.catalog import Label
from recipes._detect_files import check_exports, claim, write_coco, write_voc, write_yolo
from tests.folders import tree

LABELS = (Label("cat"), Label("dog, or wolf"), Label("crane", "7"), Label("crane", "9"))


def row(path, *objects, size=(200, 100)) -> dict:
    """Return the record of a picture; objects are (label, score, box)."""
    found = [{"label": label, "score": score, "box": box} for label, score, box in objects]
    width, height = size
    return {"path": path, "status": "ok", "width": width, "height": height, "objects": found}


def failed(path) -> dict:
    return {"path": path, "status": "failed", "error": "the file is empty"}


ROWS = [
    row(
        "a.jpg",
        ("dog, or wolf", 0.9, [10.0, 20.0, 60.0, 80.0]),
        ("cat", 0.51234, [0.0, 0.25, 199.9, 100.0]),
    ),
    row("deep er/b [1] (é).png"),
    failed("bad.jpg"),
    row("c.jpg", ("crane (output 3)", 0.7, [99.6, 49.2, 99.9, 49.4]), size=(101, 51)),
]


def load_results(folder):
    """Return COCO's API on the pictures, and on the results."""
    truth = COCO(folder / "coco_images.json")
    return truth, truth.loadRes(str(folder / "coco_results.json"))


def test_pycocotools_loads_the_results_with_pictures_and_categories(tmp_path):
    write_coco(iter(ROWS), LABELS, tmp_path)
    truth, results = load_results(tmp_path)
    pictures = {picture["file_name"]: picture for picture in truth.loadImgs(truth.getImgIds())}
    assert list(pictures) == ["a.jpg", "deep er/b [1] (é).png", "c.jpg"]
    assert (pictures["c.jpg"]["width"], pictures["c.jpg"]["height"]) == (101, 51)
    names = {each["id"]: each["name"] for each in truth.loadCats(truth.getCatIds())}
    assert list(names.values()) == ["cat", "dog, or wolf", "crane (output 2)", "crane (output 3)"]
    found = results.loadAnns(results.getAnnIds(imgIds=[pictures["a.jpg"]["id"]]))
    assert [(names[each["category_id"]], each["bbox"], each["score"]) for each in found] == [
        ("dog, or wolf", [10, 20, 50, 60], 0.9),
        ("cat", [0, 0.25, 199.9, 99.75], 0.51234),
    ]
    assert results.getAnnIds(imgIds=[pictures["deep er/b [1] (é).png"]["id"]]) == []


def test_numbers_that_are_names_are_coco_s_own_ids(tmp_path):
    labels = (Label("person", "1"), Label("stop sign", "13"))
    rows = [row("val/000000000139.jpg", ("stop sign", 0.9, [0.0, 0.0, 9.0, 9.0])), row("785.jpg")]
    write_coco(rows, labels, tmp_path)
    truth, results = load_results(tmp_path)
    assert truth.getImgIds() == [139, 785] and truth.getCatIds() == [1, 13]
    assert results.loadAnns(1)[0]["image_id"] == 139
    assert results.loadAnns(1)[0]["category_id"] == 13
    for names in (["7.jpg", "7.png"], ["0.jpg", "1.jpg"], ["1.jpg", "2_3.jpg"], ["1.jpg", "².jpg"]):
        write_coco([row(name) for name in names], labels, tmp_path)
        images = json.loads((tmp_path / "coco_images.json").read_text())["images"]
        assert [picture["id"] for picture in images] == [1, 2]


def test_nothing_found_at_all_is_an_empty_list_of_results(tmp_path):
    write_coco([row("a.jpg")], LABELS, tmp_path)
    assert json.loads((tmp_path / "coco_results.json").read_text()) == []
    assert COCO(tmp_path / "coco_images.json").getImgIds() == [1]


def test_yolo_has_a_file_for_every_picture_that_is_done(tmp_path):
    (tmp_path / "bad.txt").write_text("of an earlier run, when it could be read")
    write_yolo(iter(ROWS), LABELS, tmp_path)
    assert tree(tmp_path) == ["a.txt", "c.txt", "classes.txt", "deep er/b [1] (é).txt"]
    assert (tmp_path / "a.txt").read_text().splitlines() == [
        "1 0.175000 0.500000 0.250000 0.600000",
        "0 0.499750 0.501250 0.999500 0.997500",
    ]
    assert (tmp_path / "deep er/b [1] (é).txt").read_text() == ""
    assert (tmp_path / "classes.txt").read_text().splitlines() == [
        "cat", "dog, or wolf", "crane (output 2)", "crane (output 3)"
    ]  # fmt: skip


def test_yolo_s_boxes_come_back_within_a_hundredth_of_a_pixel(tmp_path):
    box, size = [1234.56, 7.89, 4000.0, 2999.99], (4000, 3000)
    write_yolo([row("a.jpg", ("cat", 1.0, box), size=size)], LABELS, tmp_path)
    _, x, y, width, height = map(float, (tmp_path / "a.txt").read_text().split())
    back = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    assert [share * side for share, side in zip(back, size * 2, strict=True)] == pytest.approx(
        box, abs=0.01
    )


def voc(path):
    root = ElementTree.parse(path).getroot()
    objects = [
        (
            each.findtext("name"),
            [int(each.find("bndbox").findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax")],
        )
        for each in root.iter("object")
    ]
    return root, objects


def test_voc_counts_pixels_from_one_and_includes_the_last(tmp_path):
    write_voc(iter(ROWS), LABELS, tmp_path)
    assert tree(tmp_path) == ["a.xml", "c.xml", "deep er/b [1] (é).xml"]
    root, objects = voc(tmp_path / "a.xml")
    assert objects == [("dog, or wolf", [11, 21, 60, 80]), ("cat", [1, 1, 200, 100])]
    assert [root.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [
        "200", "100", "3"
    ]  # fmt: skip
    assert {each.findtext("difficult") for each in root.iter("object")} == {"0"}
    empty, objects = voc(tmp_path / "deep er/b [1] (é).xml")
    assert objects == []
    assert (empty.findtext("folder"), empty.findtext("filename")) == ("deep er", "b [1] (é).png")


def test_a_box_smaller_than_a_pixel_is_one_pixel_inside_of_the_picture(tmp_path):
    corner = [100.6, 50.6, 101.0, 51.0]
    rows = [
        row("a.jpg", ("cat", 0.5, [99.6, 49.2, 99.9, 49.4]), ("cat", 0.4, corner), size=(101, 51))
    ]
    write_voc(rows, LABELS, tmp_path)
    assert [box for _, box in voc(tmp_path / "a.xml")[1]] == [
        [101, 50, 101, 50],
        [101, 51, 101, 51],
    ]


def test_strange_names_come_through_or_are_escaped(tmp_path):
    names = ["new\nline.jpg", "<&\"'>.jpg", b"not-utf8-\xff.jpg".decode(errors="surrogateescape")]
    labels = (Label("a\x01<b>"),)
    rows = [row(name, ("a\x01<b>", 0.5, [0.0, 0.0, 9.0, 9.0])) for name in names]
    for write in (write_coco, write_yolo, write_voc):
        write(rows, labels, tmp_path)
    images = COCO(tmp_path / "coco_images.json").dataset["images"]
    assert [picture["file_name"] for picture in images] == names
    told = [voc(tmp_path / f"{name.removesuffix('.jpg')}.xml") for name in names]
    assert [root.findtext("filename") for root, _ in told] == [
        "new\\nline.jpg", "<&\"'>.jpg", "not-utf8-\\xff.jpg"
    ]  # fmt: skip
    assert {objects[0][0] for _, objects in told} == {"a\\x01<b>"}
    assert all((tmp_path / f"{name.removesuffix('.jpg')}.txt").exists() for name in names)


def test_two_pictures_do_not_share_a_file(tmp_path):
    items = [Item(name, f"/in/{name}") for name in ("a.jpg", "b/a.png", "a.png")]
    for form in ("yolo", "voc"):
        with pytest.raises(UsageError, match=r"a\.jpg and a\.png would both be written to"):
            check_exports(items, {form: tmp_path}, tmp_path / "out", overwrite=False)
    with pytest.raises(UsageError, match="rename it"):
        check_exports(
            [Item("classes.jpg", "/in/x")], {"yolo": tmp_path}, tmp_path / "out", overwrite=True
        )
    check_exports(items, {"coco": tmp_path, "voc": None}, tmp_path / "out", overwrite=False)
    rows = [row("a.jpg"), row("a.png")]  # of an earlier run, and of this one
    with pytest.raises(UsageError, match="rename one of them"):
        write_yolo(rows, LABELS, tmp_path)


def test_labels_of_the_users_own_are_not_written_over(tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "a.txt").write_text("by hand")
    with pytest.raises(UsageError, match=r"a\.txt is there already and not known"):
        check_exports([], {"yolo": labels}, tmp_path / "out", overwrite=False)
    check_exports([], {"yolo": labels}, tmp_path / "out", overwrite=True)
    claim([labels, None])
    check_exports([], {"yolo": labels}, tmp_path / "out", overwrite=False)
    assert tree(labels) == ["a.txt"]  # but for a hidden file


def test_files_do_not_go_where_inputs_lie(tmp_path):
    item = Item("a.jpg", str(tmp_path / "a.jpg"))
    for form in ("coco", "yolo", "voc"):
        with pytest.raises(UsageError, match="is an input and lies in"):
            check_exports([item], {form: tmp_path}, tmp_path / "out", overwrite=True)
