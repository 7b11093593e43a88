"""Checks of pictures with objects: what is wrong is found, counted and told."""

import json
import shutil

import pytest
from PIL import Image

from dltk.data.objects import check_objects, read_objects, split_objects
from dltk.metadata import software_of
from tests.data.object_files import coco, picture, write_coco, write_json, write_yolo


@pytest.fixture
def faulty(tmp_path):
    """Divided pictures in COCO's layout with one fault of each kind."""
    root = tmp_path / "data"
    contents = {}
    for split, count in (("train", 12), ("val", 3)):
        names = [f"{split}{at}.png" for at in range(count)]
        for name in names:
            picture(root / "images" / split / name, (200, 150))
            Image.new("RGB", (200, 150), (len(contents), int(name[-5]), len(name))).save(
                root / "images" / split / name
            )
        rows = [(at, 10, (10, 10, 20, 20)) for at in range(1, count)]  # the last has none
        contents[split] = coco([(name, 200, 150) for name in names], rows, ("cat", "dog", "Cat"))
    contents["train"]["annotations"] += [
        {"id": 90, "image_id": 1, "category_id": 10, "bbox": [0, 0, 100, 99], "area": 5000},
        {"id": 91, "image_id": 1, "category_id": 10, "bbox": [190, 0, 20, 20]},
        {"id": 92, "image_id": 1, "category_id": 99, "bbox": [0, 0, 20, 20]},
        {"id": 93, "image_id": 2, "category_id": 10, "bbox": [0, 0, 199, 149]},
        {"id": 94, "image_id": 2, "category_id": 20, "bbox": [0, 0, 9, 9], "iscrowd": 1},
    ]
    contents["val"]["annotations"][0]["category_id"] = 20  # dog, which train has as a crowd only
    images = root / "images"
    shutil.copy(images / "train" / "train3.png", images / "train" / "train4.png")
    shutil.copy(images / "train" / "train5.png", images / "val" / "val1.png")
    shutil.copy(images / "train" / "train6.png", images / "train" / "train0.png")
    bad = images / "train" / "train8.png"
    bad.write_bytes(bad.read_bytes()[:60])
    (images / "train" / "train9.png").unlink()
    for split, content in contents.items():
        write_json(root / "annotations" / f"instances_{split}.json", content)
    return root


def test_faults_are_found(faulty):
    findings = check_objects(read_objects(faulty), decode=True, threads=2)
    assert findings.pictures == {"train": 11, "val": 3}
    assert findings.negatives == {"train": 1, "val": 1}
    assert findings.ignored == {"train": 1, "val": 0}
    assert findings.counts == {
        "cat": {"train": 13, "val": 1},
        "dog": {"train": 0, "val": 1},
        "Cat": {"train": 0, "val": 0},
    }
    assert findings.areas == {"small": 13, "medium": 1, "large": 1} and findings.most == 3
    assert findings.unreadable[0] == ("train9.png", "no such file, with 1 object")
    assert [name for name, _ in findings.unreadable[1:]] == ["images/train/train8.png"]
    assert findings.sizes["median"] == (200, 150) and findings.imbalance == 14
    assert [line.split(":")[0] for line in findings.errors] == [
        "unusable",
        "unusable",
        "in several splits",
        "equal, but with different objects",
        "nothing to train on",
    ]
    assert findings.errors[-1] == "nothing to train on: dog has objects in val, none in train"
    images = "images/train/train"
    assert findings.duplicates == ((("train", f"{images}3.png"), ("train", f"{images}4.png")),)
    assert findings.contradictions == ((("train", f"{images}0.png"), ("train", f"{images}6.png")),)
    place = "annotations/instances_train.json, annotation"
    assert findings.warnings == [
        "classes without objects: Cat",
        "classes of less than 10 objects: dog",
        "the largest class has 14 times the objects of the smallest",
        "classes that differ in capitals only: cat, Cat",
        f"1 needless copy, such as {images}3.png (train) = {images}4.png (train)",
        f"repaired: unknown category: 1, such as {place} 92: 99, left out",
        f"repaired: over the edge: 1, such as {place} 91: (190, 0, 210, 20) of 200 × 150, cut",
    ]


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[:5] == [
        ["class", "train", "val", "in", "all"],
        ["cat", "13", "1", "14"],
        ["dog", "0", "1", "1"],
        ["Cat", "0", "0", "0"],
        ["in", "all", "13", "2", "15"],
    ]
    assert result.out.splitlines()[6:11] == [
        "pictures: train 11, val 3",
        "without objects: train 1, val 1",
        "objects ignored: train 1, val 0",
        "objects: 13 small, 1 medium, 1 large; 3 at most in a picture",
        "sizes: smallest 200 × 150, median 200 × 150, largest 200 × 150",
    ]
    assert "error: nothing to train on: dog" in result.out
    assert "warning: repaired: over the edge: 1, such as" in result.out
    fields = json.loads(dltk("data", "check", faulty, "--fast", "--json").out)
    assert fields["counts"]["cat"] == {"train": 13, "val": 1} and len(fields["errors"]) == 4
    assert len(fields["repairs"]) == 2 and fields["sizes"] == {}


def test_check_ends_with_0_where_all_is_well(dltk, tmp_path):
    pictures = {
        f"{at}.png": ((40, 30 + at), [("cat", 1, 2, 30, 20, False), ("dog", 5, 5, 20, 20, False)])
        for at in range(20)
    }
    write_yolo(tmp_path, pictures)
    result = dltk("data", "check", tmp_path, "--val-share", 0.25, "--test-share", 0)
    assert result.code == 0 and result.out.endswith("nothing amiss\n") and result.err == ""
    assert "pictures: train 15, val 5" in result.out


def test_refusals_are_one_line_of_exit_code_2(dltk, tmp_path):
    path = write_coco(tmp_path)
    path.write_text(path.read_text()[:300])
    result = dltk("data", "check", path)
    assert result.code == 2 and "it was cut short" in result.err and result.err.count("\n") == 1
    content = coco([("a.png", 40, 30)], [(1, 10, (1, 2, 3, 4), {"iscrowd": 1})])
    result = dltk("data", "check", write_json(path, content))
    assert result.code == 2 and "there are no objects in its 1 training pictures" in result.err


def test_copies_agree_in_whichever_order_their_objects_are(tmp_path):
    picture(tmp_path / "1.png")
    shutil.copy(tmp_path / "1.png", tmp_path / "2.png")
    rows = [(1, 10, (1, 2, 3, 4)), (1, 20, (5, 5, 9, 9))]
    rows += [(2, 20, (5, 5.2, 9, 9)), (2, 10, (1, 2, 3, 4))]
    content = coco([("1.png", 40, 30), ("2.png", 40, 30)], rows)
    data = split_objects(read_objects(write_json(tmp_path / "x.json", content)))
    findings = check_objects(data, decode=False, threads=1)
    assert findings.contradictions == () and len(findings.duplicates) == 1
    content["annotations"][0]["category_id"] = 20
    data = read_objects(write_json(tmp_path / "x.json", content))
    assert len(check_objects(data, decode=False, threads=1).contradictions) == 1


@pytest.mark.parametrize(("augmentation", "views"), [("none", 1), ("strong", 3)])
def test_show_draws_pictures_with_boxes_and_views(dltk, tmp_path, augmentation, views):
    path = write_coco(tmp_path / "data")
    (tmp_path / "data" / "images" / "b.png").write_bytes(b"no")
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", path, "-o", out, "--size", 64, "--augment", augmentation)
    assert result.code == 0, result.err
    sheet = Image.open(out)
    groups = min(2, 8 // (1 + views))
    assert sheet.size == (64 * groups * (1 + views), 64 * -(-2 // groups))
    assert software_of(out) == "examples of dltk data show"
    first = out.read_bytes()
    dltk("data", "show", path, "-o", out, "--size", 64, "--augment", augmentation)
    assert out.read_bytes() == first
    result = dltk("data", "show", path, "-o", out, "-m", "vgg16-hed")
    assert result.code == 2 and "pictures with objects are shown on a square canvas" in result.err
