"""COCO's JSON: where its files and pictures are found, what its boxes mean, what is wrong in it."""

import json
import shutil

import numpy as np
import pytest

from dltk.data.objects import holds_objects, read_objects
from dltk.errors import UsageError
from tests.data.object_files import coco, picture, write_coco, write_json


@pytest.fixture
def read(tmp_path):
    """Read a COCO file with two pictures of 40 × 30 beside it: read(annotations, …) -> data."""

    def written(annotations, **more):
        for name in ("1.png", "2.png"):
            picture(tmp_path / name)
        content = coco([("1.png", 40, 30), ("2.png", 40, 30)], annotations) | more
        return read_objects(write_json(tmp_path / "x.json", content))

    return written


@pytest.fixture
def said(read):
    """Return the line with which reading it is refused."""

    def refused(*arguments, **more):
        with pytest.raises(UsageError) as error:
            read(*arguments, **more)
        assert "\n" not in str(error.value)
        return str(error.value)

    return refused


def boxes(data, index=0, split="all"):
    return data.splits[split].objects[index].boxes.tolist()


def test_boxes_are_corners_and_crowds_are_ignored(read):
    data = read([
        (1, 20, (3, 4, 10, 20), {"area": 77.5}),
        (1, 10, (0, 0, 40, 30), {"area": 0, "iscrowd": 1}),
        (1, 10, (1.25, 2, 1, 1), {"ignore": 1}),
    ])  # fmt: skip
    assert data.classes == ("cat", "dog") and list(data.splits) == ["all"]
    examples = data.splits["all"]
    objects = examples.objects[0]
    assert objects.boxes.tolist() == [[3, 4, 13, 24], [0, 0, 40, 30], [1.25, 2, 2.25, 3]]
    assert objects.labels.tolist() == [1, 0, 0] and objects.ignored.tolist() == [False, True, True]
    assert objects.areas.tolist() == [77.5, 1200, 1]  # of the box, where the file has none
    assert objects.boxes.dtype == np.float32 and objects.labels.dtype == np.int64
    assert examples.names == ("1.png", "2.png") and len(examples.objects[1]) == 0
    assert examples.decode(1).size == (40, 30)
    assert data.repairs == () and data.passed_over == ()


@pytest.mark.parametrize(
    ("pictures", "file"),
    [
        ("images/train/{}", "annotations/instances_train.json"),
        ("train2017/{}", "annotations/instances_train2017.json"),
        ("images/train2017/{}", "annotations/instances_train2017.json"),
        ("train/{}", "train/_annotations.coco.json"),
        ("images/{}", "annotations/train.json"),
        ("data/{}", "train_labels.json"),
        ("train/images/{}", "train.json"),
    ],
)
def test_pictures_are_found_where_people_put_them(tmp_path, pictures, file):
    content = coco([("1.png", 40, 30)], [(1, 10, (1, 2, 3, 4))])
    for at, other in enumerate(["train", "valid"]):
        name = f"{at}.png"
        content["images"][0]["file_name"] = name
        picture(tmp_path / pictures.replace("train", other).format(name))
        write_json(tmp_path / file.replace("train", other), content)
    write_json(tmp_path / "annotations" / "captions_train.json", {"images": [], "annotations": []})
    data = read_objects(tmp_path)
    assert {split: ex.names for split, ex in data.splits.items()} == {
        "train": (pictures.format("0.png"),),
        "val": (pictures.replace("train", "valid").format("1.png"),),
    }
    assert boxes(data, split="val") == [[1, 2, 4, 6]] and data.passed_over == ()
    alone = read_objects(tmp_path / file)
    assert list(alone.splits) == ["all"] and boxes(alone) == [[1, 2, 4, 6]]


def test_names_may_have_folders_backslashes_or_paths_of_another_machine(tmp_path):
    for name in ("images/sub/1.png", "2.png", "sub/2.png"):
        picture(tmp_path / name)
    names = ["sub/1.png", "sub\\2.png", "C:\\shots\\2.png"]
    content = coco([(name, 40, 30) for name in names], [(2, 10, (1, 2, 3, 4))])
    data = read_objects(write_json(tmp_path / "x.json", content))
    assert data.splits["all"].names == ("images/sub/1.png", "sub/2.png", "2.png")


def test_classes_of_all_files_are_taken_together_by_name(tmp_path):
    for split, names in (("train", ["cat", "dog"]), ("val", ["dog", "eel"])):
        picture(tmp_path / split / f"{split}.png")
        content = coco([(f"{split}.png", 40, 30)], [(1, 10, (1, 2, 3, 4))], names)
        write_json(tmp_path / split / "labels.json", content)
    data = read_objects(tmp_path)
    assert data.classes == ("cat", "dog", "eel")
    assert [data.splits[split].objects[0].labels.tolist() for split in data.splits] == [[0], [1]]


def test_a_name_of_a_group_is_no_class(read):
    """Roboflow writes the project as category 0, the group of all others."""
    categories = [
        {"id": 10, "name": "cat", "supercategory": "zoo"},
        {"id": 0, "name": "zoo", "supercategory": "none"},
        {"id": 20, "name": "dog", "supercategory": "dog"},
    ]
    data = read([(1, 10, (1, 2, 3, 4))], categories=categories)
    assert data.classes == ("cat", "dog")
    assert data.repairs[0][1] == 'a group and no class: "zoo", left out'


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        ((1, 10, (30, 20, 20, 4)), "over the edge: (30, 20, 50, 24) of 40 × 30, cut"),
        ((1, 10, (-5, -5, 10, 10)), "over the edge: (-5, -5, 5, 5) of 40 × 30, cut"),
        ((1, 10, (13, 14, -3, -4)), "corners exchanged: (13, 14, 10, 10), put right"),
        ((1, 10, (41, 2, 3, 4)), "outside of the picture: (41, 2, 44, 6) of 40 × 30, left out"),
        ((1, 10, (5, 5, 0, 9)), "no area: (5, 5, 5, 14), left out"),
        ((1, 10, (float("nan"), 1, 2, 2)), "no box of four numbers: [nan, 1, 2, 2], left out"),
        ((1, 10, (1, 1, float("inf"), 2)), "impossible coordinates: (1, 1, inf, 3), left out"),
        ((1, 10, (1, 1, 1e300, 2)), "impossible coordinates: (1, 1, 1e+300, 3), left out"),
        ((1, 10, ("1", 1, 2, 2)), "no box of four numbers: ['1', 1, 2, 2], left out"),
        ((1, 10, ()), "no box of four numbers: [], left out"),
        ((1, 7, (1, 1, 2, 2)), "unknown category: 7, left out"),
        ((9, 10, (1, 1, 2, 2)), "unknown image: 9, left out"),
    ],
)
def test_bad_boxes_are_mended_or_left_out_and_named(read, annotation, what):
    data = read([(2, 20, (1, 2, 3, 4)), annotation, (1, 20, (7, 7, 7, 7))])
    assert data.repairs == (("x.json, annotation 2", what),)
    assert boxes(data, 1) == [[1, 2, 4, 6]]
    left = {"over the edge": [[30, 20, 40, 24]], "corners exchanged": [[10, 10, 13, 14]]}
    expected = [[0, 0, 5, 5]] if "-5" in what else left.get(what.split(":")[0], [])
    assert boxes(data) == [*expected, [7, 7, 14, 14]]


@pytest.mark.parametrize("annotation", [(1, 7, (1, 1, 2, 2)), (1, 10, ()), (1, 10, (41, 2, 3, 4))])
def test_a_picture_is_no_negative_because_its_objects_cannot_be_used(read, annotation):
    data = read([(2, 20, (1, 2, 3, 4)), annotation])
    assert boxes(data) == [[1, 2, 4, 6]] and len(data.repairs) == 1
    assert data.passed_over == (("1.png", "nothing usable is said of its 1 object"),)


def test_boxes_beyond_most_pictures_are_doubted(read):
    """As corners are where left, top, width and height are wanted."""
    rows = [(1, 10, (20 + at, 15, 30 + at, 25)) for at in range(10)]
    where, what = read(rows).repairs[0]
    assert where.endswith("x.json") and what == (
        "most boxes are beyond their pictures: 10 of 10; are corners taken for width and height, "
        "or these for corners?"
    )
    assert len(read(rows[:9]).repairs) == 9


def test_numbers_that_are_rounded_are_cut_without_a_word(read):
    data = read([(1, 10, (-0.04, 0, 40.08, 30.01))])
    assert boxes(data) == [[0, 0, 40, 30]] and data.repairs == ()


def test_what_is_there_twice(read):
    one, other = (1, 10, (1, 2, 3, 4)), (1, 10, (1, 2, 3, 5))
    data = read([one, other, one, (1, 20, (1, 2, 3, 4)), (2, 10, (1, 2, 3, 4), {"id": 1})])
    assert boxes(data) == [[1, 2, 4, 6], [1, 2, 4, 7], [1, 2, 4, 6]] and len(boxes(data, 1)) == 1
    assert data.repairs == (
        ("x.json, annotation 1", "an annotation id twice: both kept"),
        ("x.json, annotation 3", "the same again: (1, 2, 4, 6), left out"),
    )


def test_ids_of_pictures_and_categories_stand_for_one_thing(read, said):
    image = {"file_name": "1.png", "width": 40, "height": 30}
    images = [image | {"id": 1}, image | {"id": 1}, image | {"id": 5}]
    data = read([(1, 10, (1, 2, 3, 4)), (5, 10, (5, 6, 3, 4))], images=images)
    assert data.splits["all"].names == ("1.png",) and len(boxes(data)) == 2
    assert [what for _, what in data.repairs] == [
        "an image twice: 1.png, taken once", "an image twice: 1.png, taken with image 1"
    ]  # fmt: skip
    images[1] = images[1] | {"file_name": "2.png"}
    assert "x.json: image id 1 stands for 1.png and for 2.png; give each" in said([], images=images)
    twice = [{"id": 10, "name": "cat"}, {"id": 20, "name": "cat"}]
    data = read([(1, 10, (1, 2, 3, 4)), (1, 20, (2, 2, 3, 4))], categories=twice)
    assert data.classes == ("cat",)
    assert data.repairs[0] == ("x.json, category 20", 'a name twice: "cat", taken as one class')
    twice[1]["id"] = 10
    twice[1]["name"] = "dog"
    assert 'category id 10 stands for "cat" and for "dog"' in said([], categories=twice)
    empty = [{"id": 10, "name": "cat"}, {"id": 20, "name": " "}]
    assert "has a class with an empty name" in said([(1, 10, (1, 2, 3, 4))], categories=empty)


def test_ids_may_be_text_or_numbers(read):
    data = read([("1", "10", (1, 2, 3, 4)), (2.0, 20, (1, 2, 3, 4))])
    assert boxes(data) == boxes(data, 1) == [[1, 2, 4, 6]]


def test_missing_pictures_are_passed_over_and_all_missing_is_refused(tmp_path):
    path = write_coco(tmp_path)
    (tmp_path / "images" / "a.png").unlink()
    data = read_objects(path)
    assert data.passed_over == (("a.png", "no such file, with 2 objects"),)
    assert data.splits["all"].names == ("images/b.png", "images/c.png")
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(UsageError) as error:
        read_objects(path)
    said = "not one of its 3 pictures is there, such as a.png; looked in"
    assert said in str(error.value) and "\n" not in str(error.value)


def test_pictures_that_cannot_be_read_are_passed_over(tmp_path):
    path = write_coco(tmp_path)
    (tmp_path / "images" / "b.png").write_bytes(b"")
    data = read_objects(path)
    assert data.passed_over == (("images/b.png", "the file is empty, with 2 objects"),)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.999])
def test_a_file_cut_short_is_refused_with_the_place(tmp_path, share):
    path = write_coco(tmp_path)
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    message = (
        r"^cannot read \S+labels.json: it ends (in \"\w+\", )?in line 1, after \d+ characters: "
        r"it was cut short; copy it again$"
    )
    with pytest.raises(UsageError, match=message):
        read_objects(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'holds no annotations of COCO: it has no list "images"'),
        ('{"images": [], "annotations": []}', 'it has no list "categories"; wanted are images'),
        ('{"images": [}', "Expecting value in line 1, column 13: it is no JSON"),
        ("[" * 100_000 + "]" * 100_000, "it is nested too deeply"),
        (b"\xff\xfe", "it is not UTF-8"),
        ('{"images": [], "annotations": [], "categories": []}', "no pictures that can be read"),
    ],
)
def test_what_is_no_coco_file_is_refused(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as error:
        read_objects(path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_without_a_single_object_data_is_refused_and_says_why(said):
    message = said([(1, 10, (5, 5, 0, 0)), (2, 7, (1, 1, 1, 1))])
    assert "x.json has no objects in 2 pictures; x.json, annotation 2: unknown category" in message
    assert message.endswith("(2 such findings)")


def test_two_files_of_one_split_are_refused(tmp_path):
    for year in (2014, 2017):
        write_json(tmp_path / "annotations" / f"instances_val{year}.json", coco())
    with pytest.raises(UsageError, match=r"val2014.json and \S+val2017.json mean the same split"):
        read_objects(tmp_path)


def test_a_name_cannot_break_a_line(tmp_path):
    content = coco([("a\n\ud800.png", 1, 1), ("\0", 1, 1)], [], ["x\ny"])
    with pytest.raises(UsageError) as error:
        read_objects(write_json(tmp_path / "x.json", content))
    assert "a\\n\\ud800.png" in str(error.value) and "\n" not in str(error.value)
    picture(tmp_path / "1.png")
    content = coco([("1.png", 40, 30)], [(1, 10, (0, 0, 1, 1))], ["\ud800"])
    with pytest.raises(UsageError, match=r"class name \\ud800 is not UTF-8"):
        read_objects(write_json(tmp_path / "x.json", content))


def test_json_of_something_else_makes_no_object_data(tmp_path):
    picture(tmp_path / "a" / "1.png")
    (tmp_path / "notes.json").write_text(json.dumps({"author": "x"}))
    with pytest.raises(UsageError, match="holds no pictures with objects; wanted is a COCO"):
        read_objects(tmp_path)


def test_captions_are_no_objects(tmp_path):
    folder = tmp_path / "data"
    picture(folder / "1.png")
    captions = {"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"caption": "a cat"}]}
    write_json(folder / "said.json", captions)
    sentences = {"images": [{"filename": "1.png", "sentences": [{"raw": "a cat"}]}]}
    write_json(folder / "dataset_coco.json", sentences)
    assert not holds_objects(folder)
    write_json(folder / "labels.json", coco([("1.png", 40, 30)], [(1, 10, (1, 2, 3, 4))]))
    assert holds_objects(folder) and boxes(read_objects(folder)) == [[1, 2, 4, 6]]
