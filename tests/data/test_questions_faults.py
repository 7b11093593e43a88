"""What is amiss in files of questions is named, in a line each, and the rest goes on."""

import pytest

from dltk.data.examples import Question
from dltk.data.questions import read_questions
from dltk.errors import UsageError
from tests.data.object_files import picture, write_json
from tests.data.question_files import pictures, vqa, write_pair

NAMES = "questions_val", "answers_val"


def asked(data, split="all"):
    examples = data.splits[split]
    return dict(zip(examples.names, examples.questions, strict=True))


@pytest.fixture
def read(tmp_path):
    """Write a pair of files beside two pictures, 1.png and 2.png, and read it."""

    def written(contents):
        pictures(tmp_path / "images", ["1.png", "2.png"])
        return read_questions(write_pair(tmp_path, contents, NAMES))

    return written


def test_questions_and_pictures_that_do_not_belong_together(read):
    contents = vqa(
        {
            "1.png": [("Is it?", ("yes",), "yes/no"), ("What is it?", ("a cat",), "other")],
            "3.png": [("Is it?", ("no",), "yes/no"), ("How?", ("so",), "other")],
        },
        data_subtype="",
    )
    questions = contents[0]["questions"]
    questions += [
        {"image_id": 1, "question": "Again?", "question_id": 10},
        {"image_id": None, "question": "About what?", "question_id": 77},
        {"image_id": 1, "question": "Without id?"},
        "what",
    ]
    contents[1]["annotations"].append(
        {"question_id": 77, "answers": [{"answer": "x", "answer_id": 1}]}
    )
    data = read(contents)
    assert asked(data) == {
        "images/1.png": (
            Question("Is it?", ("yes",), "yes/no"),
            Question("What is it?", ("a cat",), "other"),
        )
    }
    assert data.damaged == (("3.jpg", "no such file, with 2 questions"),)
    assert data.passed_over == (*data.damaged, ("images/2.png", "without a question"))
    assert data.repairs == (
        ("questions_val.json, question no. 8", "not an entry: 'what', left out"),
        ("questions_val.json, question 10", "a question id twice: 'Again?', left out"),
        ("questions_val.json, question 77", "unknown image: None, left out"),
        (
            "questions_val.json, question no. 7",
            "a question without question_id: 'Without id?', left out",
        ),
    )


def test_answers_and_questions_that_do_not_belong_together(read):
    rows = [(f"Number {at}?", ("yes",), "yes/no") for at in range(6)]
    asked_, answered = vqa({"1.png": rows[:5], "2.png": rows[5:]}, data_subtype="")
    annotations = answered["annotations"]
    annotations[1] |= {"question_id": 99}
    annotations[2] |= {"image_id": 2}
    annotations[3] |= {"answers": []}
    annotations.append(annotations[0] | {"answers": [{"answer": "no", "answer_id": 1}]})
    annotations[5] |= {"question_id": "15"}  # as text
    annotations += [7, {"answers": []}]
    data = read((asked_, answered))
    assert asked(data) == {
        "images/1.png": (
            Question("Number 0?", ("yes", "no"), "yes/no"),
            Question("Number 4?", ("yes",), "yes/no"),
        ),
        "images/2.png": (Question("Number 5?", ("yes",), "yes/no"),),
    }
    assert data.repairs == (
        (
            "answers_val.json, annotation of question 99",
            "answers to an unknown question: 99, left out",
        ),
        (
            "answers_val.json, annotation of question 12",
            "answers about another picture: image 2, not 1, left out",
        ),
        (
            "answers_val.json, annotation of question 10",
            "a question answered twice: all answers kept",
        ),
        ("answers_val.json, annotation no. 8", "not an entry: 7, left out"),
        (
            "answers_val.json, annotation no. 9",
            "answers to an unknown question: None, left out",
        ),
        *(
            (
                f"questions_val.json, question {at}",
                f"a question without answers: 'Number {at - 10}?', of images/1.png, left out",
            )
            for at in (11, 12, 13)
        ),
    )


def test_texts_that_are_none(read):
    rows = [
        ("  Is\nit? ", ("Yes ", "", "...", None, True, 2, 3.0, "no\x00"), " yes/no"),
        ("", ("yes",), "other"),
        (5, ("yes",), "other"),
        ("???", ("yes",), "other"),
        ("Which?", ("this",), 5),
        ("Why?", ("", None), "other"),
    ]
    data = read(vqa({"1.png": rows, "2.png": rows[1:3]}, data_subtype=""))
    assert asked(data) == {
        "images/1.png": (
            Question("Is it?", ("Yes", "2", "3", "no"), "yes/no"),
            Question("Which?", ("this",), ""),
        )
    }
    assert data.passed_over == (("images/2.png", "nothing usable in its 2 questions"),)
    first, of = "answers_val.json, annotation of question 10, answer", "of images/1.png"
    assert data.repairs == (
        (f"{first} 2", f"an empty answer: {of}, left out"),
        (f"{first} 3", f"an answer without words: '...', {of}, left out"),
        (f"{first} 4", f"no text: None, {of}, left out"),
        (f"{first} 5", f"no text: True, {of}, left out"),
        (f"{first} 6", f"a number for an answer: 2, {of}, taken for text"),
        (f"{first} 7", f"a number for an answer: 3, {of}, taken for text"),
        (f"{first} 8", f"control characters: 'no\\x00', {of}, taken for spaces"),
        ("questions_val.json, question 11", f"an empty question: {of}, left out"),
        ("questions_val.json, question 12", f"no text: 5, {of}, left out"),
        ("questions_val.json, question 13", f"a question without words: '???', {of}, left out"),
        ("questions_val.json, question 14", f"a kind that is no text: 5, {of}, left out"),
        (
            "answers_val.json, annotation of question 15, answer 1",
            f"an empty answer: {of}, left out",
        ),
        ("answers_val.json, annotation of question 15, answer 2", f"no text: None, {of}, left out"),
        (
            "questions_val.json, question 15",
            f"a question without answers: 'Why?', {of}, left out",
        ),
        ("questions_val.json, question 16", "an empty question: of images/2.png, left out"),
        ("questions_val.json, question 17", "no text: 5, of images/2.png, left out"),
    )


def test_answers_in_other_places(read):
    rows = [(f"Number {at}?", ("yes",), "") for at in range(4)]
    contents = vqa({"1.png": rows}, data_subtype="")
    first, second, third, fourth = contents[1]["annotations"]
    first["answers"] = ["one", "two"]
    del second["answers"]
    third["answers"] = "alone"
    fourth["answers"] = [{"answer_id": 1}]
    data = read(contents)
    assert asked(data) == {
        "images/1.png": (
            Question("Number 0?", ("one", "two")),
            Question("Number 1?", ("yes",)),
            Question("Number 2?", ("alone",)),
        )
    }
    assert data.repairs[0] == (
        "answers_val.json, annotation of question 13",
        "no text: {'answer_id': 1}, of images/1.png, left out",
    )


def test_pictures_that_are_listed_and_not_there_or_not_asked_about(tmp_path):
    contents = vqa({"1.png": [("Is it?", ("yes",), "")]}, data_subtype="")
    contents[0]["images"] = [
        {"id": 1, "file_name": "a.png"},
        {"id": 2, "file_name": "b.png"},
        {"id": 3, "file_name": "gone.png"},
        {"id": 4},
    ]
    contents[0]["questions"].append({"image_id": 9, "question": "Is it?", "question_id": 9})
    pictures(tmp_path / "images", ["a.png", "b.png", "c.png"])
    data = read_questions(write_pair(tmp_path, contents))
    assert data.splits["all"].names == ("images/a.png",)
    assert sorted(data.passed_over) == [
        ("gone.png", "no such file"),
        ("images/b.png", "without a question"),
        ("images/c.png", "without a question"),
        ("questions.json, image 4", "it has no file_name"),
    ]
    assert data.repairs == (("questions.json, question 9", "unknown image: 9, left out"),)


def test_pictures_that_are_all_missing_are_said_once_with_where_they_were_sought(tmp_path):
    (tmp_path / "val2014").mkdir()
    contents = vqa({"1.png": [("Is it?", ("yes",), "")], "2.png": [("Is it?", ("no",), "")]})
    with pytest.raises(UsageError) as error:
        read_questions(write_pair(tmp_path, contents))
    assert (
        "questions.json: not one of its 2 pictures is there, such as "
        "COCO_val2014_000000000001.jpg; looked in"
    ) in str(error.value)
    assert f"{tmp_path}/val2014/" in str(error.value)


def test_one_split_without_pictures_leaves_the_others(tmp_path):
    for split in ("train", "val"):
        contents = vqa({"1.png": [("Is it?", ("yes",), "")]}, data_subtype=f"{split}2014")
        write_pair(tmp_path, contents, (f"questions_{split}", f"answers_{split}"))
    picture(tmp_path / "val2014" / "COCO_val2014_000000000001.jpg")
    data = read_questions(tmp_path)
    assert list(data.splits) == ["val"]
    assert [name for name, _ in data.damaged] == ["questions_train.json"]


@pytest.mark.parametrize("subtype", [5, "../..", "/", "a\0b", "ä" * 300, ["val"]])
def test_a_subtype_that_is_no_name_is_not_looked_at(read, subtype):
    data = read(vqa({"1.png": [("Is it?", ("yes",), "")]}, data_subtype=subtype))
    assert data.splits["all"].names == ("images/1.png",)
    ((where, what),) = data.repairs
    assert where == "questions_val.json" and what.startswith("a data_subtype that is no name of a")


def test_pictures_of_one_number_in_two_folders(tmp_path):
    """The folder that has most of them, or is called after the split, is the one that is meant."""
    pictures(tmp_path / "images", ["1.png"])
    pictures(tmp_path / "val2014", ["1.png", "002.png", "x3y.png"])
    rows = [("Is it?", ("yes",), "")]
    contents = vqa({"1.png": rows, "2.png": rows, "3.png": rows})
    data = read_questions(write_pair(tmp_path, contents))
    assert data.splits["all"].names == ("val2014/1.png", "val2014/002.png")
    assert [name for name, _ in data.damaged] == ["COCO_val2014_000000000003.jpg"]


def test_ids_may_be_names(tmp_path):
    pictures(tmp_path / "images", ["cat.png", "dog.7.png"])
    rows = [("Is it?", ("yes",), "")]
    ids = {"a": "cat.png", "b": "dog.7", "c": "gone"}
    contents = vqa({"a": rows, "b": rows, "c": rows}, ids=ids.get, data_subtype="x")
    data = read_questions(write_pair(tmp_path, contents))
    assert data.splits["all"].names == ("images/cat.png", "images/dog.7.png")
    assert data.damaged == (("gone.jpg", "no such file, with 1 question"),)


def test_a_damaged_list_of_cocos_is_named_and_not_needed(read, tmp_path):
    write_json(tmp_path / "captions_val.json", {"images": 3})
    data = read(vqa({"1.png": [("Is it?", ("yes",), "")]}, data_subtype=""))
    assert data.splits["all"].names == ("images/1.png",)
    (name, why), _ = data.passed_over
    assert name == "captions_val.json" and 'it has no list "images"' in why


@pytest.fixture
def table(tmp_path):
    """Write a table beside two pictures and read it: table(text) -> data."""

    def written(text, name="x.csv"):
        pictures(tmp_path, ["a.png", "b.png"])
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_questions(tmp_path / name)

    return written


def test_rows_of_one_question_are_answers_of_several_people(table):
    data = table(
        "image;question;answer;split;kind\n"
        "a.png;How many?;2;train;count\na.png;how  many?;two;train;\n./a.png;How many?;3;train;x\n"
        "a.png;Where?;left;train;where\nb.png;How many?;1;dev;count\n"
    )
    assert asked(data, "train") == {
        "a.png": (
            Question("How many?", ("2", "two", "3"), "count"),
            Question("Where?", ("left",), "where"),
        )
    }
    assert asked(data, "val") == {"b.png": (Question("How many?", ("1",), "count"),)}
    assert data.repairs == data.passed_over == ()


def test_answers_at_the_end_may_have_the_mark_that_parts_cells(table):
    data = table("path,question,answer\na.png,Which?,red, white and blue\n")
    assert asked(data) == {"a.png": (Question("Which?", ("red, white and blue",)),)}
    assert data.passed_over == (("b.png", "without a question"),)


def test_what_is_amiss_in_a_table_is_named_and_the_rest_goes_on(table):
    text = "path,question,answer,split\na.png,Is it?,,train\na.png,,yes,train\n,Is it?,yes,train\n"
    text += "a.png,Is it?\na.png,Is it?,yes,train\na.png,Was it?,no,val\nb.png,Is it?,no,trian\n"
    text += (
        'gone.png,Is it?,no,val\ngone.png,is it?,yes,val\na.png,What?,"[""x"", 5, """"]",train\n'
    )
    data = table(text.encode() + b"a.png,Ist es ein B\xe4r?,ja,train\n")
    assert asked(data) == {
        "a.png": (
            Question("Is it?", ("yes",)),
            Question("Was it?", ("no",)),
            Question("What?", ("x", "5")),
        )
    }
    assert data.damaged == (("gone.png", "no such file, with 1 question"),)
    assert data.passed_over == (
        ("b.png", 'in the split "trian", which is no train, val or test'),
        ("gone.png", "no such file, with 1 question"),
        ("b.png", "without a question"),
    )
    assert data.repairs == (
        ("x.csv, line 4", "no picture is named: left out"),
        ("x.csv, line 5", "other cells than columns: 2 under 4, left out"),
        ("x.csv, line 7", "a picture in two splits: a.png, train and val, taken for train"),
        ("x.csv, line 12", f"not UTF-8: byte 0xe4 at offset {len(text) + 18}, left out"),
        ("x.csv, line 2", "an empty answer: of a.png, left out"),
        ("x.csv, line 3", "an empty question: of a.png, left out"),
        ("x.csv, line 11, answer 2", "a number for an answer: 5, of a.png, taken for text"),
        ("x.csv, line 11, answer 3", "an empty answer: of a.png, left out"),
    )
