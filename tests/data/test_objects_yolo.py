"""YOLO's layout: shares of the picture, polygons, data.yaml, and what goes wrong in them."""

import pytest

from dltk.data.objects import holds_objects, read_objects
from dltk.errors import UsageError
from tests.data.object_files import picture, turned, write_yolo


def boxes(data, index=0, split="all"):
    return data.splits[split].objects[index].boxes.tolist()


@pytest.fixture
def read(tmp_path):
    """Read a folder with a picture of 40 × 30 and its labels: read("0 …", config) -> data."""

    def written(labels, yaml=None):
        picture(tmp_path / "images" / "1.png")
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / "1.txt").write_text(labels)
        if yaml is not None:
            (tmp_path / "data.yaml").write_text(yaml)
        return read_objects(tmp_path)

    return written


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1 0.5 0.5 0.25 0.4", [15, 9, 25, 21]),
        ("1 0.5 0.5 0.25 0.4 0.97", [15, 9, 25, 21]),  # with a score
        ("1.0\t0.5 0.5 1 1", [0, 0, 40, 30]),
        ("1 0.25 0.5 0.5 0.1 0.75 0.9", [10, 3, 30, 27]),  # a triangle
        ("1 0.25 0.5 0.5 0.1 0.75 0.9 0.3 0.2", [10, 3, 30, 27]),  # or four corners
    ],
)
def test_boxes_and_polygons_become_pixels(read, line, expected):
    data = read(line)
    assert boxes(data) == [pytest.approx(expected, abs=1e-4)] and data.repairs == ()
    assert data.classes == ("0", "1") and data.splits["all"].objects[0].labels.tolist() == [1]


def test_points_of_poses_are_left_aside(read):
    yaml = "train: images\nkpt_shape: [2, 2]\nnames: [person]"
    assert boxes(read("0 0.5 0.5 0.25 0.4 0.1 0.1 0.9 0.9", yaml)) == [[15, 9, 25, 21]]


def test_shares_are_of_the_upright_picture(tmp_path):
    turned(tmp_path / "images" / "1.jpg", (40, 20), 6)  # upright it is 20 × 40
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "1.txt").write_text("0 0.5 0.25 1 0.5")
    assert boxes(read_objects(tmp_path)) == [[0, 0, 20, 20]]


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [
        ("images/train/{}", "labels/train/{}"),
        ("images/train2017/deep/{}", "labels/train2017/deep/{}"),
        ("train/images/{}", "train/labels/{}"),
        ("train/{}", "train/{}"),
    ],
)
def test_splits_are_named_by_folders(tmp_path, pictures, labels):
    for at, split in enumerate(["train", "val"]):
        picture(tmp_path / pictures.replace("train", split).format(f"{at}.png"))
        path = tmp_path / labels.replace("train", split).format(f"{at}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1 0.5 0.5 0.5 0.5")
    (tmp_path / "train").mkdir(exist_ok=True)
    (tmp_path / "train" / "_darknet.labels").write_text("cat\ndog\n\n")
    data = read_objects(tmp_path)
    assert {split: ex.names for split, ex in data.splits.items()} == {
        "train": (pictures.format("0.png"),),
        "val": (pictures.replace("train", "val").format("1.png"),),
    }
    assert data.classes == ("cat", "dog") and data.passed_over == ()


def test_a_picture_without_labels_has_no_objects(tmp_path):
    write_yolo(tmp_path)
    (tmp_path / "labels" / "b.txt").unlink()
    (tmp_path / "labels" / "z.txt").write_text("0 0.5 0.5 1 1")
    data = read_objects(tmp_path)
    assert [len(objects) for objects in data.splits["all"].objects] == [2, 0, 0]
    assert data.passed_over == (("labels/z.txt", "there is no picture of its name"),)
    what = "no label file: taken as a picture without objects"
    assert data.repairs == (("images/b.png", what),)
    for path in (tmp_path / "labels").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="has no labels: not one of its 3 pictures"):
        read_objects(tmp_path)


def test_a_data_yaml_says_where_everything_is(tmp_path):
    for name in ("a/images/1", "b/images/2", "b/images/3", "c/images/4"):
        picture(tmp_path / f"{name}.png")
        label = tmp_path / f"{name.replace('images', 'labels')}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("7 0.5 0.5 0.5 0.5\n0 0.5 0.5 1 1")
    (tmp_path / "b" / "list.txt").write_text("images/2.png\n./images/9.png\n\n")
    (tmp_path / "data.yaml").write_text(
        "train: [../a/images, c]\n"  # as Roboflow writes it; there is no such folder above
        "val: b/list.txt\n"
        "test: gone\n"
        "names: {0: no, 7: 'on', 3: 007}\n"  # YAML 1.1 takes the first two for truth values
    )
    for where in (tmp_path, tmp_path / "data.yaml"):
        data = read_objects(where)
        assert data.classes == ("no", "007", "on")
        assert data.splits["train"].names == ("a/images/1.png", "c/images/4.png")
        assert data.splits["val"].names == ("b/images/2.png",)
        assert data.splits["val"].objects[0].labels.tolist() == [2, 0]
        assert data.passed_over == (
            ("b/images/9.png", "no such file, listed in list.txt"),
            ("data.yaml, test", "no such place: gone"),
        )


def test_paths_are_relative_to_the_root_that_is_named(tmp_path):
    write_yolo(tmp_path / "all")
    config = tmp_path / "configs" / "pets.yaml"
    config.parent.mkdir()
    config.write_text("path: ../all\ntrain: images\nnames:\n- cat\n- dog\n")
    data = read_objects(config)
    assert data.splits["all"].names == ("all/images/a.png", "all/images/b.png", "all/images/c.png")
    assert boxes(data)[0] == pytest.approx([4, 6, 20, 30], abs=1e-3)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("2 0.5 0.5 0.5 0.5", "unknown class: 2, left out"),
        ("-1 0.5 0.5 0.5 0.5", "unknown class: -1, left out"),
        ("cat 0.5 0.5 0.5 0.5", "unknown class: cat, left out"),
        ("0 0.5 0.5 0.5", "neither a box nor a polygon: 0 0.5 0.5 0.5, left out"),
        ("0 20 15 10 12", "not in shares of the picture: 0 20 15 10 12, left out"),
        ("0 x 0.5 0.5 0.5", "neither a box nor a polygon: 0 x 0.5 0.5 0.5, left out"),
        ("0 0.9 0.5 0.4 0.2", "over the edge: (28, 12, 44, 18) of 40 × 30, cut"),
        ("0 0.5 0.5 -0.5 0.2", "corners exchanged: (0.75, 0.4, 0.25, 0.6), put right"),
        ("0 0.5 0.5 0 0.5", "no area: (20, 7.5, 20, 22.5), left out"),
        ("0 1.5 0.5 0.5 0.5", "outside of the picture: (50, 7.5, 70, 22.5) of 40 × 30, left out"),
        ("0 0.5 0.5 1 1", "the same again: (0, 0, 40, 30), left out"),
    ],
)
def test_bad_lines_are_mended_or_left_out_and_named(read, line, what):
    data = read(f"0 0.5 0.5 1 1\n\n{line}\n", "train: images\nnames: [cat, dog]")
    assert data.repairs == (("labels/1.txt, line 3", what),)
    assert len(boxes(data)) == (2 if what.endswith(("cut", "put right")) else 1)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("train: images", "has no pictures with objects"),
        ("train: images\nnames: 3", 'data.yaml does not name classes; wanted are "train", "val"'),
        ("names: [a\ntrain: x", "cannot read .*data.yaml, line 2"),
        ("names: " + "[" * 500, "cannot read .*data.yaml"),
        ("train: images\nnames: [[a], b]", "its names are not numbers and words"),
        ("train: images\nnames: {a: b}", "its names are not numbers and words"),
        ("train: images\nnames: [a, ' ']", "has a class with an empty name"),
        ("train: images\nnc: 3\nnames: [a, b]", 'has "nc: 3", and 2 names; mend what is wrong'),
        ("train: imgs\nnames: [a]", "has no pictures.*; data.yaml, train: no such place: imgs"),
        ("names: !!python/object/apply:os.system [x]\ntrain: y", "has no pictures that can be"),
    ],
)
def test_a_data_yaml_that_cannot_be_used(read, yaml, message):
    if "names" not in yaml:  # then the folders speak for themselves
        data = read("0 0.5 0.5 1 1", yaml)
        assert data.classes == ("0",)
        assert data.passed_over == (("data.yaml", 'it has no "names" of classes'),)
        return
    with pytest.raises(UsageError, match=message) as error:
        read("0 0.5 0.5 1 1", yaml)
    assert "\n" not in str(error.value)


def test_a_class_name_twice_is_one_class(read):
    data = read("0 0.5 0.5 1 1\n1 0.5 0.5 0.5 0.5", "train: images\nnames: [cat, cat, dog]")
    assert data.classes == ("cat", "dog")
    assert data.splits["all"].objects[0].labels.tolist() == [0, 0]
    assert data.repairs == (("data.yaml, class 1", 'a name twice: "cat", taken as one class'),)


def test_several_yaml_files_are_a_question(tmp_path):
    write_yolo(tmp_path)
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text("names: [cat, dog]\ntrain: images")
    with pytest.raises(UsageError, match=r"has a.yaml and b.yml; name the one that is wanted"):
        read_objects(tmp_path)
    assert read_objects(tmp_path / "b.yml").classes == ("cat", "dog")


def test_labels_that_cannot_be_read_cost_their_picture(tmp_path):
    write_yolo(tmp_path)
    (tmp_path / "labels" / "a.txt").write_bytes(b"\xff\xfe0")
    (name, why), = read_objects(tmp_path).passed_over  # fmt: skip
    assert name == "images/a.png" and "a.txt: it is not UTF-8 but UTF-16" in why


def test_texts_of_words_beside_pictures_are_not_yolos(tmp_path):
    for name, text in (("1", "a cat\n"), ("2", ""), ("3", "two dogs in 2014")):
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(text)
    assert not holds_objects(tmp_path)
    (tmp_path / "3.txt").write_text("\n0 0.5 0.5 0.2 0.2\n")
    assert holds_objects(tmp_path)
    for name in "123":
        (tmp_path / f"{name}.txt").write_text("\n" if name != "1" else "black dog 0.5 0.5 0.2 0.2")
    assert holds_objects(tmp_path)  # though of no class that it knows
    (tmp_path / "1.txt").write_text("")
    assert holds_objects(tmp_path)
