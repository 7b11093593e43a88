"""Questions in the JSON of VQA (Antol et al. 2015), whose pictures are COCO's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from dltk.data.objects.coco_pictures import CocoFile, key_of
from dltk.data.objects.files import named
from dltk.data.objects.json_files import is_big, load_json, shown
from dltk.data.questions.questioned import Asked, GatheredQuestions, Questioned
from dltk.data.questions.vqa_files import Pair, pair_of, question_pairs
from dltk.data.questions.vqa_pictures import images_of, vqa_places
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_SUBTYPE = re.compile(r"\w[\w.-]{0,99}")  # as a part of names of pictures and folders


def gather_vqa(
    where: Path, root: Path, found: GatheredQuestions, *, report: Report = silent
) -> None:
    """Add the pictures of a pair of VQA's files, or of a folder's pair for each split, to found.

    {"questions": [{"question_id", "image_id", "question"}]} is the one file, and {"annotations":
    [{"question_id", "answers": [{"answer"}], "answer_type"}]} the other; the kind of a question is
    its "answer_type". An answer may also be a plain text, or stand in "multiple_choice_answer".

    Pictures are those of a list "images" in the first file, as COCO has it; or see
    `dltk.data.questions.vqa_pictures.images_of`.

    Args:
        where: the folder, or one of the two files: see `dltk.data.questions.vqa_files`.
    Raises:
        UsageError: a file is cut short or of another kind, one of the two is not there, two pairs
            mean one split, or an id stands for two pictures.
    """
    pairs = {None: pair_of(where)} if where.is_file() else question_pairs(where, found)
    for split, pair in pairs.items():
        _Pair(pair, split, root, found, report).read()


class _Pair(CocoFile):
    """A file of questions, and that with their answers, while they are read."""

    def __init__(
        self,
        pair: Pair,
        split: str | None,
        root: Path,
        found: GatheredQuestions,
        report: Report,
    ):
        self._content = _load(pair.questions, "questions", report)
        subtype = self._content.get("data_subtype") or ""
        named_so = isinstance(subtype, str) and _SUBTYPE.fullmatch(subtype)
        self._subtype = subtype if named_so else ""
        places = vqa_places(pair.questions, self._subtype, split)
        super().__init__(pair.questions, split, root, found, places=places)
        self._answers, self._report = pair.answers, report
        if subtype and not named_so:
            how = f"{shown(subtype)}, not looked at"
            found.repair(self._name, "a data_subtype that is no name of a folder", how)
        # By id, with the id of the picture; None for one that is left out.
        self._asked: dict[str, tuple[Asked, str] | None] = {}

    def read(self) -> None:
        """Add what is in the files to what was found."""
        entries = list(self._entries(self._content["questions"], "question", "question_id"))
        self._add_pictures({"images": self._images(entry for _, entry in entries)})
        for key, entry in entries:
            self._add_question(key, entry)
        name = named(self._answers, self._root)
        content = _load(self._answers, "annotations", self._report)
        for at, entry in enumerate(content["annotations"], 1):
            self._add_answers(name, at, entry)
        self._hand_over()

    def _new(self, name: str, source: str | None, entry: dict) -> Questioned:
        return Questioned(self._split, name, source, self._name)

    def _images(self, questions: Iterable[dict]) -> list:
        own = self._content.get("images")
        if isinstance(own, list) and own:
            return own
        return images_of(
            (question.get("image_id") for question in questions),
            self._path,
            self._subtype,
            self._places,
            self._found,
            split=self._split,
            report=self._report,
        )

    def _add_question(self, key: str, entry: dict) -> None:
        where, text = f"question {key}", entry.get("question")
        if not key_of(entry.get("question_id")):
            where = where.partition(",")[0]
            self._repair(where, "a question without question_id", f"{shown(text)}, left out")
        elif key in self._asked:
            self._repair(where, "a question id twice", f"{shown(text)}, left out")
        elif picture := self._picture_of(where, entry):
            asked = Asked(key, text)
            self._asked[key] = asked, key_of(entry["image_id"])
            picture.told.append((where, asked))
        else:
            self._asked[key] = None

    def _add_answers(self, name: str, at: int, entry: object) -> None:
        """Add what an annotation has, the `at`-th of its file."""

        def repair(where: str, kind: str, how: str) -> None:
            self._found.repair(f"{name}, {where}", kind, how)

        if not isinstance(entry, dict):
            repair(f"annotation no. {at}", "not an entry", f"{shown(entry)}, left out")
            return
        key, image = key_of(entry.get("question_id")), key_of(entry.get("image_id"))
        where = f"annotation of question {key}" if key else f"annotation no. {at}"
        if key not in self._asked:
            how = f"{shown(entry.get('question_id'))}, left out"
            repair(where, "answers to an unknown question", how)
        elif found := self._asked[key]:
            asked, asked_about = found
            if image and image != asked_about:  # as of another version of the questions
                how = f"image {image}, not {asked_about}, left out"
                repair(where, "answers about another picture", how)
                return
            if asked.answers:
                repair(where, "a question answered twice", "all answers kept")
            asked.answers.append((f"{name}, {where}", _texts(entry)))
            asked.kind = asked.kind or entry.get("answer_type")


def _load(path: Path, wanted: str, report: Report) -> dict:
    """Return what is in one of VQA's files. Raises UsageError if it has no list `wanted`."""
    if is_big(path):
        report(f"reading {printable(path)}")
    content = load_json(path, hook=_lightened)
    if not isinstance(content, dict) or not isinstance(content.get(wanted), list):
        raise UsageError(f'{printable(path)} is no file of VQA\'s: it has no list "{wanted}"')
    return content


def _lightened(entry: dict) -> object:
    """Return an answer's text instead of the answer: there are ten for each question."""
    if "answer" in entry and "question_id" not in entry and "question" not in entry:
        return entry["answer"]
    return entry


def _texts(entry: dict) -> list:
    """Return the answers in an annotation, whatever they are."""
    answers = entry.get("answers")
    if answers is None:
        answers = entry.get("multiple_choice_answer")
    if isinstance(answers, list):
        return answers
    return [] if answers is None else [answers]
