"""Checks of pictures with questions: what is wrong is found, counted and told; and a sheet."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data.datasets import QuestionData
from dltk.data.examples import Question, QuestionedExamples
from dltk.data.questions import check_questions, read_questions, split_questions
from dltk.data.questions.check import Inquired, KindAsked
from dltk.data.questions.show import question_sheet
from dltk.data.scene_files import write_scenes
from dltk.errors import UsageError
from dltk.metadata import software_of
from tests.data.question_files import vqa, write_pair, write_tabs, write_unpacked


@pytest.fixture
def faulty(tmp_path, noise):
    """Divided pictures with one fault of each kind."""
    root = tmp_path / "data"
    for split, numbers in (("train", range(12)), ("val", range(20, 24))):
        folder = root / "images" / split
        folder.mkdir(parents=True)
        for at in numbers:
            noise(at, (20 + at, 10)).save(folder / f"{at}.png")
        rows = {
            f"{at}.png": [
                ("Is it noise?", ("Yes", "no", "yes"), "yes/no"),
                ("Is it a picture?", ("yes",) * 3, "yes/no"),
                ("Which number?", (f"{at % 7}",) * 3, "number"),
            ]
            for at in numbers
        }
        if split == "train":
            rows["5.png"], rows["6.png"] = [("...", ("x",), "")], [("Why?", ("",), "other")]
        contents = vqa(rows, first=100, data_subtype="")
        write_pair(root / "annotations", contents, (f"questions_{split}", f"answers_{split}"))
    train, val = root / "images" / "train", root / "images" / "val"
    shutil.copy(train / "0.png", train / "1.png")
    shutil.copy(train / "2.png", val / "20.png")
    (train / "3.png").write_bytes((train / "3.png").read_bytes()[:60])
    (train / "4.png").unlink()
    (val / "23.png").unlink()
    noise(99, (9, 9)).save(val / "99.png")
    return root


def test_faults_are_found(faulty):
    findings = check_questions(read_questions(faulty), decode=True, threads=2)
    assert findings.asked == {
        "train": Inquired(9, 27, 3.0, 6, 0),
        "val": Inquired(3, 9, 3.0, 4, 1),
        "in all": Inquired(12, 36, 3.0, 7, 1),
    }
    assert findings.kinds == {
        "yes/no": KindAsked({"train": 18, "val": 6, "in all": 24}, "yes", 1.0),
        "number": KindAsked({"train": 9, "val": 3, "in all": 12}, "0", 3 / 12),
    }
    assert findings.answers[:2] == (("yes", 24), ("0", 3))
    assert [name for name, _ in findings.unreadable] == ["4.jpg", "23.jpg", "images/train/3.png"]
    assert findings.errors[0] == "unreadable: 4.jpg: no such file, with 3 questions"
    assert findings.errors[3:] == [
        "in several splits: images/train/2.png (train) = images/val/20.png (val)"
    ]
    assert findings.duplicates == (
        (("train", "images/train/0.png"), ("train", "images/train/1.png")),
    )
    assert findings.sizes["largest"] == (42, 10)
    of = "of images/train/6.png, left out"
    assert findings.warnings == [
        'kinds nearly always answered the same: yes/no "yes" (100%)',
        "questions with an answer that train has not: val 1 of 9",
        "1 needless copy, such as images/train/0.png (train) = images/train/1.png (train)",
        "repaired: a question without words: 1, such as annotations/questions_train.json, question "
        "115: '...', of images/train/5.png, left out",
        "repaired: an empty answer: 1, such as annotations/answers_train.json, annotation of "
        f"question 116: {of}",
        "repaired: a question without answers: 1, such as annotations/questions_train.json, "
        f"question 116: 'Why?', {of}",
        "passed over: images/val/99.png (without a question), images/train/5.png (nothing usable "
        "in its 1 question), images/train/6.png (nothing usable in its 1 question)",
    ]
    fields = json.loads(json.dumps(findings.to_dict()))
    assert fields["asked"]["val"]["questions"] == 9 and len(fields["errors"]) == 4


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["questions", "train", "val", "in", "all", "commonest", "answer", "share"]
    assert lines[1:4] == [
        ["yes/no", "18", "6", "24", "yes", "100%"],
        ["number", "9", "3", "12", "0", "25%"],
        ["in", "all", "27", "9", "36"],
    ]
    assert "\nshare: of the questions of a kind that its commonest answer is right" in result.out
    assert "\npictures: train 9, val 3, in all 12\n" in result.out
    assert "\nanswers: 7 different, 3 to a question, most often yes (24), 0 (3), " in result.out
    assert "error: in several splits: images/train/2.png (train)" in result.out
    fast = dltk("data", "check", faulty, "--fast", "--json", "--for", "questions")
    fields = json.loads(fast.out)
    assert [name for name, _ in fields["unreadable"]] == ["4.jpg", "23.jpg"]
    assert fields["sizes"] == {}


def test_check_knows_questions_where_there_is_nothing_else(dltk, tmp_path):
    list(write_scenes(tmp_path / "scenes", 12, val=3, size=48))
    assert "areas" in json.loads(dltk("data", "check", tmp_path / "scenes", "--json").out)
    result = dltk("data", "check", tmp_path / "scenes", "--json", "--for", "questions")
    fields = json.loads(result.out)
    assert fields["asked"]["in all"]["pictures"] == 15 and result.code == 0
    assert set(fields["kinds"]) == {"colour", "count", "shape", "where", "yes/no"}
    annotations = tmp_path / "scenes" / "annotations"
    for name in ("questions_val.json", "answers_val.json"):
        fields = json.loads(dltk("data", "check", annotations / name, "--json").out)
        assert sum(row["pictures"] for row in fields["asked"].values()) == 2 * 3
    spoken = json.loads(dltk("data", "check", annotations / "captions_val.json", "--json").out)
    assert "spoken" in spoken
    boxes = dltk("data", "check", annotations / "instances_val.json", "--for", "questions")
    assert boxes.code == 2 and 'it has no list "questions"' in boxes.err
    for write in (write_unpacked, write_tabs):
        where = write(tmp_path / write.__name__).parent
        fields = json.loads(dltk("data", "check", where, "--json").out)
        assert fields["asked"]["in all"]["questions"] == 4


def test_questions_of_no_kind(dltk, tmp_path, noise):
    noise(1, (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "x.csv").write_text("path,question,answer\na.png,is it?,yes\n")
    result = dltk("data", "check", tmp_path / "x.csv")
    assert result.code == 0 and "(not told)" in result.out
    data = split_questions(read_questions(tmp_path))
    assert list(data.splits) == ["train"]
    findings = check_questions(data, decode=True, threads=1)
    assert findings.errors == []
    assert findings.warnings == ["pictures: 1, of which little can be learnt"]
    nothing = data.without({"train": {0: "gone"}})
    findings = check_questions(nothing, decode=True, threads=1)
    assert findings.asked["train"] == Inquired(0, 0, 0.0, 0, 0) and findings.kinds == {}


def test_pictures_are_divided_with_their_questions():
    pictures = [np.full((2, 2), at // 2, np.uint8) for at in range(100)]
    asked = tuple((Question(f"number {at}?", (f"{at}",)),) * (1 + at % 3) for at in range(100))
    names = tuple(f"{at:03d}" for at in range(100))
    data = QuestionData("made", {"all": QuestionedExamples(names, pictures, asked)})
    divided = split_questions(data, val_share=0.2, test_share=0.1, seed=1)
    assert {split: len(of) for split, of in divided.splits.items()} == {
        "train": 70,
        "val": 20,
        "test": 10,
    }
    for examples in divided.splits.values():
        for at, name in enumerate(examples.names):
            assert examples.questions[at] == asked[int(name)]
    digests = [set(examples.digests) for examples in divided.splits.values()]
    assert sum(map(len, digests)) == 50  # copies go to the same split
    again = split_questions(divided, seed=2)
    assert again.splits["val"].names == divided.splits["val"].names
    with pytest.raises(UsageError, match="--val-share 1: a share is"):
        split_questions(data, val_share=1)


def test_show_draws_pictures_with_questions_below(dltk, tmp_path):
    folder = write_unpacked(tmp_path / "data").parent
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", folder, "-o", out, "--size", 96)
    assert result.code == 0, result.err
    sheet = Image.open(out)
    assert sheet.width == 3 * 96 + 4 * 8 and sheet.height > 8 + 72 + 20
    assert software_of(out) == "examples of dltk data show"
    first = out.read_bytes()
    dltk("data", "show", folder, "-o", out, "--size", 96, "--seed", 1)
    assert out.read_bytes() != first
    for option in (["--no-flip"], ["--augment", "none"], ["-m", "vgg16-hed"]):
        result = dltk("data", "show", folder, "-o", out, *option)
        assert result.code == 2 and "questions are shown as they are; leave it out" in result.err


def test_a_sheet_has_the_most_frequent_answers(monkeypatch):
    texts = []
    monkeypatch.setattr(
        "dltk.data.captions.show.with_texts",
        lambda picture, lines, width: texts.append(list(lines)) or picture,
    )
    white = np.full((30, 40, 3), 255, np.uint8)
    asked = (
        Question("what is it?", ("a cat", "cat", "cat", "puma", "dog")),
        Question("is it?", ("yes", "yes")),
        Question("which?", ("b", "a")),
    )
    examples = QuestionedExamples(
        ("a", "b", "c"), [white, b"damaged", white], (asked, asked, asked[1:2] * 11)
    )
    question_sheet(QuestionData("made", {"all": examples}), size=120, count=5)
    assert sorted(texts, key=len) == [
        ["what is it? cat (2), a cat (1), puma (1), …", "is it? yes", "which? b (1), a (1)"],
        ["is it? yes"] * 9 + ["(and 2 more)"],
    ]
    data = QuestionData("made", {"all": examples.take([1])})
    with pytest.raises(UsageError, match="not one picture of made can be read"):
        question_sheet(data)
