"""Every layout of questions says the same of the same pictures, and is known for what it is."""

import json

import pytest

from dltk.data.captions import holds_captions
from dltk.data.examples import Question
from dltk.data.masks import holds_masks
from dltk.data.objects import holds_objects
from dltk.data.questions import holds_questions, read_questions
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import scene_questions_data
from dltk.errors import UsageError
from tests.data.caption_files import write_coco, write_texts
from tests.data.object_files import coco as coco_boxes
from tests.data.object_files import picture, write_json, write_yolo
from tests.data.question_files import (
    QUESTIONS,
    number_of,
    pictures,
    vqa,
    write_beside_coco,
    write_listed,
    write_numbered,
    write_pair,
    write_table,
    write_tabs,
    write_tools,
    write_unpacked,
)

LAYOUTS = (
    write_unpacked,
    write_tools,
    write_numbered,
    write_listed,
    write_beside_coco,
    write_table,
    write_tabs,
)


def asked(data, split="all"):
    """Return the questions by the number in the pictures' names."""
    examples = data.splits[split]
    return dict(zip(map(number_of, examples.names), examples.questions, strict=True))


EXPECTED = {
    number_of(name): tuple(Question(*question) for question in several)
    for name, several in QUESTIONS.items()
}


@pytest.mark.parametrize("write", LAYOUTS)
def test_all_layouts_say_the_same(tmp_path, write):
    where = write(tmp_path / "data")
    assert holds_questions(where)
    data = read_questions(where)
    assert data.where == str(where) and not data.divided and len(data) == 3
    assert asked(data) == EXPECTED
    assert data.splits["all"].decode(0).size == (40, 30)
    assert data.repairs == data.passed_over == data.damaged == ()


@pytest.mark.parametrize("write", LAYOUTS)
def test_the_folder_of_a_file_does_as_well(tmp_path, write):
    write(tmp_path / "data")
    where = tmp_path / "data"
    assert holds_questions(where)
    assert not holds_objects(where) and not holds_masks(where)
    data = read_questions(where)
    split = "all" if "all" in data.splits else "val"  # by the name of the file
    assert asked(data, split) == EXPECTED and data.repairs == data.passed_over == ()
    for name in data.splits[split].names:
        assert (where / name).is_file()  # names are relative to the folder


@pytest.mark.parametrize("write", LAYOUTS[:5])
def test_the_file_of_the_answers_does_as_well(tmp_path, write):
    path = write(tmp_path / "data")
    names = ("answers", "annotations")
    (answers,) = (
        other
        for other in (tmp_path / "data").rglob("*.json")
        if other != path and any(name in other.name for name in names)
    )
    assert holds_questions(answers) and not holds_captions(answers)
    assert asked(read_questions(answers)) == EXPECTED


def test_made_scenes_are_read_as_they_were_made(tmp_path):
    list(write_scenes(tmp_path, 4, val=2, size=64))
    data = read_questions(tmp_path)
    made = scene_questions_data(4, val=2, size=64)
    assert list(made.splits) == list(data.splits) == ["train", "val"]
    for split in made.splits:
        assert data.splits[split].names[0].startswith(f"images/{split}/")
        assert tuple(data.splits[split].questions) == tuple(made.splits[split].questions)
        assert data.splits[split].digests == made.splits[split].digests
    assert data.passed_over == data.repairs == ()
    assert holds_questions(tmp_path) and holds_captions(tmp_path) and holds_objects(tmp_path)


def test_files_of_a_folder_are_its_splits(tmp_path):
    for split, name in (("train", "1.png"), ("val", "2.png")):
        picture(tmp_path / f"{split}2014" / f"COCO_{split}2014_00000000000{name}")
        contents = vqa({name: [(f"Is it {split}?", ("yes",), "")]}, data_subtype=f"{split}2014")
        kinds = f"OpenEnded_mscoco_{split}2014_questions", f"mscoco_{split}2014_annotations"
        write_pair(tmp_path, contents, kinds)
        write_json(tmp_path / f"MultipleChoice_mscoco_{split}2014_questions.json", contents[0])
    contents = vqa({"3.png": [("Is it?", ("yes",), "")]}, data_subtype="test2015")
    write_json(tmp_path / "OpenEnded_mscoco_test2015_questions.json", contents[0])
    data = read_questions(tmp_path)
    assert {split: list(of.questions) for split, of in data.splits.items()} == {
        split: [(Question(f"Is it {split}?", ("yes",)),)] for split in ("train", "val")
    }
    assert data.damaged == data.repairs == () and sorted(data.passed_over) == [
        (
            "MultipleChoice_mscoco_train2014_questions.json",
            "OpenEnded_mscoco_train2014_questions.json has its questions",
        ),
        (
            "MultipleChoice_mscoco_val2014_questions.json",
            "OpenEnded_mscoco_val2014_questions.json has its questions",
        ),
        ("OpenEnded_mscoco_test2015_questions.json", "no file with the answers beside it"),
    ]
    alone = read_questions(tmp_path / "mscoco_val2014_annotations.json")
    assert list(alone.splits["all"].questions) == list(data.splits["val"].questions)


def test_folders_of_splits(tmp_path):
    for split, name in (("train", "1.png"), ("valid", "2.png")):
        picture(tmp_path / split / "images" / name)
        write_pair(tmp_path / split, vqa({name: [("Is it?", ("yes",), "")]}, data_subtype=""))
    data = read_questions(tmp_path)
    assert {split: of.names for split, of in data.splits.items()} == {
        "train": ("train/images/1.png",),
        "val": ("valid/images/2.png",),
    }


def test_tables_that_are_called_after_splits(tmp_path):
    for split in ("train", "val", "test"):
        picture(tmp_path / f"{split}.png")
        text = f"path,question,answer\n{split}.png,is it?,yes\n"
        (tmp_path / f"my_{split}.csv").write_text(text)
    data = read_questions(tmp_path)
    assert [(split, of.names) for split, of in data.splits.items()] == [
        (split, (f"{split}.png",)) for split in ("train", "val", "test")
    ]
    (tmp_path / "more.csv").write_text(text)
    with pytest.raises(UsageError, match=r"has more.csv and .* name the one that is wanted"):
        read_questions(tmp_path)


def test_two_versions_in_a_folder_are_not_guessed_at(tmp_path):
    write_unpacked(tmp_path)
    names = "OpenEnded_mscoco_val2014_questions", "mscoco_val2014_annotations"
    first = write_pair(tmp_path, vqa(QUESTIONS), names)
    with pytest.raises(UsageError, match="mean the same split, val; name the file that is wanted"):
        read_questions(tmp_path)
    assert asked(read_questions(first)) == EXPECTED


def test_what_is_something_else_is_not_taken_for_questions(tmp_path):
    for write in (write_texts, write_coco, write_yolo):
        where = write(tmp_path / write.__name__)
        assert not holds_questions(where)
    boxes = write_json(tmp_path / "x.json", coco_boxes([("1.png", 4, 3)], [(1, 10, (0, 0, 1, 1))]))
    assert not holds_questions(boxes) and not holds_questions(tmp_path)
    for name, text in (("x.csv", "path,question\n"), ("y.csv", ""), ("z.yaml", "questions: 3")):
        (tmp_path / name).write_text(text)
        assert not holds_questions(tmp_path / name)
    assert not holds_questions("") and not holds_questions(tmp_path / "gone")
    assert not holds_questions("tfds:vqa")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "x.json",
            b'{"questions": [{"question_id": 1',
            "has questions, and no file with their ans",
        ),
        ("x.json", b'{"images": []}', 'x.json holds no questions: it has no list "questions"'),
        ("x.json", b"{", "x.json holds no questions"),
        (
            "x.json",
            b'{"annotations": [{"question_id": 1, "answers": []}]}',
            "no file with their qu",
        ),
        ("x.csv", b"path,question\n1.png,is it?\n", 'has no column "answer" (or answers)'),
        ("x.csv", b"path,question,answer\n", "has no pictures with questions that can be used"),
        ("x.csv", b"path,question,answer\n1.png,a,b\n", "not one of its 1 pictures is there"),
        ("x.csv", "path,question,answer\n".encode("utf-16"), "not UTF-8 but UTF-16; save it as"),
        ("x.csv", b'path,question,answer\n1.png,"' + b"x" * 140_000, "mark left open?"),
        ("x.txt", b"hello", "is no data set of questions; wanted is a folder with VQA's"),
        ("x.xyz", b"hello", "is no data set of questions"),
    ],
)
def test_files_of_no_use_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_questions(tmp_path / name)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("damaged", ["questions", "answers"])
def test_damaged_json_is_named_with_the_place(tmp_path, damaged):
    pictures(tmp_path)
    path = write_pair(tmp_path, vqa(QUESTIONS), ("questions_val", "answers_val"))
    (tmp_path / f"{damaged}_val.json").write_text(path.with_stem(f"{damaged}_val").read_text()[:-9])
    for where in (tmp_path, path):
        with pytest.raises(UsageError) as error:
            read_questions(where)
        assert f"{damaged}_val.json: it ends in" in str(error.value)
        assert "it was cut short; copy it again" in str(error.value)


def test_a_damaged_file_in_a_folder_is_named(tmp_path):
    (tmp_path / "questions_val.json").write_text('{"info": ')
    with pytest.raises(UsageError, match=r"questions_val.json holds no questions: it has no list"):
        read_questions(tmp_path)
    contents = vqa(QUESTIONS)
    write_json(tmp_path / "questions_val.json", contents[0])
    with pytest.raises(UsageError, match=r"questions_val.json has questions, and no file with"):
        read_questions(tmp_path)
    write_json(tmp_path / "answers_train.json", contents[1])
    with pytest.raises(UsageError, match=r"questions_val.json has questions, and no file with"):
        read_questions(tmp_path)
    content = json.loads((tmp_path / "questions_val.json").read_text()) | {"questions": 3}
    with pytest.raises(UsageError, match=r'x_questions.json holds no questions: it has no list "q'):
        read_questions(write_pair(tmp_path / "x", (content, contents[1]), ("x_questions", "x")))


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match=r"no such folder or file: \S+gone"):
        read_questions(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"the name of the data is empty: wanted is a folder"):
        read_questions("")
    with pytest.raises(UsageError, match=r"holds no questions about pictures; wanted is a folder"):
        read_questions(tmp_path)
    with pytest.raises(UsageError, match="questions are not read from TensorFlow Datasets; wanted"):
        read_questions("tfds:vqa")
