"""Read pictures with questions about them in whatever layout people have them."""

from __future__ import annotations

import os
from pathlib import Path

from dltk.data.datasets import QuestionData
from dltk.data.objects.coco_files import holds_answers
from dltk.data.objects.coco_files import holds_questions as holds_vqa_questions
from dltk.data.objects.files import children
from dltk.data.questions.assemble import assemble
from dltk.data.questions.questioned import GatheredQuestions
from dltk.data.questions.table import gather_table, heads_questions, question_tables
from dltk.data.questions.vqa import gather_vqa
from dltk.data.questions.vqa_files import pair_of, question_pairs
from dltk.data.readers import nothing_at
from dltk.data.tfds import is_prepared
from dltk.data.told import splits_of_files
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_WANTED = (
    "wanted is a folder with VQA's v2_OpenEnded_…_questions.json and v2_…_annotations.json, or "
    "annotations/questions_train.json and answers_train.json; one of two such files; or a .csv or "
    ".tsv file with the columns path, question and answer"
)
_TFDS = "tfds:"


def read_questions(where: str | os.PathLike, *, report: Report = silent) -> QuestionData:
    """Return the pictures with questions and answers at `where`, in whichever of these layouts.

    - VQA's: a file of questions or that of their answers, or a folder with two such files for each
      split (`dltk.data.questions.vqa`);
    - a table with a row for each answer, or a folder with one (`dltk.data.questions.table`); other
      ones may be called after splits, as train.csv and val.csv.

    Of both in a folder, VQA's are taken. What could not be used as it was is in `passed_over`
    (pictures, and files without answers) and `repairs` (questions and answers).

    Args:
        report: called with a line when something takes long.
    Raises:
        UsageError: no such path, in none of these layouts, damaged, or without a single question
            that is answered.
    """
    text = os.fspath(where)
    path = Path(text)
    found = GatheredQuestions(text)
    if text.startswith(_TFDS) or (text and is_prepared(path)):
        why = "questions are not read from TensorFlow Datasets"
        raise UsageError(f"{printable(text)}: {why}; {_WANTED}")
    if text and path.is_dir():
        _gather_folder(path, found, report)
        return assemble(found, path)
    if not text or not path.is_file():
        raise nothing_at(text, _WANTED)
    _gather_file(path, found, report)
    return assemble(found, path.parent)


def holds_questions(where: str | os.PathLike, *, report: Report = silent) -> bool:
    """Return whether `where` is read by `read_questions` rather than by `dltk.data.read_data`.

    A folder may be read by `dltk.data.objects.read_objects`, `dltk.data.masks.read_masks` or
    `dltk.data.captions.read_captions` as well.
    """
    text = os.fspath(where)
    path = Path(text)
    if not text or text.startswith(_TFDS) or is_prepared(path):
        return False
    if path.is_dir():
        return bool(question_pairs(path) or question_tables(path))
    return path.is_file() and (_is_vqa(path) or heads_questions(path))


def _gather_folder(folder: Path, found: GatheredQuestions, report: Report) -> None:
    tables = [] if question_pairs(folder) else question_tables(folder)
    if tables:
        for split, path in zip(splits_of_files(tables), tables, strict=True):
            gather_table(path, folder, found, split=split, report=report)
        return
    gather_vqa(folder, folder, found, report=report)
    if not found.pictures and not found.damaged:
        for place in (folder, folder / "annotations"):
            for name in children(place)[1]:
                if "question" in name.casefold() and name.endswith(".json"):
                    pair_of(place / name)  # which says what is amiss
        if found.passed_over:
            found.refuse("holds no questions with their answers")
        raise UsageError(f"{printable(folder)} holds no questions about pictures; {_WANTED}")


def _gather_file(path: Path, found: GatheredQuestions, report: Report) -> None:
    suffix = path.suffix.lower()
    if suffix == ".json":
        gather_vqa(path, path.parent, found, report=report)
    elif suffix in (".csv", ".tsv") or heads_questions(path):
        gather_table(path, path.parent, found, report=report)
    else:
        raise UsageError(f"{printable(path)} is no data set of questions; {_WANTED}")


def _is_vqa(path: Path) -> bool:
    is_json = path.suffix.lower() == ".json"
    return is_json and (holds_vqa_questions(path) or holds_answers(path))
