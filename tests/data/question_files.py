"""Writers of the layouts in which people have pictures with questions and answers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.data.caption_files import write_rows
from tests.data.object_files import picture, write_json

# Name of a picture, and (text, answers, kind) of each question about it.
QUESTIONS = {
    "COCO_val2014_000000000042.png": (
        ("What is it?", ("cat", "a cat", "cat"), "other"),
        ("How many are there?", ("2", "2", "3"), "number"),
    ),
    "COCO_val2014_000000000007.png": (("Is it raining?", ("no", "no", "yes"), "yes/no"),),
    "COCO_val2014_000000123456.png": (("Ist das ein Bär?", ("ja", "ja", "nein"), "yes/no"),),
}


def number_of(name: str) -> int:
    return int("".join(letter for letter in Path(name).stem[-12:] if letter.isdecimal()))


def vqa(questions: dict, *, first: int = 10, ids=number_of, **about) -> tuple[dict, dict]:
    """Return VQA's questions and their answers; questions are numbered from `first`.

    Args:
        ids: from the name of a picture to its id.
        about: what the first file says of itself.
    """
    asked, answered = [], []
    rows = [(name, row) for name, several in questions.items() for row in several]
    for at, (name, (text, answers, kind)) in enumerate(rows, first):
        both = {"image_id": ids(name), "question_id": at}
        asked.append({"image_id": ids(name), "question": text, "question_id": at})
        several = [
            {"answer": answer, "answer_confidence": "yes", "answer_id": n}
            for n, answer in enumerate(answers, 1)
        ]
        more = {"multiple_choice_answer": answers[0], "answers": several, "answer_type": kind}
        answered.append({"question_type": str(text).lower()[:7]} | more | both)
    head = {"info": {"version": "2.0"}, "license": {}, "data_type": "mscoco"}
    subtype = {"data_subtype": "val2014"} | about
    return (
        head | {"task_type": "Open-Ended"} | subtype | {"questions": asked},
        head | subtype | {"annotations": answered},
    )


def write_pair(folder: Path, contents: tuple[dict, dict], names=("questions", "answers")) -> Path:
    """Write questions and answers to NAME.json each; return the file of the questions."""
    for name, content in zip(names, contents, strict=True):
        write_json(folder / f"{name}.json", content)
    return folder / f"{names[0]}.json"


def pictures(folder: Path, names=QUESTIONS) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def write_unpacked(folder: Path) -> Path:
    """Write as VQA's archives are unpacked into one folder, COCO's pictures beside them."""
    pictures(folder / "val2014")
    names = "v2_OpenEnded_mscoco_val2014_questions", "v2_mscoco_val2014_annotations"
    return write_pair(folder, vqa(QUESTIONS), names)


def write_tools(folder: Path) -> Path:
    """Write as VQA's own tools want it: folders for each kind of file."""
    pictures(folder / "Images" / "mscoco" / "val2014")
    names = "OpenEnded_mscoco_val2014_questions", "mscoco_val2014_annotations"
    path = write_pair(folder / "Questions", vqa(QUESTIONS), names)
    (folder / "Annotations").mkdir()
    answers = path.with_name(f"{names[1]}.json")
    answers.rename(folder / "Annotations" / answers.name)
    return path


def write_numbered(folder: Path) -> Path:
    """Write pictures that are called after their ids, of several widths, in images/."""
    for name, digits in zip(QUESTIONS, (1, 5, 12), strict=True):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        number = f"{number_of(name):0{digits}d}"
        picture(folder / name).rename(folder / "images" / f"{number}.png")
    contents = vqa(QUESTIONS, data_subtype=None)
    return write_pair(folder / "annotations", contents, ("questions_x", "answers_x"))


def write_listed(folder: Path) -> Path:
    """Write questions with a list of the pictures, whose ids are in none of their names."""
    pictures(folder / "images")
    ids = {name: at for at, name in enumerate(QUESTIONS, 1)}
    asked, answered = vqa(QUESTIONS, ids=ids.get, data_subtype="made")
    asked["images"] = [{"id": at, "file_name": name} for name, at in ids.items()]
    return write_pair(folder, (asked, answered), ("questions", "annotations"))


def write_beside_coco(folder: Path) -> Path:
    """Write questions beside COCO's captions, which name the pictures of those ids."""
    pictures(folder / "images")
    ids = {name: f"{at}" for at, name in enumerate(QUESTIONS, 1)}
    images = [{"id": int(at), "file_name": name} for name, at in ids.items()]
    content = {"images": images, "annotations": []}
    write_json(folder / "annotations" / "captions_val2014.json", content)
    names = "vqa_val2014_questions", "vqa_val2014_answers"
    return write_pair(folder / "annotations", vqa(QUESTIONS, ids=ids.get), names)


def write_table(folder: Path) -> Path:
    """Write a row for each answer."""
    pictures(folder / "pictures")
    rows = [
        (f"pictures/{name}", text, answer, kind)
        for name, several in QUESTIONS.items()
        for text, answers, kind in several
        for answer in answers
    ]
    return write_rows(folder / "data.csv", [("path", "Question", "answer", "kind"), *rows])


def write_tabs(folder: Path) -> Path:
    """Write a row for each question, with its answers in JSON."""
    pictures(folder)
    rows = [
        (kind, name, text, json.dumps(answers))
        for name, several in QUESTIONS.items()
        for text, answers, kind in several
    ]
    head = ("answer_type", "image", "question", "answers")
    return write_rows(folder / "data.tsv", [head, *rows], delimiter="\t")
